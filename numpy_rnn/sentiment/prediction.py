"""What a trained model answers to a text, and how its answer changes from word to word."""

from copy import copy
from dataclasses import replace

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.losses import softmax
from numpy_rnn.sentiment.checkpoint import Checkpoint
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.batches import batches, first_class
from numpy_rnn.sentiment.data.text import TOKENIZERS, encode, shorten
from numpy_rnn.types import Array

CLASSES = ("negative", "positive")
STEPS = 200_000  # N T of a batch, at most: this bounds the memory


def positive(logits: Array, config: Config) -> Array:
    """logits (N, C) -> P(positive) (N,), by the softmax of the two classes. A third output is no class: left out."""
    return softmax(logits[:, first_class(config) :])[:, 1]


def word_by_word(checkpoint: Checkpoint, text: str) -> tuple[list[str], Array]:
    """P(positive) after each word of a text.

    The answer after k words is the model's answer to a text of these k words alone. It is cut and padded in the same
    way as a review.

    Args:
        checkpoint: the model and its vocabulary.
        text: the text.

    Returns:
        The n words, as the model's tokenizer gives them, and P(positive) after each, (n,).

    Raises:
        ValueError: for a text without words or without any word of the vocabulary, and for weights so large that an
            answer is NaN.
    """
    model, vocabulary = checkpoint
    config = model.config
    words = TOKENIZERS[config.words](text)
    expect(bool(words), "text", "at least one word", repr(text[:60]))
    known = bool({*words} & {*vocabulary[2:]})
    expect(known, "text", "at least one word of the model's vocabulary", f"{len(words)} unknown ones: {text[:60]!r}")
    if config.readout == "last" and config.pad_to == "longest":  # a single text has no pads: its last step is real
        model = copy(model)
        model.config = replace(config, readout="last_real")
    n, p = len(words), np.empty(len(words))
    T = min(n, config.max_tokens or n) if config.pad_to == "longest" else config.max_tokens  # steps of the longest text
    size = max(1, min(config.batch_size, STEPS // T))
    for start in range(0, n, size):
        lengths = range(start + 1, min(start + size, n) + 1)
        beginnings = encode([words[:k] for k in lengths], [0] * len(lengths), vocabulary)
        for batch in batches(shorten(beginnings, config.max_tokens, config.keep), config):
            with np.errstate(over="ignore", invalid="ignore"):
                p[start + batch.which] = positive(model.forward(batch.ids, batch.lengths)[0], config)
    finite = np.isfinite(p)
    expect(bool(finite.all()), "checkpoint", "weights that give numbers", f"NaN after {words[finite.argmin()]!r}")
    return words, p
