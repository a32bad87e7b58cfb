"""numpy_rnn/gradcheck.py: what can't be judged is refused, and in which words."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from numpy_rnn import RNN, UnresolvedGradient, WrongGradient, gradcheck
from numpy_rnn.types import Array
from parity_tests.test_gradcheck import ARRAYS, X, f, right


@pytest.mark.parametrize("gradient", [2e-3, 2.00001e-3, 0.0])
@pytest.mark.parametrize("constant", [1e12, 1e15])
def test_what_drowns_in_rounding_is_not_judged(gradient: float, constant: float) -> None:
    """Neither the right one nor wrong ones. A complex step sees through it."""

    def far_off(arrays: dict[str, Array]) -> Any:
        return constant + 1e-3 * (arrays["x"] ** 2).sum()

    arrays, gradients = {"x": np.ones(3)}, {"x": np.full(3, gradient)}
    if gradient > 0 or constant == 1e15:
        with pytest.raises(UnresolvedGradient, match=r"f: expected gradients that stand out .*; unresolved: x; right"):
            gradcheck(far_off, arrays, gradients)
    if gradient == 2e-3:
        assert gradcheck(far_off, arrays, gradients, "complex").error < 1e-14
    else:
        with pytest.raises((WrongGradient, UnresolvedGradient), match="x"):
            gradcheck(far_off, arrays, gradients, "complex")


@pytest.mark.parametrize("gradient", [2e-3, 2.02e-3, 0.0])
def test_a_constant_that_is_taken_away_again(gradient: float) -> None:
    """The value is small, its rounding is that of 1e9: a staircase with steps of 1e-7."""

    def stairs(arrays: dict[str, Array]) -> Any:
        return (1e9 + 1e-3 * (arrays["x"] ** 2).sum()) - 1e9

    with pytest.raises(UnresolvedGradient, match="unresolved: x"):
        gradcheck(stairs, {"x": np.ones(3)}, {"x": np.full(3, gradient)})


def test_a_tiny_gradient_is_not_a_zero() -> None:
    """Nine digits below the others a wrong sign still counts."""

    def loss(arrays: dict[str, Array]) -> Any:
        return (arrays["large"] ** 2).sum() + 1e-11 * (arrays["tiny"] ** 2).sum()

    arrays = {"large": np.ones(2), "tiny": np.ones(2)}
    gradients = {"large": np.full(2, 2.0), "tiny": np.full(2, 2e-11)}
    for method in ("central", "complex"):
        with pytest.raises((WrongGradient, UnresolvedGradient), match="tiny; right: large"):
            gradcheck(loss, arrays, gradients | {"tiny": np.full(2, -2e-11)}, method)
    assert gradcheck(loss, arrays, gradients, "complex").error < 1e-14


def test_a_small_absolute_value_does_not_pass_complex_steps() -> None:
    arrays = {"x": np.array([1.0, -2.0])}
    with pytest.raises(ValueError, match="loses the imaginary part of x: abs"):
        gradcheck(
            lambda a: (a["x"] ** 2).sum() + 1e-6 * np.abs(a["x"]).sum(), arrays, {"x": 2 * arrays["x"]}, "complex"
        )


def test_float32_only_if_told() -> None:
    arrays, gradients = ({name: a.astype(np.float32) for name, a in group.items()} for group in (ARRAYS, right()))
    with pytest.raises(ValueError, match=r"arrays: expected float64, .* \(or float32=True\), got float32"):
        gradcheck(f, arrays, gradients)
    with pytest.raises(ValueError, match="method: expected 'central' with float32, got 'complex'"):
        gradcheck(f, arrays, gradients, "complex", float32=True)
    assert gradcheck(f, arrays, gradients, float32=True).error < 1e-2
    gradients["W"][0, 0] += 0.05 * np.abs(gradients["W"]).max()
    with pytest.raises(WrongGradient, match=r"W\[0, 0\]"):
        gradcheck(f, arrays, gradients, float32=True)
    b = {"b": np.ones(3, np.float32)}
    with pytest.raises(UnresolvedGradient, match=r"\(give float64 arrays\)"):  # not method='complex'
        gradcheck(lambda arrays: np.float32(1e8) + arrays["b"].sum(), b, b, float32=True)


def changes_its_argument(arrays: dict[str, Array]) -> Any:
    arrays["b"] += 1
    return 0.0


COUNT = iter(range(1000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arrays": {}, "gradients": {}}, "arrays: expected at least one, got {}"),
        ({"gradients": {"W": X}}, r"gradients: expected the names \['W', 'b', 'unused'\], got \['W'\]"),
        ({"arrays": ARRAYS | {"b": np.zeros(0)}}, r"arrays\['b'\]: expected at least one entry, got \(0,\)"),
        (
            {"arrays": ARRAYS | {"b": [1.0, 2.0, 3.0]}},
            r"arrays\['b'\]: expected a float64 NumPy array, as all .* got builtins.list",
        ),
        (
            {"arrays": ARRAYS | {"b": np.arange(3)}},
            r"arrays\['b'\]: expected a float64 NumPy array, as all .* got int64",
        ),
        (
            {"gradients": right() | {"b": np.zeros((3, 1))}},
            r"gradients\['b'\]: expected a NumPy array of shape \(3,\), got",
        ),
        (
            {"gradients": right() | {"b": np.zeros(3, np.float32)}},
            r"gradients\['b'\]: expected dtype float64, got float32",
        ),
        ({"arrays": X}, "arrays: expected a dict, name -> NumPy array, got ndarray"),
        ({"gradients": X}, "gradients: expected a dict, name -> NumPy array, got ndarray"),
        ({"arrays": ARRAYS | {"b": torch.zeros(3)}}, r"arrays\['b'\]: .* got torch.Tensor \(give t.detach"),
        ({"gradients": right() | {"b": torch.zeros(3)}}, r"gradients\['b'\]: .* got torch.Tensor \(give t.detach"),
        ({"arrays": ARRAYS | {"b": np.array([1, np.nan, 2])}}, r"arrays\['b'\]: expected finite numbers, got NaN"),
        ({"f": lambda arrays: torch.tensor(0.0)}, r"f: expected a finite number .* got tensor\(0.\) \(torch.Tensor\)"),
        ({"f": lambda arrays: f(ARRAYS)}, "f: expected a function of the arrays in the dict .* got one whose value is"),
        ({"f": lambda arrays: arrays["b"]}, "f: expected a finite number as its value, got array"),
        ({"f": lambda arrays: np.nan}, "f: expected a finite number as its value, got nan"),
        ({"f": lambda arrays: None}, "f: expected a finite number as its value, got None"),
        ({"f": lambda arrays: f(arrays) + next(COUNT)}, "f: expected the same value for the same arguments, got"),
        ({"f": changes_its_argument}, r"f: expected a function that leaves its arguments .* one that changes \['b'\]"),
        ({"method": "exact"}, "method: expected one of 'central', 'complex', got 'exact'"),
        ({"directions": 0}, "directions: expected a whole number >= 1, got 0"),
        ({"tolerance": -1}, r"tolerance: expected a number in \[0, inf\), got -1"),
        (
            {"method": "complex", "f": lambda arrays: float(f(arrays))},
            "f: expected a function that takes complex arrays",
        ),
        ({"method": "complex", "f": lambda arrays: np.abs(f(arrays))}, "f: expected .* the imaginary part of W: abs"),
        (
            {"method": "complex", "f": lambda arrays: f(arrays) + 1e-3 * np.abs(arrays["b"]).sum()},
            "f: expected .* one that loses the imaginary part of b: abs",
        ),
        ({"method": "complex", "f": lambda arrays: f(arrays).real}, "f: expected .* one that loses the imaginary part"),
        (
            {"method": "complex", "f": lambda arrays: f({k: a.astype(float) for k, a in arrays.items()})},
            "f: expected a function that takes complex arrays .* got ComplexWarning",
        ),
        (
            {"method": "complex", "f": lambda arrays: RNN(3, 2, dtype=float).forward(arrays["W"][None])[0].sum()},
            "f: expected a function that takes complex arrays .* got ValueError: x: expected a float64 array",
        ),
    ],
)
def test_what_can_not_be_checked_is_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"f": f, "arrays": ARRAYS, "gradients": right()} | change
    arguments["arrays"] = copy.deepcopy(arguments["arrays"])
    with pytest.raises(ValueError, match=message):
        gradcheck(**arguments)


def test_a_kink_is_unresolved_and_its_entry_is_named() -> None:
    """relu at 0 has no derivative. The message names the least certain entry, and says what to do."""
    arrays = {"x": np.array([1.5, -0.5, 0.0])}
    with pytest.raises(
        UnresolvedGradient, match=r"x\[2\]: by hand 0, .* at a kink of f, such as relu's at 0, move"
    ) as e:
        gradcheck(lambda a: np.maximum(a["x"], 0).sum(), arrays, {"x": np.array([1.0, 0.0, 0.0])})
    assert e.value.report.names("unresolved") == ["x"]
