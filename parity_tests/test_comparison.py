"""torch_rnn/comparison.py: whole training steps, free and in lockstep."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from numpy_rnn.sentiment.config import DEFAULTS, READOUTS
from numpy_rnn.sentiment.data.batches import batches
from numpy_rnn.sentiment.data.text import Dataset
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.training import Trainer
from torch_rnn import comparison
from torch_rnn.comparison import Comparison, relative_error
from torch_rnn.training import TorchTrainer

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


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 3e-3), ("sgd", 0.3)])
def test_300_steps_in_lockstep(cell: str, optimizer: str, lr: float) -> None:
    """With clipping, dropout and a falling learning rate; test_sequence_model.py has it with a carried state."""
    config = replace(SMALL, cell=cell, optimizer=optimizer, lr=lr, clip=0.5, epochs=28)
    run = Comparison(DATA, config, steps=300, lockstep=True)
    for _ in run.epochs():
        pass
    worst = run.worst
    assert worst is not None
    assert worst["steps"] == 300
    assert worst["largest_loss_difference"] < 1e-12
    assert max(worst["largest_gradient_error"].values()) < 1e-9
    assert worst["largest_weight_error"] < 1e-12
    first, last = (np.mean(run.losses["numpy"][part]) for part in (slice(0, 20), slice(-20, None)))
    assert last < first  # it trained


def test_lockstep_notices_a_wrong_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Trainer.gradients

    def wrong(self: Trainer, batch: Any) -> Any:
        step = right(self, batch)
        step.grads["rnn.b_hh_l0"] *= 1 + 1e-6
        return step

    monkeypatch.setattr(Trainer, "gradients", wrong)
    run = Comparison(DATA, SMALL, steps=5, lockstep=True)
    list(run.epochs())
    assert run.worst is not None
    errors = run.worst["largest_gradient_error"]
    assert errors["rnn.b_hh_l0"] == pytest.approx(1e-6, rel=1e-3)
    assert max(error for name, error in errors.items() if name != "rnn.b_hh_l0") < 1e-12


def test_a_nan_is_told_though_the_update_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Trainer.gradients

    def wrong(self: Trainer, batch: Any) -> Any:
        step = right(self, batch)
        step.grads["linear.b"][0] = np.nan
        return step

    monkeypatch.setattr(Trainer, "gradients", wrong)
    run = Comparison(DATA, SMALL, steps=5, lockstep=True, tolerance=1e-9)
    with pytest.raises(ValueError, match="numpy training: expected a finite loss and gradient"):
        list(run.epochs())
    assert run.excess is not None
    assert run.excess[:2] == (1, "gradient of linear.b")
    assert np.isnan(run.excess.error)


def test_without_a_tolerance_nothing_exceeds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a training that diverges is that, and no difference."""
    right = Trainer.gradients
    monkeypatch.setattr(Trainer, "gradients", lambda self, batch: right(self, batch)._replace(loss=np.nan))
    run = Comparison(DATA, SMALL, steps=5, lockstep=True)
    with pytest.raises(ValueError, match="numpy training: expected a finite loss and gradient"):
        list(run.epochs())
    assert run.excess is None


def test_a_nan_differs_from_everything() -> None:
    assert comparison.divergence_step(np.array([0.0, np.nan, 1.0])) == 2
    assert comparison.divergence_step(np.array([0.0, 1e-3])) is None
    assert np.isnan(relative_error(np.array([np.nan]), np.zeros(1)))
    assert relative_error(np.ones(1), np.zeros(1)) == np.inf


def test_lockstep_notices_a_wrong_loss_and_a_wrong_weight_at_one_step_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the third of eight steps the twin's loss is off by 1e-5 and a weight by 1e-6: both are told; and as the twin
    takes over NumPy's state before the next step, nothing is wrong from then on."""
    right_gradients, right_update, steps = TorchTrainer.gradients, TorchTrainer.update, {"count": 0}

    def gradients(self: TorchTrainer, batch: Any) -> Any:
        steps["count"] += 1
        step = right_gradients(self, batch)
        return step._replace(loss=step.loss + 1e-5 * (steps["count"] == 3))

    def update(self: TorchTrainer, step: Any, lr: float) -> None:
        right_update(self, step, lr)
        if steps["count"] == 3:
            self.model.linear.weight.data.mul_(1 + 1e-6)

    monkeypatch.setattr(TorchTrainer, "gradients", gradients)
    monkeypatch.setattr(TorchTrainer, "update", update)
    run = Comparison(DATA, SMALL, steps=8, lockstep=True)
    list(run.epochs())
    assert run.worst is not None
    assert run.worst["largest_loss_difference"] == pytest.approx(1e-5, rel=1e-6)
    assert run.worst["largest_weight_error"] == pytest.approx(1e-6, rel=1e-3)
    assert max(run.worst["largest_gradient_error"].values()) < 1e-12
    off = np.abs(np.subtract(run.losses["numpy"], run.losses["torch"])) > 1e-12
    assert off.tolist() == [False, False, True, False, False, False, False, False]


def test_lockstep_notices_a_twin_that_does_not_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TorchTrainer, "update", lambda *_: None)
    run = Comparison(DATA, SMALL, steps=2, lockstep=True)
    list(run.epochs())
    assert run.worst is not None
    assert run.worst["largest_weight_error"] > 1e-4


def test_no_nan_slips_through() -> None:
    worst = {"error": 0.5}
    comparison._raise(worst, "error", float("nan"))
    comparison._raise(worst, "error", 0.7)
    assert np.isnan(worst["error"])


def test_each_step_has_its_batch_and_its_learning_rate() -> None:
    """Falling over all epochs, not within each; shuffled anew in each."""
    run = Comparison(DATA, SMALL)
    steps = [step for epoch in range(4) for step in run._batches(epoch, "")]
    assert [lr for _, lr in steps] == pytest.approx([SMALL.lr * (1 - step / 44) for step in range(44)])
    labels = [np.concatenate([batch.labels for batch, _ in steps[first : first + 11]]) for first in (0, 11)]
    assert not np.array_equal(*labels)
    assert not np.array_equal(labels[0], DATA.train.labels)
    masks = [batch.mask for batch, _ in steps[:2]]
    assert all(mask is not None for mask in masks)
    assert not np.array_equal(*masks)


def test_rows_tell_of_each_backend_and_epoch() -> None:
    run = Comparison(DATA, replace(SMALL, epochs=2))
    rows = list(run.epochs())
    weights = [32] * 10 + [10]
    for epoch, row in enumerate(rows):
        part = slice(11 * epoch, 11 * epoch + 11)
        for backend in ("numpy", "torch"):
            assert row[backend]["train_loss"] == np.average(run.losses[backend][part], weights=weights)
        difference = np.abs(np.subtract(run.losses["numpy"][part], run.losses["torch"][part]))
        assert row["largest_loss_difference"] == difference.max()
    assert rows[-1]["numpy"]["valid_loss"] == run.numpy.evaluate(DATA.valid)[0]
    assert rows[-1]["torch"]["valid_loss"] == run.torch.evaluate(DATA.valid)[0]


def test_free_running_parts_in_the_end_or_not_at_all() -> None:
    run = Comparison(DATA, SMALL)
    rows = list(run.epochs())
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["largest_loss_difference"] < 1e-9
    assert run.divergence_step() is None
    run.losses = {"numpy": [1.0, 1.0, 1.0], "torch": [1.0, 1.0005, 0.998]}
    assert run.divergence_step() == 3


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


def test_relative_error() -> None:
    one = np.ones(4)
    assert relative_error(one * 1.5, one) == 0.5
    assert relative_error(one * 0, one * 0) == 0
    assert relative_error(one, one * 0) == np.inf
    assert np.isnan(relative_error(one * np.nan, one))


@pytest.mark.parametrize("steps", [0, -3])
def test_bad_steps(steps: int) -> None:
    with pytest.raises(ValueError, match="steps: expected a whole number >= 1"):
        Comparison(DATA, SMALL, steps=steps)


def test_both_do_the_same_work_on_imdb() -> None:
    """PyTorch computes the pads, NumPy skips them: in buckets there are hardly any."""
    assert DEFAULTS["imdb"].buckets
    shares = []
    for buckets in (False, True):
        run = Comparison(DATA, replace(SMALL, epochs=1, buckets=buckets), steps=2)
        list(run.epochs())
        chosen = list(batches(DATA.train, run.config, 0))[:2]
        computed, real = sum(batch.ids.size for batch in chosen), sum(batch.lengths.sum() for batch in chosen)
        assert run.padding() == pytest.approx(1 - real / computed)
        shares.append(run.padding())
    assert shares[1] < shares[0] / 3
