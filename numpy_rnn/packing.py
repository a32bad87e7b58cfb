"""Sequences of unequal length in one array, the longest first: their real steps, without their pads."""

from typing import Any

import numpy as np

from numpy_rnn.checks import check_whole_numbers
from numpy_rnn.types import Array


def longest_first(lengths: Any, T: int, N: int) -> tuple[Array, Array | slice]:
    """Checked lengths (N,) in falling order, T each for None, and the order: row i is the given sequence order[i]."""
    if lengths is None:
        return np.full(N, T), slice(None)
    lengths = check_whole_numbers("lengths", lengths, (N,), 1, T).astype(np.int64)
    if (np.diff(lengths) <= 0).all():
        return lengths, slice(None)
    order = np.argsort(-lengths, kind="stable")
    return lengths[order], order


def restore(a: Array, order: Array | slice) -> Array:
    """(?, N, ...) in falling order of length, back in the given order."""
    if isinstance(order, slice):
        return a
    given = np.empty_like(a)
    given[:, order] = a
    return given


def time_steps(lengths: Array) -> list[tuple[int, slice, slice]]:
    """(t, live, packed) for every step t, in order.

    live: the sequences that have not ended before step t; with the longest first, they are 0, 1, ...
    packed: where their step t stands in what `pack` gives. For lengths (3, 2, 2), seven packed steps:

        t = 0    live = 0:3    packed = 0:3
        t = 1    live = 0:3    packed = 3:6
        t = 2    live = 0:1    packed = 6:7
    """
    counts = (lengths > np.arange(lengths[0])[:, None]).sum(axis=1)  # (T,)
    ends = zip(counts.tolist(), np.cumsum(counts).tolist(), strict=True)
    return [(t, slice(count), slice(end - count, end)) for t, (count, end) in enumerate(ends)]


def flat(a: Array) -> Array:
    """(..., K) -> (R, K): everything before the last axis as rows, so that a sum over it is one matrix product."""
    return a.reshape(-1, a.shape[-1])


def pack(a: Array, lengths: Array) -> Array:
    """(T, N, K) -> (R, K): the real steps of all sequences, first all steps 0, then all steps 1, ...; without the pads.

    R is the sum of the lengths. This is the order of PyTorch's packed sequences.
    """
    T = len(a)
    return flat(a) if lengths.min() == T else a[np.arange(T)[:, None] < lengths]


def unpack(r: Array, lengths: Array, T: int) -> Array:
    """The inverse of `pack`, with zeros in the pads."""
    if lengths.min() == T:
        return r.reshape(T, len(lengths), -1)
    a = np.zeros((T, len(lengths), r.shape[-1]), r.dtype)
    a[np.arange(T)[:, None] < lengths] = r
    return a


def reverse(a: Array, lengths: Array) -> Array:
    """(T, N, K), each sequence backwards from its own last step to its first; the pads stay where they are."""
    t = np.arange(len(a))[:, None]
    return a[np.where(t < lengths, lengths - 1 - t, t), np.arange(len(lengths))]
