"""Batches: time first, padded at the end, the same for both stacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from numpy_rnn.config import Config
from numpy_rnn.data.text import PAD, UNKNOWN, Reviews
from numpy_rnn.layers import Dropout


class Batch(NamedTuple):
    ids: np.ndarray  # (T, N), T the longest length in the batch, <pad> after each review's end
    lengths: np.ndarray  # (N,)
    labels: np.ndarray  # (N,)
    mask: np.ndarray | None  # (N, H), Dropout's for the read-out; None when testing


def batches(reviews: Reviews, config: Config, epoch: int | None = None) -> Iterator[Batch]:
    """The reviews in batches of config.batch_size, the last one smaller if need be; in each, the longest first.

    epoch None: in their own order, for testing. Otherwise for training: shuffled, a share of the tokens replaced by
    <unk>, with a dropout mask; all of it a function of (seed, epoch), so that both stacks are given the same.
    """
    rng = None if epoch is None else np.random.default_rng([config.seed, epoch])
    order = np.arange(len(reviews)) if rng is None else rng.permutation(len(reviews))
    for start in range(0, len(reviews), config.batch_size):
        yield _batch(reviews, order[start : start + config.batch_size], config, rng)


def _batch(reviews: Reviews, chosen: np.ndarray, config: Config, rng: np.random.Generator | None) -> Batch:
    lengths = reviews.offsets[chosen + 1] - reviews.offsets[chosen]
    chosen = chosen[np.argsort(-lengths, kind="stable")]  # the longest first: then no layer needs to sort
    first = reviews.offsets[chosen]
    lengths = reviews.offsets[chosen + 1] - first
    t = np.arange(lengths.max())[:, None]
    real = t < lengths  # (T, N)
    ids = np.where(real, reviews.tokens[np.where(real, first + t, 0)], PAD)  # (T, N)
    mask = None
    if rng is not None:
        ids = np.where(real & (rng.random(ids.shape) < config.unknown_rate), UNKNOWN, ids)
        mask = Dropout(config.dropout).mask((len(chosen), config.hidden_size), config.dtype, rng)
    return Batch(ids, lengths, reviews.labels[chosen], mask)
