"""numpy_rnn/sentiment/diagnosis.py: its numbers against autograd, and what it makes of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from numpy_rnn.sentiment.config import READOUTS, Config
from numpy_rnn.sentiment.data.text import cut, encode
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.diagnosis import Diagnosis, blind, diagnose, slope, verdict
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import as_written, for_toy, repaired
from torch_rnn import to_torch


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_diagnosis_measures_what_it_says(cell: str) -> None:
    """Against autograd and a count, on a few reviews with pads up to 30."""
    sizes: dict[str, Any] = {"batch_size": 7, "embedding_size": 5, "hidden_size": 6, "max_tokens": 30, "cell": cell}
    config = replace(for_toy(as_written("rnncell")), dtype="float64", **sizes)
    data = cut(load_toy(train=60, valid=20, test=5), 30, "first")
    model = build_model(len(data.vocabulary), config)
    model.params["fc2.b"][:] = -0.05, 0, 0  # or nearly all answers are the same
    d, twin, lengths = diagnose(model, data.valid), to_torch(model), np.diff(data.valid.offsets)
    losses, p, answers, kept, gradient = [], [], [], [], []
    for i, length in enumerate(lengths):
        ids = np.ones((30, 1), int)
        ids[:length, 0] = data.valid.tokens[data.valid.offsets[i] :][:length]
        x = twin.embedding(torch.tensor(ids)).detach().requires_grad_()
        logits = twin.logits(twin.read_out(twin.states(x, torch.tensor([length])), torch.tensor([length])))
        loss = cross_entropy(logits, torch.tensor([data.valid.labels[i] + 1]))
        loss.backward()
        norms = x.grad.norm(dim=2)[:, 0]
        losses.append(loss.item())
        p.append(logits.detach()[0, 1:].softmax(dim=0)[1].item())
        answers.append(logits.argmax().item() - 1)
        kept.append((norms[length - 1] / norms[length - 1 :].max()).item())
        gradient.append((norms * x.detach().norm(dim=2)[:, 0]).max().item())
    labels, shares = data.valid.labels, [answers.count(c) / 20 for c in (0, 1, -1)]
    rng = np.random.default_rng(0)
    dealt = [(rng.permutation(answers) == labels).mean() for _ in range(5000)]
    assert d.reviews == 20
    assert d.loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert d.chance_loss == pytest.approx(-np.log(np.where(labels, labels.mean(), 1 - labels.mean())).mean())
    assert d.accuracy == np.mean(np.array(answers) == labels)
    assert d.chance == pytest.approx(np.mean(dealt), abs=0.005)
    assert d.noise == pytest.approx(3 * np.std(dealt) + 2 / 20, rel=0.05)  # sqrt(20 / 19), and what 5000 leave open
    assert d.share == max(shares)
    assert d.answer == ("negative", "positive", "neither")[int(np.argmax(shares))]
    assert d.spread == pytest.approx(np.std(p), rel=1e-9)
    assert d.length_correlation == pytest.approx(np.corrcoef(p, lengths)[0, 1], rel=1e-9)
    assert d.pads == pytest.approx(30 - lengths.mean())
    assert d.kept == pytest.approx(np.median(kept), rel=1e-9)
    assert d.gradient == pytest.approx(np.mean(gradient), rel=1e-9)
    assert d.embedding_std == np.std(model.params["embedding.W"])


@pytest.mark.parametrize("positives", [0.1, 0.5, 0.9])
def test_chance_is_what_the_same_answers_get_in_random_order(positives: float) -> None:
    rng = np.random.default_rng(0)
    labels, answers = (rng.random(200) < positives) * 1, rng.choice([-1, 0, 1], 200, p=[0.1, 0.2, 0.7])
    dealt = [(rng.permutation(answers) == labels).mean() for _ in range(5000)]
    chance, noise = blind(answers, labels)
    assert chance == pytest.approx(np.mean(dealt), abs=0.003)
    assert noise == pytest.approx(3 * np.std(dealt) + 2 / 200, rel=0.05)
    assert blind(np.ones(200), labels)[0] == labels.mean()


def test_a_third_output_answers_neither_class() -> None:
    model = build_model(4, replace(as_written("rnncell"), readout="last_real", embedding_size=3, hidden_size=4))
    model.params["fc2.b"][0] = 10
    d = diagnose(model, encode([["a"], ["b", "a"]], [0, 1], [*"__ab"]))
    assert (d.answer, d.share, d.accuracy, d.chance) == ("neither", 1, 0, 0)
    assert "answers neither to 100% of the reviews" in verdict(d)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_slope_is_what_the_error_is_multiplied_by(cell: str) -> None:
    """At a review of one word, from h_0 = 0: dL/da = dL/dh times the gates (see below) times f'(z), by autograd.

    And pads count for nothing: with them it is the same.
    """
    config = Config(cell=cell, readout="mean", embedding_size=5, hidden_size=6, embedding_std=3.0, dtype="float64")
    model = build_model(8, config)
    one = encode([["a"], ["b"], ["c"]], [0, 1, 1], [*"__abcdef"])
    twin = to_torch(model)
    (rnn,) = [module for module in twin.modules() if isinstance(module, torch.nn.RNNBase)]
    x = twin.embedding(torch.tensor(one.tokens.astype(int)))  # (3, D)
    z = x @ rnn.weight_ih_l0.T + rnn.bias_ih_l0
    if cell == "gru":
        r = (z + rnn.bias_hh_l0)[:, :6].sigmoid()
        z = z[:, 12:] + r * rnn.bias_hh_l0[12:]
    else:
        z = z + rnn.bias_hh_l0
        z = z[:, 12:18] if cell == "lstm" else z
    z = z.detach().requires_grad_()
    z.tanh().sum().backward()
    assert diagnose(model, one).slope == pytest.approx(z.grad.mean().item(), rel=1e-9)
    apart, longer = encode([["a"], ["b"] * 9], [0, 1], [*"__abcdef"]), encode([["b"] * 9], [1], [*"__abcdef"])
    alone = [diagnose(model, reviews).slope for reviews in (encode([["a"]], [0], [*"__abcdef"]), longer)]
    assert diagnose(model, apart).slope == pytest.approx(np.mean(alone), rel=1e-9)


@pytest.mark.parametrize("readout", READOUTS)
def test_the_slopes_are_those_of_the_real_steps_in_the_given_order(readout: str) -> None:
    options = {"embedding_size": 5, "hidden_size": 6, "embedding_std": 3.0, "dtype": "float64"}
    model = build_model(8, Config(readout=readout, **options))
    ids = np.random.default_rng(0).integers(2, 8, (6, 3))
    lengths = np.array([2, 6, 4])
    together = slope(model, model.forward(ids, lengths)[1], lengths)
    alone = [slope(model, model.forward(ids[: lengths[n], [n]], lengths[[n]])[1], lengths[[n]])[0] for n in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_the_diagnosis_of_the_seeds_first_system_and_of_its_repair() -> None:
    data, said = load_toy(train=400, valid=300, test=5), []
    for config in (as_written("rnncell"), repaired("rnncell")):
        model = build_model(len(data.vocabulary), replace(for_toy(config), hidden_size=32))
        said.append(diagnose(model, data.valid))
    assert said[0].pads > 30
    assert said[0].kept < 1e-2
    assert said[1].pads == 0
    assert said[1].kept == 1
    assert "forgotten" not in verdict(said[1])
    assert "for it has forgotten the review when it answers: 3" in verdict(said[0])


WELL = Diagnosis(5000, 0.693, 0.693, 0.5, 0.5, 0.02, "positive", 0.6, 0.2, 0.1, 0.0, 1.0, 1e-3, 0.8, 0.1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "though the gradient reaches the words"),
        ({"accuracy": 0.87, "loss": 0.33}, "learnt something (87.0% right and loss 0.330, by chance 50.0% and 0.693)."),
        ({"accuracy": 0.7, "pads": 80.0}, "But 80 pads follow the last word before the state is read."),
        ({"pads": 80.0, "kept": 1e-9}, "80 pads follow the last word before the state is read, and the gradient"),
        ({"pads": 80.0}, "though the gradient reaches the words"),
        ({"share": 0.99}, "answers positive to 99% of the reviews, whatever they say"),
        ({"length_correlation": -0.8}, "its answer goes with the length of the review (correlation -0.80)"),
        ({"length_correlation": 0.4}, "though the gradient reaches the words"),
        ({"length_correlation": 0.6, "reviews": 20}, "though the gradient reaches the words"),  # luck
        ({"length_correlation": -0.8, "share": 0.99}, "answers positive to 99% of the reviews"),
        ({"length_correlation": -0.8, "spread": 0.01}, "though the gradient reaches the words"),
        ({"length_correlation": np.nan}, "though the gradient reaches the words"),
        ({"accuracy": 0.52}, "It is at chance (52.0% right"),
        ({"accuracy": 0.53}, "It is little better than chance (53.0% right"),
        ({"accuracy": 0.6}, "It is little better than chance (60.0% right"),
        ({"accuracy": 0.61}, "It has learnt something (61.0% right"),
        ({"accuracy": 0.61, "noise": 0.2}, "It is at chance (61.0% right"),
        ({"accuracy": 0.9, "chance": 0.9, "share": 1.0}, "by chance 90.0% and 0.693), and answers positive to 100%"),
        ({"accuracy": 0.4}, "It is worse than chance (40.0% right and loss 0.693, by chance 50.0% and 0.693): are the"),
        ({"accuracy": 0.1, "chance": 0.1}, "It is at chance (10.0% right"),
        ({"gradient": 1e-9}, "no word makes a difference to its answer"),
        ({"slope": 0.01, "embedding_std": 100.0}, "saturated or dead (mean slope 0.01; that of open units is 1), and"),
        ({"slope": 0.01, "embedding_std": 100.0}, "the embeddings (standard deviation 100; 0.1 is a good start) or"),
        ({"loss": 5.0}, "and is sure of its answers all the same"),
        ({"loss": np.nan}, "It has exploded (loss nan)"),
    ],
    ids=str,
)
def test_the_sentence(changed: dict[str, float], said: str) -> None:
    sentence = verdict(WELL._replace(**changed))
    assert said in sentence
    assert sentence.count("It ") == 1


def test_the_sentence_of_docs() -> None:
    """The numbers of docs/fifty_percent.md, of rnncell as written; 50.54 % of IMDB's validation labels are positive."""
    numbers = WELL._replace(
        loss=0.6976,
        accuracy=0.504,
        chance=0.5038,
        noise=0.0156,
        share=0.849,
        length_correlation=0.15,
        pads=41.1,
        kept=3.6e-10,
    )
    assert verdict(numbers) == (
        "It is at chance (50.4% right and loss 0.698, by chance 50.4% and 0.693), for it has forgotten the review when "
        "it answers: 41 pads follow the last word before the state is read, and the gradient has shrunk to "
        "4e-10 of its size when it arrives there. Read the state at the last real step, or the mean over the real "
        "steps."
    )


def test_a_review_without_words_is_answered_all_the_same() -> None:
    """encode makes it one <unk>."""
    model = build_model(3, Config(embedding_size=3, hidden_size=4))
    d = diagnose(model, encode([[], ["a"]], [0, 1], ["<unk>", "<pad>", "a"]))
    assert np.isnan(d.length_correlation)  # all lengths are 1
    assert np.isfinite(d.loss)
