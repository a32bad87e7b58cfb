"""Full backpropagation through time with the memory of few steps: some states are kept, the rest is computed again.

The forward pass goes through segments of S steps and keeps the state before each of them, and nothing else. The
backward pass takes the last segment first: it computes the segment forward once more, from the state that was kept, and
then backward. Memory is that of T / S states and of one segment, which is least for S in proportion to sqrt(T). The
forward pass is done twice. (A file with a model's parameters is called a checkpoint, too. That is another thing.)

Source:
    Chen et al. (2016), "Training deep nets with sublinear memory cost".
"""

from collections.abc import Callable
from math import ceil, sqrt
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.checks import check_array, check_size, check_states, check_type, expect
from numpy_rnn.packing import arrange, longest_first, restore
from numpy_rnn.segments import Segment, segments
from numpy_rnn.types import Array, Grads, States

LossGradient = Callable[[int, Array], Array]


class Kept(NamedTuple):
    """What `forward` keeps for `backward`."""

    layer: RNNBase
    x: Array  # (T, N, D), the longest sequence first
    lengths: Array  # (N,), the longest first
    order: Array | slice  # see `longest_first`
    k: int  # a multiple of S; at least T, where nothing is cut
    segments: list[Segment]
    states: list[States]  # before each segment, (K, live, H) each: of the sequences that have it

    def run(self, segment: Segment, states: States) -> tuple[Array, States, Any]:
        """The forward pass of a segment: its output (S, live, F), the last states, the cache."""
        start, end, n = segment
        output, h_n, cache = self.layer.forward(self.x[start:end, n], as_given(states), segment.part_of(self.lengths))
        return output, as_tuple(h_n), cache


def as_given(states: States) -> Any:
    """In the form that a layer takes: of an LSTM a pair, of the others one array."""
    return states if len(states) > 1 else states[0]


def as_tuple(given: Any) -> States:
    return given if isinstance(given, tuple) else (given,)


def forward(
    layer: RNNBase, x: Array, h_0: Any = None, lengths: Any = None, S: int | None = None, k: int | None = None
) -> tuple[Any, Kept]:
    """The forward pass, without its output.

    Args:
        layer: an RNN, LSTM or GRU with one direction. It is run without dropout between its layers.
        x: (T, N, D), the inputs. Leave them and the parameters unchanged until `backward`.
        h_0: (K, N, H), the initial states, of an LSTM a pair; None is zeros.
        lengths: (N,), of the sequences, in any order; None is T for all.
        S: the number of steps in a segment; None is sqrt(T), rounded up.
        k: truncates: no gradient goes back beyond a chunk of k steps, as in TBPTT(k, k); a multiple of S. None is full
            backpropagation.

    Returns:
        h_n (K, N, H), of an LSTM a pair, and what `backward` needs.

    Raises:
        ValueError: for a bad argument.
    """
    check_type("layer", layer, RNNBase)
    expect(not layer.bidirectional, "layer", "one direction", "both")
    check_array("x", x, ("T", "N", layer.input_size), layer.dtype)
    T, N, _ = x.shape
    S = ceil(sqrt(T)) if S is None else check_size("S", S)
    k = ceil(T / S) * S if k is None else check_size("k", k)
    expect(k % S == 0, "k", f"a multiple of S = {S}", k)
    states = check_states("h_0", h_0, layer.state_names, (layer.num_layers, N, layer.hidden_size), layer.dtype)
    lengths, order = longest_first(lengths, T, N)
    states = tuple(arrange(s, order).copy() for s in states)
    kept = Kept(layer, arrange(x, order), lengths, order, k, segments(lengths, S), [])
    for segment in kept.segments:
        before = tuple(s[:, segment.n].copy() for s in states)
        kept.states.append(before)
        for s, s_after in zip(states, kept.run(segment, before)[1], strict=True):  # [1]: the last states
            s[:, segment.n] = s_after
    return as_given(tuple(restore(s, order) for s in states)), kept


def backward(d_output: Array | LossGradient | None, d_h_n: Any, kept: Kept) -> Grads:
    """The backward pass.

    Args:
        d_output: (T, N, F), dL/doutput; None is zero. Or a function: of the first step of a segment and its output
            (at most S, N, F) it gives dL/doutput of these steps. It is called once for each segment, for the last one
            first. The last segment ends where the longest sequence ends.
        d_h_n: (K, N, H), dL/dh_n, of an LSTM a pair; None is zero.
        kept: what `forward` returned.

    Returns:
        The same gradients as `RNNBase.backward`. With S = `layer.segment_length` and k = None they have the same bits,
        as both sum over the same segments.

    Raises:
        ValueError: for a bad argument.
    """
    check_type("kept", kept, Kept)
    layer, order = kept.layer, kept.order
    shape = (layer.num_layers, kept.x.shape[1], layer.hidden_size)
    d_h_n = check_states("d_h_n", d_h_n, layer.state_names, shape, layer.dtype)
    d_states = tuple(arrange(d, order).copy() for d in d_h_n)
    dx, params = np.zeros_like(kept.x), dict[str, Any]()
    for segment, states in zip(reversed(kept.segments), reversed(kept.states), strict=True):
        start, end, n = segment
        grads = _of_segment(segment, states, d_output, tuple(d[:, n] for d in d_states), kept)
        dx[start:end, n] = grads.x
        params = {name: params.get(name, 0) + grad for name, grad in grads.params.items()}
        for d, d_before in zip(d_states, as_tuple(grads.h_0), strict=True):
            d[:, n] = d_before if start % kept.k or start == 0 else 0  # 0: the chunk before gets no gradient
    return Grads(restore(dx, order), as_given(tuple(restore(d, order) for d in d_states)), params)


def _of_segment(
    segment: Segment, states: States, d_output: Array | LossGradient | None, d_states: States, kept: Kept
) -> Grads:
    """The segment forward once more, then backward. Its cache ends here, so that memory holds one at a time."""
    output, _, cache = kept.run(segment, states)
    return kept.layer.backward(_d_output_of(segment, d_output, output, kept), as_given(d_states), cache)


def _d_output_of(segment: Segment, d_output: Array | LossGradient | None, output: Array, kept: Kept) -> Array | None:
    """dL/doutput of a segment, (S, live, F), the longest sequence first."""
    (start, end, n), (_, N, _) = segment, kept.x.shape
    if d_output is None:
        return None
    if callable(d_output):
        all_sequences = np.zeros((end - start, N, output.shape[2]), output.dtype)  # zero after a sequence's end
        all_sequences[:, n] = output
        d_part = d_output(start, restore(all_sequences, kept.order))
        check_array("d_output", d_part, all_sequences.shape, output.dtype)
    else:
        check_array("d_output", d_output, (len(kept.x), N, output.shape[2]), output.dtype)
        d_part = d_output[start:end]
    return arrange(d_part, kept.order)[:, n]
