"""numpy_rnn/derivative.py: the doubt between a coarse and a fine answer, case by case."""

from typing import Any

import numpy as np
import pytest

from numpy_rnn.derivative import _doubt
from numpy_rnn.rounding import unseen

# a coarse answer 3 and a fine one 0, six steps, of which D[1] to D[4] lie between the two
CASE: dict[str, Any] = {"D": [3, 3, 3, 0, 0, 0], "noise": 0.001, "R": [3, 0], "e": [0.01, 0.01], "k": [1, 5]}


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({}, 6),  # D jumps: a staircase; twice the gap
        ({"D": [5, 5, 5, 2, 2, 2], "R": [5, 2]}, 6),
        ({"k": [5, 5]}, 0),  # the rival is no coarser
        ({"k": [6, 5]}, 0),
        ({"e": [0.3, 0.01]}, 0),  # the rival is less certain than a tenth of the gap
        ({"e": [0.28, 0.01]}, 6),
        ({"e": [0.1, 2.9]}, 0),  # the two agree
        ({"e": [0.1, 2.8]}, 6),
        ({"D": [3, 3, 0.2, 0.1, 0, 0]}, 0),  # D goes over from one to the other: f is curved
        ({"D": [3, 3, 0.2, 0, 0, 0]}, 6),  # one step between them is none
        ({"D": [0.2, 3, 0.2, 0, 0, 0.2]}, 6),  # only those between the two answers count
        ({"D": [3, 3, 0.2, 0.1, 0, 0], "noise": 0.01}, 6),  # 0.1 is ten times the noise, not more
        ({"D": [3, 3, 0.2, 0.1, 0, 0], "noise": 0.0095}, 0),
        ({"D": [3, 3, 0.3, 0.1, 0, 0]}, 6),  # 0.3 is a tenth of the gap, not less
        ({"D": [3, 3, 0.28, 0.1, 0, 0]}, 0),
        ({"R": [3, 4, 0], "e": [0.1, 0.01, 0.01], "k": [1, 1, 5]}, 8),  # the most certain of the rivals
    ],
)
def test_the_doubt(changed: dict[str, Any], doubt: float) -> None:
    case = CASE | changed
    D, R, e = (np.array(case[name], float) for name in ("D", "R", "e"))
    found = _doubt(D, np.full(len(D), case["noise"]), R, e, np.array(case["k"]), len(R) - 1)
    assert found == pytest.approx(doubt)


def test_what_hides_in_the_last_digit_of_a_constant() -> None:
    """It grows with the constant, and shrinks with the size of the array, from 1 on."""
    one, small, large = ({"a": np.full(2, size)} for size in (1.0, 0.5, 4.0))
    hidden = unseen(lambda _: 7.0, one, "a")
    assert 0 < hidden < 1e-3
    assert unseen(lambda _: 14.0, one, "a") == pytest.approx(2 * hidden)
    assert unseen(lambda _: 7.0, small, "a") == pytest.approx(hidden)
    assert unseen(lambda _: 7.0, large, "a") == pytest.approx(hidden / 4)
