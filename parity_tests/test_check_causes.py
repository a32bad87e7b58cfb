"""numpy_rnn/check: the cause and the line that are named, of clipping, of patterns, of two bugs at once."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from numpy_rnn.check import causes, template
from numpy_rnn.check.forward import right_states
from numpy_rnn.check.judge import backward
from numpy_rnn.check.pairs import LSTM as LSTM_PAIR
from numpy_rnn.check.pairs import RNN as RNN_PAIR
from numpy_rnn.check.patterns import Cause
from numpy_rnn.check.problems import SATURATED, problems
from numpy_rnn.check.report import as_text
from numpy_rnn.check.rules import right
from numpy_rnn.check.template import right_line
from parity_tests.check_styles import COLUMNS, CS231N, changed
from parity_tests.test_check_foreign import judged

RNN, NETWORK, LSTM, GRU = (template.FILLED[pair] for pair in ("rnn", "network", "lstm", "gru"))


def test_two_gates_that_are_wrong_lead_to_no_single_line() -> None:
    two = (("dz_i = dc * g", "dz_i = 1.3 * dc * g"), ("dz_g = dc * i", "dz_g = 1.7 * dc * i"))
    (cause,) = judged(changed(LSTM, *two)).causes
    assert cause.text.endswith("With one step (T = 1) only the parts of i, g are wrong.")
    assert (cause.equation, cause.line) == ("", "")


def test_one_array_that_is_wrong_with_several_steps_only() -> None:
    (cause,) = judged(changed(RNN, ("dh_0=dh_next", "dh_0=dh_next + 0.3 * (len(x) > 1)"))).causes
    assert cause.gradients == ("dh_0",)
    assert cause.text.endswith("dh_0 is what the first step sends back: dh_next, after the loop.")


ONLY = "With one step (T = 1) only"


@pytest.mark.parametrize(
    ("pair", "wrong", "first", "text", "line"),
    [
        (RNN_PAIR, ("dW_hh", "dx"), ("dx",), f"It is so. {ONLY} dx is wrong.", "dx[t]"),
        (RNN_PAIR, ("dW_hh", "dW_xh", "dx"), ("dW_xh", "dx"), f"It is so. {ONLY} dW_xh, dx are wrong.", ""),
        (RNN_PAIR, ("dW_hh", "dW_xh"), ("dW_hh", "dW_xh"), "It is so.", ""),
        (RNN_PAIR, ("dW_hh", "dW_xh"), (), "It is so.", ""),
        (RNN_PAIR, ("dh_0",), ("dh_0",), "It is so. dh_0 is what the first step sends back: dh_next,", ""),
        (LSTM_PAIR, ("dc_0",), ("dc_0",), "It is so. dc_0 is what the first step sends back: dc_next,", ""),
        (RNN_PAIR, ("dh_0", "dx"), ("dh_0",), f"It is so. {ONLY} dh_0 is wrong.", "dh_next"),
    ],
)
def test_arrays_without_a_pattern(
    pair: Any, wrong: Any, first: Any, text: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No known pattern and no suspect: what is wrong with one step alone, and the line of an array that is alone."""
    for name in ("scaled", "clipped", "clipped_by_norm"):
        monkeypatch.setattr(causes, name, lambda *_: None)
    suspected: list[Any] = []
    monkeypatch.setattr(causes, "suspect", lambda *_: suspected.append(wrong))
    monkeypatch.setattr(causes, "pattern", lambda *_: Cause("unknown", wrong, "It is so."))
    cases = [
        SimpleNamespace(
            problem=SimpleNamespace(sizes={"T": T}), wrong=lambda name, names=names: np.array([name in names])
        )
        for T, names in ((1, first), (3, wrong))
    ]
    found = causes._by_pattern(pair, cases, wrong)  # type: ignore[arg-type]
    assert found.text.startswith(text)
    assert found.line == (right_line(pair.name, line).text if line else "")
    assert suspected == ([wrong] if len(wrong) > 1 else [])


@pytest.mark.parametrize(
    ("clip", "cause", "words"),
    [
        ("s = min(1, 3 / norm)", "clipped", "scaled to a norm of 3 where it is larger"),
        ("s = min(1, 3 / (norm + 1e-6))", "clipped", "scaled to a norm of"),
        ("s = 1 / norm", "unknown", ""),  # small ones grow, so nothing is clipped
        ("s = 5 / norm if norm > 5 else 2", "unknown", ""),
    ],
)
def test_clipping_by_the_norm(clip: str, cause: str, words: str) -> None:
    found = judged(
        RNN
        + f"""

right = backward
def backward(*arguments):
    grads = right(*arguments)
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    {clip}
    return {{name: s * g for name, g in grads.items()}}
"""
    )
    assert (found.verdict, found.causes[0].id) == ("wrong", cause)
    assert words in found.causes[0].text


def test_one_large_entry_that_is_smaller_is_not_clipped() -> None:
    sizes = []
    for problem in problems(RNN_PAIR):
        grads = backward(right("rnn", None), problem, right_states(RNN_PAIR, problem.arguments))
        if problem.kind != SATURATED:
            sizes += [*abs(grads["db_h"])]
    second, largest = sorted(sizes)[-2:]
    limit = (second + largest) / 2
    found = judged(RNN.replace("db_h=db_h)", f"db_h=np.clip(db_h, -{limit}, {limit}))"))
    assert (found.verdict, found.causes[0].reproduced) == ("wrong", False)
    limit = sorted(sizes)[-9]
    found = judged(RNN.replace("db_h=db_h)", f"db_h=np.clip(db_h, -{limit}, {limit}))"))
    assert (found.verdict, found.causes[0].id) == ("wrong", "clipped")


@pytest.mark.parametrize("extra", ["(1 + 0.1 * (abs(hs[t + 1]) > 0.999))", "(abs(hs[t + 1]) < 1 - 1e-5)"])
@pytest.mark.parametrize(
    "known", [("dz @ W_hh.T", "dz @ W_hh"), ("db_h += dz.sum(axis=0)", "db_h += 2 * dz.sum(axis=0)")]
)
def test_a_second_bug_in_saturated_problems_alone_is_seen(known: tuple[str, str], extra: str) -> None:
    found = judged(changed(RNN, known, ("dz = dh * (1 - hs[t + 1] ** 2)", f"dz = dh * (1 - hs[t + 1] ** 2) * {extra}")))
    assert found.verdict == "wrong"
    assert not any(cause.reproduced for cause in found.causes)


@pytest.mark.parametrize(
    ("source", "change", "equation", "line"),
    [
        (LSTM, ("dz_i = dc * g * i", "dz_i = dc * i * i"), "(14)", "dz_i = "),
        (LSTM, ("dz_f = dc * cs[t] *", "dz_f = dc * np.tanh(cs[t]) *"), "(14)", "dz_f = "),
        (LSTM, ("dz_g = dc * i *", "dz_g = dc * g *"), "(14)", "dz_g = "),
        (LSTM, ("dz_o = dh * tanh_c", "dz_o = dh * (1 + tanh_c)"), "(14)", "dz_o = "),
        (LSTM, ("dc = dc_next + dh * o *", "dc = dc_next + dh * f *"), "(13)", "dc = "),
        (LSTM, ("dh_next = dz @ W_hh.T", "dh_next = np.sin(dz @ W_hh.T)"), "(15)", "dh_next = "),
        (LSTM, ("dc_next = dc * f", "dc_next = dc * cs[t]"), "(16)", "dc_next = "),
        (GRU, ("da_z = dh * (hs[t] - n)", "da_z = dh * (hs[t] + n)"), "(20)", "da_z = "),
        (GRU, ("da_r = da_n * s_n", "da_r = da_n * n"), "(20)", "da_r = "),
        (GRU, ("da_n = dh * (1 - z)", "da_n = dh * (1 + z)"), "(20)", "da_n = "),
        (GRU, ("ds_n = da_n * r", "ds_n = dh * r"), "(21)", "ds_n = "),
        (GRU, ("ds = np.concatenate((da_r,", "ds = np.concatenate((da_r * 3,"), "", "ds = "),
        (GRU, ("da = np.concatenate((da_r,", "da = np.concatenate((da_r * 3,"), "", "da = "),
        (NETWORK, ("do = y_hat[t] *", "do = y_hat[t] ** 2 *"), "(30)", "do = "),
        (NETWORK, ("dh = do @ W_hy.T +", "dh = np.sin(do @ W_hy.T) +"), "(3), (35)", "dh = "),
    ],
)
def test_one_step_tells_the_line(source: str, change: tuple[str, str], equation: str, line: str) -> None:
    """None of these is a known bug."""
    cause = judged(changed(source, change)).causes[0]
    assert not cause.reproduced
    assert (cause.equation, cause.line[: len(line)]) == (equation, line)


def test_an_entry_is_named_as_it_lies_in_the_file() -> None:
    """Rows and columns, N and T: as in the reader's arrays."""
    found = judged(
        changed(COLUMNS, ('"dW_xh": dWax', '"dW_xh": dWax + (np.arange(dWax.size).reshape(dWax.shape) == 1)'))
    )
    assert found.gradients["dW_xh"].at == (0, 1)
    found = judged(changed(CS231N, ('"dx": dx', '"dx": dx + (np.arange(T)[None, :, None] == 1)')))
    assert found.gradients["dx"].at == (0, 1, 0)
    assert "axis 1 is 1" in found.causes[0].text


@pytest.mark.parametrize(
    ("source", "change", "line"),
    [
        (RNN, ("db_h += dz.sum(axis=0)", "db_h += dz.sum()"), "db_h += dz.sum(axis=0)"),  # a single array
        (RNN, ("dh_next = dz @ W_hh.T", "dh_next = np.sin(dz) @ W_hh.T"), "dh_next = dz @ W_hh.T"),  # at T = 1 alone
        (NETWORK, ("2 / y.shape[-1] *", "1 / y.shape[-1] *"), "dy_hat = 2 / y.shape[-1] * (y_hat[t] - y[t])"),
    ],
)
def test_the_line_to_look_at_without_a_known_bug(source: str, change: tuple[str, str], line: str) -> None:
    cause = judged(changed(source, change)).causes[0]
    assert cause.id in ("unknown", "scaled")
    assert cause.line == line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("dh_0=dh_next", "dh_0=dh_next * bool(hs[0].any())"), "wrong only where the initial states"),
        (("db_h += dz.sum(axis=0)", "db_h += dz.sum(axis=0) * bool(b_h.any())"), "wrong only where the initial states"),
        (("dx[t] = dz @ W_xh.T", "dx[t] = dz @ W_xh.T * bool(x[t].any())"), "in all of them axis 0 is 1."),
        (("dh_next = dz @ W_hh.T", "dh_next = dz @ W_hh.T * (t != 7)"), "wrong in 9 of 51 problems: right up to T = 7"),
        (("dh_next = dz @ W_hh.T", "dh_next = dz @ W_hh.T * (T < 13)"), "1 of 51 problems: right up to T = 12"),
        (("db_h=db_h", "db_h=(4 * db_h).astype(int)"), "db_h: an array of whole numbers"),
    ],
)
def test_what_only_some_problems_show(change: tuple[str, str], words: str) -> None:
    """Found by an adversary: each of these was called right once, or a known bug."""
    found = judged(changed(RNN, change))
    assert (found.verdict, found.causes[0].reproduced) == ("wrong", False)
    assert words in found.causes[0].text


@pytest.mark.parametrize("slope", ["np.maximum(1 - h * h, 1e-4)", "(1 - h * h) * (h * h < 0.9998)"])
def test_large_errors_with_saturation_are_not_float32s(slope: str) -> None:
    wrong = re.sub(r"\bh\b", "hs[t + 1]", slope)
    assert judged(changed(RNN, ("(1 - hs[t + 1] ** 2)", f"({wrong})"))).causes[0].id == "unknown"


def test_digits_of_float32_on_the_way() -> None:
    found = judged(changed(RNN, ("dz = dh *", "dz = dh.astype(np.float32) *")))
    assert (found.causes[0].id, found.causes[0].reproduced) == ("float32", False)


def test_right_gradients_with_something_else_wrong() -> None:
    found = judged(
        RNN
        + """

right = backward
def backward(d_hs, x, hs, *parameters):
    grads = right(d_hs, x, hs, *parameters)
    hs[:] = 0
    return grads
"""
    )
    assert [cause.id for cause in found.causes] == ["argument-changed"]
    assert (
        as_text(found, colour=False).splitlines()[-1]
        == "All gradients are right. But see above. 51 problems were tried."
    )
