"""Training in both backends with the same data, initial weights and batches: each on its own, or in lockstep."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from numpy_rnn.checks import check_size
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.batches import Batch, batches
from numpy_rnn.sentiment.data.text import Dataset
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.training import Progress, StepDone, StepResult, Trainer, learning_rate, steps_per_epoch
from numpy_rnn.types import Array, Params
from torch_rnn.convert import from_torch_names
from torch_rnn.training import TorchTrainer

AfterStep = Callable[[str, StepDone], None]
DIVERGED = 1e-3  # two training runs have diverged when their losses differ by more


def relative_error(a: Array, b: Array) -> float:
    """|a - b| / |b| in the Euclidean norm. 0 if both are zero, infinity if only b is. A NaN gives NaN."""
    difference = float(np.linalg.norm(a.astype(np.float64) - b.astype(np.float64)))
    norm = float(np.linalg.norm(b.astype(np.float64)))
    if norm == 0:
        return 0.0 if difference == 0 else np.inf * difference  # a NaN stays a NaN
    return difference / norm


def divergence_step(differences: Array) -> int | None:
    """The first step, counted from 1, at which the losses differ by more than DIVERGED, or None."""
    diverged = np.flatnonzero(~(differences <= DIVERGED))  # a NaN is a difference, too
    return int(diverged[0]) + 1 if diverged.size else None


def _errors(ours: Params, theirs: Params) -> dict[str, float]:
    return {name: relative_error(ours[name], theirs[name]) for name in theirs}


def _raise(worst: dict[str, float], key: str, error: float) -> None:
    worst[key] = float(np.maximum(worst[key], error))  # unlike max(), it always keeps a NaN


class Excess(NamedTuple):
    """The first difference in lockstep that is larger than a tolerance."""

    step: int  # from 1
    what: str  # loss, gradient of NAME, or weight NAME after the update
    error: float


class Comparison:
    """A NumPy trainer and its PyTorch twin, which do the same training.

    Args:
        data: the reviews.
        config: the settings.
        device: of PyTorch.
        steps: the number of training steps, at most those of config.epochs epochs; None is all of these.
        lockstep: whether the twin takes over NumPy's weights and optimizer state before each step.
        tolerance: of the loss (absolute), and of each gradient and updated weight (relative in norm), in lockstep.

    Attributes:
        losses: losses["numpy"] and losses["torch"] are the training losses of all steps.
        worst: with lockstep the largest differences so far, else None. "steps" is the number of steps.
            "largest_loss_difference" is absolute. "largest_gradient_error" has for each parameter the relative error in
            norm, before clipping. "largest_weight_error" is that of all parameters, after the update.
        excess: the first difference above the tolerance, or None.

    Raises:
        ValueError: for a bad number of steps.
    """

    def __init__(
        self,
        data: Dataset,
        config: Config,
        device: str = "cpu",
        steps: int | None = None,
        lockstep: bool = False,
        tolerance: float = np.inf,
    ):
        self.tolerance = tolerance
        self.excess: Excess | None = None
        self.data, self.config = data, config
        self.numpy = Trainer(build_model(len(data.vocabulary), config))
        self.torch = TorchTrainer(self.numpy, device)
        self.per_epoch = steps_per_epoch(data, config)
        self.total = self.per_epoch * config.epochs
        self.steps = self.total if steps is None else min(self.total, check_size("steps", steps))
        self.losses: dict[str, list[float]] = {"numpy": [], "torch": []}
        self.sizes: list[int] = []  # of the batches
        self.computed, self.real = 0, 0  # the time steps of all reviews so far, with pads and without
        self.worst: dict[str, Any] | None = None
        if lockstep:
            errors = dict.fromkeys(self.numpy.model.params, 0.0)
            self.worst = {
                "steps": 0,
                "largest_loss_difference": 0.0,
                "largest_gradient_error": errors,
                "largest_weight_error": 0.0,
            }

    def epochs(self, after_step: AfterStep = lambda backend, done: None) -> Iterator[dict[str, Any]]:
        """Trains. Yields the results of both backends after each epoch.

        Args:
            after_step: is told of each step of each backend, "numpy" or "torch".

        Raises:
            ValueError: for a loss or gradient that is not finite. In lockstep `excess` then tells what differed first.
        """
        for epoch in range(-(-self.steps // self.per_epoch)):
            begun, seconds = len(self.losses["numpy"]), {"numpy": 0.0, "torch": 0.0}
            if self.worst is None:
                self._free_running(epoch, seconds, after_step)
            else:
                for step, (batch, lr) in enumerate(self._batches(epoch, "in lockstep")):
                    for backend, result, took in self._lockstep(batch, lr, self.worst):
                        seconds[backend] += took
                        after_step(backend, StepDone(epoch + 1, step, result, lr, took, Progress(epoch, step + 1)))
            yield {"epoch": epoch + 1} | self._row(begun, seconds)

    def _batches(self, epoch: int, text: str) -> Iterator[tuple[Batch, float]]:
        """The epoch's batches, each with its learning rate."""
        first = epoch * self.per_epoch
        count = min(self.per_epoch, self.steps - first)
        stream = islice(batches(self.data.train, self.config, epoch), count)
        for i, batch in enumerate(tqdm(stream, f"epoch {epoch + 1}, {text}", count, leave=False, disable=None)):
            yield batch, learning_rate(self.config, first + i, self.total)

    def _free_running(self, epoch: int, seconds: dict[str, float], after_step: AfterStep) -> None:
        """One epoch in each backend, one backend after the other, without any exchange."""
        for trainer in (self.numpy, self.torch):
            start = time.perf_counter()
            for step, (batch, lr) in enumerate(self._batches(epoch, trainer.name)):
                before = time.perf_counter()
                result, took = trainer.step(batch, lr), time.perf_counter() - before
                self.losses[trainer.name].append(result.loss)
                after_step(trainer.name, StepDone(epoch + 1, step, result, lr, took, Progress(epoch, step + 1)))
                if trainer is self.numpy:
                    self._count(batch)
            seconds[trainer.name] = time.perf_counter() - start

    def _lockstep(self, batch: Batch, lr: float, worst: dict[str, Any]) -> list[tuple[str, StepResult, float]]:
        """The twin takes over NumPy's weights and optimizer state, then both do the same step and are compared.

        So rounding errors cannot grow from step to step, and each step of a training run is a separate test.
        """
        self.torch.copy_state_from(self.numpy)
        model, t0 = self.numpy.model, time.perf_counter()
        ours = self.numpy.gradients(batch)
        t1 = time.perf_counter()
        theirs = self.torch.gradients(batch)
        t2 = time.perf_counter()
        errors = _errors(ours.grads, from_torch_names(model, theirs.grads))
        named = {"loss": abs(ours.loss - theirs.loss)} | {f"gradient of {name}": e for name, e in errors.items()}
        self._judge(worst["steps"] + 1, named)  # now, as an update with a NaN raises
        t3 = time.perf_counter()
        ours = ours._replace(norm=self.numpy.update(ours, lr))
        t4 = time.perf_counter()
        theirs = theirs._replace(norm=self.torch.update(theirs, lr))
        t5 = time.perf_counter()
        weights = _errors(model.params, from_torch_names(model, self.torch.weights()))
        self.losses["numpy"].append(ours.loss)
        self.losses["torch"].append(theirs.loss)
        self._count(batch)
        worst["steps"] += 1
        _raise(worst, "largest_loss_difference", abs(ours.loss - theirs.loss))
        for error in weights.values():
            _raise(worst, "largest_weight_error", error)
        for name, error in errors.items():
            _raise(worst["largest_gradient_error"], name, error)
        self._judge(worst["steps"], {f"weight {name} after the update": error for name, error in weights.items()})
        return [("numpy", ours, t1 - t0 + t4 - t3), ("torch", theirs, t2 - t1 + t5 - t4)]

    def _judge(self, step: int, errors: dict[str, float]) -> None:
        """Keeps the first difference above the tolerance, if there is one."""
        for what, error in errors.items():
            exceeds = self.tolerance < np.inf and not error <= self.tolerance  # a NaN exceeds it, too
            if exceeds and self.excess is None:
                self.excess = Excess(step, what, error)

    def _count(self, batch: Batch) -> None:
        self.sizes.append(len(batch.labels))
        self.computed += batch.ids.size
        self.real += int(batch.lengths.sum())

    def padding(self) -> float:
        """The share of pads among the time steps. NumPy skips pads, PyTorch computes them."""
        return 1 - self.real / self.computed

    def _row(self, begun: int, seconds: dict[str, float]) -> dict[str, Any]:
        losses = {name: np.array(all_losses[begun:]) for name, all_losses in self.losses.items()}
        row: dict[str, Any] = {}
        for trainer in (self.numpy, self.torch):
            valid_loss, valid_accuracy = trainer.evaluate(self.data.valid)
            row[trainer.name] = {
                "train_loss": float(np.average(losses[trainer.name], weights=self.sizes[begun:])),
                "valid_loss": valid_loss,
                "valid_accuracy": valid_accuracy,
                "seconds": seconds[trainer.name],
            }
        return row | {"largest_loss_difference": float(np.abs(losses["numpy"] - losses["torch"]).max())}

    def divergence_step(self) -> int | None:
        """The first step at which the losses of the two differ by more than DIVERGED, or None."""
        return divergence_step(np.abs(np.subtract(self.losses["numpy"], self.losses["torch"])))
