"""Training step, evaluation and training run of a NumPy model. torch_rnn/training.py has the trainer's twin."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from numpy_rnn.checks import expect
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
    norm: float = np.nan  # of all gradients as one vector, before clipping; known after the update


class Progress(NamedTuple):
    """How far a run has come. A run goes on from there with the same bits."""

    epoch: int = 0  # from 0
    step: int = 0  # steps done in this epoch
    loss: float = 0.0  # of this epoch so far, the sum over the reviews
    correct: int = 0  # likewise


class StepDone(NamedTuple):
    """What `train` tells of each step."""

    epoch: int  # from 1
    step: int  # in the epoch, from 0
    result: StepResult
    lr: float
    seconds: float
    progress: Progress  # after this step


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
        return step._replace(norm=self.update(step, lr))

    def update(self, step: StepResult, lr: float) -> float:
        """Clips, updates, and gives the norm before clipping. ValueError if it or the loss is not finite."""
        clipped, norm = clip_by_global_norm(step.grads, self.config.clip or np.inf)
        check_finite(self.name, step.loss, norm)
        self.optimizer.step(clipped, lr)
        return norm

    def evaluate(self, reviews: Reviews) -> tuple[float, float]:
        """The mean loss per review and the accuracy, without dropout."""
        losses, correct = [], 0
        for batch in tqdm(batches(reviews, self.config), f"testing, {self.name}", leave=False, disable=None):
            logits, _ = self.model.forward(batch.ids, batch.lengths)
            losses.append(cross_entropy(logits, batch.labels)[0])
            correct += count_correct(logits, batch)
        return reduce(np.concatenate(losses))[0], correct / len(reviews)


class Watch:
    """Stops a run whose loss is BOUND times that of guessing, log C, in PATIENCE steps in a row."""

    BOUND, PATIENCE = 100, 20

    def __init__(self, config: Config):
        self.guessing, self.above = float(np.log(config.outputs)), 0

    def __call__(self, loss: float) -> None:
        self.above = self.above + 1 if loss > self.BOUND * self.guessing else 0
        bound = f"{self.BOUND * self.guessing:.0f}, {self.BOUND} times that of guessing"
        wanted = f"a loss below {bound} (try a lower lr, or clip 1)"
        got = f"{loss:.1f}, and more than that in {self.PATIENCE} steps in a row"
        expect(self.above < self.PATIENCE, "training", wanted, got)


def count_correct(logits: Array, batch: Batch) -> int:
    """The number of reviews whose largest logit is that of the label."""
    return int((logits.argmax(axis=1) == batch.labels).sum())


def steps_per_epoch(data: Dataset, config: Config) -> int:
    """The number of batches of the training part, the last, smaller one included."""
    return -(-len(data.train) // config.batch_size)


def train(
    trainer: AnyTrainer,
    data: Dataset,
    after_step: Callable[[StepDone], None] = lambda _: None,
    begin: Progress | None = None,
) -> Iterator[dict[str, Any]]:
    """Trains for config.epochs epochs.

    Args:
        trainer: of either backend.
        data: the reviews.
        after_step: is called after each step.
        begin: where a stopped run goes on, with the trainer as it was there; None is the beginning.

    Yields:
        After each epoch its number, losses per review, accuracies, and the seconds of its training.

    Raises:
        ValueError: where the loss leaves every bound, see `Watch`.
    """
    config, begin = trainer.config, begin or Progress()
    per_epoch, watch = steps_per_epoch(data, config), Watch(config)
    for epoch in range(begin.epoch, config.epochs):
        _, done, loss, correct = begin if epoch == begin.epoch else Progress(epoch)
        start = time.perf_counter()
        stream = trainer.ready(islice(batches(data.train, config, epoch), done, None))
        bar = tqdm(stream, f"epoch {epoch + 1}", per_epoch, leave=False, disable=None, initial=done)
        for i, batch in enumerate(bar, done):
            lr, begun = learning_rate(config, epoch * per_epoch + i, per_epoch * config.epochs), time.perf_counter()
            step = trainer.step(batch, lr)
            loss += step.loss * len(batch.labels)
            correct += step.correct
            progress = Progress(epoch, i + 1, loss, correct)
            after_step(StepDone(epoch + 1, i, step, lr, time.perf_counter() - begun, progress))
            watch(step.loss)
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
