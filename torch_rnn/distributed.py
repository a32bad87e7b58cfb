"""One training run on several processes: each takes its share of every batch, and all make the same update."""

from __future__ import annotations

import os

import numpy as np
import torch
from torch import distributed as dist
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from numpy_rnn.data.batches import Batch
from numpy_rnn.training import Step, Trainer
from torch_rnn.training import TorchTrainer


def launched_by_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def join(device: str) -> tuple[str, int, int]:
    """Meets the other processes that torchrun started: gloo on a CPU, nccl on GPUs.

    Returns this process's device, its rank and the number of processes.
    """
    cuda = torch.device(device).type == "cuda"
    if cuda:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo")
    return device, dist.get_rank(), dist.get_world_size()


class DistributedTrainer(TorchTrainer):
    """A TorchTrainer that computes every `world`-th review of a batch and gets the others' gradients and losses.

    Testing is not shared: every process answers all reviews.
    """

    def __init__(self, twin_of: Trainer, device: str = "cpu"):
        super().__init__(twin_of, device)
        self.replica = DistributedDataParallel(self.model)
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def gradients(self, batch: Batch) -> Step:
        """The mean loss over the whole batch and its gradients, the same in every process.

        A share's part of the mean is (1/N) sum of its losses. DistributedDataParallel takes the mean over the processes
        of what each one's backward gives; times their number, that is the sum.
        """
        self.optimizer.zero_grad()
        N = len(batch.labels)
        share = self._share(batch)
        logits, labels = self._logits(share, self.replica), self._tensor(share.labels)
        weight = 1.0 if self.rank < N else 0.0  # with fewer reviews than processes: answered, but not counted
        loss = cross_entropy(logits, labels, reduction="sum") * weight / N
        (loss * self.world).backward()
        correct = (logits.argmax(dim=1) == labels).sum() * weight
        totals = torch.stack([loss.detach().double(), correct.double()])
        dist.all_reduce(totals)
        grads = {name: p.grad.cpu().numpy() for name, p in self.model.named_parameters()}  # type: ignore[union-attr]
        return Step(totals[0].item(), int(totals[1]), grads)

    def _share(self, batch: Batch) -> Batch:
        n = np.arange(min(self.rank, len(batch.labels) - 1), len(batch.labels), self.world)
        mask = None if batch.mask is None else batch.mask[n]
        return Batch(batch.ids[:, n], batch.lengths[n], batch.labels[n], mask, batch.which[n])
