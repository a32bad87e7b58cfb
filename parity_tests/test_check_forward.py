"""numpy_rnn/check: what is said of the forward pass, and of gates in another order."""

from types import SimpleNamespace

import pytest

from numpy_rnn.check import template
from numpy_rnn.check.causes import _equation
from numpy_rnn.check.report import as_text
from parity_tests.check_styles import changed
from parity_tests.test_check_foreign import judged

RNN, NETWORK, LSTM, GRU = (template.FILLED[pair] for pair in ("rnn", "network", "lstm", "gru"))


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
