"""The twin of numpy_rnn.sentiment.training.Trainer: the same methods, with torch.autograd and torch.optim."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from numpy_rnn.optim import SGD, Adam, check_finite
from numpy_rnn.sentiment.data.batches import Batch, batches
from numpy_rnn.sentiment.data.text import Reviews
from numpy_rnn.sentiment.training import StepResult, Trainer
from numpy_rnn.types import Array
from torch_rnn.convert import from_torch_names, to_torch, to_torch_names


class Tensors(NamedTuple):
    """A Batch on the device."""

    ids: Tensor  # (T, N)
    lengths: Tensor  # (N,)
    labels: Tensor  # (N,)
    mask: Tensor | None  # (N, F)


class TorchTrainer:
    """The PyTorch twin of a NumPy trainer.

    Args:
        twin_of: the NumPy trainer. Its weights and optimizer state are copied.
        device: "cpu", "cuda", ...
    """

    name = "torch"

    def __init__(self, twin_of: Trainer, device: str = "cpu"):
        self.device = torch.device(device)
        self.model = to_torch(twin_of.model).to(self.device)
        self.config = twin_of.config
        self.optimizer = twin_optimizer(twin_of.optimizer, self.model)
        self.copy_state_from(twin_of)

    def ready(self, stream: Iterable[Batch]) -> Iterable[Tensors]:
        """The batches as tensors. A GPU gets all batches at once, so that no training step waits for a transfer.

        With both directions a step still waits: PyTorch needs the lengths on the CPU to pack sequences.
        """
        tensors = (self.tensors(batch) for batch in stream)
        return tensors if self.device.type == "cpu" else list(tensors)

    def tensors(self, batch: Batch | Tensors) -> Tensors:
        """A batch as tensors on the device."""
        if isinstance(batch, Tensors):
            return batch
        arrays = (batch.ids.astype(np.int32), batch.lengths, batch.labels, batch.mask)
        return Tensors(*(None if a is None else torch.from_numpy(a).to(self.device) for a in arrays))  # type: ignore[arg-type]

    def gradients(self, batch: Batch | Tensors) -> StepResult:
        """The mean loss and the gradients under PyTorch's names. On a CPU they share memory with the .grad."""
        step = self.backward(batch)
        return step._replace(grads={name: p.grad.cpu().numpy() for name, p in self.model.named_parameters()})  # type: ignore[union-attr]

    def backward(self, batch: Batch | Tensors) -> StepResult:
        """The mean loss, and its gradients in .grad."""
        batch = self.tensors(batch)
        self.optimizer.zero_grad()
        logits = self.model(batch.ids, batch.lengths, batch.mask)
        loss = cross_entropy(logits, batch.labels)
        loss.backward()
        return StepResult(loss.item(), count_correct(logits, batch), {})

    def step(self, batch: Batch | Tensors, lr: float) -> StepResult:
        """Forward, backward, clip, update. ValueError if the loss or the norm of the gradients is not finite."""
        step = self.backward(batch)
        return step._replace(norm=self.update(step, lr))

    def update(self, step: StepResult, lr: float) -> float:
        """Clips the gradients in .grad, updates, and gives the norm before clipping.

        Raises:
            ValueError: if the norm or the loss is not finite.
        """
        norm = clip_grad_norm_(self.model.parameters(), self.config.clip or np.inf).item()
        check_finite(self.name, step.loss, norm)
        self.optimizer.param_groups[0]["lr"] = lr
        self.optimizer.step()
        return norm

    @torch.no_grad()
    def evaluate(self, reviews: Reviews) -> tuple[float, float]:
        """The mean loss per review and the accuracy, without dropout."""
        losses, correct = [], 0
        stream = self.ready(batches(reviews, self.config))
        for batch in tqdm(stream, f"testing, {self.name}", leave=False, disable=None):
            logits = self.model(batch.ids, batch.lengths)
            losses.append(cross_entropy(logits, batch.labels, reduction="none"))
            correct += count_correct(logits, batch)
        return torch.cat(losses).mean().item(), correct / len(reviews)

    def weights(self) -> dict[str, Array]:
        """The parameters under PyTorch's names. On a CPU they share memory with the model."""
        return {name: p.detach().cpu().numpy() for name, p in self.model.named_parameters()}

    def copy_state_from(self, source: Trainer) -> None:
        """Copies the weights and the optimizer state of a NumPy trainer, so that both do the same next step."""
        copy_state_from(source.model, source.optimizer, self.model, self.optimizer)


def count_correct(logits: Tensor, batch: Tensors) -> int:
    """The number of reviews whose largest logit is that of the label."""
    return int((logits.argmax(dim=1) == batch.labels).sum())


def twin_optimizer(optimizer: SGD | Adam, module: nn.Module) -> torch.optim.Optimizer:
    """torch.optim.Adam or SGD with the settings of the NumPy optimizer, for the module's parameters."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if isinstance(optimizer, SGD):
        return torch.optim.SGD(parameters)
    return torch.optim.Adam(parameters, betas=(optimizer.beta1, optimizer.beta2), eps=optimizer.eps)


def optimizer_state(theirs: torch.optim.Optimizer, module: nn.Module, trainer: Trainer) -> None:
    """Gives a NumPy trainer the moments of PyTorch's optimizer: the inverse of `copy_state_from`.

    Args:
        theirs: the optimizer of the module.
        module: the twin of the trainer's model.
        trainer: of NumPy, whose optimizer gets the moments and the number of steps.
    """
    optimizer = trainer.optimizer
    if isinstance(optimizer, SGD):
        return  # it has no state
    states = {name: theirs.state[p] for name, p in module.named_parameters() if p in theirs.state}
    if not states:
        return  # before the first step
    for key, moments in (("exp_avg", optimizer.m), ("exp_avg_sq", optimizer.v)):
        arrays = {name: state[key].cpu().numpy() for name, state in states.items()}
        for name, a in from_torch_names(trainer.model, arrays).items():
            moments[name][...] = a
    optimizer.t = int(next(iter(states.values()))["step"].item())


@torch.no_grad()
def copy_state_from(model: Any, optimizer: SGD | Adam, module: nn.Module, theirs: torch.optim.Optimizer) -> None:
    """Copies the weights and the optimizer state of a NumPy model into its twin.

    Args:
        model: the NumPy model.
        optimizer: its optimizer.
        module: the twin of the model.
        theirs: the twin of the optimizer.
    """
    weights = to_torch_names(model, model.params)
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    for name, p in trained:
        p.copy_(torch.from_numpy(weights[name]))
    if isinstance(optimizer, SGD):
        return  # it has no state
    m, v = (to_torch_names(model, arrays) for arrays in (optimizer.m, optimizer.v))
    for name, p in trained:
        theirs.state[p] = {
            "step": torch.tensor(float(optimizer.t)),
            "exp_avg": torch.from_numpy(m[name]).to(p.device),
            "exp_avg_sq": torch.from_numpy(v[name]).to(p.device),
        }
