"""What a trained model says of a text, and how its mind changes from word to word."""

from __future__ import annotations

import numpy as np

from numpy_rnn.checkpoint import Checkpoint
from numpy_rnn.checks import expect
from numpy_rnn.config import Config
from numpy_rnn.data.batches import batches, first_class
from numpy_rnn.data.text import TOKENIZERS, encode, shorten
from numpy_rnn.losses import softmax

CLASSES = ("negative", "positive")


def positive(logits: np.ndarray, config: Config) -> np.ndarray:
    """P(positive | positive or negative), (N, C) -> (N,); a third output, which stands for no class, is left out."""
    return softmax(logits[:, first_class(config) :])[:, 1]


def word_by_word(checkpoint: Checkpoint, text: str) -> tuple[list[str], np.ndarray]:
    """The text's words (n,), as the model's vocabulary has them, and P(positive) after each, (n,).

    The answer after k words is the model's answer to a text of these k words, with cutting, pads and all.
    Raises ValueError for a text without words, or without any word of the vocabulary.
    """
    model, vocabulary = checkpoint
    words = TOKENIZERS[model.config.words](text)
    expect(bool(words), "text", "at least one word", repr(text))
    known = bool({*words} & {*vocabulary[2:]})
    expect(known, "text", "at least one word of the model's vocabulary", f"{len(words)} unknown ones: {text[:60]!r}")
    n = len(words)
    prefixes = encode([words[: k + 1] for k in range(n)], [0] * n, vocabulary)
    p = np.empty(n)
    for batch in batches(shorten(prefixes, model.config.max_tokens, model.config.keep), model.config):
        p[batch.which] = positive(model.forward(batch.ids, batch.lengths)[0], model.config)
    return words, p
