"""numpy_rnn/check: what is said of a backward pass that is truncated, or should be."""

import pytest

from numpy_rnn.check import template
from parity_tests.check_styles import TRUNCATED, TRUNCATED_BY_GROUPS, changed
from parity_tests.test_check_foreign import judged

RNN = template.FILLED["rnn"]


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
