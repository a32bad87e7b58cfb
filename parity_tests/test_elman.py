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
from parity_tests.support import assert_close
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
