"""One training run on several processes: each takes a share of every batch, and all make the same update."""

import os

import torch
import torch.distributed.nn.functional  # before `join`, or its default arguments would keep the group
from torch import distributed as dist
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from numpy_rnn.sentiment.data.batches import Batch
from numpy_rnn.sentiment.training import StepResult, Trainer
from torch_rnn.training import Tensors, TorchTrainer, count_correct


def launched_by_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def join(device: str) -> tuple[int, int]:
    """Joins the other processes of torchrun, with gloo on a CPU and nccl on GPUs -> own rank, number of processes."""
    dist.init_process_group("nccl" if torch.device(device).type == "cuda" else "gloo")
    return dist.get_rank(), dist.get_world_size()


def leave() -> None:
    """Leaves the other processes. Call it at the end of the program, also with one process.

    Before the call, delete every DistributedTrainer: it keeps the group, and the group's threads, alive. A thread that
    frees its last tensor after the end of Python aborts the process with "terminate called without an active
    exception".
    """
    if dist.is_initialized():
        dist.destroy_process_group()


class DistributedTrainer(TorchTrainer):
    """A TorchTrainer for one of several processes.

    Each process computes every `world`-th review of a batch. They exchange gradients and losses. Tests are not shared:
    every process computes all reviews.

    Args:
        twin_of: the NumPy trainer whose weights and optimizer state it starts with.
        device: of this process.

    Attributes:
        rank: the number of this process.
        world: the number of processes.
    """

    def __init__(self, twin_of: Trainer, device: str = "cpu"):
        super().__init__(twin_of, device)
        self.replica = DistributedDataParallel(self.model)
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def backward(self, batch: Batch | Tensors) -> StepResult:
        """The mean loss over the whole batch, and its gradients in .grad, the same in every process.

        A share contributes (1/N) times the sum of its losses. DistributedDataParallel takes the mean of the gradients
        over the processes. Times the number of processes this is the sum.
        """
        batch = self.tensors(batch)
        self.optimizer.zero_grad()
        N, share = len(batch.labels), self._share(batch)
        logits = self.replica(share.ids, share.lengths, share.mask)
        weight = 1.0 if self.rank < N else 0.0  # 0: with fewer reviews than processes this share is a copy
        loss = cross_entropy(logits, share.labels, reduction="sum") * weight / N
        (loss * self.world).backward()
        totals = torch.stack([loss.detach().double(), torch.tensor(count_correct(logits, share) * weight).to(loss)])
        dist.all_reduce(totals)
        return StepResult(totals[0].item(), int(totals[1]), {})

    def _share(self, batch: Tensors) -> Tensors:
        mine = slice(min(self.rank, len(batch.labels) - 1), None, self.world)
        mask = None if batch.mask is None else batch.mask[mine]
        return Tensors(batch.ids[:, mine], batch.lengths[mine], batch.labels[mine], mask)
