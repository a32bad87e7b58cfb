"""numpy_rnn/sentiment/training.py and its twin torch_rnn/training.py: steps, evaluation, what stops them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from numpy_rnn.sentiment.config import DEFAULTS
from numpy_rnn.sentiment.data.batches import batches
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.training import learning_rate, train
from torch_rnn import from_torch_names
from torch_rnn.comparison import Comparison, relative_error
from torch_rnn.devices import choose_device
from torch_rnn.training import TorchTrainer

DATA = load_toy(train=330, valid=40, test=40)
SMALL = replace(DEFAULTS["toy"], embedding_size=8, hidden_size=12, dtype="float64", epochs=4)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_evaluation(backend: str) -> None:
    """All reviews, the last small batch counting as little as it has; no dropout; accuracy is what is right."""
    run = Comparison(DATA, replace(SMALL, dropout=0.9, unknown_rate=0.9))
    trainer: Any = getattr(run, backend)
    losses, right = [], []
    for i in range(len(DATA.valid)):  # 40 reviews, one at a time; the trainer does 32 and 8
        ids = DATA.valid.tokens[DATA.valid.offsets[i] : DATA.valid.offsets[i + 1], None]
        logits = run.numpy.model.forward(ids, np.array([len(ids)]))[0][0]
        p = np.exp(logits) / np.exp(logits).sum()
        losses.append(-np.log(p[DATA.valid.labels[i]]))
        right.append(p[DATA.valid.labels[i]] > 0.5)
    loss, accuracy = trainer.evaluate(DATA.valid)
    assert loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert accuracy == np.mean(right)


def test_learning_rate_falls_linearly_to_zero() -> None:
    rates = [learning_rate(SMALL, step, 4) / SMALL.lr for step in range(5)]
    assert rates == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_a_constant_learning_rate_stays() -> None:
    assert [learning_rate(replace(SMALL, schedule="constant"), step, 4) for step in range(5)] == [SMALL.lr] * 5


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_no_clipping(backend: str) -> None:
    """With plain gradient descent: clip 0 takes the whole step, a small one a step of just that length."""
    for clip in (0.0, 1e-3):
        run = Comparison(DATA, replace(SMALL, optimizer="sgd", clip=clip))
        trainer: Any = getattr(run, backend)
        batch, lr = next(run._batches(0, ""))
        norm = np.sqrt(sum((g**2).sum() for g in run.numpy.gradients(batch).grads.values()))
        before = {name: p.copy() for name, p in run.numpy.model.params.items()}
        trainer.step(batch, lr)
        after = run.numpy.model.params if backend == "numpy" else from_torch_names(run.numpy.model, trainer.weights())
        moved = np.sqrt(sum(((after[name] - p) ** 2).sum() for name, p in before.items()))
        assert moved == pytest.approx(lr * (clip or norm), rel=2e-3)
        assert norm > 0.01


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_run_tells_of_each_epoch(backend: str) -> None:
    """Each review counts once, in the small last batch, too; the rate falls over the whole run; steps are told."""
    config = replace(SMALL, epochs=2, outputs=3, buckets=True)
    run, steps, rates = Comparison(DATA, config), [], []
    trainer: Any = getattr(run, backend)
    sizes = [len(batch.labels) for epoch in range(2) for batch in batches(DATA.train, config, epoch)]
    right = trainer.update
    trainer.update = lambda step, lr: rates.append(lr) or right(step, lr)
    rows = list(train(trainer, DATA, steps.append))
    assert [(done.epoch, done.step) for done in steps] == [(epoch, i) for epoch in (1, 2) for i in range(11)]
    assert rates == pytest.approx([config.lr * (1 - k / 22) for k in range(22)])
    assert rates == [done.lr for done in steps]
    assert all(done.result.norm > 0 and done.seconds > 0 for done in steps)
    assert sorted(sizes)[:2] == [10, 10]
    for k, row in enumerate(rows):
        part = slice(11 * k, 11 * k + 11)
        losses, correct = ([getattr(done.result, name) for done in steps[part]] for name in ("loss", "correct"))
        assert row["epoch"] == k + 1
        assert row["train_loss"] == pytest.approx(np.dot(losses, sizes[part]) / 330, rel=1e-12)
        assert row["train_accuracy"] == sum(correct) / 330
        assert row["seconds"] > 0
    assert (rows[-1]["valid_loss"], rows[-1]["valid_accuracy"]) == trainer.evaluate(DATA.valid)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_right_answers_are_counted(backend: str) -> None:
    run = Comparison(DATA, replace(SMALL, outputs=3))
    trainer: Any = getattr(run, backend)
    batch, _ = next(run._batches(0, ""))
    logits, _ = run.numpy.model.forward(batch.ids, batch.lengths, batch.mask)
    answers = logits.argmax(axis=1)
    assert trainer.step(batch, 0.0).correct == sum(answers == batch.labels)
    assert len(set(answers)) > 1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_nan_stops_the_training_before_any_weight_is_touched(backend: str) -> None:
    run = Comparison(DATA, SMALL)
    trainer: Any = getattr(run, backend)
    batch, lr = next(run._batches(0, ""))
    if backend == "numpy":
        run.numpy.model.params["linear.b"][0] = np.nan
        before = {name: p.copy() for name, p in run.numpy.model.params.items()}
    else:
        trainer.model.linear.bias.data[0] = float("nan")
        before = {name: p.copy() for name, p in trainer.weights().items()}
    with pytest.raises(ValueError, match=f"{backend} training: expected a finite loss and gradient .* got loss nan"):
        trainer.step(batch, lr)
    after = run.numpy.model.params if backend == "numpy" else trainer.weights()
    for name, p in before.items():
        np.testing.assert_array_equal(p, after[name])


def test_the_twin_takes_over_weights_and_optimizer_state() -> None:
    """After it, one step of either leads to the same place, though the twin had gone another way before."""
    run = Comparison(DATA, SMALL)
    stream = list(run._batches(0, ""))
    for batch, lr in stream[:4]:
        run.numpy.step(batch, lr)
    for batch, lr in stream[4:6]:
        run.torch.step(batch, lr)
    run.torch.copy_state_from(run.numpy)
    snapshot = {name: p.copy() for name, p in run.numpy.model.params.items()}
    run.torch.step(*stream[6])
    for name, p in run.numpy.model.params.items():
        np.testing.assert_array_equal(p, snapshot[name])  # copies: the twin's step changed nothing here
    run.numpy.step(*stream[6])
    same = TorchTrainer(run.numpy)
    for name, p in run.torch.weights().items():
        assert relative_error(p, same.weights()[name]) < 1e-14


def test_a_twin_made_later_starts_with_the_optimizer_state() -> None:
    run = Comparison(DATA, SMALL)
    first, second = list(run._batches(0, ""))[:2]
    run.numpy.step(*first)
    late = TorchTrainer(run.numpy)
    run.numpy.step(*second)
    late.step(*second)
    for name, p in TorchTrainer(run.numpy).weights().items():
        assert relative_error(late.weights()[name], p) < 1e-13


def test_a_gpu_gets_an_epochs_batches_at_once() -> None:
    """The device "meta" stands in for one: what comes lies on it, all of it; on a CPU one batch at a time."""
    trainer, stream = Comparison(DATA, SMALL).torch, list(batches(DATA.train, SMALL, 0))
    assert not isinstance(trainer.ready(stream), list)
    trainer.device = torch.device("meta")
    ready = trainer.ready(iter(stream))
    assert isinstance(ready, list)
    assert [batch.ids.shape for batch in ready] == [batch.ids.shape for batch in stream]
    assert {tensor.device.type for batch in ready for tensor in batch} == {"meta"}


@pytest.mark.parametrize("device", ["cuda:99", "no such thing"])
def test_a_device_that_is_not_here(device: str) -> None:
    with pytest.raises(ValueError, match=f"device: expected one that is here, such as cpu, got '{device}'"):
        choose_device(device)
