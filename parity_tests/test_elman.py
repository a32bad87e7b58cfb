"""numpy_rnn/elman.py: the network with an error at every step, against its twin and autograd."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import (
    RNN,
    ElmanNetwork,
    Linear,
    cross_entropy,
    cross_entropy_backward,
    reduce,
    squared_error,
    squared_error_backward,
)
from numpy_rnn.losses import softmax, softmax_backward
from numpy_rnn.types import Array
from parity_tests.problems import SCALES
from parity_tests.support import assert_close, check_initial_values
from torch_rnn import from_torch_names, to_torch

ERRORS = ("squared_error", "cross_entropy")


def test_both_sides_in_twenty_lines() -> None:
    """Read this first: one network by hand and by autograd, the same numbers. All other tests are this one, drawn."""
    rng = np.random.default_rng(0)
    x, y, h_0 = rng.normal(size=(5, 2, 3)), rng.integers(0, 6, (5, 2)), rng.normal(size=(2, 4))  # (T, N, D), classes
    network = ElmanNetwork(3, 4, 6, "cross_entropy", np.float64, rng)
    losses, _, cache = network.forward(x, y, h_0)
    grads = network.backward(np.full((5, 2), 1 / 2), cache)  # L = (1/N) sum of all E_t

    p = {name: torch.tensor(array, requires_grad=True) for name, array in network.params.items()}
    h, expected = torch.tensor(h_0), []
    for t in range(5):
        h = torch.tanh(torch.tensor(x[t]) @ p["W_xh"] + h @ p["W_hh"] + p["b_h"])
        o = h @ p["W_hy"] + p["b_y"]
        expected.append(torch.nn.functional.cross_entropy(o, torch.tensor(y[t]), reduction="none"))
    (torch.stack(expected).sum() / 2).backward()

    np.testing.assert_allclose(losses, torch.stack(expected).detach().numpy(), rtol=1e-13)
    for name, tensor in p.items():
        np.testing.assert_allclose(grads.params[name], tensor.grad.numpy(), rtol=1e-11, atol=1e-14)


@dataclass
class Case:
    network: ElmanNetwork
    x: Array
    y: Array
    h_0: Array
    weights: Array | None
    k1: int | None
    k2: int | None

    def run(self) -> tuple[Array, float, Array, Any]:
        losses, h_n, cache = self.network.forward(self.x, self.y, self.h_0)
        loss, d_losses = reduce(losses, self.weights)
        return losses, loss, h_n, self.network.backward(d_losses, cache, self.k1, self.k2)


@st.composite
def cases(draw: Any, dtype: str = "float64", truncated: bool | None = None) -> Case:
    most = {"T": 8, "N": 4, "D": 4, "H": 6, "C": 5}
    T, N, D, H, C = (draw(st.integers(1, size), label=name) for name, size in most.items())
    error = draw(st.sampled_from(ERRORS), label="error")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    network = ElmanNetwork(D, H, C, error, dtype, rng)
    scale = draw(st.sampled_from(SCALES), label="scale")
    s = np.full(H, 1e-3 if scale == "1e-3" else 0.5)
    if scale == "saturated":
        s[1:] *= rng.choice([1, 5], H - 1)  # but never all of them, see problems.draw_weights
    for name, p in network.params.items():
        p[...] = (s if name in ("W_xh", "W_hh", "b_h") else s.max()) * rng.uniform(-1, 1, p.shape)
    k1, more = draw(st.integers(1, 8), label="k1"), draw(st.integers(0, 4), label="k2 - k1")
    classes = rng.integers(0, C, (T, N))
    weighted = draw(st.sampled_from(["all", "mask", "weights"]), label="weighted")
    weights = {"all": None, "mask": rng.random((T, N)) < 0.6, "weights": rng.normal(size=(T, N)).astype(dtype)}
    truncated = draw(st.booleans(), label="truncated") if truncated is None else truncated
    return Case(
        network,
        x=rng.uniform(-1, 1, (T, N, D)).astype(dtype),
        y=rng.dirichlet(np.ones(C), (T, N)).astype(dtype) if error == "squared_error" else classes,
        h_0=rng.uniform(-1, 1, (N, H)).astype(dtype),
        weights=weights[weighted],
        k1=k1 if truncated else None,
        k2=k1 + more if truncated else None,
    )


def check(case: Case) -> None:
    """The twin runs each group of losses again, from a detached state, see test_truncation.py.

    sizes: see support.py; here the signs of dL/dz are flipped, class by class, as what the classes say may cancel.
    """
    module = to_torch(case.network)
    x, h_0 = (torch.tensor(a, requires_grad=True) for a in (case.x, case.h_0))
    y, (T, N, _) = torch.tensor(case.y), x.shape
    zs: list[torch.Tensor] = []
    module.output.register_forward_hook(lambda module, inputs, z: zs.append(z))
    parts, part_zs = [], []
    for first in range(0, T, case.k1 or T):
        end = min(first + (case.k1 or T), T)
        start = first if case.k1 == case.k2 else max(end - (case.k2 or T), 0)
        before = h_0 if start == 0 else module(x[:start], y[:start], h_0)[2].detach()
        part, _, theirs_h_n = module(x[start:end], y[start:end], before)
        parts.append(part[first - start :])
        part_zs.append(zs[-1])
    theirs = torch.cat(parts)
    weights = torch.ones(T, N, dtype=x.dtype) if case.weights is None else torch.tensor(case.weights).to(x.dtype)
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}

    def gradients(results: Any, arriving: Any) -> dict[str, Array]:
        dx, dh_0, *rest = torch.autograd.grad(
            results, [x, h_0, *named.values()], arriving, retain_graph=True, materialize_grads=True
        )
        arrays = dict(zip(named, (g.numpy() for g in rest), strict=True))
        return {"x": dx.numpy(), "h_0": dh_0.numpy()} | from_torch_names(case.network, arrays)

    losses, loss, h_n, grads = case.run()
    what = "Elman" if case.k1 is None else "Elman, truncated,"
    assert_close("Elman losses", losses, theirs.detach().numpy(), 1e-2)
    assert_close("Elman h_n", h_n, theirs_h_n.detach().numpy())
    size = float((weights * theirs).detach().abs().sum() / N)
    assert_close("Elman loss", np.array(loss, case.x.dtype), ((weights * theirs).sum() / N).detach().numpy(), size)
    expected = gradients(theirs, weights / N)
    dzs = torch.autograd.grad(theirs, part_zs, weights / N, retain_graph=True)
    generator, sizes = torch.Generator().manual_seed(0), [expected]
    for _ in range(2):
        sizes.append(gradients(part_zs, [dz * (2 * torch.randint(2, dz.shape, generator=generator) - 1) for dz in dzs]))
    ours = {"x": grads.x, "h_0": grads.h_0} | grads.params
    assert ours.keys() == expected.keys()
    for name, gradient in ours.items():
        assert_close(f"{what} d{name}", gradient, expected[name], max(float(np.linalg.norm(g[name])) for g in sizes))


@given(cases(truncated=False))
def test_every_gradient_equals_autograd(case: Case) -> None:
    check(case)


@given(cases(truncated=True))
def test_every_truncated_gradient_equals_detached_autograd(case: Case) -> None:
    check(case)


@given(cases(dtype="float32"))
def test_every_gradient_equals_autograd_in_float32(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("k2", range(1, 9))
def test_the_plain_loops_are_the_layers(error: str, k2: int) -> None:
    """RNN, Linear and the losses, put together: the same numbers, for every k1 and k2 up to 8."""
    rng = np.random.default_rng(k2)
    T, N, D, H, C = 8, 3, 2, 5, 4
    network = ElmanNetwork(D, H, C, error, np.float64, rng)
    x, h_0, classes = rng.normal(size=(T, N, D)), rng.normal(size=(N, H)), rng.integers(0, C, (T, N))
    y, d_losses, p = (
        np.eye(C)[classes] if error == "squared_error" else classes,
        rng.normal(size=(T, N)),
        network.params,
    )
    hidden = RNN(D, H).with_params(
        {"W_xh_l0": p["W_xh"], "W_hh_l0": p["W_hh"], "b_xh_l0": p["b_h"], "b_hh_l0": np.zeros(H)}
    )
    output = Linear(H, C, dtype=np.float64)
    output.params = {"W": p["W_hy"], "b": p["b_y"]}
    h, h_n, rnn_cache = hidden.forward(x, h_0[None])
    o, _ = output.forward(h)
    if error == "squared_error":
        losses, loss_cache = squared_error(softmax(o), y)
        do = softmax_backward(squared_error_backward(d_losses, loss_cache), softmax(o))
    else:
        losses, loss_cache = cross_entropy(o, y)
        do = cross_entropy_backward(d_losses, loss_cache)
    dh, of_output = output.backward(do, h)
    plain_losses, plain_h_n, cache = network.forward(x, y, h_0)
    np.testing.assert_allclose(plain_losses, losses, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(plain_h_n, h_n[0], rtol=1e-14, atol=1e-15)
    for k1 in range(1, k2 + 1):
        grads, plain = hidden.backward(dh, None, rnn_cache, k1, k2), network.backward(d_losses, cache, k1, k2)
        expected = {"W_xh": grads.params["W_xh_l0"], "W_hh": grads.params["W_hh_l0"], "b_h": grads.params["b_xh_l0"]}
        expected |= {"W_hy": of_output["W"], "b_y": of_output["b"], "x": grads.x, "h_0": grads.h_0[0]}
        for name, gradient in (plain.params | {"x": plain.x, "h_0": plain.h_0}).items():
            assert np.linalg.norm(gradient - expected[name]) <= 1e-14 * np.linalg.norm(gradient), name


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
        (lambda: NETWORK.backward(X[:, :, 0], None), "cache: expected what forward of this network returned"),
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
