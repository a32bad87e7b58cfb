"""numpy_rnn/gradcheck.py: functions that are hard to differentiate: kinks, zeros, huge and tiny scales."""

from typing import Any

import numpy as np
import pytest

from numpy_rnn import RNN, UnresolvedGradient, WrongGradient, gradcheck
from numpy_rnn.types import Array
from parity_tests.test_gradcheck import ARRAYS, X, f, right


def relu(arrays: dict[str, Array]) -> Any:
    return np.maximum(X @ arrays["W"] + arrays["b"], 0).sum()


def test_a_kink_is_no_hindrance() -> None:
    gradients = {"W": X.T @ (X @ ARRAYS["W"] + ARRAYS["b"] > 0), "b": (X @ ARRAYS["W"] + ARRAYS["b"] > 0).sum(axis=0)}
    arrays = {name: ARRAYS[name] for name in gradients}
    gradients = {name: g.astype(float) for name, g in gradients.items()}
    for method in ("central", "complex"):
        gradcheck(relu, arrays, gradients, method)


def test_a_wrong_function_of_huge_or_tiny_scale() -> None:
    """The tolerance is relative: neither is a huge gradient wrong by rounding, nor a tiny one right by being tiny."""
    for size in (1e-12, 1e12):
        gradients = {name: size * g for name, g in right().items()}
        gradcheck(lambda arrays, size=size: size * f(arrays), ARRAYS, gradients)
        gradients["b"][0] *= 1.001
        with pytest.raises(WrongGradient, match=r"b\[0\]"):
            gradcheck(lambda arrays, size=size: size * f(arrays), ARRAYS, gradients)


def test_zeros() -> None:
    """A dead unit's gradient is a zero. Where terms cancel there is no telling a zero from what rounding leaves."""
    x = np.array([-3.0, 2.0])
    for method in ("central", "complex"):
        gradcheck(lambda arrays: np.maximum(arrays["x"], 0).sum(), {"x": x}, {"x": np.array([0.0, 1.0])}, method)
    logits, shift, y = np.split(np.random.default_rng(0).normal(size=9), (4, 5))

    def loss(arrays: dict[str, Array]) -> Any:
        e = np.exp(arrays["logits"] + arrays["shift"])  # a shift of all logits changes no softmax
        return (y * e / e.sum()).sum()

    p = np.exp(logits + shift) / np.exp(logits + shift).sum()
    arrays, gradients = {"logits": logits, "shift": shift}, {"logits": p * (y - (p * y).sum()), "shift": np.zeros(1)}
    for method in ("central", "complex"):
        with pytest.raises(UnresolvedGradient, match="wrong: none; unresolved: shift; right: logits"):
            gradcheck(loss, arrays, gradients, method)
        with pytest.raises(WrongGradient, match="wrong: shift; right: logits"):
            gradcheck(loss, arrays, gradients | {"shift": np.array([1e-6])}, method)
    with pytest.raises(UnresolvedGradient):  # the last digit of a sin(1e8 shift) hides as much
        gradcheck(loss, arrays, gradients | {"shift": np.array([1e-9])})


def test_a_function_that_is_the_same_far_away_on_both_sides() -> None:
    """It depends on its argument all the same."""
    slope = 1 - np.tanh(0.5) ** 2
    arrays, gradients = {"x": np.array([0.5, 0.5])}, {"x": np.array([slope, -slope])}
    assert gradcheck(lambda a: np.tanh(a["x"][0]) - np.tanh(a["x"][1]), arrays, gradients).error < 1e-9


RIGHT = [
    ("a step as large as the array", lambda a: (a["x"] ** 2).sum(), [1e6, -3e6], lambda x: 2 * x),
    ("a step smaller than the array", lambda a: np.log(a["x"]).sum(), [1e-3, 2e-3], lambda x: 1 / x),
    ("a far smaller one", lambda a: np.log(a["x"]).sum(), [1e-5], lambda x: 1 / x),
    ("a fast oscillation", lambda a: np.sin(1e4 * a["x"]).sum(), [1.0, 0.3], lambda x: 1e4 * np.cos(1e4 * x)),
    ("a large constant", lambda a: 5e6 + (a["x"] ** 2).sum(), [1.0, 2.0], lambda x: 2 * x),
    ("large and small numbers", lambda a: a["x"][0] + np.sin(a["x"][1]), [1e6, 1.0], lambda x: [1.0, np.cos(x[1])]),
]


@pytest.mark.parametrize(("f", "x", "gradient"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("directions", [None, 3])
def test_the_step_fits_the_function(f: Any, x: list[float], gradient: Any, method: str, directions: Any) -> None:
    """A right gradient passes, a wrong one does not, and neither does a report whose error is above what it allows."""
    arrays = {"x": np.array(x)}
    gradients = {"x": np.array(gradient(arrays["x"]))}
    report = gradcheck(f, arrays, gradients, method, directions=directions)
    assert report.error <= report.allowed < 1e-5
    with pytest.raises(WrongGradient):
        gradcheck(f, arrays, {"x": gradients["x"] * (1 + 1e-4)}, method, directions=directions)


def test_each_array_is_judged_by_its_own_scale() -> None:
    """Nothing hides behind a large gradient beside it, neither in the function nor by hand."""
    arrays = {"a": np.array([1e3]), "b": np.ones(2)}

    def loss(arrays: dict[str, Array]) -> Any:
        return (arrays["a"] ** 2).sum() + 3e-4 * arrays["b"].sum()

    right = {"a": np.array([2e3]), "b": np.full(2, 3e-4)}
    gradcheck(loss, arrays, right)
    for forgotten in (np.zeros(2), -right["b"], 100 * right["b"]):
        with pytest.raises(WrongGradient, match="wrong: b; right: a"):
            gradcheck(loss, arrays, right | {"b": forgotten})
    with pytest.raises(WrongGradient, match="wrong: a, b; right: none"):
        gradcheck(loss, arrays, {"a": np.array([1e20]), "b": -right["b"]})


@pytest.mark.parametrize("change", [-1, 0, 100])
def test_a_vanished_gradient_is_not_a_zero(change: int) -> None:
    """dL/dh_0 of forty steps back is 1e-16: right it passes, with complex steps, and wrong it never does."""
    rng = np.random.default_rng(0)
    layer = RNN(2, 3, dtype=np.float64, rng=rng)
    x, h_0, d_h_n = rng.normal(size=(40, 1, 2)), rng.normal(size=(1, 1, 3)), rng.normal(size=(1, 1, 3))

    def loss(arrays: dict[str, Array]) -> Any:
        params = {name: a for name, a in arrays.items() if name != "h_0"}
        return (layer.with_params(params).forward(x.astype(arrays["h_0"].dtype), arrays["h_0"])[1] * d_h_n).sum()

    grads = layer.backward(None, d_h_n, layer.forward(x, h_0)[2])
    arrays, gradients = {"h_0": h_0} | layer.params, {"h_0": grads.h_0} | grads.params
    assert 0 < np.abs(grads.h_0).max() < 1e-12
    assert gradcheck(loss, arrays, gradients, "complex").error < 1e-12
    for method in ("central", "complex"):
        with pytest.raises((WrongGradient, UnresolvedGradient), match="h_0"):
            gradcheck(loss, arrays, gradients | {"h_0": change * grads.h_0}, method)
