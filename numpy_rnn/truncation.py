"""Truncated backpropagation through time, TBPTT(k1, k2): which losses go back through which steps."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

from numpy_rnn.checks import check_truncation
from numpy_rnn.types import Array, Params, States


class Window(NamedTuple):
    """The losses of some steps, and the steps through which they go back.

    The losses are those of first <= t < end. They go back to step `start`. Steps count from 0. A sequence may end
    before `end`.
    """

    start: int
    first: int
    end: int


class LayerCache(NamedTuple):
    """What the forward pass of one layer in one direction keeps for the backward pass."""

    x: Array  # (T, N, D)
    states: States  # each (T + 1, N, H): [0] is the initial state, [t] the state before step t, [t + 1] the one after
    gates: Any = None  # (T, 4, N, H): an LSTM's i, f, g, o; a GRU's r, z, n and s_n

    @classmethod
    def zeros(cls, x: Array, states_0: States, num_kept: int) -> Self:
        """For a forward pass over x (T, N, D) from states_0, (N, H) each. Everything else is zero."""
        (T, N, _), H = x.shape, states_0[0].shape[-1]
        states = tuple(np.zeros((T + 1, N, H), x.dtype) for _ in states_0)
        for s, s_0 in zip(states, states_0, strict=True):
            s[0] = s_0
        return cls(x, states, np.zeros((T, num_kept, N, H), x.dtype) if num_kept else None)

    def cut(self, start: int, end: int, n: slice) -> Self:
        """The steps start <= t < end of the sequences n: views, not copies."""
        gates = None if self.gates is None else self.gates[start:end, :, n]
        return type(self)(self.x[start:end, n], tuple(s[start : end + 1, n] for s in self.states), gates)


class Cache(NamedTuple):
    """What `forward` of an RNN, LSTM or GRU keeps for `backward`."""

    made_by: object  # the layer itself: `backward` accepts the cache of no other layer, even if that is equal
    lengths: Array  # (N,), the longest first
    order: Array | slice  # sequence i of a layer's arrays is the given sequence order[i]; slice(None): the given order
    masks: list[Array]  # the dropout masks between the layers; empty without dropout
    layers: list[LayerCache]  # in the order of K: l0, l0_reverse (with both directions), l1, ...

    def cut(self, window: Window, n: slice) -> Self:
        """The cache of a forward pass over the window alone, for the sequences n, from the state before the window.

        Only `order` is still that of the whole batch.
        """
        start, _, end = window
        lengths = np.minimum(self.lengths[n], end) - start
        masks = [mask[start:end, n] for mask in self.masks]
        return type(self)(self.made_by, lengths, self.order, masks, [layer.cut(start, end, n) for layer in self.layers])


def cut_gradients(window: Window, n: slice, lengths: Array, d_output: Array, d_h_ns: States) -> tuple[Array, States]:
    """The part of the gradients that comes from the losses of one window.

    Args:
        window: the window.
        n: its sequences.
        lengths: (N,), of all sequences.
        d_output: (T, N, F).
        d_h_ns: (K, N, H) each.

    Returns:
        Of d_output the steps of the window, with zeros before the first loss. Of each d_h_n the sequences n, with
        zeros for those that end after the window.
    """
    start, first, end = window
    d_output = d_output[start:end, n]
    if start < first:
        is_loss = np.arange(start, start + len(d_output)) >= first
        d_output = np.where(is_loss[:, None, None], d_output, 0)
    ends_here = lengths[n] <= end  # h_n is the state after a sequence's last step; no sequence of n ends before `first`
    return d_output, tuple(np.where(ends_here[:, None], d[:, n], 0) for d in d_h_ns)


def windows(lengths: Array, T: int, k1: int | None, k2: int | None) -> list[tuple[Window, slice]]:
    """The windows of TBPTT(k1, k2), each with its sequences.

    The losses are taken in groups of k1 steps. Each group goes back from its last step through at most k2 steps, that
    last step included. Every loss of every sequence is in exactly one window. The last group of a sequence may be
    short. It ends where the sequence ends, not where the batch ends, so pads change no gradient. Special cases:

        k1 = k2 = k    chunks of k steps: the state is carried on, and no group goes back beyond its own chunk
        k1 = 1         each loss goes back through the last k2 steps
        k2 = 1         no gradient goes back through time
        k2 >= T        full backpropagation, in one window

    Args:
        lengths: (N,), of the sequences, in falling order, each at most T.
        T: the number of steps.
        k1: the number of steps in a group, at least 1; None is T.
        k2: the number of steps that a group goes back, at least k1; None is no limit.

    Returns:
        Pairs of a window and the slice of sequences that have losses in it.

    Raises:
        ValueError: for k1 or k2 below 1, and for k2 < k1, as some losses would be lost.

    Source:
        Sutskever (2013), "Training recurrent neural networks". It is BPTT(h; h') of Williams & Peng (1990).
    """
    k1, k2 = check_truncation(k1, k2, T)
    if k2 >= T:
        k1 = k2 = T
    found: dict[Window, list[int]] = {}
    for n, length in enumerate(lengths.tolist()):
        for first in range(0, length, k1):
            end = min(first + k1, T)
            start = first if k1 == k2 else max(min(end, length) - k2, 0)
            found.setdefault(Window(start, first, end), []).append(n)
    return [(window, slice(n[0], n[-1] + 1)) for window, n in found.items()]


Backward = Callable[[Array, States, Cache], tuple[Array, States, Params]]


def truncated(
    parts: list[tuple[Window, slice]], backward: Backward, d_output: Array, d_states_n: States, cache: Cache
) -> tuple[Array, States, Params]:
    """Truncated backpropagation: for each window full backpropagation through its steps, and the sum of the results.

    Args:
        parts: the windows and their sequences, see `windows`.
        backward: full backpropagation, with the last three arguments.
        d_output: (T, N, F), dL/doutput.
        d_states_n: (K, N, H) each, the gradients at the last states.
        cache: of the whole forward pass.

    Returns:
        dx (T, N, D), d_states_0 (K, N, H) each, and the gradients of the parameters.
    """
    dx = np.zeros_like(cache.layers[0].x)
    d_states_0 = tuple(np.zeros_like(d) for d in d_states_n)
    grads: Params = {}
    for window, n in parts:
        share = cut_gradients(window, n, cache.lengths, d_output, d_states_n)
        part_dx, part_d_states_0, part_grads = backward(*share, cache.cut(window, n))
        dx[window.start : window.end, n] += part_dx
        if window.start == 0:
            for total, d_0 in zip(d_states_0, part_d_states_0, strict=True):
                total[:, n] += d_0
        for name, gradient in part_grads.items():
            grads[name] = grads.get(name, 0) + gradient
    return dx, d_states_0, grads
