"""Training step, evaluation and training run of a NumPy model. torch_rnn/training.py has the trainer's twin."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from numpy_rnn.losses import cross_entropy, cross_entropy_backward, reduce
from numpy_rnn.optim import SGD, Adam, check_finite, clip_by_global_norm
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.batches import Batch, batches
from numpy_rnn.sentiment.data.text import Dataset, Reviews
from numpy_rnn.sentiment.models import SentimentModel
from numpy_rnn.types import Array


def learning_rate(config: Config, step: int, total: int) -> float:
    """The learning rate of a step, counted from 0: config.lr, constant or falling linearly to 0 at step `total`."""
    return config.lr * (1 - step / total if config.schedule == "linear" else 1)


class StepResult(NamedTuple):
    """What a training step gives."""

    loss: float  # the mean over the batch, before the update
    correct: int  # the number of reviews with the right answer
    grads: dict[str, Array]  # not clipped


class AnyTrainer(Protocol):
    """What a training run needs of a trainer, in either backend."""

    name: str
    config: Config
    model: Any

    def ready(self, stream: Iterable[Batch]) -> Iterable[Any]: ...
    def step(self, batch: Any, lr: float) -> StepResult: ...
    def evaluate(self, reviews: Reviews) -> tuple[float, float]: ...


class Trainer:
    """Trains and tests a NumPy model with the optimizer of its settings.

    Args:
        model: the model, whose parameters are updated.
    """

    name = "numpy"

    def __init__(self, model: SentimentModel):
        self.model = model
        self.config = model.config
        self.optimizer = Adam(model.params) if model.config.optimizer == "adam" else SGD(model.params)

    def ready(self, stream: Iterable[Batch]) -> Iterable[Batch]:
        """The batches in the form that `step` takes: unchanged."""
        return stream

    def gradients(self, batch: Batch) -> StepResult:
        """The mean loss over the batch and the gradient of every parameter, not clipped. Nothing is updated."""
        logits, cache = self.model.forward(batch.ids, batch.lengths, batch.mask)
        losses, loss_cache = cross_entropy(logits, batch.labels)
        loss, d_losses = reduce(losses)
        d_logits = cross_entropy_backward(d_losses, loss_cache)
        return StepResult(loss, count_correct(logits, batch), self.model.backward(d_logits, cache))

    def step(self, batch: Batch, lr: float) -> StepResult:
        """Forward, backward, clip, update. ValueError if the loss or the norm of the gradients is not finite."""
        step = self.gradients(batch)
        self.update(step, lr)
        return step

    def update(self, step: StepResult, lr: float) -> None:
        """Clips the gradients and updates the parameters. ValueError if the loss or the norm is not finite."""
        clipped, norm = clip_by_global_norm(step.grads, self.config.clip or np.inf)
        check_finite(self.name, step.loss, norm)
        self.optimizer.step(clipped, lr)

    def evaluate(self, reviews: Reviews) -> tuple[float, float]:
        """The mean loss per review and the accuracy, without dropout."""
        losses, correct = [], 0
        for batch in tqdm(batches(reviews, self.config), f"testing, {self.name}", leave=False, disable=None):
            logits, _ = self.model.forward(batch.ids, batch.lengths)
            losses.append(cross_entropy(logits, batch.labels)[0])
            correct += count_correct(logits, batch)
        return reduce(np.concatenate(losses))[0], correct / len(reviews)


def count_correct(logits: Array, batch: Batch) -> int:
    """The number of reviews whose largest logit is that of the label."""
    return int((logits.argmax(axis=1) == batch.labels).sum())


def steps_per_epoch(data: Dataset, config: Config) -> int:
    """The number of batches of the training part, the last, smaller one included."""
    return -(-len(data.train) // config.batch_size)


def train(
    trainer: AnyTrainer, data: Dataset, after_step: Callable[[int, int, StepResult], None] = lambda *_: None
) -> Iterator[dict[str, Any]]:
    """Trains for config.epochs epochs.

    Args:
        trainer: of either backend.
        data: the reviews.
        after_step: is called with the epoch (from 1), the step within the epoch (from 0), and the step's result.

    Yields:
        After each epoch its number, losses per review, accuracies, and the seconds of its training.
    """
    config = trainer.config
    per_epoch = steps_per_epoch(data, config)
    for epoch in range(config.epochs):
        loss, correct, start = 0.0, 0, time.perf_counter()
        stream = trainer.ready(batches(data.train, config, epoch))
        for i, batch in enumerate(tqdm(stream, f"epoch {epoch + 1}", per_epoch, leave=False, disable=None)):
            lr = learning_rate(config, epoch * per_epoch + i, per_epoch * config.epochs)
            step = trainer.step(batch, lr)
            loss += step.loss * len(batch.labels)
            correct += step.correct
            after_step(epoch + 1, i, step)
        seconds = time.perf_counter() - start
        valid_loss, valid_accuracy = trainer.evaluate(data.valid)
        yield {
            "epoch": epoch + 1,
            "train_loss": loss / len(data.train),
            "train_accuracy": correct / len(data.train),
            "valid_loss": valid_loss,
            "valid_accuracy": valid_accuracy,
            "seconds": seconds,
        }
