"""numpy_rnn/elman.py: the network with an error at every step, against its twin and autograd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import ElmanNetwork, reduce
from parity_tests.problems import SCALES
from parity_tests.support import assert_close, check_initial_values
from torch_rnn import from_torch_names, to_torch

ERRORS = ("squared_error", "cross_entropy")


@dataclass
class Case:
    network: ElmanNetwork
    x: np.ndarray
    y: np.ndarray
    h_0: np.ndarray
    weights: np.ndarray | None
    k1: int | None
    k2: int | None

    def run(self) -> tuple[np.ndarray, float, np.ndarray, Any]:
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
    """The twin runs each group of losses again, from a detached state, see test_bptt.py.

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

    def gradients(results: Any, arriving: Any) -> dict[str, np.ndarray]:
        dx, dh_0, *rest = torch.autograd.grad(results, [x, h_0, *named.values()], arriving, retain_graph=True,
                                              materialize_grads=True)  # fmt: skip
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
    """W <- W - lr dW: plain gradient descent. The second hidden bias, which PyTorch would have, stays zero."""
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
        (lambda: NETWORK.update({}, 0.1), "grads: expected the parameters' names"),
        (lambda: NETWORK.with_params({}), "params: expected the names"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
