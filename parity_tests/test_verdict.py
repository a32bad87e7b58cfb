"""numpy_rnn/verdict.py: what is right, wrong or unresolved, by hand, and how it is said."""

import pickle

import numpy as np
import pytest

from numpy_rnn import UnresolvedGradient, WrongGradient
from numpy_rnn.types import Array
from numpy_rnn.verdict import Report, differ, judge


def array(*entries: float) -> Array:
    return np.array(entries)


def test_what_is_right_shows_where_the_two_differ_most() -> None:
    """Not where the numeric value is least certain. Allowed is the tolerance and the largest uncertainty."""
    found = judge(array(4, 2.0000001, 1), array(4, 2, 1), array(0, 0, 1e-4), 1e-6)
    assert (found.verdict, found.worst) == ("right", (1,))
    assert found.error == pytest.approx(1e-7 / 4)
    assert found.allowed == pytest.approx(1e-6 + 1e-4 / 4)


def test_what_is_unresolved_shows_the_least_certain_entry() -> None:
    found = judge(array(4, 2.1, 1), array(4, 2, 1), array(0, 0.2, 0.3), 1e-6)
    assert (found.verdict, found.worst) == ("unresolved", (2,))


def test_what_is_wrong_shows_where_it_is_wrong() -> None:
    found = judge(array(4, 2.1, 1), array(4, 2, 1), array(0, 0, 0.3), 1e-6)
    assert (found.verdict, found.worst) == ("wrong", (1,))


@pytest.mark.filterwarnings("error")
def test_infinity_is_wrong_and_no_scale() -> None:
    """Also beside an uncertainty without bound: then nothing warns of infinity minus infinity."""
    found = judge(array(np.inf), array(0), array(0), 1e-6)
    assert (found.verdict, found.error, found.allowed) == ("wrong", np.inf, 1e-6)
    assert judge(array(np.inf), array(1), array(np.inf), 1e-6).verdict == "wrong"
    assert not differ(array(np.inf), array(np.inf), 1e-6).any()


def test_two_zeros_are_right() -> None:
    found = judge(array(0, 0), array(0, 0), array(0, 0), 1e-6)
    assert (found.verdict, found.error, found.allowed) == ("right", 0, 1e-6)


def report(directions: bool = False) -> Report:
    """Two arrays of each verdict."""
    one, sure, unsure = array(1, 1), array(0, 0), array(0, 1)
    arrays = {name: judge(array(1, 2), one, sure, 1e-6) for name in ("a", "b")}
    arrays |= {name: judge(one, one, unsure, 1e-6) for name in ("c", "d")}
    arrays |= {name: judge(one, one, sure, 1e-6) for name in ("e", "f")}
    return Report.of(arrays, directions)


def test_the_summary() -> None:
    numbers = "by hand 2, numerically 1, error 5.0e-01 of the largest entry, allowed 1.0e-06"
    names = "wrong: a, b; unresolved: c, d; right: e, f"
    assert report().summary() == f"a[1]: {numbers}; {names}"
    assert report(directions=True).summary() == f"a: {numbers}; {names}"


def test_the_error_names_the_arrays() -> None:
    error = WrongGradient(report())
    assert (error.wrong, error.unresolved, error.right) == (["a", "b"], ["c", "d"], ["e", "f"])
    assert str(error) == report().summary()


@pytest.mark.parametrize("error", [WrongGradient(report()), UnresolvedGradient(report(), "scale f")])
def test_the_errors_come_back_from_another_process(error: WrongGradient | UnresolvedGradient) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), str(error))
    assert copy.report.summary() == report().summary()
