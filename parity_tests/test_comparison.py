"""numpy_rnn/training.py, torch_rnn/training.py, torch_rnn/comparison.py: whole training steps, free and in lockstep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from numpy_rnn.config import DEFAULTS, READOUTS
from numpy_rnn.data.text import Dataset
from numpy_rnn.data.toy import load_toy
from numpy_rnn.training import Trainer, learning_rate
from torch_rnn.comparison import Comparison, relative_error
from torch_rnn.training import TorchTrainer, check_device

DATA = load_toy(train=330, valid=40, test=40)
SMALL = replace(DEFAULTS["toy"], embedding_size=8, hidden_size=12, dtype="float64", epochs=4)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("clip", [1e-2, 1e2], ids=["clipped", "not clipped"])
def test_whole_steps_in_lockstep(readout: str, clip: float) -> None:
    """44 steps: loss, every gradient before clipping, every weight after Adam."""
    run = Comparison(DATA, replace(SMALL, readout=readout, clip=clip, num_layers=2, unknown_rate=0.1), lockstep=True)
    rows = list(run.epochs())
    worst = run.worst
    assert worst is not None
    assert worst["steps"] == 44 == len(run.losses["numpy"])
    assert worst["largest_loss_difference"] < 1e-12
    assert worst["largest_weight_error"] < 1e-12
    assert worst["largest_gradient_error"].keys() == run.numpy.model.params.keys()
    assert max(worst["largest_gradient_error"].values()) < 1e-9
    for row in rows:
        assert row["numpy"]["valid_loss"] == pytest.approx(row["torch"]["valid_loss"], abs=1e-12)
        assert row["numpy"]["valid_accuracy"] == row["torch"]["valid_accuracy"]


def test_lockstep_notices_a_wrong_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Trainer.gradients

    def wrong(self: Trainer, batch: Any) -> Any:
        loss, grads = right(self, batch)
        grads["rnn.b_hh_l0"] *= 1 + 1e-6
        return loss, grads

    monkeypatch.setattr(Trainer, "gradients", wrong)
    run = Comparison(DATA, SMALL, steps=5, lockstep=True)
    list(run.epochs())
    assert run.worst is not None
    errors = run.worst["largest_gradient_error"]
    assert errors["rnn.b_hh_l0"] == pytest.approx(1e-6, rel=1e-3)
    assert max(error for name, error in errors.items() if name != "rnn.b_hh_l0") < 1e-12


def test_free_running_parts_in_the_end_or_not_at_all() -> None:
    run = Comparison(DATA, SMALL)
    rows = list(run.epochs())
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["largest_loss_difference"] < 1e-9
    assert run.parting_step() is None
    run.losses = {"numpy": [1.0, 1.0, 1.0], "torch": [1.0, 1.0005, 0.998]}
    assert run.parting_step() == 3


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    one, same, other = (Comparison(DATA, replace(SMALL, seed=seed), steps=8) for seed in (0, 0, 1))
    for run in (one, same, other):
        list(run.epochs())
    assert one.losses == same.losses
    assert one.losses != other.losses


def test_the_training_loss_is_a_mean_over_reviews() -> None:
    """330 reviews in batches of 32: the last batch has 10, and counts as 10."""
    run = Comparison(DATA, replace(SMALL, epochs=1))
    (row,) = run.epochs()
    sizes = [32] * 10 + [10]
    assert row["numpy"]["train_loss"] == pytest.approx(np.dot(run.losses["numpy"], sizes) / 330, rel=1e-12)


def test_steps_stop_early_and_are_the_full_runs_first() -> None:
    short, full = Comparison(DATA, SMALL, steps=13), Comparison(DATA, SMALL)
    assert [row["epoch"] for row in short.epochs()] == [1, 2]
    list(full.epochs())
    assert short.losses["numpy"] == full.losses["numpy"][:13]


def test_training_takes_the_loss_down() -> None:
    """A model with memory learns a few reviews by heart."""
    few = load_toy(train=32, valid=32, test=32)
    few = Dataset(few.train, few.train, few.test, few.vocabulary)
    run = Comparison(few, replace(SMALL, epochs=150, dropout=0.0, lr=1e-2, hidden_size=16))
    last = list(run.epochs())[-1]
    assert last["numpy"]["valid_loss"] < 0.05
    assert last["torch"]["valid_loss"] < 0.05


def test_learning_rate_falls_linearly_to_zero() -> None:
    rates = [learning_rate(SMALL, step, 4) / SMALL.lr for step in range(5)]
    assert rates == pytest.approx([1, 0.75, 0.5, 0.25, 0])


@pytest.mark.parametrize("stack", ["numpy", "torch"])
def test_a_nan_stops_the_training_before_any_weight_is_touched(stack: str) -> None:
    run = Comparison(DATA, SMALL)
    trainer: Any = getattr(run, stack)
    batch, lr = next(run._batches(0, ""))
    if stack == "numpy":
        run.numpy.model.params["linear.b"][0] = np.nan
        before = {name: p.copy() for name, p in run.numpy.model.params.items()}
    else:
        trainer.model.linear.bias.data[0] = float("nan")
        before = {name: p.copy() for name, p in trainer.weights().items()}
    with pytest.raises(ValueError, match=f"{stack} training: expected a finite loss and gradient .* got loss nan"):
        trainer.step(batch, lr)
    after = run.numpy.model.params if stack == "numpy" else trainer.weights()
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
    run.torch.take_over(run.numpy)
    snapshot = {name: p.copy() for name, p in run.numpy.model.params.items()}
    run.torch.step(*stream[6])
    for name, p in run.numpy.model.params.items():
        np.testing.assert_array_equal(p, snapshot[name])  # copies: the twin's step changed nothing here
    run.numpy.step(*stream[6])
    same = TorchTrainer(run.numpy)
    for name, p in run.torch.weights().items():
        assert relative_error(p, same.weights()[name]) < 1e-14


def test_relative_error() -> None:
    one = np.ones(4)
    assert relative_error(one * 1.5, one) == 0.5
    assert relative_error(one * 0, one * 0) == 0
    assert relative_error(one, one * 0) == np.inf
    assert np.isnan(relative_error(one * np.nan, one))


@pytest.mark.parametrize("device", ["cuda:99", "no such thing"])
def test_a_device_that_is_not_here(device: str) -> None:
    with pytest.raises(ValueError, match=f"device: expected one that is here, such as cpu, got '{device}'"):
        check_device(device)


@pytest.mark.parametrize("steps", [0, -3])
def test_bad_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="steps: expected a whole number >= 1"):
        Comparison(DATA, SMALL, steps=steps)
