"""Truncated backpropagation through time, TBPTT(k1, k2): which losses go back through which steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.checks import check_size, expect

States = tuple[np.ndarray, ...]  # (h,), of an LSTM (h, c)


class Window(NamedTuple):
    """The losses of the steps first <= t < end, or up to a sequence's end, go back to step start. Steps from 0."""

    start: int
    first: int
    end: int


class LayerCache(NamedTuple):
    """What one layer's backward pass, in one direction, needs of its forward pass."""

    x: np.ndarray  # (T, N, D)
    states: States  # each (T + 1, N, H): [t] is the state before step t, [t + 1] after it, [0] the initial one
    gates: Any = None  # (T, 4, N, H): an LSTM's i, f, g, o; a GRU's r, z, n and s_n

    def cut(self, start: int, end: int, n: slice) -> LayerCache:
        """The steps start <= t < end of the sequences n."""
        gates = None if self.gates is None else self.gates[start:end, :, n]
        return LayerCache(self.x[start:end, n], tuple(s[start : end + 1, n] for s in self.states), gates)


class Cache(NamedTuple):
    made_by: object  # the layer itself: `backward` takes no other layer's cache, whatever its settings are
    lengths: np.ndarray  # (N,), the longest first
    order: np.ndarray | slice  # row i of a layer's arrays is sequence order[i]; slice(None): the order as given
    masks: list[np.ndarray]  # Dropout's, between the layers; empty without
    layers: list[LayerCache]  # layer 0, with both directions its reverse, layer 1, ...

    def cut(self, window: Window, n: slice) -> Cache:
        """What a forward pass of the sequences n, over the window alone, from the state before it, would have kept.
        (All but `order`, which stays that of the batch.)"""
        start, _, end = window
        lengths = np.minimum(self.lengths[n], end) - start
        masks = [mask[start:end, n] for mask in self.masks]
        return Cache(self.made_by, lengths, self.order, masks, [layer.cut(start, end, n) for layer in self.layers])


def cut_gradients(window: Window, n: slice, lengths: np.ndarray, d_output: np.ndarray,
                  d_h_ns: States) -> tuple[np.ndarray, States]:  # fmt: skip
    """The window's share of d_output (T, N, H) and of each d_h_n (L, N, H): what its losses send."""
    start, first, end = window
    d_output = d_output[start:end, n]
    if start < first:
        is_loss = np.arange(start, start + len(d_output)) >= first
        d_output = np.where(is_loss[:, None, None], d_output, 0)
    ends_here = lengths[n] <= end  # h_n is the state after the sequence's own last step, and first < that for all of n
    return d_output, tuple(np.where(ends_here[:, None], d[:, n], 0) for d in d_h_ns)


def windows(lengths: np.ndarray, T: int, k1: int | None, k2: int | None) -> list[tuple[Window, slice]]:
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
