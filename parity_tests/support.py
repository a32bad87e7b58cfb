"""Drawn recurrent problems, PyTorch's answer to them, and the comparison that every gradient goes through."""

from __future__ import annotations

from collections.abc import Iterator
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
SCALES = ("1e-3", "0.5", "saturated")  # of the weights


class Tally:
    """What the summary at the end of a test run tells about one quantity."""

    def __init__(self) -> None:
        self.examples, self.worst = 0, 0.0


TALLIES: dict[tuple[str, str], Tally] = {}


def assert_close(name: str, ours: np.ndarray, theirs: np.ndarray, size: float = 0.0) -> None:
    """|ours - theirs| <= TOLERANCE max(|theirs|, size), noted under `name` for the summary.

    A NaN, another shape or another dtype fails. size: see `by_autograd`.
    """
    assert ours.shape == theirs.shape, f"{name}: shape {ours.shape}, expected {theirs.shape}"
    assert ours.dtype == theirs.dtype, f"{name}: dtype {ours.dtype}, expected {theirs.dtype}"
    dtype = str(ours.dtype)
    error = relative_error(ours, theirs)
    if size:
        error *= min(1, float(np.linalg.norm(theirs)) / size)
    tally = TALLIES.setdefault((name, dtype), Tally())
    tally.examples += 1
    tally.worst = float(np.maximum(tally.worst, error))
    assert error <= TOLERANCE[dtype], f"{name}: relative error {error:.2e}\nours\n{ours}\nexpected\n{theirs}"


@dataclass
class Problem:
    """A layer, what goes into it, and the gradients that arrive at its results."""

    layer: numpy_rnn.RNN
    x: np.ndarray
    h_0: np.ndarray | None
    lengths: np.ndarray | None
    d_output: np.ndarray | None
    d_h_n: np.ndarray | None

    def run(self) -> tuple[np.ndarray, np.ndarray, numpy_rnn.Grads]:
        output, h_n, cache = self.layer.forward(self.x, self.h_0, self.lengths)
        return output, h_n, self.layer.backward(self.d_output, self.d_h_n, cache)


def draw_weights(rng: np.random.Generator, layer: numpy_rnn.RNN, scale: str) -> None:
    """U(-s, s) with s = 1e-3 or 0.5. "saturated": s = 0.5, but some units, never the first of a layer, get five times
    that. Were all of them saturated, 1 - h^2 would be a difference of nearly equal numbers everywhere, and no two
    right implementations would agree to more than a few digits."""
    for name, p in layer.params.items():
        s = np.full(layer.hidden_size, 1e-3 if scale == "1e-3" else 0.5)
        if scale == "saturated":
            s[1:] *= rng.choice([1, 5], layer.hidden_size - 1)
        layer.params[name] = (s * rng.uniform(-1, 1, p.shape)).astype(layer.dtype)


@st.composite
def problems(draw: Any, dtype: str = "float64", scale: str | None = None, lengths: bool | None = None) -> Problem:
    """Sizes, 1 among them, nonlinearity, bias, weight scale, h_0, lengths and arriving gradients: all drawn."""
    T, N, D, H, L = (
        draw(st.integers(1, most), label=name) for name, most in zip("TNDHL", (8, 4, 5, 6, 3), strict=True)
    )
    nonlinearity = draw(st.sampled_from(["tanh", "relu"]), label="nonlinearity")
    layer = numpy_rnn.RNN(D, H, L, nonlinearity, bias=draw(st.booleans(), label="bias"), dtype=dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    draw_weights(rng, layer, scale or draw(st.sampled_from(SCALES), label="scale"))
    with_lengths = draw(st.booleans(), label="lengths") if lengths is None else lengths
    upstream = draw(st.sampled_from(["both", "d_output", "d_h_n"]), label="upstream")
    x, h_0 = (rng.uniform(-1, 1, shape).astype(dtype) for shape in ((T, N, D), (L, N, H)))
    d_output, d_h_n = (rng.normal(size=shape).astype(dtype) for shape in ((T, N, H), (L, N, H)))
    return Problem(
        layer,
        x,
        h_0=h_0 if draw(st.booleans(), label="h_0") else None,
        lengths=rng.integers(1, T + 1, N) if with_lengths else None,
        d_output=None if upstream == "d_h_n" else d_output,
        d_h_n=None if upstream == "d_output" else d_h_n,
    )


class Reference(NamedTuple):
    output: np.ndarray
    h_n: np.ndarray
    grads: numpy_rnn.Grads
    sizes: dict[str, float]  # by a gradient's name: see by_autograd


def by_autograd(problem: Problem) -> Reference:
    """The same results from torch.nn.RNN, packed where there are lengths, and torch.autograd.

    A gradient is a sum, and its terms may happen to cancel; then its rounding error is large beside its norm. So
    `sizes` has the largest norm of the same gradient where the arriving ones have random signs.
    """
    layer, module = problem.layer, to_torch(problem.layer)
    x = torch.tensor(problem.x, requires_grad=True)
    state = (layer.num_layers, x.shape[1], layer.hidden_size)
    h_0 = torch.tensor(np.zeros(state, layer.dtype) if problem.h_0 is None else problem.h_0, requires_grad=True)
    if problem.lengths is None:
        output, h_n = module(x, h_0)
    else:
        packed = pack_padded_sequence(x, torch.tensor(problem.lengths), enforce_sorted=False)
        packed_output, h_n = module(packed, h_0)
        output, _ = pad_packed_sequence(packed_output, total_length=len(x))
    pairs = [(output, problem.d_output), (h_n, problem.d_h_n)]
    results = [result for result, d in pairs if d is not None]
    arriving = [torch.tensor(d) for _, d in pairs if d is not None]
    inputs = {"x": x, "h_0": h_0, **dict(module.named_parameters())}

    def gradients(d: Any) -> numpy_rnn.Grads:
        dx, dh_0, *rest = (g.numpy() for g in torch.autograd.grad(results, list(inputs.values()), d, retain_graph=True,
                                                                   materialize_grads=True))  # fmt: skip
        return numpy_rnn.Grads(dx, dh_0, from_torch_names(layer, dict(zip(list(inputs)[2:], rest, strict=True))))

    grads = gradients(arriving)
    signs = torch.Generator().manual_seed(0)
    sizes = {name: float(np.linalg.norm(g)) for name, g in named(grads)}
    for _ in range(2):
        flipped = [d * (2 * torch.randint(2, d.shape, generator=signs) - 1) for d in arriving]
        sizes = {name: max(sizes[name], float(np.linalg.norm(g))) for name, g in named(gradients(flipped))}
    return Reference(output.detach().numpy(), h_n.detach().numpy(), grads, sizes)


def named(grads: numpy_rnn.Grads) -> Iterator[tuple[str, np.ndarray]]:
    """("dx", ...), ("dh_0", ...), ("dW_hh_l0", ...), ..."""
    yield "dx", grads.x
    yield "dh_0", grads.h_0
    for name, gradient in grads.params.items():
        yield f"d{name}", gradient
