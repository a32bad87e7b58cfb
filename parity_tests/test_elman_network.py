"""numpy_rnn/elman.py: what its results hold, that it learns, and what it refuses. Its gradients: test_elman.py."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import ElmanNetwork, reduce
from parity_tests.support import check_initial_values
from parity_tests.test_elman import ERRORS, Case, cases


@given(cases())
def test_what_the_output_layer_gets_does_not_depend_on_the_truncation(case: Case) -> None:
    truncated = case.run()[3].params
    case.k1 = case.k2 = None
    full = case.run()[3].params
    for name in ("W_hy", "b_y"):
        np.testing.assert_array_equal(truncated[name], full[name])


@given(cases())
def test_prediction_and_targets_of_certainty(case: Case) -> None:
    """y^ is a distribution at every step, and where the targets are y^ itself, nothing is to be learned."""
    y_hat, h_n = case.network.predict(case.x, case.h_0)
    np.testing.assert_allclose(y_hat.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_array_equal(h_n, case.run()[2])
    if case.network.error == "squared_error":
        case.y = y_hat
        losses, _, _, grads = case.run()
        assert not losses.any()
        assert not any(gradient.any() for gradient in grads.params.values())


@given(cases(truncated=False), st.floats(1e-3, 1))
def test_the_update(case: Case, lr: float) -> None:
    """W <- W - lr dW: plain gradient descent."""
    grads = case.run()[3].params
    before = {name: p.copy() for name, p in case.network.params.items()}
    case.network.update(grads, lr)
    for name, p in case.network.params.items():
        np.testing.assert_allclose(p, before[name] - lr * grads[name], rtol=1e-12, atol=1e-15)
    fresh = ElmanNetwork(*before["W_xh"].shape, len(before["b_y"]), case.network.error, "float64")
    fresh = fresh.with_params({name: p.copy() for name, p in case.network.params.items()})
    np.testing.assert_array_equal(case.run()[0], fresh.forward(case.x, case.y, case.h_0)[0])


def test_it_learns_to_recall_the_symbol_of_three_steps_ago() -> None:
    """With the error going back four steps it does; with three, the symbol is out of reach."""
    accuracy = {}
    for k2 in (3, 4):
        rng = np.random.default_rng(0)
        network = ElmanNetwork(4, 32, 4, rng=rng)
        for _ in range(300):
            x = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (20, 64))]
            losses, _, cache = network.forward(x[3:], x[:-3])
            network.update(network.backward(reduce(losses)[1], cache, k1=1, k2=k2).params, lr=0.1)
        y_hat, _ = network.predict(x)
        accuracy[k2] = (y_hat.argmax(axis=2)[3:] == x.argmax(axis=2)[:-3]).mean()
    assert accuracy[3] < 0.6
    assert accuracy[4] > 0.99


def test_every_parameter_is_drawn_from_rng() -> None:
    check_initial_values(lambda seed: ElmanNetwork(3, 4, 5, rng=np.random.default_rng(seed)))


@given(cases())
def test_with_params(case: Case) -> None:
    """Another network with these very arrays, the layers too; the first one stays what it is."""
    network, before = case.network, case.run()[0]
    other = {name: p + 0.1 for name, p in reversed(network.params.items())}
    twin = network.with_params(other)
    np.testing.assert_array_equal(case.run()[0], before)
    assert twin.params is not other
    assert list(twin.params) == list(network.params) == list(case.run()[3].params)
    assert all(twin.params[name] is p for name, p in other.items())
    case.network = twin
    changed = case.run()[0]
    for name, p in network.params.items():
        p[...] = other[name]
    case.network = network
    np.testing.assert_array_equal(case.run()[0], changed)


@given(cases())
def test_who_writes_into_the_last_state_changes_no_cache(case: Case) -> None:
    losses, h_n, cache = case.network.forward(case.x, case.y, case.h_0)
    before = case.network.backward(losses, cache).params
    h_n[...] = 9
    for name, gradient in case.network.backward(losses, cache).params.items():
        np.testing.assert_array_equal(gradient, before[name])


@pytest.mark.parametrize("error", ERRORS)
def test_a_cache_of_another_network(error: str) -> None:
    """Not even of one with the same settings, whether all of `backward` or its first part is called."""
    network, other, d_losses = ElmanNetwork(2, 3, 4, error), ElmanNetwork(2, 3, 4, error), X[:, :, 0]
    y = Y if error == "squared_error" else np.zeros((5, 2), int)
    for of_another in (other, network.with_params({name: p.copy() for name, p in network.params.items()})):
        _, _, cache = of_another.forward(X, y)
        for backward in (network.backward, network.output_backward):
            with pytest.raises(ValueError, match="of this network returned, got another one's"):
                backward(d_losses, cache)


NETWORK = ElmanNetwork(2, 3, 4)
X = np.zeros((5, 2, 2), np.float32)
Y = np.full((5, 2, 4), 0.25, np.float32)


def test_an_update_that_fails_changes_nothing() -> None:
    before = {name: p.copy() for name, p in NETWORK.params.items()}
    with pytest.raises(ValueError, match="b_y: expected a float32 array"):
        NETWORK.update(before | {"b_y": np.zeros(5, np.float32)}, 0.1)
    for name, p in NETWORK.params.items():
        np.testing.assert_array_equal(p, before[name])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ElmanNetwork(2, 3, 0), "output_size: expected a whole number >= 1, got 0"),
        (lambda: ElmanNetwork(2, 3, 4, "mse"), "error: expected one of 'squared_error', 'cross_entropy', got 'mse'"),
        (lambda: ElmanNetwork(2, 3, 4, rng=5), "rng: expected a numpy.random.Generator, got int"),
        (lambda: NETWORK.forward(X[0], Y), r"x: expected a float32 array of shape \(T, N, 2\), got float32 \(2, 2\)"),
        (lambda: NETWORK.forward(X, Y[:4]), r"y: expected the shape of y_hat, \(5, 2, 4\), got \(4, 2, 4\)"),
        (lambda: NETWORK.forward(X, 2 * Y), "y: expected distributions, each with the sum 1"),
        (lambda: NETWORK.forward(X, Y, np.zeros((2, 4), np.float32)), r"h_0: .* shape \(2, 3\), got .* \(2, 4\)"),
        (lambda: NETWORK.forward(X, Y, [[0.0] * 3] * 2), r"h_0: .* shape \(2, 3\), got list"),
        (lambda: NETWORK.backward(X[:4, :, 0], NETWORK.forward(X, Y)[2]), r"d_losses: .* \(5, 2\)"),
        (lambda: NETWORK.backward(X[:, :, 0], NETWORK.forward(X, Y)[2], 3, 2), "k2: expected at least"),
        (lambda: NETWORK.backward(X[:, :, 0], None), "cache: expected what .* returned, got NoneType$"),
        (
            lambda: NETWORK.backward(X[:, :, 0], "cache"),
            "^cache: expected what forward of this network returned, got str$",
        ),
        (
            lambda: NETWORK.backward(X[:, :, 0], ElmanNetwork(2, 3, 4).forward(X, Y)[2]),
            "^cache: expected what forward of this network returned, got another one's$",
        ),
        (lambda: NETWORK.update({}, 0.1), "grads: expected the parameters' names"),
        (lambda: NETWORK.update(None, 0.1), "grads: expected the parameters' names"),
        (lambda: NETWORK.update(NETWORK.params, float("nan")), "lr: expected"),
        (lambda: NETWORK.update(NETWORK.params, -1), "lr: expected"),
        (lambda: NETWORK.with_params({}), "params: expected the names"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
