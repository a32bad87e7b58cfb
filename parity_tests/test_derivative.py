"""numpy_rnn/derivative.py: its steps, what rounding does to them, the extrapolation, and the doubt, by hand."""

from typing import Any

import numpy as np
import pytest

from numpy_rnn.derivative import _best, _doubt, _extrapolated, _moving, _rounding, _smooth_from, _steps
from numpy_rnn.rounding import SAFETY

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


@pytest.mark.parametrize(
    ("entries", "dtype", "first", "last"),
    [
        ([1.0], "float64", 4, -48),  # from 16 times the size down to 16 of its last digits
        ([0.0], "float64", 4, -48),
        ([1.0], "float32", 4, -18),
        ([-3.0], "float64", 6, -46),
        ([0.25, 8.0, 0.0], "float64", 7, -49),  # up from the largest, down to the smallest that is not 0
        ([0.25], "float64", 4, -50),  # 1 at least is the size
        ([1e-30], "float64", 4, -88),  # and 2^-40 of the largest is the smallest
        ([1e-30, 8.0], "float64", 7, -85),
        ([1e-30], "float32", 4, -58),
        ([1.98], "float32", 5, -19),  # beyond them on both sides
    ],
)
def test_the_steps(entries: list[float], dtype: str, first: int, last: int) -> None:
    steps = _steps(np.array(entries, dtype))
    assert steps.tolist() == [2.0**k for k in range(first, last - 1, -2)]


def test_the_finest_steps_that_move_f() -> None:
    plus, minus = np.zeros(12), np.zeros(12)
    assert _moving(plus, minus).all()  # none does
    plus[3], minus[9] = 1, 1
    assert _moving(plus, minus).tolist() == [False] * 2 + [True] * 10
    plus[10] = -1
    assert _moving(plus, minus).tolist() == [False] * 3 + [True] * 9


@pytest.mark.parametrize(
    ("noise", "finest", "seen"),
    [
        (0.01, [False, True, True], 0.25),
        (0.5, [False, True, True], 0.5),
        (0.01, [True, False, False], 0.125),
        (0.01, [False, False, True], 0.01),
        (0.01, [False, False, False], 0.01),
    ],
)
def test_what_rounding_does_to_a_difference(noise: float, finest: list[bool], seen: float) -> None:
    """It is what the finest steps show, at least the noise, and the last digit of the larger value."""
    plus, minus = np.array([1.0, 0.5, 0.25]), np.array([-1.125, -0.25, -0.25])
    expected = SAFETY * (seen + 1e-3 * np.array([3, 2.5, 2.25]))
    np.testing.assert_allclose(_rounding(2, plus, minus, np.array(finest), noise, 1e-3), expected)
    np.testing.assert_allclose(_rounding(-2, -plus, -minus, np.array(finest), noise, 1e-3), expected)


def test_out_of_its_domain_f_shows_no_rounding() -> None:
    plus, minus, finest = np.array([np.nan, 0.5]), np.array([1.0, -0.5]), np.array([True, True])
    assert _rounding(0.0, plus, minus, finest, 0.01, 1e-3)[1] == SAFETY * (0.01 + 1e-3 * 0.5)


@pytest.mark.parametrize(
    ("even", "rounding", "step"),
    [
        ([1, 1 / 16, 1 / 256, 1 / 4096], 1e-9, 0),
        ([-1, 1 / 16, -1 / 256, 1 / 4096], 1e-9, 0),  # by its size
        ([1, 1 / 2, 1 / 16, 1 / 128], 1e-9, 2),  # it should have been an eighth at most
        ([1, 1 / 16, 1 / 16, 1 / 128, 1 / 1024], 1e-9, 3),
        ([0, 0, 0, 5], 1e-9, 3),  # the last step of all
        ([1, 1 / 8 + 0.25, 0, 0, 0, 0], 0.25, 0),  # not more than rounding
        ([1, 1 / 8 + 0.25, 0, 0, 0, 0], 0.24, 2),
        ([0, 0, 0.75, 0.75, 0, 0, 0], 1, 4),  # more than half of it, twice
        ([0, 0.75, 0, 0.75, 0, 0, 0], 1, 4),  # in three steps
        ([0, 0.75, 0, 0, 0.75, 0, 0], 1, 0),  # in four
        ([0, 0, 0.5, 0.5625, 0, 0, 0], 1, 0),  # just half of it
        ([np.nan, 1, 1 / 16, 1 / 256], 1e-9, 0),
        ([np.nan, np.nan, 1 / 16, 1 / 256], 1e-9, 2),  # finer than what leaves f's domain
    ],
)
def test_from_where_on_f_is_smooth(even: list[float], rounding: float, step: int) -> None:
    assert _smooth_from(np.array(even, float), np.full(len(even), float(rounding))) == step


def test_the_extrapolation() -> None:
    """Without h^2, then h^4, then h^6. The uncertainty is four times the distance to the two that it is made of."""
    D, noises = np.array([16.0, 4.0, 1.0, 0.0]), np.array([1.0, 2.0, 3.0, 5.0])
    first = np.array([4 - 12 / 15, 1 - 3 / 15, 0 - 1 / 15])
    second = first[1:] + (first[1:] - first[:-1]) / 255
    third = second[1:] + (second[1:] - second[:-1]) / 4095
    R, e, k = _extrapolated(D, noises)
    np.testing.assert_allclose(R, [*first, *second, *third])
    assert k.tolist() == [1, 2, 3, 2, 3, 3]
    coarser = [16, 4, 1, *first[:2], second[0]]
    np.testing.assert_allclose(e, 4 * np.abs(R - coarser) + [2, 3, 5, 3, 5, 5])
    _, e, _ = _extrapolated(np.array([np.nan, 4.0, 1.0, 0.0]), noises)
    assert np.isinf(e).tolist() == [True, False, False, True, False, True]


# five steps: R at k = 1, 2, 3, 4 in the first column, then 2, 3, 4 in the second; all agree, the coarsest is best
FIVE: dict[str, Any] = {"R": [1, 1, 1, 1, 1, 1, 1], "e": [0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3], "smooth": 0}


@pytest.mark.parametrize(
    ("changed", "best"),
    [
        ({}, 0),
        ({"smooth": 1}, 0),
        ({"smooth": 2, "e": [0.1, 0.15, 0.2, 0.2, 0.3, 0.3, 0.3]}, 1),  # the first where f is smooth
        ({"smooth": 3, "e": [0.1, 0.15, 0.2, 0.25, 0.3, 0.1, 0.3]}, 5),  # also of the second column
        ({"R": [1, 1, 1, 1.5, 1, 1, 1.5]}, 3),  # the finest step contradicts the others
        ({"R": [1, 1, 1, 1.5, 1, 1, 1.5], "e": [0.1, 0.2, 0.2, np.inf, 0.3, 0.3, np.inf]}, 0),  # it has no value
        ({"R": [1, 1, 1, 1.25, 1, 1, 1], "e": [0.125, 0.2, 0.2, 0.125, 0.3, 0.3, 0.3]}, 0),  # just agrees
        ({"R": [1, 1, 1, 1, 9, 9, 9]}, 0),  # the other columns contradict nobody
        ({"R": [9, 1, 1, 1, 1, 1, 1]}, 1),  # nor does a coarser step
        ({"R": [1, 1, 3, 3, 3, 3, 3], "e": [0.1, 0.1, 0.2, 0.2, 0.05, 0.3, 0.3]}, 4),  # nor one that is as fine
        ({"R": [9, 1, 1, 1, 5, 1, 1], "e": [0.1, 0.2, 0.2, 0.2, 0.05, 0.3, 0.3]}, 1),  # all finer steps do
    ],
)
def test_the_best_candidate(changed: dict[str, Any], best: int) -> None:
    case = FIVE | changed
    k = np.array([1, 2, 3, 4, 2, 3, 4])
    assert _best(np.array(case["R"], float), np.array(case["e"]), k, 5, case["smooth"]) == best
