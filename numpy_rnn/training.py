"""Training step and evaluation of the NumPy model. torch_rnn/training.py has the twin with the same methods."""

from __future__ import annotations

import math

import numpy as np
from tqdm import tqdm

from numpy_rnn.checks import expect
from numpy_rnn.config import Config
from numpy_rnn.data.batches import Batch, batches
from numpy_rnn.data.text import Reviews
from numpy_rnn.layers import Params
from numpy_rnn.losses import cross_entropy, cross_entropy_backward, reduce
from numpy_rnn.models import SentimentModel
from numpy_rnn.optim import SGD, Adam, clip_by_global_norm


def learning_rate(config: Config, step: int, total: int) -> float:
    """lr at step 0, falling on a straight line to 0 after `total` steps."""
    return config.lr * (1 - step / total)


class Trainer:
    """The model, its optimizer and how they are used."""

    name = "numpy"

    def __init__(self, model: SentimentModel):
        self.model = model
        self.config = model.config
        self.optimizer = Adam(model.params) if model.config.optimizer == "adam" else SGD(model.params)

    def gradients(self, batch: Batch) -> tuple[float, Params]:
        """The mean loss over the batch and its gradient for every parameter, nothing clipped, nothing updated."""
        logits, cache = self.model.forward(batch.ids, batch.lengths, batch.mask)
        losses, loss_cache = cross_entropy(logits, batch.labels)
        loss, d_losses = reduce(losses)
        d_logits = cross_entropy_backward(d_losses, loss_cache)
        return loss, self.model.backward(d_logits, cache)

    def step(self, batch: Batch, lr: float) -> float:
        """Forward, backward, clip, update. Returns the loss before the update; ValueError if it is not finite."""
        loss, grads = self.gradients(batch)
        self.update(loss, grads, lr)
        return loss

    def update(self, loss: float, grads: Params, lr: float) -> None:
        clipped, norm = clip_by_global_norm(grads, self.config.clip)
        check_finite(self.name, loss, norm)
        self.optimizer.step(clipped, lr)

    def evaluate(self, reviews: Reviews) -> tuple[float, float]:
        """Mean loss per review and accuracy, without dropout."""
        losses, correct = [], 0
        for batch in tqdm(batches(reviews, self.config), f"testing, {self.name}", leave=False, disable=None):
            logits, _ = self.model.forward(batch.ids, batch.lengths)
            losses.append(cross_entropy(logits, batch.labels)[0])
            correct += int((logits.argmax(axis=1) == batch.labels).sum())
        return reduce(np.concatenate(losses))[0], correct / len(reviews)


def check_finite(stack: str, loss: float, norm: float) -> None:
    """Before an update: no weight is touched by a NaN."""
    finite = math.isfinite(loss) and math.isfinite(norm)
    expect(finite, f"{stack} training", "a finite loss and gradient (try a lower lr)", f"loss {loss}, norm {norm}")
