"""Sequences of unequal length in one array, the longest first. The steps of a sequence are real, the rest are pads."""

from typing import Any

import numpy as np

from numpy_rnn.checks import check_whole_numbers
from numpy_rnn.types import Array


def longest_first(lengths: Any, T: int, N: int) -> tuple[Array, Array | slice]:
    """Checks the lengths and sorts them.

    Args:
        lengths: (N,), whole numbers in 1..T; None is T for all.
        T: the number of steps.
        N: the number of sequences.

    Returns:
        The lengths (N,) in falling order, and the order, for `arrange`: sequence i of the new order is the given
        sequence order[i]. slice(None) means that the order is as given.

    Raises:
        ValueError: for lengths of another shape, or outside 1..T.
    """
    if lengths is None:
        return np.full(N, T), slice(None)
    lengths = check_whole_numbers("lengths", lengths, (N,), 1, T).astype(np.int64)
    if (np.diff(lengths) <= 0).all():
        return lengths, slice(None)
    order = np.argsort(-lengths, kind="stable")
    return lengths[order], order


def arrange(a: Array, order: Array | slice) -> Array:
    """a[:, order] of an array (?, N, ...), with each step in one piece of memory. Indexing would put N first there."""
    return a if isinstance(order, slice) else np.take(a, order, axis=1)


def restore(a: Array, order: Array | slice) -> Array:
    """The inverse of `arrange`: from the order of `longest_first` back to the given order."""
    if isinstance(order, slice):
        return a
    given = np.empty(a.shape, a.dtype)
    given[:, order] = a
    return given


def time_steps(lengths: Array) -> list[tuple[int, slice, slice]]:
    """(t, live, packed) for every step t, in order. For lengths (3, 2, 2), seven packed steps:

        t = 0    live = 0:3    packed = 0:3
        t = 1    live = 0:3    packed = 3:6
        t = 2    live = 0:1    packed = 6:7

    Args:
        lengths: (N,), in falling order.

    Returns:
        For every step: t; live, the sequences that have a step t (the first ones, as the longest come first); packed,
        the rows of their step t in the result of `pack`.
    """
    counts = (lengths > np.arange(lengths[0])[:, None]).sum(axis=1)  # (T,)
    ends = zip(counts.tolist(), np.cumsum(counts).tolist(), strict=True)
    return [(t, slice(count), slice(end - count, end)) for t, (count, end) in enumerate(ends)]


def flat(a: Array) -> Array:
    """(..., K) -> (R, K): all axes but the last become one, so that a sum over them is one matrix product."""
    return a.reshape(-1, a.shape[-1])


def by_gate(a: Array, count: int) -> Array:
    """(N, count H), gates side by side -> (count, N, H), each in one piece: so NumPy computes with it most quickly."""
    return np.ascontiguousarray(a.reshape(len(a), count, -1).swapaxes(0, 1))


def pack(a: Array, lengths: Array) -> Array:
    """The real steps of all sequences, without the pads, in the order of PyTorch's packed sequences.

    Args:
        a: (T, N, K).
        lengths: (N,), in falling order.

    Returns:
        (R, K): all steps 0, then all steps 1, and so on. R is the sum of the lengths.
    """
    T = len(a)
    return flat(a) if lengths.min() == T else a[np.arange(T)[:, None] < lengths]


def unpack(r: Array, lengths: Array, T: int) -> Array:
    """The inverse of `pack`: (R, K) -> (T, N, K), with zeros in the pads."""
    if lengths.min() == T:
        return r.reshape(T, len(lengths), -1)
    a = np.zeros((T, len(lengths), r.shape[-1]), r.dtype)
    a[np.arange(T)[:, None] < lengths] = r
    return a


def reverse(a: Array, lengths: Array) -> Array:
    """(T, N, K) -> (T, N, K): each sequence from its own last step to its first. The pads stay where they are."""
    t = np.arange(len(a))[:, None]
    return a[np.where(t < lengths, lengths - 1 - t, t), np.arange(len(lengths))]
