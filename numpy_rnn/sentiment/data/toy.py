"""Toy reviews: a seeded grammar in which word ORDER decides the label, so that counting words is of no use.

A review has two opinions with opposite verdicts, such as "gripping" and "not clever". Its template decides which of the
two counts: the one after "but", the one outside "although", the one "in the end". Which opinion comes first is random.
So every review has a mirror image with the same words and the other label, and both are equally likely. A model that
ignores the order cannot tell them apart: its accuracy is at most 50 %.
"""

import random

from numpy_rnn.checks import check_choice, check_size
from numpy_rnn.sentiment.data.text import TOKENIZERS, Dataset, Reviews, build_vocabulary, encode

GOOD = ["gripping", "brilliant", "moving", "charming", "clever", "fresh", "superb", "witty"]
BAD = ["dull", "clumsy", "tedious", "bland", "silly", "stale", "dreadful", "hollow"]
ASPECTS = ["plot", "acting", "music", "script", "ending", "dialogue", "cast", "pacing", "humour", "photography"]
ASIDES = [
    "We saw it on a rainy Sunday.",
    "My brother had picked it.",
    "It runs for two hours.",
    "The cinema was half full.",
    "I knew nothing about it before.",
    "It was made some years ago.",
    "There is a book of the same name.",
    "The director is new to me.",
    "My friends talked about it for weeks.",
    "It is set in a small town by the sea.",
]
# (template, which of its two opinions is the verdict); {a} and {b} are aspects, {0} and {1} opinions on them
TEMPLATES = [
    ("The {a} was {0}, but the {b} was {1}.", 1),
    ("Although the {a} was {0}, the {b} was {1}.", 1),
    ("The {a} was {0}, although the {b} was {1}.", 0),
    ("At first the {a} was {0}. {aside} In the end the {a} was {1}.", 1),
    ("In the end the {a} was {0}. {aside} At first the {a} was {1}.", 0),
    ("The {a} was {0}, whatever they say about the {b} that was {1}.", 0),
]


def _opinion(verdict: int, rng: random.Random) -> str:
    """A word with this verdict, or, half of the time, "not" and a word with the other verdict."""
    if rng.random() < 0.5:
        return rng.choice(GOOD if verdict else BAD)
    return "not " + rng.choice(BAD if verdict else GOOD)


def toy_review(rng: random.Random) -> tuple[str, int]:
    """A review and its label, 0 or 1."""
    template, counts = rng.choice(TEMPLATES)
    label = rng.randrange(2)
    verdicts = (label, 1 - label) if counts == 0 else (1 - label, label)
    a, b = rng.sample(ASPECTS, 2)
    before, inside, after = rng.sample(ASIDES, 3)
    core = template.format(*(_opinion(verdict, rng) for verdict in verdicts), a=a, b=b, aside=inside)
    parts = [before] * rng.randrange(2) + [core] + [after] * rng.randrange(2)
    return " ".join(parts), label


def load_toy(seed: int = 0, train: int = 4000, valid: int = 1000, test: int = 2000, words: str = "clean") -> Dataset:
    """Makes toy reviews, without files and network. The same seed gives the same reviews.

    Args:
        seed: of the random numbers.
        train: the number of training reviews.
        valid: the number of validation reviews.
        test: the number of test reviews.
        words: "clean" or "raw", see text.TOKENIZERS.

    Returns:
        The encoded reviews and their vocabulary.

    Raises:
        ValueError: for other words, and for a number of reviews that is not above 0.
    """
    check_choice("words", words, tuple(TOKENIZERS))
    for name, count in (("train", train), ("valid", valid), ("test", test)):
        check_size(name, count)
    rng = random.Random(seed)
    reviews = [toy_review(rng) for _ in range(train + valid + test)]
    tokens, labels = [TOKENIZERS[words](text) for text, _ in reviews], [label for _, label in reviews]
    vocabulary = build_vocabulary(tokens[:train], max_words=10_000, min_count=1)

    def split(begin: int, end: int) -> Reviews:
        return encode(tokens[begin:end], labels[begin:end], vocabulary)

    both, total = train + valid, train + valid + test
    return Dataset(split(0, train), split(train, both), split(both, total), vocabulary)
