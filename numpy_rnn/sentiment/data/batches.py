"""Batches: time first, padded at the end, the same for both backends."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from numpy_rnn.layers import Dropout
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.text import PAD, UNKNOWN, Reviews
from numpy_rnn.types import Array

POOL = 100  # batches that are sorted together, as many as in torchtext's BucketIterator


class Batch(NamedTuple):
    """A batch of reviews."""

    ids: Array  # (T, N), with <pad> after each review's end; config.pad_to decides T
    lengths: Array  # (N,)
    labels: Array  # (N,), the index of the right logit
    mask: Array | None  # (N, F), the dropout mask for the read-out; None in testing
    which: Array  # (N,), the indices of the reviews


def first_class(config: Config) -> int:
    """The index of the logit of class 0 (negative). With three outputs, as written, logit 0 stands for no class."""
    return config.outputs - 2


def batches(reviews: Reviews, config: Config, epoch: int | None = None) -> Iterator[Batch]:
    """The reviews in batches of config.batch_size, in each batch the longest review first. One batch may be smaller.

    For training, the reviews are shuffled, a share of the tokens is replaced by <unk>, and each batch has a dropout
    mask. All of this depends on config.seed and epoch alone, so both backends get the same. With config.buckets a batch
    has reviews of similar length.

    Epoch 0 uses the same random numbers as the initial weights: NumPy makes the same stream from [seed, 0] as from
    seed. This is kept, since every table was measured with it. It is harmless: on IMDB (RNN, five seeds, the defaults
    of compare.py) a separate stream changes the test accuracy by 0.05 ± 0.25 points.

    Args:
        reviews: the reviews.
        config: the settings.
        epoch: the epoch, from 0, for training; None is for testing: the given order, no <unk> drawn, no mask.

    Yields:
        The batches.
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
    """`order` in pools of `pool` reviews, each pool sorted by length."""
    parts = [order[start : start + pool] for start in range(0, len(order), pool)]
    return np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])


def _batch(reviews: Reviews, chosen: Array, config: Config, rng: np.random.Generator | None) -> Batch:
    lengths = reviews.offsets[chosen + 1] - reviews.offsets[chosen]
    chosen = chosen[np.argsort(-lengths, kind="stable")]  # the longest first, so no layer has to sort
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
