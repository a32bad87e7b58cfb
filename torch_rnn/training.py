"""The twin of numpy_rnn.training.Trainer: the same methods, by torch.autograd and torch.optim."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from numpy_rnn.data.batches import Batch, batches
from numpy_rnn.data.text import Reviews
from numpy_rnn.optim import SGD, Adam
from numpy_rnn.training import Step, Trainer, check_finite
from torch_rnn.convert import to_torch, to_torch_names


class TorchTrainer:
    """The PyTorch twin of a NumPy trainer, starting from its weights and optimizer state. device: "cpu", "cuda", ..."""

    name = "torch"

    def __init__(self, twin_of: Trainer, device: str = "cpu"):
        self.device = torch.device(device)
        self.model = to_torch(twin_of.model).to(self.device)
        self.config = twin_of.config
        self.optimizer = twin_optimizer(twin_of.optimizer, self.model)
        self.take_over(twin_of)

    def _tensor(self, a: np.ndarray) -> Tensor:
        return torch.from_numpy(a).to(self.device)

    def _logits(self, batch: Batch, model: nn.Module | None = None) -> Tensor:
        mask = None if batch.mask is None else self._tensor(batch.mask)
        return (model or self.model)(self._tensor(batch.ids.astype(np.int64)), self._tensor(batch.lengths), mask)

    def gradients(self, batch: Batch) -> Step:
        """The mean loss and every parameter's gradient under PyTorch's names; on a CPU, views of the .grad."""
        self.optimizer.zero_grad()
        logits, labels = self._logits(batch), self._tensor(batch.labels)
        loss = cross_entropy(logits, labels)
        loss.backward()
        correct = int((logits.argmax(dim=1) == labels).sum())
        return Step(loss.item(), correct, {name: p.grad.cpu().numpy() for name, p in self.model.named_parameters()})  # type: ignore[union-attr]

    def step(self, batch: Batch, lr: float) -> Step:
        step = self.gradients(batch)
        self.update(step, lr)
        return step

    def update(self, step: Step, lr: float) -> None:
        """Clip and step, on the gradients in .grad."""
        norm = clip_grad_norm_(self.model.parameters(), self.config.clip or np.inf)
        check_finite(self.name, step.loss, norm.item())
        self.optimizer.param_groups[0]["lr"] = lr
        self.optimizer.step()

    @torch.no_grad()
    def evaluate(self, reviews: Reviews) -> tuple[float, float]:
        """Mean loss per review and accuracy, without dropout."""
        losses, correct = [], 0
        for batch in tqdm(batches(reviews, self.config), f"testing, {self.name}", leave=False, disable=None):
            logits, labels = self._logits(batch), self._tensor(batch.labels)
            losses.append(cross_entropy(logits, labels, reduction="none"))
            correct += int((logits.argmax(dim=1) == labels).sum())
        return torch.cat(losses).mean().item(), correct / len(reviews)

    def weights(self) -> dict[str, np.ndarray]:
        """Under PyTorch's names; on a CPU, views."""
        return {name: p.detach().cpu().numpy() for name, p in self.model.named_parameters()}

    def take_over(self, source: Trainer) -> None:
        """The NumPy side's weights and optimizer state: the twin's next step starts where its next step starts."""
        take_over(source.model, source.optimizer, self.model, self.optimizer)


def twin_optimizer(optimizer: SGD | Adam, module: nn.Module) -> torch.optim.Optimizer:
    """torch.optim.Adam or SGD with the settings of the NumPy one, for the module's parameters."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if isinstance(optimizer, SGD):
        return torch.optim.SGD(parameters)
    return torch.optim.Adam(parameters, betas=(optimizer.beta1, optimizer.beta2), eps=optimizer.eps)


@torch.no_grad()
def take_over(model: Any, optimizer: SGD | Adam, module: nn.Module, theirs: torch.optim.Optimizer) -> None:
    """Copies the NumPy model's weights and its optimizer's state into the twin module and its twin optimizer."""
    weights = to_torch_names(model, model.params)
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    for name, p in trained:
        p.copy_(torch.from_numpy(weights[name]))
    if isinstance(optimizer, SGD):
        return  # which has no state
    m, v = (to_torch_names(model, arrays) for arrays in (optimizer.m, optimizer.v))
    for name, p in trained:
        theirs.state[p] = {
            "step": torch.tensor(float(optimizer.t)),
            "exp_avg": torch.from_numpy(m[name]).to(p.device),
            "exp_avg_sq": torch.from_numpy(v[name]).to(p.device),
        }
