"""numpy_rnn/sentiment/data/batches.py and text.py: the settings of the two systems. The rest is in test_data.py."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from numpy_rnn.sentiment.config import DEFAULTS
from numpy_rnn.sentiment.data import batches as module
from numpy_rnn.sentiment.data.batches import Batch, batches
from numpy_rnn.sentiment.data.text import PAD, cut, split_only
from numpy_rnn.sentiment.data.toy import load_toy

CONFIG = replace(DEFAULTS["toy"], batch_size=8, hidden_size=5)
DATA = load_toy(train=250, valid=5, test=5)


def reviews_in(batch: Batch) -> list[tuple[int, ...]]:
    return [tuple(batch.ids[:length, n].tolist()) for n, length in enumerate(batch.lengths)]


def test_words_as_they_stand_between_spaces() -> None:
    assert split_only("It's GOOD.<br /><br />Really -- 10/10!") == [
        "it's",
        "good.<br",
        "/><br",
        "/>really",
        "--",
        "10/10!",
    ]
    raw, cleaned = (set(load_toy(train=250, valid=5, test=5, words=words).vocabulary) for words in ("raw", "clean"))
    assert {"dull.", "witty,"} & raw
    assert not {"dull.", "witty,"} & cleaned


def test_no_limit_on_the_words() -> None:
    uncut = cut(DATA, 0, "first")
    np.testing.assert_array_equal(uncut.train.tokens, DATA.train.tokens)
    np.testing.assert_array_equal(uncut.train.offsets, DATA.train.offsets)


def test_pads_always_up_to_max_tokens() -> None:
    """Defect 1 needs them: 200 steps for every review, however short."""
    for epoch in (None, 0):
        for batch in batches(DATA.train, replace(CONFIG, max_tokens=70, pad_to="max_tokens"), epoch):
            assert len(batch.ids) == 70
            pads = np.arange(70)[:, None] >= batch.lengths
            assert (batch.ids[pads] == PAD).all()
            assert (batch.ids[~pads] != PAD).all()


@pytest.mark.parametrize("outputs", [2, 3])
def test_three_outputs_shift_the_labels(outputs: int) -> None:
    """The original label vocabulary has an <unk> of its own, so its labels are 1 and 2."""
    seen = np.concatenate([batch.labels for batch in batches(DATA.train, replace(CONFIG, outputs=outputs))])
    assert set(seen) == {outputs - 2, outputs - 1}
    assert sum(seen == outputs - 1) == DATA.train.labels.sum()


def test_the_mask_is_as_wide_as_what_is_read_out() -> None:
    for bidirectional, width in ((False, 5), (True, 10)):
        config = replace(CONFIG, hidden_size=5, readout="mean", bidirectional=bidirectional)
        mask = next(batches(DATA.train, config, 0)).mask
        assert mask is not None
        assert mask.shape[1] == width


def test_buckets_hold_reviews_of_similar_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """In training sorted within pools, the batches shuffled; every review once, with its own label."""
    config = replace(CONFIG, buckets=True)
    plain, bucketed = (list(batches(DATA.train, c, 0)) for c in (CONFIG, config))
    spreads = [np.mean([np.ptp(batch.lengths) for batch in some]) for some in (plain, bucketed)]
    assert spreads[1] < spreads[0] / 5
    for some in (plain, bucketed):
        pairs = [
            (review, label) for batch in some for review, label in zip(reviews_in(batch), batch.labels, strict=True)
        ]
        expected = [
            (tuple(DATA.train.tokens[i:j].tolist()), label)
            for (i, j), label in zip(pairwise(DATA.train.offsets), DATA.train.labels, strict=True)
        ]
        assert sorted(pairs) == sorted(expected)
    longest = [batch.lengths.max() for batch in bucketed]
    assert longest != sorted(longest)
    assert sorted(len(batch.labels) for batch in bucketed) == [2] + [8] * 31
    other = next(batches(DATA.train, config, 1))
    assert not np.array_equal(other.ids, bucketed[0].ids)
    monkeypatch.setattr(module, "POOL", 4)  # 32 reviews: each pool is sorted by itself
    pools = [np.mean([np.ptp(batch.lengths) for batch in batches(DATA.train, config, 0)])]
    assert spreads[1] < pools[0] < spreads[0]


def test_buckets_for_testing_are_sorted_as_a_whole() -> None:
    lengths = np.concatenate([batch.lengths[::-1] for batch in batches(DATA.train, replace(CONFIG, buckets=True))])
    assert (np.diff(lengths) >= 0).all()
