"""numpy_rnn/gradcheck.py: right gradients pass, wrong ones don't, and what can't be checked is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_rnn import (
    GRU,
    LSTM,
    RNN,
    ElmanNetwork,
    UnresolvedGradient,
    WrongGradient,
    gradcheck,
    numeric_gradients,
    reduce,
)
from numpy_rnn.types import Array

RNG = np.random.default_rng(0)


ARRAYS = {"W": RNG.normal(size=(3, 3)), "b": RNG.normal(size=3), "unused": RNG.normal(size=(2, 1))}


X = RNG.normal(size=(5, 3))


def f(arrays: dict[str, Array]) -> Any:
    """sum of tanh(x W + b)^2; its gradient is `right`."""
    return (np.tanh(X @ arrays["W"] + arrays["b"]) ** 2).sum()


def right() -> dict[str, Array]:
    h = np.tanh(X @ ARRAYS["W"] + ARRAYS["b"])
    dz = 2 * h * (1 - h * h)
    return {"W": X.T @ dz, "b": dz.sum(axis=0), "unused": np.zeros((2, 1))}


def relu(arrays: dict[str, Array]) -> Any:
    return np.maximum(X @ arrays["W"] + arrays["b"], 0).sum()


@pytest.mark.parametrize(("method", "most"), [("central", 1e-8), ("complex", 1e-14)])
@pytest.mark.parametrize("directions", [None, 4])
def test_a_right_gradient_passes(method: str, most: float, directions: int | None) -> None:
    report = gradcheck(f, ARRAYS, right(), method, directions=directions)
    assert report.error < most
    assert report.array in ARRAYS
    assert report.by_hand == pytest.approx(report.numeric, abs=1e-8)
    assert report.compared == (14 if directions is None else 12)
    assert len(report.index) == (0 if directions else ARRAYS[report.array].ndim)


def scaled(g: dict[str, Array]) -> None:
    g["W"] *= 1.001


def transposed(g: dict[str, Array]) -> None:
    g["W"] = g["W"].T.copy()


def one_entry_zeroed(g: dict[str, Array]) -> None:
    g["b"][1] = 0


def nan(g: dict[str, Array]) -> None:
    g["W"][2, 1] = np.nan


def infinite(g: dict[str, Array]) -> None:
    g["W"][2, 1] = -np.inf


def all_nan(g: dict[str, Array]) -> None:
    g["unused"][:] = np.nan


def all_zero(g: dict[str, Array]) -> None:
    g["W"][:] = 0


def something_for_nothing(g: dict[str, Array]) -> None:
    g["unused"][1] = 1e-6


WRONG = [scaled, transposed, one_entry_zeroed, nan, infinite, all_nan, all_zero, something_for_nothing]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("directions", [None, 2])
def test_a_wrong_gradient_does_not_pass(wrong: Any, method: str, directions: int | None) -> None:
    gradients = right()
    wrong(gradients)
    with pytest.raises(WrongGradient) as raised:
        gradcheck(f, ARRAYS, gradients, method, directions=directions)
    report = raised.value.report
    changed = [name for name, g in right().items() if not np.array_equal(g, gradients[name])]
    assert [report.array] == changed
    if directions is None:
        assert report.by_hand == pytest.approx(gradients[report.array][report.index], nan_ok=True)
        assert report.numeric == pytest.approx(right()[report.array][report.index], abs=1e-8)
        assert f"{report.array}[{', '.join(map(str, report.index))}]: by hand" in str(raised.value)


@pytest.mark.parametrize("method", ["central", "complex"])
def test_the_worst_entry_is_named(method: str) -> None:
    gradients = right()
    gradients["W"][0, 2] += 0.1
    gradients["W"][2, 1] += 0.3
    gradients["b"][0] += 1e-3
    with pytest.raises(WrongGradient, match=r"^W\[2, 1\]: by hand .* numerically .* error .* allowed") as raised:
        gradcheck(f, ARRAYS, gradients, method)
    assert raised.value.report.by_hand - raised.value.report.numeric == pytest.approx(0.3, abs=1e-8)
    assert (raised.value.wrong, raised.value.right) == (["W", "b"], ["unused"])
    gradients = {name: gradients[name] for name in reversed(gradients)}  # whatever comes first
    with pytest.raises(WrongGradient, match=r"^W\[2, 1\]: .* wrong: W, b; right: unused$"):
        gradcheck(f, ARRAYS, gradients, method)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1e-5, 1e-8, 1e-11]))
@settings(max_examples=50)
def test_how_small_an_error_is_noticed(seed: int, planted: float) -> None:
    """One entry off by `planted` of the largest one: the complex step notices down to 1e-11, the other down to 1e-5."""
    gradients, rng = right(), np.random.default_rng(seed)
    entry = tuple(rng.integers(0, 3, 2))
    gradients["W"][entry] += planted * np.abs(gradients["W"]).max()
    for method, notices in (("complex", 1e-11), ("central", 1e-5)):
        if planted >= notices:
            with pytest.raises(WrongGradient) as raised:
                gradcheck(f, ARRAYS, gradients, method)
            assert raised.value.report.index == entry


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_the_layers_gradients(cell: Any) -> None:
    """Stacked, in both directions, with lengths: without PyTorch, and to the last digits."""
    rng = np.random.default_rng(1)
    layer = cell(2, 3, 2, bidirectional=True, dtype=np.float64)
    x, weights = rng.normal(size=(4, 2, 2)), rng.normal(size=(4, 2, 6))

    def loss(arrays: dict[str, Array]) -> Any:
        params = {name: a for name, a in arrays.items() if name != "x"}
        output, _, _ = layer.with_params(params).forward(arrays["x"], lengths=[2, 4])
        return (weights * output).sum()

    _, _, cache = layer.forward(x, lengths=[2, 4])
    grads = layer.backward(weights, None, cache)
    arrays, gradients = {"x": x} | layer.params, {"x": grads.x} | grads.params
    assert gradcheck(loss, arrays, gradients, "complex").error < 1e-13
    assert gradcheck(loss, arrays, gradients, directions=2).error < 1e-7
    gradients["W_hh_l0_reverse"] = gradients["W_hh_l0"]
    with pytest.raises(WrongGradient, match="W_hh_l0_reverse"):
        gradcheck(loss, arrays, gradients, "complex")


@pytest.mark.parametrize("error", ["squared_error", "cross_entropy"])
def test_the_elman_networks_gradients(error: str) -> None:
    rng = np.random.default_rng(1)
    network = ElmanNetwork(2, 3, 4, error, np.float64)
    x, classes = rng.normal(size=(5, 2, 2)), rng.integers(0, 4, (5, 2))
    y = np.eye(4)[classes] if error == "squared_error" else classes

    def loss(params: dict[str, Array]) -> Any:
        losses, _, _ = network.with_params(params).forward(x.astype(params["b_h"].dtype), y)
        return reduce(losses)[0]

    losses, _, cache = network.forward(x, y)
    grads = network.backward(reduce(losses)[1], cache)
    assert gradcheck(loss, network.params, grads.params, "complex").error < 1e-13
    assert gradcheck(loss, network.params, grads.params).error < 1e-7


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
    logits, shift, y = RNG.normal(size=4), RNG.normal(size=1), RNG.normal(size=4)

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


SUM = {"x": np.array([1.0, 2.0])}
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


def test_both_gradients_are_shown_beside_each_other() -> None:
    gradients = right()
    gradients["b"] = np.array([1.0, 2.0, 3.0])
    with pytest.raises(WrongGradient) as raised:
        gradcheck(f, ARRAYS, gradients)
    shown = str(raised.value.report).splitlines()
    numeric = " ".join(f"{g:.4e}" for g in right()["b"])
    b = shown.index(next(line for line in shown if line.startswith("b: wrong, error ")))
    assert shown[b + 1].split() == ["by", "hand", "[1.0000e+00", "2.0000e+00", "3.0000e+00]"]
    assert shown[b + 2].split() == f"numerically [{numeric}]".split()
    assert shown[0].startswith("W: right, error ")
    assert max(map(len, shown)) < 80
    many = {"x": np.linspace(1, 2, 12)}
    with pytest.raises(WrongGradient) as raised:
        gradcheck(lambda arrays: (arrays["x"] ** 2).sum() / 2, many, {"x": 2 * many["x"]})
    shown = str(raised.value.report).splitlines()
    assert [line.index("e+00") for line in shown[1:]] == [22] * 6  # below each other
    assert max(map(len, shown)) == 70


def test_numeric_gradients() -> None:
    for method in ("central", "complex"):
        for name, gradient in numeric_gradients(f, ARRAYS, method).items():
            np.testing.assert_allclose(gradient, right()[name], atol=1e-8 if method == "central" else 1e-14)
    with pytest.raises(ValueError, match=r"arrays\['x'\]: expected a float64 NumPy array, as all of them, got int64"):
        numeric_gradients(f, {"x": np.arange(3)})
    log = numeric_gradients(lambda arrays: np.log(arrays["x"]).sum(), {"x": np.array([1e-5])})
    assert log["x"][0] == pytest.approx(1e5, rel=1e-8)
    with pytest.raises(ValueError, match="arrays: expected float64, as float32 leaves three digits"):
        numeric_gradients(f, {name: a.astype(np.float32) for name, a in ARRAYS.items()})


def test_numeric_gradients_refuses_what_gradcheck_refuses() -> None:
    with pytest.raises(ValueError, match=r"f: expected .* one that loses the imaginary part of x: abs"):
        numeric_gradients(lambda arrays: np.abs(arrays["x"]).sum(), SUM, "complex")
    for method in ("central", "complex"):
        with pytest.raises(ValueError, match=r"f: expected a function that leaves its arguments .* changes \['x'\]"):
            numeric_gradients(changes_its_arguments, {"x": np.ones(2)}, method)
    with pytest.raises(UnresolvedGradient, match=r"unresolved: x.*method='complex'"):
        numeric_gradients(lambda arrays: 1e15 + arrays["x"].sum(), SUM)


def changes_its_arguments(arrays: dict[str, Array]) -> Any:
    arrays["x"] *= 2
    return (arrays["x"] ** 2).sum()


def test_the_same_seed_gives_the_same_directions() -> None:
    one, same = (gradcheck(f, ARRAYS, right(), directions=3) for _ in range(2))
    assert str(one) == str(same)
    assert str(one) != str(gradcheck(f, ARRAYS, right(), directions=3, rng=np.random.default_rng(1)))
