"""numpy_rnn/diagnosis.py: its numbers against autograd, and what it makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from numpy_rnn.config import Config
from numpy_rnn.data.text import cut, encode
from numpy_rnn.data.toy import load_toy
from numpy_rnn.diagnosis import Diagnosis, diagnose, verdict
from numpy_rnn.models import build_model
from numpy_rnn.systems import as_written, for_toy, repaired
from torch_rnn import to_torch


def test_the_diagnosis_measures_what_it_says() -> None:
    """Against autograd and a count, on a few reviews with pads up to 30."""
    sizes: dict[str, Any] = {"batch_size": 7, "embedding_size": 5, "hidden_size": 6, "max_tokens": 30}
    config = replace(for_toy(as_written("rnncell")), dtype="float64", **sizes)
    data = cut(load_toy(train=60, valid=20, test=5), 30, "first")
    model = build_model(len(data.vocabulary), config)
    d, twin, lengths = diagnose(model, data.valid), to_torch(model), np.diff(data.valid.offsets)
    losses, p, at_last, share = [], [], [], []
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
        at_last.append(norms[length - 1].item())
        share.append((norms[length - 1] / norms.max()).item())
    positives = np.mean(np.array(p) > 0.5)
    assert d.loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert d.share == max(positives, 1 - positives)
    assert d.answer == ("positive" if positives >= 0.5 else "negative")
    assert d.length_correlation == pytest.approx(np.corrcoef(p, lengths)[0, 1], rel=1e-9)
    assert d.pads == pytest.approx(30 - lengths.mean())
    assert d.gradient == pytest.approx(np.median(at_last), rel=1e-9)
    assert d.gradient_share == pytest.approx(np.median(share), rel=1e-9)


def test_the_diagnosis_of_the_seeds_first_system_and_of_its_repair() -> None:
    data, said = load_toy(train=400, valid=300, test=5), []
    for config in (as_written("rnncell"), repaired("rnncell")):
        model = build_model(len(data.vocabulary), replace(for_toy(config), hidden_size=32))
        said.append(diagnose(model, data.valid))
    assert said[0].pads > 30
    assert said[0].gradient_share < 1e-2 < said[1].gradient_share
    assert said[1].pads == 0
    assert "forgotten" not in verdict(said[1])
    assert "for it has forgotten the review when it answers: 3" in verdict(said[0])


WELL = Diagnosis(5000, "last_real", 0.693, 0.5, "positive", 0.6, 0.1, 0.0, 1e-3, 0.5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "though the error reaches the words"),
        ({"accuracy": 0.87, "loss": 0.33}, "It has learnt something (87.0% right, loss 0.330 against a coin's 0.693)."),
        ({"accuracy": 0.7, "pads": 80.0}, "But 80 pads follow the last word before the state is read."),
        (
            {"pads": 80.0, "gradient_share": 1e-9},
            "80 pads follow the last word before the state is read, and the error",
        ),
        ({"share": 0.99}, "answers positive to 99% of the reviews, whatever they say"),
        ({"length_correlation": -0.8}, "its answer goes with the length of the review (correlation -0.80)"),
        ({"length_correlation": np.nan}, "though the error reaches the words"),
        ({"accuracy": 0.52}, "It is at chance (52.0% right"),
        ({"accuracy": 0.53}, "It is little better than chance (53.0% right"),
        ({"accuracy": 0.53, "reviews": 100}, "It is at chance (53.0% right"),
        ({"accuracy": 0.4}, "It is worse than chance (40.0% right, loss 0.693 against a coin's 0.693): are the labels"),
        ({"gradient_share": 0.0, "readout": "max"}, "though the error reaches the words"),
        ({"gradient_share": 1e-5}, "the error hardly reaches the last word (1e-05 of the largest gradient)"),
    ],
    ids=str,
)
def test_the_sentence(changed: dict[str, float], said: str) -> None:
    sentence = verdict(WELL._replace(**changed))
    assert said in sentence
    assert ("It is at chance (50.0% right" in sentence) == ("accuracy" not in changed)
    assert sentence.count("It ") == 1


def test_a_review_without_words_is_answered_all_the_same() -> None:
    """encode makes it one <unk>."""
    model = build_model(3, Config(embedding_size=3, hidden_size=4))
    d = diagnose(model, encode([[], ["a"]], [0, 1], ["<unk>", "<pad>", "a"]))
    assert np.isnan(d.length_correlation)  # all lengths are 1
    assert np.isfinite(d.loss)
