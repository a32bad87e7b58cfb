"""Truncated backpropagation through time, TBPTT(k1, k2): which losses go back through which steps."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

from numpy_rnn.checks import check_size, expect
from numpy_rnn.types import Array, Params, States


class Window(NamedTuple):
    """The losses of the steps first <= t < end, or up to a sequence's end, go back to step start. Steps from 0."""

    start: int
    first: int
    end: int


class LayerCache(NamedTuple):
    """What one layer's backward pass, in one direction, needs of its forward pass."""

    x: Array  # (T, N, D)
    states: States  # each (T + 1, N, H): [t] is the state before step t, [t + 1] after it, [0] the initial one
    gates: Any = None  # (T, 4, N, H): an LSTM's i, f, g, o; a GRU's r, z, n and s_n

    def cut(self, start: int, end: int, n: slice) -> Self:
        """The steps start <= t < end of the sequences n."""
        gates = None if self.gates is None else self.gates[start:end, :, n]
        return type(self)(self.x[start:end, n], tuple(s[start : end + 1, n] for s in self.states), gates)


class Cache(NamedTuple):
    made_by: object  # the layer itself: `backward` takes no other layer's cache, whatever its settings are
    lengths: Array  # (N,), the longest first
    order: Array | slice  # row i of a layer's arrays is sequence order[i]; slice(None): the order as given
    masks: list[Array]  # Dropout's, between the layers; empty without
    layers: list[LayerCache]  # layer 0, with both directions its reverse, layer 1, ...

    def cut(self, window: Window, n: slice) -> Self:
        """What a forward pass of the sequences n, over the window alone, from the state before it, would have kept.
        (All but `order`, which stays that of the batch.)"""
        start, _, end = window
        lengths = np.minimum(self.lengths[n], end) - start
        masks = [mask[start:end, n] for mask in self.masks]
        return type(self)(self.made_by, lengths, self.order, masks, [layer.cut(start, end, n) for layer in self.layers])


def cut_gradients(window: Window, n: slice, lengths: Array, d_output: Array, d_h_ns: States) -> tuple[Array, States]:
    """The window's share of d_output (T, N, H) and of each d_h_n (L, N, H): what its losses send."""
    start, first, end = window
    d_output = d_output[start:end, n]
    if start < first:
        is_loss = np.arange(start, start + len(d_output)) >= first
        d_output = np.where(is_loss[:, None, None], d_output, 0)
    ends_here = lengths[n] <= end  # h_n is the state after the sequence's own last step, and first < that for all of n
    return d_output, tuple(np.where(ends_here[:, None], d[:, n], 0) for d in d_h_ns)


def windows(lengths: Array, T: int, k1: int | None, k2: int | None) -> list[tuple[Window, slice]]:
    """The windows and, for each, the sequences that it is for; lengths (N,) in falling order, at most T.

    Every loss of every sequence stands in exactly one window. The losses are taken in groups of k1 steps, and each
    group's error goes back from the group's last step through at most k2 steps, that last step included. The last group
    of a sequence may be short, and ends with the sequence, not with the batch: pads change no gradient.
    k1 = k2 = k: chunks of k steps with a carried state, the last one too, so a group never leaves its chunk.
    k1 = 1: for every loss the last k2 steps; k2 = 1: no gradient through time. k2 >= T: full backpropagation, in one
    window. None is T.
    Source: Sutskever (2013), "Training recurrent neural networks"; it is BPTT(h; h') of Williams & Peng (1990).
    Raises ValueError for k1 or k2 below 1, and for k2 < k1, which would lose losses.
    """
    k1 = T if k1 is None else check_size("k1", k1)
    k2 = max(T, k1) if k2 is None else check_size("k2", k2)
    expect(k2 >= k1, "k2", f"at least k1 = {k1}, or losses would be lost", k2)
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
    """The sum over all windows of full backpropagation of the window's losses, through the window's steps.

    d_output (T, N, F), d_states_n (K, N, H) each -> dx (T, N, D), d_states_0 (K, N, H) each, the parameters' gradients.
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
