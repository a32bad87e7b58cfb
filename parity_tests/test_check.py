"""numpy_rnn/check: right RNNs in other styles are right, and wrong ones are named."""

from typing import Any

import numpy as np
import pytest

import numpy_rnn
from numpy_rnn import ElmanNetwork
from numpy_rnn.check.causes import causes
from numpy_rnn.check.forward import Gates, right_states
from numpy_rnn.check.judge import backward, compared, gradients
from numpy_rnn.check.pairs import PAIRS, RNN, Pair, from_layout, to_layout
from numpy_rnn.check.problems import problems
from numpy_rnn.check.report import Verdict, as_text
from numpy_rnn.check.rules import BUGS, right
from numpy_rnn.check.template import right_line
from parity_tests.check_styles import ALL, RIGHT, WRONG
from parity_tests.test_check_foreign import judged


def with_bug(style: str, old: str, new: str) -> str:
    assert RIGHT[style].count(old) == 1, old
    return RIGHT[style].replace(old, new)


def wrong(found: Verdict) -> list[str]:
    return [name for name, gradient in found.gradients.items() if not gradient.right]


def library(pair: Pair, a: dict[str, Any], arriving: dict[str, Any], limits: dict[str, int]) -> dict[str, Any]:
    """States and gradients by the layers themselves, which autograd holds."""
    D, H = a["x"].shape[2], a["h_0"].shape[1]
    if pair.name == "network":
        network = ElmanNetwork(D, H, a["y"].shape[2], dtype=np.float64)
        network = network.with_params({name: a[name] for name in pair.params})
        losses, _, cache = network.forward(a["x"], a["y"], a["h_0"])
        grads = network.backward(arriving["d_losses"], cache, **limits)
        states = {"hs": cache.h, "y_hat": cache.y_hat, "losses": losses}
        return states | {"dx": grads.x, "dh_0": grads.h_0} | {f"d{name}": g for name, g in grads.params.items()}
    layer: Any = {"rnn": numpy_rnn.RNN, "lstm": numpy_rnn.LSTM, "gru": numpy_rnn.GRU}[pair.name](D, H, dtype=np.float64)
    values = {f"{name}_l0": a[name] for name in pair.params if name != "b_h"}
    if "b_h" in a:
        values |= {"b_xh_l0": a["b_h"], "b_hh_l0": 0 * a["b_h"]}
    layer = layer.with_params(values)
    h_0 = (a["h_0"][None], a["c_0"][None]) if pair.name == "lstm" else a["h_0"][None]
    output, _, cache = layer.forward(a["x"], h_0)
    grads = layer.backward(arriving["d_hs"], None, cache, **limits)
    initial = [grad[0] for grad in grads.h_0] if pair.name == "lstm" else [grads.h_0[0]]
    found = {"hs": np.concatenate((a["h_0"][None], output)), "dx": grads.x}
    found |= dict(zip(("dh_0", "dc_0"), initial, strict=False))
    return found | {f"d{name}": grads.params[f"{name}_l0" if name != "b_h" else "b_xh_l0"] for name in pair.params}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_right_rule_is_that_of_the_library(pair: Pair) -> None:
    """So the variants are held to numpy_rnn, which is held to autograd; truncated, too."""
    for problem in problems(pair):
        states = right_states(pair, problem.arguments)
        for truncation in (None, (1, 3), (2, 2), (2, 5)):
            T = problem.sizes["T"]
            limits = {} if truncation is None else {"k1": min(truncation[0], T), "k2": min(truncation[1], T)}
            theirs = library(pair, problem.arguments, problem.arriving, limits)
            ours = backward(right(pair.name, truncation), problem, states)
            for name in pair.gradients:
                scale = np.abs(theirs[name]).max() + 1e-300
                slack = 1e-9 if problem.kind == "saturated" else 1e-12
                np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=slack * scale, err_msg=name)
            for name in set(states) & set(theirs):
                np.testing.assert_allclose(states[name], theirs[name], rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_variant_is_recognised_as_itself(pair: Pair) -> None:
    """As if a reader had exactly this bug. So no two of them give the same results, and none gives the right ones."""
    drawn = problems(pair)
    calls = {"changed": np.array([], dtype=str), "repeats": np.array(True)}
    reached = [right_states(pair, problem.arguments) | calls for problem in drawn]
    found = {f"{pair.name}/{k}/{name}": array for k, states in enumerate(reached) for name, array in states.items()}
    at_right_states = compared(pair, found)
    for bug in BUGS[pair.name]:
        cases = []
        for case in at_right_states:
            wrong = backward(bug, case.problem, case.states)
            cases.append(case._replace(theirs=case.theirs | {name: wrong[name] for name in pair.gradients}))
        (cause,) = causes(pair, cases, gradients(pair, cases), None)
        assert (cause.id, cause.text, cause.reproduced) == (bug.id, bug.text, True)
        assert (cause.equation, cause.line) == right_line(pair.name, bug.target)
        assert cause.line


def test_gates_in_another_order() -> None:
    """Both ways of `Gates` undo each other."""
    gates, rng = Gates("rzn", "nrz", True), np.random.default_rng(0)
    a = {"W_hh": rng.normal(size=(2, 6)), "b_xh": rng.normal(size=6), "x": rng.normal(size=(1, 1, 2))}
    back = gates.as_theirs({f"d{name}": array for name, array in gates.as_ours(a).items()})
    for name, array in a.items():
        np.testing.assert_array_equal(back[f"d{name}"], array)
    np.testing.assert_array_equal(
        gates.as_ours(a)["b_xh"], np.concatenate([a["b_xh"][2:4], -a["b_xh"][4:], a["b_xh"][:2]])
    )


@pytest.mark.parametrize("style", RIGHT)
def test_right_in_another_style(style: str) -> None:
    found = judged(RIGHT[style])
    assert (found.verdict, found.failure, found.causes) == ("right", "", [])
    assert {name for name, gradient in found.gradients.items() if gradient.right} >= {*ALL}
    assert found.problems == len(problems(RNN)) > 40


@pytest.mark.parametrize(("style", "old", "new", "cause", "names"), WRONG)
def test_a_known_bug_in_another_style(style: str, old: str, new: str, cause: str, names: tuple[str, ...]) -> None:
    found = judged(with_bug(style, old, new))
    assert (found.verdict, found.causes[0].id, tuple(wrong(found))) == ("wrong", cause, names)
    assert found.causes[0].reproduced == (cause not in ("float32", "zero", "not-finite"))
    text = as_text(found, colour=False)
    assert cause in text
    assert max(map(len, text[text.index("gradient  verdict") :].splitlines())) <= 80


@pytest.mark.parametrize(
    ("style", "replacements"),
    [
        ("loops", [("1.0 - s ** 2", "1.0 - s"), ("np.dot(W_hh, delta)", "np.dot(W_hh.T, delta)")]),
        ("cs231n", [("dWh += dWht", "dWh = dWht"), ("dt.sum(axis=0)", "dt.mean(axis=0)")]),
        ("columns", [("(da[:, :, t] + da_prev)", "da[:, :, t]"), ('"dW_hh": dWaa', '"dW_hh": dWaa.T')]),
        ("einsum", [('"tnh->h", deltas', '"tnh->h", -deltas'), ("x, deltas)", "x[:-1], deltas[1:])")]),
    ],
)
def test_two_bugs_are_never_one(style: str, replacements: list[tuple[str, str]]) -> None:
    source = RIGHT[style]
    for old, new in replacements:
        assert source.count(old) == 1
        source = source.replace(old, new)
    found = judged(source)
    assert found.verdict == "wrong"
    assert not any(cause.reproduced for cause in found.causes)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("gb = gb + delta[:, 0]", "gb = gb + delta[:, 0] * (n < N - 1 or N == 1)", ["db_h"]),  # only the last n
        ("gb = gb + delta[:, 0]", "gb = gb + delta[:, 0] * (t != 6)", ["db_h"]),  # only at t = 6
        ("gW = gW + np.outer(hs[t, n], delta)", "gW = gW + np.outer(hs[t, n], delta) * (len(gb) < 7)", ["dW_hh"]),
        ('"dW_xh": gU', '"dW_xh": gU * (1 + 1e-6)', ["dW_xh"]),
        ("g0[n] = carry[:, 0]", "g0[n] = carry[:, 0]; g0[n][-1:] *= 1.001", ["dh_0"]),
    ],
)
def test_an_error_that_is_easily_missed(old: str, new: str, names: list[str]) -> None:
    found = judged(with_bug("loops", old, new))
    assert (found.verdict, wrong(found)) == ("wrong", names)


@pytest.mark.parametrize(
    ("new", "hint"),
    [
        ("delta[:, 0] * (len(b_h) < 9)", "wrong in 4 of 51 problems: right up to H = 7, wrong from H = 9 on."),
        ("delta[:, 0] * (n < 2 or t > 0)", "wrong in 16 of 51 problems: right up to N = 2, wrong from N = 3 on."),
        ("np.clip(delta[:, 0], -15, 15)", "wrong only with large gradients: is something limited?"),
    ],
)
def test_where_to_look_if_nothing_known_fits(new: str, hint: str) -> None:
    found = judged(with_bug("loops", "gb = gb + delta[:, 0]", f"gb = gb + {new}"))
    assert [(cause.id, cause.text) for cause in found.causes] == [("unknown", hint)]


def test_states_that_are_not_numbers() -> None:
    """That is the forward pass: no gradient can be judged at such states."""
    found = judged(with_bug("loops", "+ b_h.reshape(-1, 1))", "+ b_h.reshape(-1, 1) + np.nan)"))
    assert (found.verdict, [cause.id for cause in found.causes]) == ("wrong", ["forward"])


def test_wrong_with_saturated_units_alone() -> None:
    found = judged(with_bug("loops", "(1.0 - s ** 2)", "np.maximum(1.0 - s ** 2, 1e-7)"))
    assert (found.verdict, found.causes[0].id, found.causes[0].reproduced) == ("wrong", "unknown", False)
    assert "wrong only where units are saturated" in found.causes[0].text


def test_the_forward_pass_is_said_first_and_gradients_are_judged_at_its_states() -> None:
    found = judged(with_bug("loops", "+ b_h.reshape(-1, 1))", ")"))
    assert (found.verdict, [cause.id for cause in found.causes], wrong(found)) == ("wrong", ["forward"], [])


@pytest.mark.parametrize(
    ("new", "cause"),
    [
        ("d_hs[0] = 0", "argument-changed"),
        ("W_xh += 0.1", "argument-changed"),
        ("hs[:] = 0", "argument-changed"),
        ("d_hs = d_hs + np.random.rand()", "not-repeatable"),
    ],
)
def test_what_the_functions_may_not_do(new: str, cause: str) -> None:
    found = judged(with_bug("loops", "    gx, g0 =", f"    {new}\n    gx, g0 ="))
    assert (found.verdict, found.causes[0].id) == ("wrong", cause)


def test_which_loss_reaches_which_step_wrongly() -> None:
    found = judged(with_bug("loops", "np.dot(W_hh, delta)", "np.dot(W_hh, delta) * (t != 3)"))
    table = np.array(found.pairs[0].reach)  # what step 4 sends back is lost: E_4 and E_5 reach steps 1 to 3 wrongly
    assert (~table == (np.arange(1, 6)[:, None] >= 4) & (np.arange(1, 6) <= 3)).all()
    assert "       E_4 X X X . ." in as_text(found, colour=False)


def test_layouts_are_inverted() -> None:
    rng = np.random.default_rng(0)
    for axes in ("TND", "NH", "DH", "H", "SNH"):
        a = rng.normal(size=tuple(range(2, 2 + len(axes))))
        for layout in ("time first", "cs231n", "columns"):
            np.testing.assert_array_equal(from_layout(to_layout(a, axes, layout), axes, layout), a)
    assert to_layout(rng.normal(size=(2, 3, 4)), "TND", "columns").shape == (4, 3, 2)
    assert to_layout(rng.normal(size=(2, 3, 4)), "TND", "cs231n").shape == (3, 2, 4)
