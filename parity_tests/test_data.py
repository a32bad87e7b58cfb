"""numpy_rnn/sentiment/data: cleaning, vocabulary, batches, toy reviews; and scripts/common/baseline.py."""

import random
import string
from collections import defaultdict
from dataclasses import replace
from itertools import combinations, pairwise

from common.baseline import bag_of_words_accuracy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn.sentiment.config import DEFAULTS
from numpy_rnn.sentiment.data import toy
from numpy_rnn.sentiment.data.batches import batches
from numpy_rnn.sentiment.data.text import (
    PAD,
    TOKENIZERS,
    UNKNOWN,
    Dataset,
    Reviews,
    build_vocabulary,
    clean,
    cut,
    data_digest,
    encode,
)
from numpy_rnn.types import Array


def clean_token_by_token(text: str) -> list[str]:
    """The original's order of things: split first, then clean each token."""
    tokens = [token.replace("<br", "") for token in text.lower().split()]
    tokens = ["".join(c for c in token if c not in string.punctuation) for token in tokens]
    return [token for token in tokens if token]


@given(st.text() | st.text(alphabet="aB<br />.,'-\u00e9\u0130\n\t "))
def test_clean(text: str) -> None:
    assert clean(text) == clean_token_by_token(text)


def test_clean_a_review() -> None:
    assert clean("It's GOOD.<br /><br />Really <BR>good -- 10/10!") == ["its", "good", "really", "good", "1010"]


def test_raw_words_keep_what_is_glued_to_them() -> None:
    assert TOKENIZERS["raw"]("It's GOOD.<br /><br />Really") == ["it's", "good.<br", "/><br", "/>really"]


def test_vocabulary() -> None:
    """By count, ties by alphabet, none below min_count, no more than max_words."""
    reviews = [["b", "a", "c"], ["b", "a", "d"], ["b", "e", "e"]]
    assert build_vocabulary(reviews, 10, 1) == ["<unk>", "<pad>", "b", "a", "e", "c", "d"]
    assert build_vocabulary(reviews, 10, 2) == ["<unk>", "<pad>", "b", "a", "e"]
    assert build_vocabulary(reviews, 2, 1) == ["<unk>", "<pad>", "b", "a"]


def test_encode_and_cut() -> None:
    vocabulary = ["<unk>", "<pad>", "a", "b"]
    reviews = encode([["a", "b", "x", "a"], [], ["b"]], [0, 1, 1], vocabulary)
    assert reviews.tokens.tolist() == [2, 3, 0, 2, 0, 3]  # a review without words is one <unk>
    assert reviews.offsets.tolist() == [0, 4, 5, 6]
    data = Dataset(reviews, reviews, reviews, vocabulary)
    assert cut(data, 2, "first").train.tokens.tolist() == [2, 3, 0, 3]
    assert cut(data, 2, "last").test.tokens.tolist() == [0, 2, 0, 3]
    assert cut(data, 2, "last").valid.offsets.tolist() == [0, 2, 3, 4]


def test_no_more_words_than_there_are_ids() -> None:
    """A token id is a uint16."""
    words = [str(i) for i in range(65_537)]
    assert encode([[words[-2]]], [1], words[:-1]).tokens.tolist() == [65_535]
    with pytest.raises(ValueError, match="vocabulary: expected at most 65536 words, got 65537"):
        encode([["0"]], [1], words)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([0, 1])}, r"offsets: expected whole numbers in 0..6 of shape \(3,\), got int64 \(4,\)"),
        ({"labels": np.array([0, 1, 2])}, r"labels: expected whole numbers in 0..1 of shape \(3,\), got 2 among them"),
        ({"offsets": np.array([0, 4, 5, 7])}, "offsets: expected whole numbers in 0..6 of .*, got 7 among them"),
        ({"offsets": np.array([0, 4, 5, 5])}, "offsets: expected 0, ever larger ones, and 6, as there are"),
        ({"offsets": np.array([0, 4, 6, 6])}, "offsets: expected 0, ever larger ones, and 6"),
        ({"offsets": np.array([0, 5, 4, 6])}, "offsets: expected 0, ever larger ones, and 6"),
        ({"offsets": np.array([1, 4, 5, 6])}, "offsets: expected 0, ever larger ones, and 6"),
        ({"tokens": np.array([[2], [3], [0], [2], [0], [3]], np.uint16)}, r"tokens: expected .* got uint16 \(6, 1\)"),
        ({"tokens": np.array([2, 3, 0, 2, 0, 4], np.uint16)}, "tokens: expected whole numbers in 0..3 .* got 4 among"),
    ],
)
def test_reviews_that_cannot_be(change: dict[str, Array], message: str) -> None:
    vocabulary = ["<unk>", "<pad>", "a", "b"]
    reviews = encode([["a", "b", "x", "a"], [], ["b"]], [0, 1, 1], vocabulary)
    with pytest.raises(ValueError, match=message):
        Dataset(reviews, Reviews(**vars(reviews) | change), reviews, vocabulary)


def test_the_digest_of_data_is_that_of_equal_data_alone() -> None:
    """Any token, label, boundary, word or part that differs makes another one."""
    data = toy.load_toy(train=20, valid=5, test=5)
    assert data_digest(data) == data_digest(toy.load_toy(train=20, valid=5, test=5))
    others = [toy.load_toy(1, 20, 5, 5), replace(data, valid=data.test, test=data.valid)]
    for part in ("train", "valid", "test"):
        for field, place in (("tokens", -1), ("labels", 0), ("offsets", 1)):
            array = getattr(getattr(data, part), field).copy()
            array[place] ^= 1
            others.append(replace(data, **{part: replace(getattr(data, part), **{field: array})}))
    others += [replace(data, vocabulary=[*data.vocabulary[:-1], "other"])]
    joined = [*data.vocabulary[:2], "".join(data.vocabulary[2:4]), "", *data.vocabulary[4:]]
    others += [replace(data, vocabulary=joined), replace(data, vocabulary=[*data.vocabulary, "other"])]
    digests = [data_digest(each) for each in [data, *others]]
    assert len(set(digests)) == len(digests)


CONFIG = replace(DEFAULTS["toy"], batch_size=8, hidden_size=5, dropout=0.5)
DATA = toy.load_toy(train=20, valid=5, test=5)


def test_batches_for_testing_are_the_reviews_in_their_order_the_longest_of_a_batch_first() -> None:
    seen = []
    for batch in batches(DATA.train, CONFIG):
        assert batch.mask is None
        assert batch.ids.shape == (batch.lengths.max(), len(batch.labels))
        pads = np.arange(len(batch.ids))[:, None] >= batch.lengths
        assert (batch.ids[pads] == PAD).all()
        seen += [batch.ids[:length, n].tolist() for n, length in enumerate(batch.lengths)]
    reviews = [DATA.train.tokens[i:j].tolist() for i, j in pairwise(DATA.train.offsets)]
    expected = [sorted(reviews[start : start + 8], key=len, reverse=True) for start in (0, 8, 16)]
    assert seen == [review for batch in expected for review in batch]


def test_batches_for_training() -> None:
    """Shuffled, every review once, the same again for the same seed and epoch, others for another epoch."""
    first, again, later = (list(batches(DATA.train, CONFIG, epoch)) for epoch in (0, 0, 1))
    assert [len(batch.labels) for batch in first] == [8, 8, 4]
    for a, b in zip(first, again, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
    assert not np.array_equal(first[0].labels, later[0].labels)
    other = next(batches(DATA.train, replace(CONFIG, seed=1), 0))
    assert not np.array_equal(first[0].mask, other.mask)
    assert not np.array_equal(next(batches(DATA.train, replace(CONFIG, seed=1), 0)).mask, later[0].mask)
    assert first[0].mask is not None
    assert first[0].mask.shape == (8, 5)
    assert set(np.unique([batch.mask for batch in first[:2]])) == {0, 2}
    often = next(batches(DATA.train, replace(CONFIG, dropout=0.9, hidden_size=500), 0)).mask
    assert abs((often == 0).mean() - 0.9) < 0.02
    counts = np.zeros(len(DATA.vocabulary), int)
    for batch in first:
        counts += np.bincount(batch.ids[batch.ids != PAD], minlength=len(counts))
    np.testing.assert_array_equal(counts, np.bincount(DATA.train.tokens, minlength=len(counts)))


def test_unknown_rate_replaces_real_tokens_in_training_only() -> None:
    config, data = replace(CONFIG, unknown_rate=0.3, batch_size=4000), toy.load_toy(train=4000)
    (batch,) = batches(data.train, config, epoch=0)
    real = np.arange(len(batch.ids))[:, None] < batch.lengths
    assert abs((batch.ids[real] == UNKNOWN).mean() - 0.3) < 0.01
    assert (batch.ids[~real] == PAD).all()
    (batch,) = batches(data.train, config)
    assert not (batch.ids == UNKNOWN).any()


def test_toy_reviews_are_the_same_for_the_same_seed() -> None:
    for one, same, other in zip(*(toy.load_toy(seed, 30, 10, 10).__dict__.values() for seed in (0, 0, 1)), strict=True):
        assert str(one) == str(same) != str(other) or one == same  # the vocabularies may agree
    assert toy.toy_review(random.Random(5)) == toy.toy_review(random.Random(5))


def test_toy_splits_are_different_reviews_with_one_vocabulary_from_the_training_part() -> None:
    data = toy.load_toy(train=60, valid=50, test=50)
    splits = [
        [split.tokens[i:j].tobytes() for i, j in pairwise(split.offsets)]
        for split in (data.train, data.valid, data.test)
    ]
    assert [len(split) for split in splits] == [60, 50, 50]
    assert all(len({*one} & {*other}) < 5 for one, other in combinations(splits, 2))  # a few may be made twice
    assert set(range(2, len(data.vocabulary))) <= set(data.train.tokens.tolist())


def test_every_toy_review_has_a_mirror_image_with_the_other_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words in another order, the other label: that is why counting words is of no use.

    With fewer words to choose from, so that every review turns up and meets its mirror image.
    """
    for name, size in (("GOOD", 2), ("BAD", 2), ("ASPECTS", 2), ("ASIDES", 3)):
        monkeypatch.setattr(toy, name, getattr(toy, name)[:size])
    rng, of_words, of_text = random.Random(0), defaultdict(set), defaultdict(set)
    for _ in range(40_000):
        text, label = toy.toy_review(rng)
        of_words[" ".join(sorted(clean(text)))].add(label)
        of_text[text].add(label)
    assert all(labels == {0, 1} for labels in of_words.values())
    assert all(len(labels) == 1 for labels in of_text.values())


def test_bag_of_words_is_near_chance_on_toy_reviews_and_good_where_words_decide() -> None:
    assert bag_of_words_accuracy(toy.load_toy()) < 0.6
    rng = random.Random(0)
    reviews = [[rng.choice(toy.ASPECTS), rng.choice((toy.BAD, toy.GOOD)[i % 2])] for i in range(400)]
    vocabulary = build_vocabulary(reviews, 100, 1)
    encoded = encode(reviews, [i % 2 for i in range(400)], vocabulary)
    assert bag_of_words_accuracy(Dataset(encoded, encoded, encoded, vocabulary)) == 1
    wrong = replace(encoded, labels=1 - encoded.labels)
    assert bag_of_words_accuracy(Dataset(encoded, encoded, wrong, vocabulary)) == 0  # it is the test part that counts


@pytest.mark.parametrize("label", [0, 1])
def test_toy_labels_are_balanced(label: int) -> None:
    assert abs((toy.load_toy().train.labels == label).mean() - 0.5) < 0.03
