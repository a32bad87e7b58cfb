"""numpy_rnn/check: what is said of the forward pass, of gates in another order, of patterns, of two bugs at once."""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from numpy_rnn.check import causes, template
from numpy_rnn.check.causes import _equation
from numpy_rnn.check.forward import right_states
from numpy_rnn.check.judge import backward
from numpy_rnn.check.pairs import LSTM as LSTM_PAIR
from numpy_rnn.check.pairs import RNN as RNN_PAIR
from numpy_rnn.check.patterns import Cause
from numpy_rnn.check.problems import SATURATED, problems
from numpy_rnn.check.report import as_text
from numpy_rnn.check.rules import right
from numpy_rnn.check.template import right_line
from parity_tests.check_styles import COLUMNS, CS231N, TRUNCATED
from parity_tests.test_check_foreign import judged

RNN, NETWORK, LSTM, GRU = (template.FILLED[pair] for pair in ("rnn", "network", "lstm", "gru"))


def changed(source: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize(
    ("source", "change", "equation", "words"),
    [
        (RNN, ("hs[t] @ W_hh + b_h)", "hs[t] @ W_hh)"), "(1), (2)", "hs: the largest difference is"),
        (RNN, ("hs[t] @ W_hh + b_h)", "hs[min(t, 1)] @ W_hh + b_h)"), "(1), (2)", "With one step (T = 1) it is right"),
        (NETWORK, ("hs[t + 1] @ W_hy", "hs[t] @ W_hy"), "(26), (27)", "y_hat: the largest difference"),
        (NETWORK, (".mean(axis=-1)", ".sum(axis=-1)"), "(28)", "losses: the largest difference"),
        (LSTM, ("f * cs[t] + i * g", "f * cs[t] + i"), "(10), (11)", "cs: the largest difference"),
        (LSTM, ("o * np.tanh(cs[t + 1])", "o * cs[t + 1]"), "(10), (12)", "hs: the largest difference"),
        (GRU, ("a_n + r * s_n)", "a_n + s_n)"), "(18), (19)", "The gates are not among the states"),
        (RNN, ("hs[t] @ W_hh + b_h)", "hs[t] @ W_hh + b_h) / (T - 1)"), "", "hs has NaN or infinity"),
    ],
)
def test_the_forward_pass_is_said_first(source: str, change: tuple[str, str], equation: str, words: str) -> None:
    found = judged(changed(source, change))
    assert (found.verdict, found.causes[0].id, found.causes[0].equation) == ("wrong", "forward", equation)
    assert words in found.causes[0].text
    text = as_text(found, colour=False)
    assert "\nWrong: the forward pass" in text
    assert ("The gradients are those of the right formulas at these" in text) == (
        bool(found.gradients) and all(g.right for g in found.gradients.values())
    )


ORDER = (
    "return sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)",
    "return sigmoid(z_i), sigmoid(z_f), np.tanh(z_o), sigmoid(z_g)",
)
EXCHANGED = ("hs[t + 1] = (1 - z) * n + z * hs[t]", "hs[t + 1] = z * n + (1 - z) * hs[t]")


def test_gates_in_another_order_are_said_and_the_gradients_judged_in_it() -> None:
    """As CS231n has them: i, f, o, g. A file that is consistent has no other cause."""
    consistent = changed(LSTM, ORDER, ("(dz_i, dz_f, dz_g, dz_o)", "(dz_i, dz_f, dz_o, dz_g)"))
    found = judged(consistent)
    assert [(cause.id, cause.gradients) for cause in found.causes] == [("gates-swapped", ())]
    assert "gates in the order i, f, o, g" in found.causes[0].text
    assert all(gradient.right for gradient in found.gradients.values())
    found = judged(changed(consistent, ("dz_f = dc * cs[t]", "dz_f = dc * cs[t + 1]")))
    assert [cause.id for cause in found.causes] == ["gates-swapped", "h-off-by-one"]
    assert found.causes[1].reproduced
    found = judged(changed(LSTM, ORDER))  # the gradient's columns lie in the documented order
    assert [cause.id for cause in found.causes] == ["gates-swapped", "gates-swapped"]


def test_gates_in_another_order_in_a_file_that_truncates() -> None:
    """Its backward pass is that of the documented order, truncated as it says."""
    step = "        dh = d_hs[t] + dh_next"
    cut = "        if t % 2:\n            dh_next, dc_next = 0 * dh_next, 0 * dc_next\n"
    source = "TRUNCATION = (2, 2)\n" + changed(LSTM, (step, cut + step))
    assert judged(source).verdict == "right"
    assert [cause.id for cause in judged(changed(source, ORDER)).causes] == ["gates-swapped", "gates-swapped"]
    call = "lstm_gates(x[t], hs[t], W_xh, W_hh, b_xh, b_hh)\n        cs[t + 1]"
    other = "\ndef lstm_gates" + changed(LSTM, ORDER).partition("def lstm_gates")[2].partition("\n\n")[0]
    forward_alone = changed(source, (call, "other_" + call)) + other.replace("lstm_gates", "other_lstm_gates")
    cause = judged(forward_alone).causes[-1]
    assert (cause.id, cause.reproduced) == ("gates-swapped", True)
    assert "the backward pass is that of the gates i, f, g, o as they are here" in cause.text


def test_two_gates_that_are_wrong_lead_to_no_single_line() -> None:
    two = (("dz_i = dc * g", "dz_i = 1.3 * dc * g"), ("dz_g = dc * i", "dz_g = 1.7 * dc * i"))
    (cause,) = judged(changed(LSTM, *two)).causes
    assert cause.text.endswith("With one step (T = 1) only the parts of i, g are wrong.")
    assert (cause.equation, cause.line) == ("", "")


def test_one_array_that_is_wrong_with_several_steps_only() -> None:
    (cause,) = judged(changed(RNN, ("dh_0=dh_next", "dh_0=dh_next + 0.3 * (len(x) > 1)"))).causes
    assert cause.gradients == ("dh_0",)
    assert cause.text.endswith("dh_0 is what the first step sends back: dh_next, after the loop.")


RESET_BEFORE = (
    "n = np.tanh(a_n + r * s_n)",
    "n = np.tanh(a_n + (r * h_prev) @ np.split(W_hh, 3, axis=-1)[2] + np.split(b_hh, 3, axis=-1)[2])",
)


def test_the_other_gru_is_recognised() -> None:
    """That of Cho et al. (2014): its reset gate acts before the product. Many pages exchange z and 1 - z, too."""
    found = judged(changed(GRU, RESET_BEFORE))
    text = "the reset gate acts before the product, (r * h) @ W_hn; here it acts after it, r * s_n. The gates are not "
    text += "among the states, so the gradients may be wrong for the same reason."
    assert found.causes[0].text == text
    found = judged(changed(GRU, RESET_BEFORE, EXCHANGED))
    assert "here it acts after it, r * s_n. And z and 1 - z are exchanged." in found.causes[0].text
    found = judged(changed(GRU, (RESET_BEFORE[0], RESET_BEFORE[1].replace("(r * h_prev)", "h_prev"))))
    assert "the largest difference" in found.causes[0].text


def test_the_columns_of_a_pattern_are_named_in_the_files_order() -> None:
    found = judged(
        changed(
            LSTM,
            ORDER,
            ("(dz_i, dz_f, dz_g, dz_o)", "(dz_i, dz_f, dz_o, dz_g)"),
            ("dz_g = dc * i", "dz_g = 1.5 * dc * i"),
        )
    )
    assert [cause.id for cause in found.causes] == ["gates-swapped", "unknown"]
    assert "only the part of g is wrong" in found.causes[1].text


@pytest.mark.parametrize(
    ("right_order", "order", "equations"),
    [
        ("ifgo", "ifog", "(10)"),
        ("ifgo", "figo", "(10), (11)"),  # c = f * c_{t-1} + i * g may have them exchanged, too
        ("rzn", "zrn", "(17), (18)"),
        ("rzn", "rzn", "(19)"),  # z and 1 - z
    ],
)
def test_where_gates_may_have_been_exchanged(right_order: str, order: str, equations: str) -> None:
    assert _equation(SimpleNamespace(right=right_order, order=order)) == equations  # type: ignore[arg-type]


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


def test_z_and_1_minus_z_exchanged() -> None:
    backward = (
        ("da_n = dh * (1 - z)", "da_n = dh * z"),
        ("(hs[t] - n)", "(n - hs[t])"),
        ("dh * z +", "dh * (1 - z) +"),
    )
    found = judged(changed(GRU, EXCHANGED, *backward))
    assert [(cause.id, cause.gradients) for cause in found.causes] == [("gates-swapped", ())]
    assert found.causes[0].text.startswith("z and 1 - z are exchanged: ")
    found = judged(changed(GRU, EXCHANGED))
    text = "the backward pass is that of the gates r, z, n as they are here, so it does not fit this forward pass."
    assert found.causes[1][0] == "gates-swapped"
    assert (found.causes[1].text, found.causes[1].reproduced) == (text, True)


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


TRUNCATED_BY_GROUPS = """
import numpy as np
TRUNCATION = (2, 5)

def forward(x, h_0, W_xh, W_hh, b_h):
    hs = [h_0]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W_xh + hs[t] @ W_hh + b_h))
    return np.array(hs)

def backward(d_hs, x, hs, W_xh, W_hh, b_h):
    k1, k2 = TRUNCATION
    dx, dh_0, dW_xh, dW_hh, db_h = np.zeros_like(x), np.zeros_like(hs[0]), 0 * W_xh, 0 * W_hh, 0 * b_h
    for first in range(0, len(x), k1):
        end = min(first + k1, len(x))
        start = first if k1 == k2 else max(end - k2, 0)
        dh_next = np.zeros_like(hs[0])
        for t in reversed(range(start, end)):
            dz = ((d_hs[t] if t >= first else 0) + dh_next) * (1 - hs[t + 1] ** 2)
            dW_xh += x[t].T @ dz
            dW_hh += hs[t].T @ dz
            db_h += dz.sum(axis=0)
            dx[t] += dz @ W_xh.T
            dh_next = dz @ W_hh.T
        if start == 0:
            dh_0 += dh_next
    return dict(dx=dx, dh_0=dh_0, dW_xh=dW_xh, dW_hh=dW_hh, db_h=db_h)
"""


@pytest.mark.parametrize(
    ("k", "change", "cause", "words"),
    [
        ("(2, 5)", ("(d_hs[t] if t >= first else 0)", "d_hs[t]"), "accumulated", "so some count twice"),
        ("(3, 3)", ("first if k1 == k2 else max(end - k2, 0)", "max(end - k2, 0)"), "truncated", "the last chunk"),
        ("(2, 3)", ("max(end - k2, 0)", "max(first - k2, 0)"), "truncated", "from the first of its losses"),
        ("(2, 5)", ("dx[t] += dz", "dx[t] = dz"), "overwritten", "dx: the part of a later window replaces"),
        ("(2, 5)", ("if start == 0:", "if True:"), "truncated", "dh_0 gets what every window sends back"),
        ("(2, 5)", ("        if start == 0:\n            dh_0 += dh_next", "        dh_0 = dh_next"), "overwritten",
         "dh_0 is what the last window sends back"),
        ("(2, 5)", ("dW_hh += hs[t].T @ dz", "dW_hh = hs[t].T @ dz"), "overwritten", "only what the last group"),
    ],
)  # fmt: skip
def test_the_bugs_of_truncation(k: str, change: tuple[str, str], cause: str, words: str) -> None:
    source = TRUNCATED_BY_GROUPS.replace("(2, 5)", k)
    assert judged(source).verdict == "right"
    found = judged(changed(source, change)).causes[0]
    assert (found.id, found.reproduced) == (cause, True)
    assert words in found.text


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


def test_truncated_otherwise_than_it_says() -> None:
    found = judged(changed(TRUNCATED, ("TRUNCATION = (1, 3)", "TRUNCATION = (1, 4)")))
    assert (found.causes[0].id, found.causes[0].reproduced) == ("truncated", True)
    assert found.causes[0].text == "the gradient is that of TBPTT(1, 3); TRUNCATION says (1, 4)."
    found = judged(RNN + "\nTRUNCATION = (2, 4)\n")
    assert (found.causes[0].id, found.causes[0].reproduced) == ("truncated", True)
    assert found.causes[0].text == "the gradient is not truncated, though TRUNCATION says that it is."


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (("g = e @ W_hh.T", "g = e @ W_hh"), "transpose-missing"),
        (("x[k].T @ e", "x[k - 1].T @ e"), "x-off-by-one"),  # it looks over the edge of the window
        (("hs[k].T @ e", "hs[max(k - 1, 0)].T @ e"), "h-off-by-one"),
    ],
)
def test_a_known_bug_in_a_truncated_file(change: tuple[str, str], cause: str) -> None:
    found = judged(changed(TRUNCATED, change))
    assert (found.causes[0].id, found.causes[0].reproduced) == (cause, True)


def test_wrong_with_saturation_alone_is_no_known_bug_in_windows_of_one_step() -> None:
    """There many bugs are none at all."""
    source = changed(
        RNN,
        ("(1 - hs[t + 1] ** 2)", "np.maximum(1 - hs[t + 1] ** 2, 1e-7)"),
        ("dh = d_hs[t] + dh_next", "dh = d_hs[t]"),
    )
    found = judged(source + "\nTRUNCATION = (1, 1)\n")
    assert not any(cause.reproduced for cause in found.causes)


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
