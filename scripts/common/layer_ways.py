"""One recurrent layer, forward and backward, in several ways, to be timed: the same weights, data and gradients."""

import time
from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from numpy_rnn import GRU, LSTM, RNN
from numpy_rnn.checks import expect
from numpy_rnn.types import Array
from torch_rnn.comparison import relative_error
from torch_rnn.convert import to_torch
from torch_rnn.loops import CellLoop

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
WAYS = ("numpy_rnn", "torch.nn", "loop over torch's cell", "JAX")
FLOOR = "matrix products alone"


class Size(NamedTuple):
    T: int
    N: int
    D: int
    H: int


IMDB, LONG, SMALL = Size(200, 100, 128, 256), Size(800, 32, 128, 256), Size(50, 32, 32, 64)
SIZES = (IMDB, LONG, Size(400, 100, 100, 128), SMALL)


class Way(ABC):
    """dL/dW of one layer for L = the sum of output * d_output, and dL/dx."""

    def forward(self) -> None:  # noqa: B027  # JAX has none of its own
        """The forward pass."""

    @abstractmethod
    def backward(self) -> None:
        """The gradients, after `forward`."""

    @abstractmethod
    def gradient(self) -> Array:
        """dL/dW_hh of the last call, in the layout of numpy_rnn."""

    def seconds(self) -> tuple[float, float]:
        """Of one call of `forward`, and of `backward`."""
        start = time.perf_counter()
        self.forward()
        middle = time.perf_counter()
        self.backward()
        return middle - start, time.perf_counter() - middle


class ByHand(Way):
    def __init__(self, layer: Any, x: Array, d_output: Array, lengths: Array | None = None):
        self.layer, self.x, self.d_output, self.lengths = layer, x, d_output, lengths

    def forward(self) -> None:
        _, _, self.cache = self.layer.forward(self.x, None, self.lengths)

    def backward(self) -> None:
        self.grads = self.layer.backward(self.d_output, None, self.cache)

    def gradient(self) -> Array:
        return self.grads.params["W_hh_l0"]


class ByTorch(Way):
    """nn.RNN, nn.LSTM, nn.GRU, or the loop over the cell."""

    def __init__(self, module: nn.Module, W_hh: torch.Tensor, x: Array, d_output: Array):
        self.module, self.W_hh, self.d_output = module, W_hh, torch.tensor(d_output)
        self.x = torch.tensor(x, requires_grad=True)

    def forward(self) -> None:
        self.module.zero_grad()
        self.x.grad = None
        output = self.module(self.x)
        self.output = output[0] if isinstance(output, tuple) else output

    def backward(self) -> None:
        self.output.backward(self.d_output)

    def gradient(self) -> Array:
        assert self.W_hh.grad is not None
        return self.W_hh.grad.numpy().T


class ByJax(Way):
    """One call for both ways."""

    def __init__(self, cell: str, params: dict[str, Array], x: Array, d_output: Array):
        from common.jax_layer import gradient_function, on_device

        self.function = gradient_function(cell, d_output)
        self.arguments = on_device(({name.removesuffix("_l0"): p for name, p in params.items()}, x))

    def backward(self) -> None:
        self.grads, _ = self.function(*self.arguments)

    def gradient(self) -> Array:
        return np.asarray(self.grads["W_hh"])


class Products(Way):
    """The matrix products of the layer and nothing else: no way can be quicker that uses the same BLAS."""

    def __init__(self, params: dict[str, Array], x: Array, H: int):
        self.W_xh, self.W_hh = params["W_xh_l0"], params["W_hh_l0"]
        self.x, self.hs = x.reshape(-1, x.shape[2]), np.ones((*x.shape[:2], H), x.dtype)
        self.dz = np.ones((*x.shape[:2], self.W_hh.shape[1]), x.dtype)

    def forward(self) -> None:
        self.x @ self.W_xh
        for h in self.hs:
            h @ self.W_hh

    def backward(self) -> None:
        W_hh_T, dz = np.ascontiguousarray(self.W_hh.T), self.dz.reshape(len(self.x), -1)
        for dz_t in self.dz:
            dz_t @ W_hh_T
        self.x.T @ dz
        self.dW_hh = self.hs.reshape(len(self.x), -1).T @ dz
        dz @ self.W_xh.T

    def gradient(self) -> Array:
        return self.dW_hh


def layer_and_data(cell: str, size: Size) -> tuple[Any, Array, Array]:
    """A layer, x and d_output, always the same ones."""
    rng, (T, N, D, H) = np.random.default_rng(0), size
    x, d_output = (rng.normal(size=(T, N, K)).astype(np.float32) for K in (D, H))
    return LAYERS[cell](D, H, rng=rng), x, d_output


def torch_way(layer: Any, x: Array, d_output: Array) -> ByTorch:
    """By nn.RNN, nn.LSTM or nn.GRU."""
    module: Any = to_torch(layer)
    return ByTorch(module, module.weight_hh_l0, x, d_output)


def loop_way(cell: str, layer: Any, x: Array, d_output: Array) -> ByTorch:
    """By the loop over nn.RNNCell, nn.LSTMCell or nn.GRUCell."""
    whole, loop = to_torch(layer), CellLoop(CELLS[cell](layer.input_size, layer.hidden_size))
    for name, p in loop.cell.named_parameters():
        p.data.copy_(getattr(whole, f"{name}_l0"))
    return ByTorch(loop, loop.cell.weight_hh, x, d_output)


def ways(cell: str, size: Size) -> dict[str, Way]:
    """All ways that can be had here, by name. They have given the same gradient."""
    layer, x, d_output = layer_and_data(cell, size)
    found: dict[str, Way] = {
        WAYS[0]: ByHand(layer, x, d_output),
        WAYS[1]: torch_way(layer, x, d_output),
        WAYS[2]: loop_way(cell, layer, x, d_output),
    }
    if find_spec("jax"):
        found[WAYS[3]] = ByJax(cell, layer.params, x, d_output)
    for name, way in found.items():
        way.seconds()
        error = relative_error(way.gradient(), found[WAYS[0]].gradient())
        expect(error < 1e-3, name, "the gradient that numpy_rnn has", f"one that differs by {error:.1e}")
    return found | {FLOOR: Products(layer.params, x, size.H)}
