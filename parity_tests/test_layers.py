"""numpy_rnn/layers.py against PyTorch's layers and autograd."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import Dropout, Embedding, Linear, ReLU
from numpy_rnn.layers import JoinedParams, Sigmoid, join, sigmoid
from parity_tests.support import assert_close, check_initial_values
from torch_rnn import from_torch_names, to_torch

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 5)
leading = st.lists(st.integers(1, 4), min_size=1, max_size=2).map(tuple)
dtypes = st.sampled_from(["float32", "float64"])


@given(seeds, st.integers(1, 9), sizes, leading, dtypes)
def test_embedding(seed: int, V: int, D: int, shape: tuple[int, ...], dtype: str) -> None:
    """Ids come several times and not at all: a row of dW is the sum over its places, or zero."""
    rng = np.random.default_rng(seed)
    layer = Embedding(V, D, dtype=dtype, rng=rng)
    ids, d = rng.integers(0, V, shape), rng.normal(size=(*shape, D)).astype(dtype)
    module = to_torch(layer)
    theirs = module(torch.tensor(ids))
    theirs.backward(torch.tensor(d))
    ours, cache = layer.forward(ids)
    np.testing.assert_array_equal(ours, theirs.detach().numpy())
    expected = from_torch_names(layer, {"weight": module.weight.grad.numpy()})["W"]
    assert_close("Embedding dW", layer.backward(d, cache)["W"], expected, np.linalg.norm(d))


@given(seeds, sizes, sizes, leading, dtypes)
def test_linear(seed: int, D: int, C: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    layer = Linear(D, C, dtype=dtype, rng=rng)
    x, d = rng.normal(size=(*shape, D)).astype(dtype), rng.normal(size=(*shape, C)).astype(dtype)
    module, x_torch = to_torch(layer), torch.tensor(x, requires_grad=True)
    theirs = module(x_torch)
    theirs.backward(torch.tensor(d))
    ours, cache = layer.forward(x)
    grads = layer.backward(d, cache)
    expected = from_torch_names(layer, {name: p.grad.numpy() for name, p in module.named_parameters()})
    W_size, d_size = np.linalg.norm(layer.params["W"]), np.linalg.norm(d)
    assert_close("Linear y", ours, theirs.detach().numpy(), W_size * np.linalg.norm(x))
    assert_close("Linear dx", grads.x, x_torch.grad.numpy(), W_size * d_size)
    assert_close("Linear dW", grads.params["W"], expected["W"], np.linalg.norm(x) * d_size)
    assert_close("Linear db", grads.params["b"], expected["b"], d_size)


@given(seeds, leading, dtypes)
def test_relu(seed: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    x, d = rng.integers(-2, 3, shape).astype(dtype), rng.normal(size=shape).astype(dtype)  # zeros among them
    x_torch = torch.tensor(x, requires_grad=True)
    theirs = torch.relu(x_torch)
    theirs.backward(torch.tensor(d))
    ours, cache = ReLU().forward(x)
    np.testing.assert_array_equal(ours, theirs.detach().numpy())
    assert_close("ReLU dx", ReLU().backward(d, cache).x, x_torch.grad.numpy())


@given(seeds, leading, dtypes)
def test_sigmoid_layer(seed: int, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(seed)
    x, d = (3 * rng.normal(size=shape).astype(dtype) for _ in range(2))
    x_torch = torch.tensor(x, requires_grad=True)
    theirs = torch.sigmoid(x_torch)
    theirs.backward(torch.tensor(d))
    ours, cache = Sigmoid().forward(x)
    assert_close("Sigmoid y", ours, theirs.detach().numpy())
    assert_close("Sigmoid dx", Sigmoid().backward(d, cache).x, x_torch.grad.numpy())


@given(seeds, leading, dtypes, st.floats(0, 0.9))
def test_dropout(seed: int, shape: tuple[int, ...], dtype: str, p: float) -> None:
    rng = np.random.default_rng(seed)
    x, d = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    layer = Dropout(p)
    mask = layer.mask(shape, dtype, rng)
    x_torch = torch.tensor(x, requires_grad=True)
    theirs = x_torch * torch.tensor(mask)
    theirs.backward(torch.tensor(d))
    ours, cache = layer.forward(x, mask)
    np.testing.assert_array_equal(ours, theirs.detach().numpy())
    assert_close("Dropout dx", layer.backward(d, cache).x, x_torch.grad.numpy())
    assert layer.backward(d, cache).params == {}


def test_dropouts_mask_is_pytorchs() -> None:
    """The same two values as torch.nn.Dropout gives for ones, and zeros as often as asked for."""
    mask = Dropout(0.3).mask((200, 500), "float32", np.random.default_rng(0))
    theirs = torch.nn.Dropout(0.3)(torch.ones(200, 500)).unique().numpy()
    np.testing.assert_allclose(np.unique(mask), theirs, rtol=1e-6)
    assert abs((mask == 0).mean() - 0.3) < 0.01
    assert abs(mask.mean() - 1) < 0.02


def test_linear_starts_as_pytorchs_does() -> None:
    """U(-1/sqrt(D), 1/sqrt(D)), the bias too."""
    for p in Linear(25, 4000).params.values():
        np.testing.assert_allclose(np.quantile(p, [0, 0.25, 0.5, 0.75, 1]), [-0.2, -0.1, 0, 0.1, 0.2], atol=0.01)
    assert abs(Embedding(2000, 50).params["W"].std() - 1) < 0.01


@pytest.mark.parametrize("kind", [Embedding, Linear])
def test_every_parameter_is_drawn_from_rng(kind: Any) -> None:
    check_initial_values(lambda seed: kind(3, 4, rng=np.random.default_rng(seed)))


X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        (Embedding(4, 3), (np.array([[0, 3], [1, 1]]),)),
        (Embedding(4, 3), (np.array(2),)),
        (Linear(3, 2), (X,)),
        (ReLU(), (X,)),
        (Sigmoid(), (X,)),
        (Dropout(0.5), (X, Dropout(0.5).mask(X.shape, "float32", np.random.default_rng(0)))),
    ],
    ids=["Embedding", "Embedding of one id", "Linear", "ReLU", "Sigmoid", "Dropout"],
)
def test_an_output_is_of_its_own(layer: Any, arguments: Any) -> None:
    """Who writes into it changes no cache, no argument and no parameter."""
    output, cache = layer.forward(*arguments)
    for array in (cache, *arguments, *getattr(layer, "params", {}).values()):
        assert not np.shares_memory(output, array)


def test_an_embeddings_cache_has_ids_of_its_own() -> None:
    ids = np.array([1, 2])
    _, cache = Embedding(4, 3).forward(ids)
    assert not np.shares_memory(cache, ids)


def test_embeddings_start_with_the_std_asked_for() -> None:
    W = Embedding(2000, 50, std=0.1).params["W"]
    assert abs(W.std() - 0.1) < 0.001
    assert abs(W.mean()) < 0.001


def test_a_mask_of_any_shape() -> None:
    rng = np.random.default_rng(0)
    assert Dropout(0.5).mask([2, 3], "float64", rng).shape == (2, 3)
    assert Dropout(0.5).mask((2, 0), "float64", rng).shape == (2, 0)


def test_sigmoid_at_its_ends() -> None:
    """To the last digit where it is tiny, without a warning where exp overflows (warnings are errors here)."""
    z = np.array([-800.0, -40.0, 0.0, 40.0, 800.0])
    np.testing.assert_allclose(sigmoid(z), [0, np.exp(-40.0), 0.5, 1, 1], rtol=1e-15)
    assert sigmoid(z.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        (Embedding(4, 3), (np.array([1]),)),
        (Linear(3, 2), (X,)),
        (ReLU(), (X,)),
        (Sigmoid(), (X,)),
        (Dropout(0), (X, X)),
    ],
    ids=["Embedding", "Linear", "ReLU", "Sigmoid", "Dropout"],
)
def test_a_gradient_of_another_dtype_is_refused(layer: Any, arguments: Any) -> None:
    """In float32 it would be rounded up to float64, or down, unseen."""
    output, cache = layer.forward(*arguments)
    with pytest.raises(ValueError, match=r"d[xy]: expected a float32 array .* got float64"):
        layer.backward(output.astype(np.float64), cache)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Embedding(5, 0), "embedding_size: expected a whole number >= 1, got 0"),
        (lambda: Embedding(0, 2), "vocabulary_size: expected a whole number >= 1, got 0"),
        (lambda: Embedding(5, 2, std=-1.0), "std: expected a number in"),
        (lambda: Embedding(5, 2, dtype="int32"), "dtype: expected float32 or float64, got 'int32'"),
        (lambda: Embedding(5, 2, rng=0), "rng: expected a numpy.random.Generator, got int"),
        (lambda: Linear(0, 3), "input_size: expected a whole number >= 1, got 0"),
        (lambda: Linear(2, True), "output_size: expected a whole number >= 1, got True"),
        (lambda: Linear(2, 3, dtype="float16"), "dtype: expected float32 or float64, got 'float16'"),
        (lambda: Embedding(5, 2).forward(np.array([0, 5])), r"ids: expected whole numbers in 0..4 .* got 5 among them"),
        (lambda: Embedding(5, 2).forward(np.array([-1])), "ids: .* got -1 among them"),
        (lambda: Embedding(5, 2).forward(np.array([1.0])), "ids: .* got float64"),
        (lambda: Embedding(5, 2).backward(np.zeros((1, 3), np.float32), np.array([1])), "dx: expected .* shape"),
        (lambda: Linear(2, 3).forward(np.zeros((4, 3), np.float32)), r"x: expected .* shape \(4, 2\)"),
        (lambda: Linear(2, 3).forward(np.float32(1)), "x: expected .* got float32"),
        (lambda: Linear(2, 3).forward([1.0, 2.0]), "x: expected .* got list"),
        (lambda: Linear(2, 3).backward(np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32)), "dy: expected"),
        (lambda: Dropout(1.0), r"p: expected a number in \[0, 1\), got 1.0"),
        (lambda: Dropout(0.5).forward(np.zeros(3), np.zeros(2)), "mask: expected"),
        (lambda: Dropout(0.5).forward([1.0], np.ones(1)), "x: expected a float32 or float64 array, got list"),
        (lambda: Dropout(0.5).forward(np.ones(1, int), np.ones(1, int)), "x: expected a float32 .* got int64"),
        (lambda: Dropout(0.5).backward(np.zeros(3), np.zeros(2)), "dy: expected"),
        (lambda: Sigmoid().forward([1.0]), "x: expected a float32 or float64 array, got list"),
        (lambda: Sigmoid().backward(np.zeros(3), np.zeros(2)), "dy: expected"),
        (lambda: Dropout(0.5).forward(np.ones(1), np.ones(1, np.float32)), "mask: expected a float64 .* got float32"),
        (lambda: ReLU().forward([1.0]), "x: expected a float32 or float64 array, got list"),
        (lambda: Linear(2, 3, rng=0), "rng: expected a numpy.random.Generator, got int"),
        (lambda: ReLU().backward(np.zeros(3), np.zeros(2)), "dy: expected"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_joined_params_are_the_layers_own_arrays() -> None:
    """To be written into. What replaces or removes an entry, which no layer would notice, is an error."""
    linear = Linear(2, 3)
    params = JoinedParams(join({"linear": linear.params}))
    params["linear.W"][...] = 1
    params["linear.W"] *= 2
    assert (linear.params["W"] == 2).all()
    assert params["linear.W"] is linear.params["W"]
    for change in (
        lambda: params.__setitem__("linear.W", np.zeros((2, 3), np.float32)),
        lambda: params.__setitem__("other", np.zeros(1)),
        lambda: params.__delitem__("linear.W"),
        lambda: params.update({"linear.b": np.zeros(3)}),
        lambda: params.setdefault("other", np.zeros(1)),
        lambda: params.pop("linear.W"),
        lambda: params.popitem(),
        lambda: params.clear(),
        lambda: params.__ior__({"linear.b": np.zeros(3)}),
    ):
        with pytest.raises(
            TypeError,
            match=r"^params: expected a value written into its array, .* = value, got another array$",
        ):
            change()
    assert list(params) == ["linear.W", "linear.b"]
    twin, twin_params = copy.deepcopy((linear, params))
    assert twin_params["linear.W"] is twin.params["W"]


@pytest.mark.parametrize("token", [-1, 5, 6])
def test_embedding_backward_knows_its_vocabulary(token: int) -> None:
    """Five words: 0 to 4."""
    with pytest.raises(ValueError, match=f"ids: expected whole numbers in 0..4 .* got {token} among them"):
        Embedding(5, 2).backward(np.ones((1, 2), np.float32), np.array([token]))
