"""Sequences of unequal length in one array, the longest first: their real steps, without their pads."""

from __future__ import annotations

from typing import Any

import numpy as np

from numpy_rnn.checks import check_whole_numbers


def longest_first(lengths: Any, T: int, N: int) -> tuple[np.ndarray, np.ndarray | slice]:
    """Checked lengths (N,) in falling order, T each for None, and the order: row i is the given sequence order[i]."""
    if lengths is None:
        return np.full(N, T), slice(None)
    lengths = check_whole_numbers("lengths", lengths, (N,), 1, T).astype(np.int64)
    if (np.diff(lengths) <= 0).all():
        return lengths, slice(None)
    order = np.argsort(-lengths, kind="stable")
    return lengths[order], order


def restore(a: np.ndarray, order: np.ndarray | slice) -> np.ndarray:
    """(?, N, ...) in falling order of length, back in the given order."""
    if isinstance(order, slice):
        return a
    given = np.empty_like(a)
    given[:, order] = a
    return given


def steps(lengths: np.ndarray) -> list[tuple[int, slice, slice]]:
    """(t, n, r) for every step t: n are the sequences longer than t, with the longest first 0, 1, ...; r is where
    their step t stands in `rows`."""
    running = (lengths > np.arange(lengths[0])[:, None]).sum(axis=1)  # (T,)
    ends = zip(running.tolist(), np.cumsum(running).tolist(), strict=True)
    return [(t, slice(n), slice(r - n, r)) for t, (n, r) in enumerate(ends)]


def flat(a: np.ndarray) -> np.ndarray:
    """(..., K) -> (R, K): everything before the last axis as rows, so that a sum over it is one matrix product."""
    return a.reshape(-1, a.shape[-1])


def rows(a: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(T, N, K) -> (R, K): the real steps of all sequences, first all steps 0, then all steps 1, ...; without the pads.

    R is the sum of the lengths. This is the order of PyTorch's packed sequences.
    """
    T = len(a)
    return flat(a) if lengths.min() == T else a[np.arange(T)[:, None] < lengths]


def unrows(r: np.ndarray, lengths: np.ndarray, T: int) -> np.ndarray:
    """The inverse of `rows`, with zeros in the pads."""
    if lengths.min() == T:
        return r.reshape(T, len(lengths), -1)
    a = np.zeros((T, len(lengths), r.shape[-1]), r.dtype)
    a[np.arange(T)[:, None] < lengths] = r
    return a


def reverse(a: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(T, N, K), each sequence backwards from its own last step to its first; the pads stay where they are."""
    t = np.arange(len(a))[:, None]
    return a[np.where(t < lengths, lengths - 1 - t, t), np.arange(len(lengths))]
