"""Drawn recurrent problems: a layer, what goes into it, and the gradients that arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from hypothesis import strategies as st

import numpy_rnn
from numpy_rnn.types import Array

CELLS = ("tanh", "relu", "LSTM", "GRU")


SCALES = ("1e-3", "0.5", "saturated")  # of the weights


Layer = Any  # a numpy_rnn.RNN, LSTM or GRU


@dataclass
class Problem:
    """A layer, what goes into it, and the gradients that arrive at its results. An LSTM's states are pairs."""

    layer: Layer
    x: Array
    h_0: Any
    lengths: Array | None
    d_output: Array | None
    d_h_n: Any
    masks: list[Array] | None = None

    def run(self) -> tuple[Array, Any, numpy_rnn.Grads]:
        output, h_n, cache = self.layer.forward(self.x, self.h_0, self.lengths, self.masks)
        return output, h_n, self.layer.backward(self.d_output, self.d_h_n, cache)

    def alone(self, n: int, length: int) -> Self:
        """Sequence n without its pads."""
        one = slice(n, n + 1)
        x, d_output = self.x[:length, one], None if self.d_output is None else self.d_output[:length, one]
        h_0, d_h_n = (None if s is None else state([a[:, one] for a in states(s)]) for s in (self.h_0, self.d_h_n))
        return type(self)(self.layer, x, h_0, None, d_output, d_h_n)


def states(state: Any) -> tuple[Array, ...]:
    """(h,) for an RNN's or GRU's h, (h, c) for an LSTM's pair; () for None."""
    return () if state is None else (state if isinstance(state, tuple) else (state,))


def state(arrays: Sequence[Any]) -> Any:
    """The inverse of `states`, for one or two arrays."""
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


def draw_weights(rng: np.random.Generator, layer: Layer, scale: str) -> None:
    """U(-s, s) with s = 1e-3 or 0.5. "saturated": s = 0.5, but some units, never the first of a layer, get five times
    that. Were all of them saturated, 1 - h^2 would be a difference of nearly equal numbers everywhere, and no two
    right implementations would agree to more than a few digits."""
    for name, p in layer.params.items():
        s = np.full((layer.num_gates, layer.hidden_size), 1e-3 if scale == "1e-3" else 0.5)
        if scale == "saturated":
            s[:, 1:] *= rng.choice([1, 5], layer.hidden_size - 1)
        layer.params[name] = (s.ravel() * rng.uniform(-1, 1, p.shape)).astype(layer.dtype)


@st.composite
def problems(
    draw: Any,
    cells: Sequence[str] = CELLS,
    *,
    dtype: str = "float64",
    scale: str | None = None,
    lengths: bool | None = None,
    bidirectional: bool | None = None,
    most_layers: int = 3,
    dropout: float = 0.0,
) -> Problem:
    """Cell, sizes, 1 among them, directions, bias, weights, segments, h_0, lengths, arriving gradients: all drawn."""
    cell = draw(st.sampled_from(cells), label="cell")
    most = {"T": 8, "N": 4, "D": 5, "H": 6, "L": most_layers}
    T, N, D, H, L = (draw(st.integers(1, size), label=name) for name, size in most.items())
    bias = draw(st.booleans(), label="bias")
    both = draw(st.booleans(), label="bidirectional") if bidirectional is None else bidirectional
    layer = make_layer(cell, D, H, L, bias=bias, bidirectional=both, dropout=dropout, dtype=dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    draw_weights(rng, layer, scale or draw(st.sampled_from(SCALES), label="scale"))
    layer.segment_length = draw(st.sampled_from([64, 1, 2, 3]), label="segment_length")
    with_lengths = draw(st.booleans(), label="lengths") if lengths is None else lengths
    with_h_0 = draw(st.booleans(), label="h_0")
    upstream = draw(st.sampled_from(["both", "d_output", "d_h_n"]), label="upstream")
    return draw_problem(rng, layer, T, N, with_h_0, with_lengths, upstream)


def make_layer(cell: str, *sizes: int, **settings: Any) -> Layer:
    """cell: "tanh" or "relu" (an RNN), "LSTM" or "GRU"."""
    if cell in ("tanh", "relu"):
        return numpy_rnn.RNN(*sizes, nonlinearity=cell, **settings)
    return getattr(numpy_rnn, cell)(*sizes, **settings)


def draw_problem(
    rng: np.random.Generator,
    layer: Layer,
    T: int,
    N: int,
    with_h_0: bool = True,
    with_lengths: bool = False,
    upstream: str = "both",
) -> Problem:
    """Random inputs and random arriving gradients for a layer."""
    L, H = layer.num_layers * layer.directions, layer.hidden_size
    x = rng.uniform(-1, 1, (T, N, layer.input_size)).astype(layer.dtype)
    h_0, d_h_n = (
        state([draw(size=(L, N, H)).astype(layer.dtype) for _ in layer.state_names])
        for draw in (lambda size: rng.uniform(-1, 1, size), rng.normal)
    )
    d_output = rng.normal(size=(T, N, layer.directions * H)).astype(layer.dtype)
    return Problem(
        layer,
        x,
        h_0=h_0 if with_h_0 else None,
        lengths=rng.integers(1, T + 1, N) if with_lengths else None,
        d_output=None if upstream == "d_h_n" else d_output,
        d_h_n=None if upstream == "d_output" else d_h_n,
    )
