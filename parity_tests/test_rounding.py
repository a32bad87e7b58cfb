"""numpy_rnn/rounding.py: the sizes of what rounding may do, by hand."""

from typing import Any

import numpy as np
import pytest

from numpy_rnn import rounding
from numpy_rnn.rounding import (
    LOST,
    SAFETY,
    LastDigit,
    expected_move,
    last_digit,
    moves,
    nudged,
    unseen,
    value_of,
    value_or_nan,
)
from numpy_rnn.types import Array, Params

EPS = 2.0**-52
ARRAYS, GRADIENTS = {"a": np.array([2.0, -1.0])}, {"a": np.array([3.0, -4.0])}


def seven(arrays: Params) -> float:
    return 7.0


@pytest.mark.parametrize(
    ("value", "got"), [(np.nan, "nan"), (np.inf, "inf"), ("7", "'7' (builtins.str)"), ([7], "[7] (builtins.list)")]
)
def test_a_value_that_is_no_finite_number(value: Any, got: str) -> None:
    """It is shown, with its type if it is not a number at all."""
    with pytest.raises(ValueError, match="f") as error:
        value_of(lambda _: value, ARRAYS)
    assert str(error.value) == f"f: expected a finite number as its value, got {got}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_value_far_away(dtype: str) -> None:
    """With arrays of the same dtype; NaN out of f's domain."""
    a, seen = np.array([2.0, -1.0], dtype), []

    def f(arrays: Params) -> float:
        seen.append(arrays["a"])
        return float(arrays["a"][0]) or np.inf

    assert value_or_nan(f, {"a": a}, "a", np.array([1.0, 0.0])) == 3
    assert np.isnan(value_or_nan(f, {"a": a}, "a", np.array([-2.0, 0.0])))
    assert [array.dtype for array in seen] == [dtype, dtype]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_moved_in_their_last_digit(dtype: str) -> None:
    """Each by one unit of 1, up or down, or not at all."""
    a, rng = np.ones(100, dtype), np.random.default_rng(0)
    moved = nudged({"a": a}, np.random.default_rng(0))["a"]
    assert moved.dtype == dtype
    np.testing.assert_array_equal((moved - 1) / np.finfo(dtype).eps, rng.integers(-1, 2, 100))


def test_how_far_f_may_move() -> None:
    """Its own last digit, and the largest derivative times the sum of what its arguments move."""
    assert expected_move(seven, ARRAYS, GRADIENTS, 0.5) == 7 * EPS + 0.5 * 4 * (2 + 1)


@pytest.mark.parametrize(("dtype", "last"), [("float64", -52), ("float32", -23)])
def test_an_array_moves_by_shares_of_itself(monkeypatch: pytest.MonkeyPatch, dtype: str, last: int) -> None:
    """From its last digit on up to a hundredth, each entry by a random number of its own."""
    seen = []

    def value(f: Any, arrays: Params, name: str, move: Array) -> float:
        assert move.dtype == dtype
        seen.append(move)
        return float(len(seen))

    monkeypatch.setattr(rounding, "value_or_nan", value)
    a, rng = np.array([2.0, -1.0], dtype), np.random.default_rng(0)
    found = moves(seven, {"a": a}, "a", np.random.default_rng(0))
    shares = [2.0**k for k in range(last, -7, 4)]
    assert found == [(share, 1.0) for share in shares]
    for share, plus, minus in zip(shares, seen[::2], seen[1::2], strict=True):
        np.testing.assert_allclose(plus, share * a * rng.normal(size=2), rtol=1e-6)
        np.testing.assert_array_equal(minus, -plus)


def test_the_derivative_that_a_move_hides() -> None:
    """By the largest number that v moves; by the largest of all where these are zero; by 1 where all are."""
    digit = LastDigit(8.0, misses=False)
    assert digit.hides(np.array([2.0, 4.0]), np.array([1.0, 0.0])) == 4
    assert digit.hides(np.array([0.0, 4.0]), np.array([1.0, 0.0])) == 2
    assert digit.hides(np.array([0.0, 0.0]), np.array([1.0, 0.0])) == 8


def test_the_last_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first move that is not zero. Something is missed only where f moves further than `LOST` times as expected."""
    share = 2.0**-10
    limit = LOST * expected_move(seven, ARRAYS, GRADIENTS, share)

    def found(*seen: tuple[float, float]) -> LastDigit:
        monkeypatch.setattr(rounding, "moves", lambda *_: [*seen])
        return last_digit(seven, ARRAYS, "a", GRADIENTS, np.random.default_rng(0))

    assert found((EPS, 0.0), (share, 5.0), (share, 6.0)) == LastDigit(SAFETY * 5, misses=False)
    assert found((EPS, 0.0)) == LastDigit(np.inf, misses=False)
    assert found((EPS, EPS)) == LastDigit(SAFETY * expected_move(seven, ARRAYS, GRADIENTS, EPS), misses=False)
    assert not found((share, limit)).misses
    assert found((share, np.nextafter(limit, np.inf))).misses


def test_what_hides_in_the_last_digit_of_a_constant() -> None:
    """It grows with the constant, and shrinks with the size of the array, from 1 on."""
    one, small, large = ({"a": np.array([size, 0.25])} for size in (-1.0, 0.5, 4.0))
    hidden = SAFETY * EPS**0.6 * 7
    assert unseen(seven, one, "a") == pytest.approx(hidden)
    assert unseen(lambda _: -14.0, one, "a") == pytest.approx(2 * hidden)
    assert unseen(seven, small, "a") == pytest.approx(hidden)
    assert unseen(seven, large, "a") == pytest.approx(hidden / 4)
