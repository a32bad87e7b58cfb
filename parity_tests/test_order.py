"""numpy_rnn/sentiment/order.py: a state that is carried from batch to batch is seen; an honest model is left alone."""

from typing import Any

import numpy as np
import pytest

from numpy_rnn import GRU, Linear
from numpy_rnn.sentiment.order import order_effect
from numpy_rnn.types import Array

N, T, BATCH = 60, 7, 6
RNG = np.random.default_rng(0)
LAYER, HEAD = GRU(3, 8, rng=RNG), Linear(8, 2, rng=RNG)
X = RNG.normal(size=(T, N, 3)).astype(np.float32)
LABELS = np.repeat([0, 1], N // 2)  # sorted, as the files of IMDB are


def answers(carried: bool) -> Any:
    def of(order: Array) -> Array:
        h, found = None, []
        for some in np.split(order, N // BATCH):
            output, h_n, _ = LAYER.forward(X[:, some], h if carried else None)
            found.append(HEAD.forward(output[-1])[0].argmax(axis=1))
            h = h_n
        return np.concatenate(found)

    return of


def test_a_carried_state_is_seen() -> None:
    found = order_effect(answers(carried=True), LABELS)
    assert found.leaks
    assert found.changed > 0.01


def test_a_model_that_starts_anew_answers_the_same_in_every_order() -> None:
    found = order_effect(answers(carried=False), LABELS)
    assert not found.leaks
    assert found.as_given == found.permuted == found.shifted
    assert 0 < found.as_given < 1


def test_a_model_that_tells_the_place() -> None:
    """In the given order it seems to know everything: it answers by what came before."""
    n = np.arange(N)
    found = order_effect(lambda order: (n >= N // 2).astype(int), LABELS)
    assert (found.as_given, found.leaks) == (1, True)
    assert found.permuted < 0.8
    assert found.shifted == pytest.approx(1 - 2 / N)


def test_a_bad_argument_is_named() -> None:
    with pytest.raises(ValueError, match="labels: expected at least two examples, got 1"):
        order_effect(answers(False), LABELS[:1])
    with pytest.raises(ValueError, match="answers: expected"):
        order_effect(lambda order: np.zeros((N, 2), int), LABELS)
