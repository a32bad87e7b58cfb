"""From text to token ids: cleaning, vocabulary, encoding. The rules are those of torchtext's IMDB tutorials."""

import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np

from numpy_rnn.checks import check_choice, check_plain, check_size, check_whole_numbers, expect
from numpy_rnn.files import digest
from numpy_rnn.types import Array

UNKNOWN, PAD = 0, 1
MAX_IDS = 2**16  # of uint16
_DELETE = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Reviews:
    """Reviews of unequal length, one after the other: review i is tokens[offsets[i] : offsets[i + 1]].

    Args:
        tokens: the token ids of all reviews, uint16.
        offsets: (n + 1,).
        labels: (n,), 0 is negative, 1 is positive.

    Raises:
        ValueError: for arrays that do not fit together, a review without a token, and a label other than 0 and 1.
    """

    tokens: Array
    offsets: Array
    labels: Array

    def __post_init__(self) -> None:
        for name, array in vars(self).items():
            check_plain(name, array)
        n, total, offsets = self.labels.size, self.tokens.size, self.offsets
        check_whole_numbers("labels", self.labels, (n,), 0, 1)
        check_whole_numbers("offsets", offsets, (n + 1,), 0, total)
        whole = offsets[0] == 0 and offsets[-1] == total and (offsets[:-1] < offsets[1:]).all()
        expect(bool(whole), "offsets", f"0, ever larger ones, and {total}, as there are tokens", offsets)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Encoded reviews for training, validation and testing.

    Args:
        train: for training.
        valid: for validation.
        test: for testing.
        vocabulary: the words; the index is the token id.

    Raises:
        ValueError: for a token id that is not in the vocabulary.
    """

    train: Reviews
    valid: Reviews
    test: Reviews
    vocabulary: list[str]

    def __post_init__(self) -> None:
        for reviews in (self.train, self.valid, self.test):
            check_whole_numbers("tokens", reviews.tokens, (len(reviews.tokens),), 0, len(self.vocabulary) - 1)


def arrays_of(data: Dataset) -> dict[str, Array]:
    """The whole data set as arrays by name, for the cache and for `data_digest`."""
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    arrays = {f"{split}.{field}": array for split, part in splits.items() for field, array in vars(part).items()}
    vocabulary = "\n".join(data.vocabulary).encode(errors="surrogatepass")  # no word contains white space
    return arrays | {"vocabulary": np.frombuffer(vocabulary, np.uint8)}


def data_digest(data: Dataset) -> str:
    """The first 16 hex digits of SHA-256 over the whole data set: the same for the same data only."""
    return digest(arrays_of(data))[:16]


def clean(text: str) -> list[str]:
    """Lower case, without "<br" and punctuation, split on white space."""
    return text.lower().replace("<br", "").translate(_DELETE).split()


def split_only(text: str) -> list[str]:
    """Lower case, split on white space. Punctuation and "<br" stay parts of the words."""
    return text.lower().split()


TOKENIZERS = {"clean": clean, "raw": split_only}  # by config.words


def build_vocabulary(reviews: Iterable[list[str]], max_words: int, min_count: int) -> list[str]:
    """<unk>, <pad>, then the most frequent words.

    Args:
        reviews: the words of each review.
        max_words: how many words the vocabulary may have besides <unk> and <pad>.
        min_count: how often a word has to occur.

    Returns:
        The words in order of falling frequency; words of equal frequency in alphabetical order.
    """
    counts = Counter(chain.from_iterable(reviews))
    words = [word for word, count in counts.items() if count >= min_count]
    return ["<unk>", "<pad>", *sorted(words, key=lambda word: (-counts[word], word))[:max_words]]


def encode(reviews: Sequence[list[str]], labels: Sequence[int], vocabulary: list[str]) -> Reviews:
    """Words to token ids. A word outside the vocabulary becomes <unk>, and so does a review without any word.

    Args:
        reviews: the words of each review.
        labels: of each review, 0 or 1.
        vocabulary: the words; the index is the token id.

    Returns:
        The encoded reviews.

    Raises:
        ValueError: for a vocabulary of more than 65,536 words, since a token id is a uint16; for a wrong label.
    """
    expect(len(vocabulary) <= MAX_IDS, "vocabulary", f"at most {MAX_IDS} words", len(vocabulary))
    reviews = [review or ["<unk>"] for review in reviews]
    lookup = {word: token for token, word in enumerate(vocabulary)}
    offsets = np.cumsum([0, *map(len, reviews)])
    tokens = np.fromiter(map(lookup.get, chain.from_iterable(reviews), repeat(UNKNOWN)), np.uint16, offsets[-1])
    return Reviews(tokens, offsets, np.asarray(labels, np.int64))


def select(reviews: Reviews, chosen: Sequence[int]) -> Reviews:
    """The chosen reviews, in that order."""
    parts = [reviews.tokens[reviews.offsets[i] : reviews.offsets[i + 1]] for i in chosen]
    offsets = np.cumsum([0, *map(len, parts)])
    return Reviews(np.concatenate(parts), offsets, reviews.labels[list(chosen)])


def shorten(reviews: Reviews, max_tokens: int, keep: str) -> Reviews:
    """The first or the last tokens of each review.

    Args:
        reviews: the reviews, which are not changed.
        max_tokens: how many tokens of a review are kept; 0 is all.
        keep: "first" or "last".

    Returns:
        The shortened reviews.

    Raises:
        ValueError: for a bad max_tokens or keep.
    """
    check_size("max_tokens", max_tokens, least=0)
    check_choice("keep", keep, ("first", "last"))
    lengths = np.diff(reviews.offsets)
    if max_tokens:
        lengths = np.minimum(lengths, max_tokens)
    begins = reviews.offsets[1:] - lengths if keep == "last" else reviews.offsets[:-1]
    parts = [reviews.tokens[i : i + n] for i, n in zip(begins, lengths, strict=True)]
    return Reviews(np.concatenate(parts), np.cumsum([0, *lengths]), reviews.labels)


def cut(data: Dataset, max_tokens: int, keep: str) -> Dataset:
    """The data set with all three parts shortened, see `shorten`."""
    train, valid, test = (shorten(part, max_tokens, keep) for part in (data.train, data.valid, data.test))
    return Dataset(train, valid, test, data.vocabulary)
