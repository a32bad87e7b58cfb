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
SUM = {"x": np.array([1.0, 2.0])}


def f(arrays: dict[str, Array]) -> Any:
    """sum of tanh(x W + b)^2; its gradient is `right`."""
    return (np.tanh(X @ arrays["W"] + arrays["b"]) ** 2).sum()


def right() -> dict[str, Array]:
    h = np.tanh(X @ ARRAYS["W"] + ARRAYS["b"])
    dz = 2 * h * (1 - h * h)
    return {"W": X.T @ dz, "b": dz.sum(axis=0), "unused": np.zeros((2, 1))}


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
