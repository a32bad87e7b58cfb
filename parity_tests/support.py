"""Drawn recurrent problems, PyTorch's answer to them, and the comparison that every gradient goes through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import numpy_rnn
from torch_rnn import from_torch_names, to_torch
from torch_rnn.comparison import relative_error

# Relative errors in norm: float32 is allowed as many units in the last place as float64.
TOLERANCE = {"float64": 1e-12, "float32": 5e-4}
CELLS = ("tanh", "relu", "LSTM", "GRU")
SCALES = ("1e-3", "0.5", "saturated")  # of the weights
Layer = Any  # a numpy_rnn.RNN, LSTM or GRU


class Tally:
    """What the summary at the end of a test run tells about one quantity."""

    def __init__(self) -> None:
        self.examples, self.worst, self.noticed = 0, 0.0, np.inf


TALLIES: dict[tuple[str, str], Tally] = {}


def error_of(ours: np.ndarray, theirs: np.ndarray, size: float) -> float:
    """|ours - theirs| / max(|theirs|, size). A NaN stays a NaN."""
    error = relative_error(ours, theirs)
    return error * min(1, float(np.linalg.norm(theirs)) / size) if size else error


def assert_close(name: str, ours: np.ndarray, theirs: np.ndarray, size: float = 0.0) -> None:
    """|ours - theirs| <= TOLERANCE max(|theirs|, size), noted under `name` for the summary.

    A NaN, another shape or another dtype fails. size: see `by_autograd`. Then a relative error is planted into `ours`,
    a smaller one each time that the last one was noticed: the summary has the smallest, which is what the check can do.
    """
    assert ours.shape == theirs.shape, f"{name}: shape {ours.shape}, expected {theirs.shape}"
    assert ours.dtype == theirs.dtype, f"{name}: dtype {ours.dtype}, expected {theirs.dtype}"
    dtype = str(ours.dtype)
    error = error_of(ours, theirs, size)
    tally = TALLIES.setdefault((name, dtype), Tally())
    tally.examples += 1
    tally.worst = float(np.maximum(tally.worst, error))
    assert error <= TOLERANCE[dtype], f"{name}: relative error {error:.2e}\nours\n{ours}\nexpected\n{theirs}"
    while True:
        planted = min(1.0, tally.noticed / 10**0.25)
        if error_of((ours * (1 + planted)).astype(ours.dtype), theirs, size) <= TOLERANCE[dtype]:
            break
        tally.noticed = planted


@dataclass
class Problem:
    """A layer, what goes into it, and the gradients that arrive at its results. An LSTM's states are pairs."""

    layer: Layer
    x: np.ndarray
    h_0: Any
    lengths: np.ndarray | None
    d_output: np.ndarray | None
    d_h_n: Any
    masks: list[np.ndarray] | None = None

    def run(self) -> tuple[np.ndarray, Any, numpy_rnn.Grads]:
        output, h_n, cache = self.layer.forward(self.x, self.h_0, self.lengths, self.masks)
        return output, h_n, self.layer.backward(self.d_output, self.d_h_n, cache)

    def alone(self, n: int, length: int) -> Problem:
        """Sequence n without its pads."""

        one = slice(n, n + 1)
        x, d_output = self.x[:length, one], None if self.d_output is None else self.d_output[:length, one]
        h_0, d_h_n = (None if s is None else state([a[:, one] for a in states(s)]) for s in (self.h_0, self.d_h_n))
        return Problem(self.layer, x, h_0, None, d_output, d_h_n)


def states(state: Any) -> tuple[np.ndarray, ...]:
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
        s = np.full((layer.gates, layer.hidden_size), 1e-3 if scale == "1e-3" else 0.5)
        if scale == "saturated":
            s[:, 1:] *= rng.choice([1, 5], layer.hidden_size - 1)
        layer.params[name] = (s.ravel() * rng.uniform(-1, 1, p.shape)).astype(layer.dtype)


@st.composite
def problems(draw: Any, cells: Sequence[str] = CELLS, *, dtype: str = "float64", scale: str | None = None,
             lengths: bool | None = None, bidirectional: bool | None = None,
             most_layers: int = 3, dropout: float = 0.0) -> Problem:  # fmt: skip
    """Cell, sizes, 1 among them, directions, bias, weight scale, h_0, lengths and arriving gradients: all drawn."""
    cell = draw(st.sampled_from(cells), label="cell")
    most = {"T": 8, "N": 4, "D": 5, "H": 6, "L": most_layers}
    T, N, D, H, L = (draw(st.integers(1, size), label=name) for name, size in most.items())
    bias = draw(st.booleans(), label="bias")
    both = draw(st.booleans(), label="bidirectional") if bidirectional is None else bidirectional
    layer = make_layer(cell, D, H, L, bias=bias, bidirectional=both, dropout=dropout, dtype=dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    draw_weights(rng, layer, scale or draw(st.sampled_from(SCALES), label="scale"))
    with_lengths = draw(st.booleans(), label="lengths") if lengths is None else lengths
    with_h_0 = draw(st.booleans(), label="h_0")
    upstream = draw(st.sampled_from(["both", "d_output", "d_h_n"]), label="upstream")
    return draw_problem(rng, layer, T, N, with_h_0, with_lengths, upstream)


def make_layer(cell: str, *sizes: int, **settings: Any) -> Layer:
    """cell: "tanh" or "relu" (an RNN), "LSTM" or "GRU"."""
    if cell in ("tanh", "relu"):
        return numpy_rnn.RNN(*sizes, nonlinearity=cell, **settings)
    return getattr(numpy_rnn, cell)(*sizes, **settings)


def draw_problem(rng: np.random.Generator, layer: Layer, T: int, N: int, with_h_0: bool = True,
                 with_lengths: bool = False, upstream: str = "both") -> Problem:  # fmt: skip
    """Random inputs and random arriving gradients for a layer."""
    L, H = layer.num_layers * layer.directions, layer.hidden_size
    x = rng.uniform(-1, 1, (T, N, layer.input_size)).astype(layer.dtype)
    h_0, d_h_n = (state([draw(size=(L, N, H)).astype(layer.dtype) for _ in layer.state_names])
                  for draw in (lambda size: rng.uniform(-1, 1, size), rng.normal))  # fmt: skip
    d_output = rng.normal(size=(T, N, layer.directions * H)).astype(layer.dtype)
    return Problem(
        layer,
        x,
        h_0=h_0 if with_h_0 else None,
        lengths=rng.integers(1, T + 1, N) if with_lengths else None,
        d_output=None if upstream == "d_h_n" else d_output,
        d_h_n=None if upstream == "d_output" else d_h_n,
    )


class Reference(NamedTuple):
    output: np.ndarray
    h_n: Any
    grads: numpy_rnn.Grads
    sizes: dict[str, float]  # by a gradient's name: see by_autograd


# What PyTorch computes of a problem: the outputs and the last states as tensors, from x and h_0 and the twin module.
Forward = Callable[[Problem, torch.nn.Module, torch.Tensor, Any], tuple[torch.Tensor, Any]]


def torch_forward(problem: Problem, module: torch.nn.Module, x: torch.Tensor, h_0: Any) -> tuple[torch.Tensor, Any]:
    """The twin module itself, packed where there are lengths."""
    if problem.lengths is None:
        return module(x, h_0)
    packed = pack_padded_sequence(x, torch.tensor(problem.lengths), enforce_sorted=False)
    packed_output, h_n = module(packed, h_0)
    return pad_packed_sequence(packed_output, total_length=len(x))[0], h_n


def by_autograd(problem: Problem, forward: Forward = torch_forward) -> Reference:
    """The same results from the PyTorch twin and torch.autograd.

    A gradient is a sum, and its terms may happen to cancel; then its rounding error is large beside its norm. So
    `sizes` has the largest norm of the same gradient where the arriving ones have random signs.
    """
    layer, module = problem.layer, to_torch(problem.layer)
    x = torch.tensor(problem.x, requires_grad=True)
    shape = (layer.num_layers * layer.directions, x.shape[1], layer.hidden_size)
    zeros = [np.zeros(shape, layer.dtype) for _ in layer.state_names]
    h_0s = [torch.tensor(h, requires_grad=True) for h in states(problem.h_0) or zeros]
    output, h_n = forward(problem, module, x, state(h_0s))
    arriving = [torch.tensor(d) for d in (*states(problem.d_output), *states(problem.d_h_n))]
    results = [*(() if problem.d_output is None else (output,)), *(() if problem.d_h_n is None else states(h_n))]
    names, tensors = zip(*module.named_parameters(), strict=True)

    def gradients(d: Any) -> numpy_rnn.Grads:
        inputs = [x, *h_0s, *tensors]
        dx, *rest = (g.numpy() for g in torch.autograd.grad(results, inputs, d, retain_graph=True,
                                                            materialize_grads=True))  # fmt: skip
        dh_0, dp = rest[: len(h_0s)], rest[len(h_0s) :]
        return numpy_rnn.Grads(dx, state(dh_0), from_torch_names(layer, dict(zip(names, dp, strict=True))))

    grads = gradients(arriving)
    signs = torch.Generator().manual_seed(0)
    sizes = {name: float(np.linalg.norm(g)) for name, g in named(grads)}
    for _ in range(2):
        flipped = [d * (2 * torch.randint(2, d.shape, generator=signs) - 1) for d in arriving]
        sizes = {name: max(sizes[name], float(np.linalg.norm(g))) for name, g in named(gradients(flipped))}
    return Reference(output.detach().numpy(), state([h.detach().numpy() for h in states(h_n)]), grads, sizes)


def check(problem: Problem, forward: Forward = torch_forward) -> None:
    """Values and every gradient against PyTorch, noted in the summary under the layer's kind, all layers together."""
    kind, reference = type(problem.layer).__name__, by_autograd(problem, forward)
    output, h_n, grads = problem.run()
    assert_close(f"{kind} output", output, reference.output)
    for name, ours, theirs in zip(("h_n", "c_n"), states(h_n), states(reference.h_n), strict=False):
        assert_close(f"{kind} {name}", ours, theirs)
    check_gradients(kind, grads, reference)


def check_gradients(kind: str, grads: numpy_rnn.Grads, reference: Reference) -> None:
    for (name, ours), (_, theirs) in zip(named(grads), named(reference.grads), strict=True):
        assert_close(f"{kind} {re.sub('_l[0-9].*', '', name)}", ours, theirs, reference.sizes[name])


def named(grads: numpy_rnn.Grads) -> Iterator[tuple[str, np.ndarray]]:
    """("dx", ...), ("dh_0", ...), of an LSTM ("dc_0", ...), ("dW_hh_l0", ...), ..."""
    yield "dx", grads.x
    yield from zip(("dh_0", "dc_0"), states(grads.h_0), strict=False)
    for name, gradient in grads.params.items():
        yield f"d{name}", gradient
