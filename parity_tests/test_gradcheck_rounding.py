"""numpy_rnn/gradcheck.py: how far rounding may part a numeric derivative from a right one, by hand."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from numpy_rnn.derivative import Derivative
from numpy_rnn.rounding import LastDigit

gradcheck_module: Any = import_module("numpy_rnn.gradcheck")  # numpy_rnn.gradcheck is the function


def rounding_of(monkeypatch: pytest.MonkeyPatch, method: str, uncertainty: float, digit: LastDigit) -> float:
    """What `_rounding` makes of moves of 0.25, a complex step of 1.5 and a central difference of 1."""
    methods = []

    def moves(derivative: Any, arrays: Any, rng: Any) -> float:
        methods.append(derivative(arrays))
        return 0.25

    monkeypatch.setattr(gradcheck_module, "rounding_of_derivative", moves)
    monkeypatch.setattr(gradcheck_module, "complex_step", lambda *_: 1.5)
    monkeypatch.setattr(gradcheck_module, "central", lambda *_: Derivative(1.0, uncertainty))
    a, v = np.array([2.0, 4.0]), np.array([1.0, 0.0])
    found = gradcheck_module._rounding(lambda _: 0.0, {"a": a}, "a", v, method, 0.0, digit, np.random.default_rng(0))
    assert methods == [1.5 if method == "complex" else 1.0]
    return found


@pytest.mark.parametrize(
    ("method", "uncertainty", "digit", "expected"),
    [
        ("central", 1.0, LastDigit(8.0, misses=False), 0.25),  # its own uncertainty holds the rest
        ("central", 1.0, LastDigit(8.0, misses=True), np.inf),
        ("complex", 1.0, LastDigit(8.0, misses=True), np.inf),
        ("complex", 2.0, LastDigit(8.0, misses=False), 0.25 + 0.5 + 2),  # the gap is a quarter of the uncertainty
        ("complex", 1.9, LastDigit(8.0, misses=False), 0.25 + 0.5 + 1.9 + 0.5),  # more than a quarter: NumPy's own
        ("complex", 2.0, LastDigit(1.0, misses=False), 0.25 + 0.5),  # the last digit hides no more than 1 / 2
    ],
)
def test_what_rounding_may_part(
    monkeypatch: pytest.MonkeyPatch, method: str, uncertainty: float, digit: LastDigit, expected: float
) -> None:
    assert rounding_of(monkeypatch, method, uncertainty, digit) == expected
