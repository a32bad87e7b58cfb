"""numpy_rnn/optim.py against torch.optim and torch.nn.utils, over many steps."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import SGD, Adam, clip_by_global_norm
from numpy_rnn.optim import check_finite
from numpy_rnn.types import Array
from parity_tests.support import assert_close

STEPS = 30


def arrays(rng: np.random.Generator, dtype: str, scale: float) -> dict[str, Array]:
    return {name: (scale * rng.normal(size=shape)).astype(dtype) for name, shape in {"W": (3, 4), "b": (4,)}.items()}


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(["SGD", "Adam"]),
    st.sampled_from([1e-9, 1e-3, 1.0]),
    st.floats(1e-4, 0.1),
)
def test_many_steps(seed: int, dtype: str, name: str, scale: float, lr: float) -> None:
    """Gradients down to 1e-9 among them, beside which an eps of 1e-8 is large: its place shows."""
    rng = np.random.default_rng(seed)
    params = arrays(rng, dtype, 1.0)
    theirs = {key: torch.tensor(p, requires_grad=True) for key, p in params.items()}
    betas, eps = (rng.uniform(0.5, 0.95), rng.uniform(0.9, 0.999)), 10 ** rng.uniform(-9, -6)
    ours: Any = Adam(params, *betas, eps) if name == "Adam" else SGD(params)
    settings = {"betas": betas, "eps": eps} if name == "Adam" else {}
    optimizer = getattr(torch.optim, name)(theirs.values(), **settings)
    for step in range(STEPS):
        grads = arrays(rng, dtype, scale)
        rate = lr * (1 - step / STEPS)
        ours.step(grads, rate)
        for key, p in theirs.items():
            p.grad = torch.tensor(grads[key])
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        for key, p in theirs.items():
            assert_close(f"{name}, weights", params[key], p.detach().numpy())
    if name == "Adam":
        for key, p in theirs.items():
            state = optimizer.state[p]
            assert_close("Adam, m", ours.m[key], state["exp_avg"].numpy(), scale)
            assert_close("Adam, v", ours.v[key], state["exp_avg_sq"].numpy())
        assert ours.t == STEPS


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([1e-3, 1.0, 1e3]),
    st.sampled_from([0.25, 1.0, 50.0, np.inf]),
)
def test_clipping(seed: int, dtype: str, scale: float, max_norm: float) -> None:
    rng = np.random.default_rng(seed)
    grads = arrays(rng, dtype, scale)
    before = {name: g.copy() for name, g in grads.items()}
    theirs = [torch.zeros(g.shape, dtype=getattr(torch, dtype)) for g in grads.values()]
    for p, g in zip(theirs, grads.values(), strict=True):
        p.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    clipped, ours = clip_by_global_norm(grads, max_norm)
    assert_close("clipping, norm", np.array(ours, dtype), norm.numpy())
    for p, name in zip(theirs, grads, strict=True):
        assert_close("clipping, gradients", clipped[name], p.grad.numpy())
        np.testing.assert_array_equal(grads[name], before[name])


def test_infinity_clips_nothing() -> None:
    """Not even where the norm is larger than float32's largest number: infinity / infinity would be NaN."""
    large = {"W": np.full(2, 1e20, np.float32)}
    with np.errstate(over="ignore"):
        clipped, norm = clip_by_global_norm(large, np.inf)
    np.testing.assert_array_equal(clipped["W"], large["W"])
    assert norm == np.inf
    clipped, _ = clip_by_global_norm({"W": np.ones(2)}, 10**400)  # a whole number above every float
    np.testing.assert_array_equal(clipped["W"], 1)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_parameters_are_updated_where_they_stand(kind: Any) -> None:
    """A model's params are its layers' own arrays: new ones would not reach the layers. A refused step does nothing."""
    W = np.ones(2)
    optimizer = kind({"W": W})
    for grads in ({}, {"W": np.ones(3)}):
        with pytest.raises(ValueError, match=r"grads|W"):
            optimizer.step(grads, 0.1)
    np.testing.assert_array_equal(W, 1)
    optimizer.step({"W": np.array([2.0, -2.0])}, 0.25)  # the first step of Adam is lr, whatever the gradient's size
    np.testing.assert_allclose(W, [0.5, 1.5] if kind is SGD else [0.75, 1.25])
    assert optimizer.params["W"] is W


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clip_by_global_norm({"W": np.ones(2)}, 0.0), r"max_norm: expected a number in \(0, inf\], got 0.0"),
        (lambda: clip_by_global_norm({"W": np.ones(2)}, "1"), r"max_norm: expected a number in \(0, inf\], got '1'"),
        (lambda: clip_by_global_norm({"W": np.ones(2)}, np.nan), r"max_norm: expected a number in \(0, inf\], got nan"),
        (
            lambda: clip_by_global_norm({"W": np.ones(2)}, -(10**400)),
            r"max_norm: expected a number in \(0, inf\], got -10",
        ),
        (lambda: clip_by_global_norm({"W": np.ones(2)}, True), "max_norm: .* got True"),
        (lambda: clip_by_global_norm({"W": np.ones(2)}, np.complex128(1 + 5j)), "max_norm: .* got np.complex128"),
        (lambda: clip_by_global_norm({"W": np.ones(2, np.int8)}, 1.0), r"^grads\['W'\]: expected a float.* got int8$"),
        (lambda: SGD({"W": np.ones(2, int)}), r"^params\['W'\]: expected a float32 or float64 array, got int64$"),
        (lambda: Adam({"W": np.ones(2, int)}), r"^params\['W'\]: expected a float32 or float64 array, got int64$"),
        (lambda: Adam({"W": np.ones(2)}, beta1=1.0), r"beta1: expected a number in \[0, 1\)"),
        (lambda: Adam({"W": np.ones(2)}, eps=-1.0), "eps: expected"),
        (lambda: Adam({"W": np.ones(2)}).step({}, 0.1), r"grads: expected the parameters' names \['W'\], got \[\]"),
        (lambda: Adam({"W": np.ones(2)}, beta2=1.0), "beta2: expected"),
        (lambda: SGD({"W": np.ones(2)}).step({"W": np.ones(1)}, 0.1), "W: expected a float64 array of shape"),
        (lambda: Adam({"W": np.ones(2)}).step({"W": np.ones(2, np.float32)}, 0.1), "W: .* got float32"),
        (lambda: SGD({"W": np.ones(2)}).step({"W": np.ones(2)}, np.nan), "lr: expected a number in"),
        (lambda: Adam({"W": np.ones(2)}).step({"W": np.ones(2)}, -0.1), "lr: expected a number in"),
        (lambda: SGD({"W": np.ones(2)}).step({"V": np.ones(2)}, 0.1), "grads: expected"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("loss", "norm"), [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan), (1.0, np.inf)])
def test_a_loss_or_a_norm_that_is_not_finite(loss: float, norm: float) -> None:
    check_finite("numpy", 1.0, 1.0)
    wanted = re.escape("a finite loss and gradient (try a lower lr)")
    with pytest.raises(ValueError, match=f"^numpy training: expected {wanted}, got loss {loss}, norm {norm}$"):
        check_finite("numpy", loss, norm)
