"""Batches: time first, padded at the end, the same for both backends."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from numpy_rnn.layers import Dropout
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.text import PAD, UNKNOWN, Reviews
from numpy_rnn.types import Array

POOL = 100  # batches that are sorted together: torchtext's BucketIterator has the same number


class Batch(NamedTuple):
    ids: Array  # (T, N), T as config.pad_to says, <pad> after each review's end
    lengths: Array  # (N,)
    labels: Array  # (N,), the index of the right logit
    mask: Array | None  # (N, F), Dropout's for the read-out; None when testing
    which: Array  # (N,), of the reviews


def first_class(config: Config) -> int:
    """The logit of class 0 (negative): with three outputs, as written, the first one stands for no class at all."""
    return config.outputs - 2


def batches(reviews: Reviews, config: Config, epoch: int | None = None) -> Iterator[Batch]:
    """The reviews in batches of config.batch_size, the last one smaller if need be; in each, the longest first.

    epoch None: in their own order, for testing. Otherwise for training: shuffled, a share of the tokens replaced by
    <unk>, with a dropout mask; all of it a function of (seed, epoch), so that both backends are given the same.
    Epoch 0 draws from the stream that the initial weights were drawn from: NumPy makes the same one of [seed, 0] as of
    seed. That is kept, since every table was measured with it, and it is harmless: on IMDB (RNN, five seeds, the
    defaults of compare.py) a stream of its own changes the test accuracy by 0.05 ± 0.25 points.
    With config.buckets a batch has reviews of similar length.
    """
    rng = None if epoch is None else np.random.default_rng([config.seed, epoch])
    order = np.arange(len(reviews)) if rng is None else rng.permutation(len(reviews))
    size = config.batch_size
    if config.buckets:
        order = _sorted_in_pools(order, np.diff(reviews.offsets), len(order) if rng is None else POOL * size)
    starts = np.arange(0, len(reviews), size)
    if config.buckets and rng is not None:
        starts = rng.permutation(starts)
    for start in starts:
        yield _batch(reviews, order[start : start + size], config, rng)


def _sorted_in_pools(order: Array, lengths: Array, pool: int) -> Array:
    """Each `pool` reviews of `order` by themselves, sorted by length."""
    parts = [order[start : start + pool] for start in range(0, len(order), pool)]
    return np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])


def _batch(reviews: Reviews, chosen: Array, config: Config, rng: np.random.Generator | None) -> Batch:
    lengths = reviews.offsets[chosen + 1] - reviews.offsets[chosen]
    chosen = chosen[np.argsort(-lengths, kind="stable")]  # the longest first: then no layer needs to sort
    first = reviews.offsets[chosen]
    lengths = reviews.offsets[chosen + 1] - first
    t = np.arange(lengths.max() if config.pad_to == "longest" else config.max_tokens)[:, None]
    real = t < lengths  # (T, N)
    ids = np.where(real, reviews.tokens[np.where(real, first + t, 0)], PAD)  # (T, N)
    mask = None
    if rng is not None:
        ids = np.where(real & (rng.random(ids.shape) < config.unknown_rate), UNKNOWN, ids)
        mask = Dropout(config.dropout).mask((len(chosen), config.features), config.dtype, rng)
    return Batch(ids, lengths, reviews.labels[chosen] + first_class(config), mask, chosen)
