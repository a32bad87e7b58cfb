"""numpy_rnn/sentiment/diagnosis.py on drawn models, each with a known fault: the sentence names it, no false alarm."""

import random
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.text import Dataset, Reviews, build_vocabulary, encode, select
from numpy_rnn.sentiment.data.toy import ASPECTS, BAD, GOOD, load_toy
from numpy_rnn.sentiment.diagnosis import diagnose, verdict
from numpy_rnn.sentiment.models import SentimentModel, build_model
from numpy_rnn.sentiment.training import Trainer, train
from numpy_rnn.types import Array

TOY = load_toy(train=200, valid=400, test=5)
FEW = settings(max_examples=25)
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]


def some(reviews: Reviews, n: int, positives: float, seed: int) -> Reviews:
    """n of them, a share of them positive."""
    rng, k = np.random.default_rng(seed), round(n * positives)
    chosen = [*rng.choice(np.flatnonzero(reviews.labels), k, False)]
    return select(reviews, rng.permutation([*chosen, *rng.choice(np.flatnonzero(reviews.labels == 0), n - k, False)]))


@st.composite
def drawn(draw: Any, cells: list[tuple[str, str]] = CELLS, **fixed: Any) -> tuple[SentimentModel, Reviews]:
    """An untrained model, and 50 or 150 toy reviews with 10, 50 or 90 % positives."""
    (cell, nonlinearity), seed = draw(st.sampled_from(cells)), draw(st.integers(0, 10_000))
    system = draw(st.sampled_from(["basic", "rnncell"]))
    given = {
        "readout": draw(st.sampled_from(["last_real", "mean", "max"])),
        "seed": seed,
        "system": system,
        "outputs": draw(st.sampled_from([2, 3])),
        "embedding_std": draw(st.floats(0.05, 0.5)),
    }
    config = Config(
        cell=cell, nonlinearity=nonlinearity, embedding_size=16, hidden_size=16, max_tokens=60, **given | fixed
    )
    n, positives = draw(st.sampled_from([50, 150])), draw(st.sampled_from([0.1, 0.5, 0.9]))
    return build_model(len(TOY.vocabulary), config), some(TOY.valid, n, positives, seed)


def scale(model: SentimentModel, layer: str, factor: float) -> None:
    for name, p in model.params.items():
        if name.startswith(layer):
            p *= factor


def last_layer(model: SentimentModel) -> tuple[Array, Array]:
    """Its W (F, C) and b (C,)."""
    name = {"basic": "linear", "rnncell": "fc2"}[model.config.system]
    return model.params[f"{name}.W"], model.params[f"{name}.b"]


@settings(max_examples=100)
@given(drawn())
def test_an_untrained_model_is_at_chance(case: tuple[SentimentModel, Reviews]) -> None:
    """And its sentence is one of the two that leave room for that."""
    said = verdict(diagnose(*case))
    assert said.startswith("It is at chance")
    assert "it is not trained yet" in said or "though the gradient reaches the words" in said, said


@FEW
@given(drawn(readout="last", pad_to="max_tokens"))
def test_pads_before_the_readout(case: tuple[SentimentModel, Reviews]) -> None:
    said = verdict(diagnose(*case))
    assert "pads follow the last word before the state is read, and the gradient has shrunk" in said, said


@FEW
@given(drawn([cell for cell in CELLS if cell[1] == "tanh"], outputs=2), st.floats(30, 300))
def test_embeddings_far_too_large(case: tuple[SentimentModel, Reviews], std: float) -> None:
    model, reviews = case
    scale(model, "embedding.", std / model.config.embedding_std)
    said, size = verdict(diagnose(model, reviews)), model.params["embedding.W"].std()
    assert f"no gradient gets through to the words: the embeddings (standard deviation {size:.3g}" in said, said


@FEW
@given(drawn([cell for cell in CELLS if cell[1] == "tanh"]), st.floats(100, 1000))
def test_saturated_by_exploded_weights(case: tuple[SentimentModel, Reviews], factor: float) -> None:
    model, reviews = case
    scale(model, "rnn.", factor)
    assert "its units are saturated or dead" in verdict(diagnose(model, reviews))


@FEW
@given(drawn([("rnn", "relu")]))
def test_units_that_never_open(case: tuple[SentimentModel, Reviews]) -> None:
    model, reviews = case
    model.params["rnn.b_xh_l0"][:] = -10
    assert "its units are saturated or dead (mean slope 0.00" in verdict(diagnose(model, reviews))


@FEW
@given(drawn(), st.sampled_from(["embedding.W", "rnn.W_xh_l0", "the last layer"]), st.sampled_from([0, 1e-9]))
def test_weights_that_are_zero(case: tuple[SentimentModel, Reviews], which: str, factor: float) -> None:
    model, reviews = case
    W = last_layer(model)[0] if which == "the last layer" else model.params[which]
    W *= factor
    assert "no word makes a difference to its answer" in verdict(diagnose(model, reviews))


@FEW
@given(drawn(), st.sampled_from([1e3, 1e6]))
def test_an_exploded_last_layer(case: tuple[SentimentModel, Reviews], factor: float) -> None:
    model, reviews = case
    for p in last_layer(model):
        p *= factor
    said = verdict(diagnose(model, reviews))
    assert "is sure of its answers all the same" in said or "whatever they say" in said, said
    assert "its weights or its learning rate are too large" in said


@FEW
@given(drawn([("rnn", "relu")]), st.sampled_from([1e3, 1e10]))
def test_units_without_a_ceiling_explode(case: tuple[SentimentModel, Reviews], factor: float) -> None:
    """At 1e10 to infinity, in float32."""
    model, reviews = case
    model.params["rnn.b_xh_l0"][:] = 1
    scale(model, "rnn.", factor)
    said = verdict(diagnose(model, reviews))
    assert "weights" in said
    assert "too large" in said
    assert factor < 1e10 or said.startswith("It has exploded (loss nan)")


@FEW
@given(drawn(), st.data(), st.floats(1, 20))
def test_a_constant_answer(case: tuple[SentimentModel, Reviews], data: Any, bias: float) -> None:
    """At chance whatever the share of positives is, right as it may be in 90 %; and a third output answers neither."""
    model, reviews = case
    answer = data.draw(st.integers(0, model.config.outputs - 1))
    last_layer(model)[1][answer] += bias
    name = ("neither", "negative", "positive")[answer + 3 - model.config.outputs]
    said = verdict(diagnose(model, reviews))
    assert said.startswith("It is at chance")
    assert f"answers {name} to 100% of the reviews, whatever they say" in said


@FEW
@given(
    drawn([("rnn", "relu")], recurrent_init="identity", readout="last_real", system="basic", outputs=2),
    st.sampled_from([-1, 1]),
    st.floats(0.1, 3),
)
def test_an_answer_by_length(case: tuple[SentimentModel, Reviews], sign: int, per_word: float) -> None:
    """Every step adds 1 to each unit; the answer is whether that is more than the median length."""
    model, reviews = case
    (W, b), H, median = last_layer(model), model.config.hidden_size, np.median(np.diff(reviews.offsets))
    model.params["rnn.b_xh_l0"][:] = 1
    W[:, 0], W[:, 1], b[0], b[1] = 0, sign * per_word / H, 0, -sign * per_word * median
    assert "its answer goes with the length of the review" in verdict(diagnose(model, reviews))


@cache
def trained(cell: str, readout: str, system: str) -> tuple[SentimentModel, Reviews]:
    """On reviews in which one of four words decides. And 400 others of them."""
    rng = random.Random(0)
    labels = [rng.randrange(2) for _ in range(600)]
    words = [
        [*rng.choices(ASPECTS, k=rng.randint(1, 6)), rng.choice((BAD, GOOD)[y]), *rng.choices(ASPECTS, k=3)]
        for y in labels
    ]
    vocabulary = build_vocabulary(words, 100, 1)
    seen, unseen = encode(words[:200], labels[:200], vocabulary), encode(words[200:], labels[200:], vocabulary)
    config = Config(
        cell=cell,
        readout=readout,
        system=system,
        embedding_size=8,
        hidden_size=8,
        batch_size=20,
        epochs=12,
        lr=0.03,
        dropout=0.0,
        unknown_rate=0.0,
    )
    trainer = Trainer(build_model(len(vocabulary), config))
    for _ in train(trainer, Dataset(seen, seen, seen, vocabulary)):
        pass
    return trainer.model, unseen


HEALTHY = [
    ("rnn", "last_real", "basic"),
    ("rnn", "mean", "rnncell"),
    ("lstm", "max", "basic"),
    ("gru", "mean", "basic"),
]


@pytest.mark.parametrize("kind", HEALTHY, ids=str)
@pytest.mark.parametrize("positives", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [50, 200])
def test_a_healthy_model_has_learnt_something(kind: tuple[str, str, str], positives: float, n: int) -> None:
    """Its weights are not too large, and its labels the right way round."""
    model, reviews = trained(*kind)
    for seed in range(5):
        said = verdict(diagnose(model, some(reviews, n, positives, seed)))
        assert said.startswith("It has learnt something (")
        assert said.endswith(").")


@pytest.mark.parametrize("kind", HEALTHY, ids=str)
@pytest.mark.parametrize("positives", [0.1, 0.5, 0.9])
def test_labels_the_wrong_way_round(kind: tuple[str, str, str], positives: float) -> None:
    model, reviews = trained(*kind)
    for seed in range(5):
        right = some(reviews, 50, positives, seed)
        said = verdict(diagnose(model, Reviews(right.tokens, right.offsets, 1 - right.labels)))
        assert said.startswith("It is worse than chance (")


@pytest.mark.parametrize("kind", HEALTHY, ids=str)
def test_labels_at_random(kind: tuple[str, str, str]) -> None:
    """A trained model, and labels that have nothing to do with the reviews: neither learnt, nor the wrong way round."""
    model, reviews = trained(*kind)
    rng = np.random.default_rng(0)
    for positives in (0.1, 0.5, 0.9):
        labels = (rng.random((20, 50)) < positives).astype(np.int64)
        for each in labels:
            drawn = some(reviews, 50, 0.5, 0)
            said = verdict(diagnose(model, Reviews(drawn.tokens, drawn.offsets, each)))
            assert said.startswith("It is at chance ("), said
