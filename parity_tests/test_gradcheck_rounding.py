"""numpy_rnn/gradcheck.py by hand: what is asked of rounding, and how far it may part a numeric derivative."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from numpy_rnn import UnresolvedGradient, WrongGradient, gradcheck, numeric_gradients
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


def test_a_progress_bar_over_all_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody looks, that is in a terminal; it leaves nothing behind."""
    bars, updates = [], []

    class Bar:
        def __init__(self, **options: Any) -> None:
            bars.append(options)

        def __enter__(self) -> Any:
            return SimpleNamespace(update=lambda: updates.append(1))

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(gradcheck_module, "tqdm", Bar)
    arrays = {"a": np.ones((2, 3)), "b": np.ones(4)}
    numeric_gradients(lambda a: (a["a"] ** 2).sum() + (a["b"] ** 2).sum(), arrays)
    assert bars == [{"total": 10, "desc": "gradcheck", "leave": False, "disable": None}]
    assert len(updates) == 10


def test_the_last_digit_is_told_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every numeric gradient as much as is certain; and each wrong entry's rounding is looked at by the method."""
    known: list[Any] = []
    methods: list[str] = []
    derivatives = {"a": Derivative(3.0, 1.0), "b": Derivative(-1.0, 2.0)}
    monkeypatch.setattr(gradcheck_module, "_derivative", lambda f, arrays, name, *_: derivatives[name])
    monkeypatch.setattr(gradcheck_module, "last_digit", lambda f, arrays, name, g, rng: known.append(g))
    monkeypatch.setattr(gradcheck_module, "_rounding", lambda *given: methods.append(given[4]) or 0.0)
    arrays = {"a": np.ones(2), "b": np.ones(1)}
    with pytest.raises(WrongGradient):
        gradcheck(lambda a: a["a"].sum() * a["b"].sum(), arrays, {"a": np.full(2, 5.0), "b": np.full(1, -1.0)})
    assert methods == ["central"] * 2
    (shown,) = known
    assert {name: g.tolist() for name, g in shown.items()} == {"a": [2.0, 2.0], "b": [0.0]}


def test_what_hides_in_a_constant_hides_from_real_steps_alone() -> None:
    """A complex step sees a derivative of any size."""
    arrays, gradients = {"a": np.ones(1), "unused": np.ones(1)}, {"a": np.ones(1), "unused": np.full(1, 1e-12)}
    with pytest.raises(UnresolvedGradient, match="unused"):
        gradcheck(lambda arrays: arrays["a"].sum(), arrays, gradients, "central")
    with pytest.raises(WrongGradient, match="unused"):
        gradcheck(lambda arrays: arrays["a"].sum(), arrays, gradients, "complex")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_directions_have_the_arrays_dtype(dtype: str) -> None:
    probes = gradcheck_module._probes(np.ones((2, 3), dtype), 4, np.random.default_rng(0))
    drawn = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(dtype)
    assert [(i, v.dtype) for i, v in probes()] == [((k,), dtype) for k in range(4)]
    np.testing.assert_array_equal([v for _, v in probes()], drawn)
