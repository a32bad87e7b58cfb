"""One training run on several processes: each takes its share of every batch, and all make the same update."""

import os

import torch
import torch.distributed.nn.functional  # before `join`: its default arguments would keep the group for ever
from torch import distributed as dist
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from numpy_rnn.sentiment.data.batches import Batch
from numpy_rnn.sentiment.training import StepResult, Trainer
from torch_rnn.training import Tensors, TorchTrainer, count_correct


def launched_by_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def join(device: str) -> tuple[int, int]:
    """Meets the other processes of torchrun, by gloo on a CPU, nccl on GPUs: own rank, and how many there are."""
    dist.init_process_group("nccl" if torch.device(device).type == "cuda" else "gloo")
    return dist.get_rank(), dist.get_world_size()


def leave() -> None:
    """At the end of the program, on one process or several; every DistributedTrainer has to be gone by then.

    Whoever holds the group keeps its threads running, and one of them that drops its last tensor when Python has ended
    aborts the process: "terminate called without an active exception".
    """
    if dist.is_initialized():
        dist.destroy_process_group()


class DistributedTrainer(TorchTrainer):
    """A TorchTrainer that computes every `world`-th review of a batch and gets the others' gradients and losses.

    Testing is not shared: every process answers all reviews.
    """

    def __init__(self, twin_of: Trainer, device: str = "cpu"):
        super().__init__(twin_of, device)
        self.replica = DistributedDataParallel(self.model)
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def backward(self, batch: Batch | Tensors) -> StepResult:
        """The mean loss over the whole batch, and its gradients in .grad, the same in every process.

        A share's part of the mean is (1/N) sum of its losses. DistributedDataParallel takes the mean over the processes
        of what each one's backward gives; times their number, that is the sum.
        """
        batch = self.tensors(batch)
        self.optimizer.zero_grad()
        N, share = len(batch.labels), self._share(batch)
        logits = self.replica(share.ids, share.lengths, share.mask)
        weight = 1.0 if self.rank < N else 0.0  # with fewer reviews than processes: answered, but not counted
        loss = cross_entropy(logits, share.labels, reduction="sum") * weight / N
        (loss * self.world).backward()
        totals = torch.stack([loss.detach().double(), torch.tensor(count_correct(logits, share) * weight).to(loss)])
        dist.all_reduce(totals)
        return StepResult(totals[0].item(), int(totals[1]), {})

    def _share(self, batch: Tensors) -> Tensors:
        mine = slice(min(self.rank, len(batch.labels) - 1), None, self.world)
        mask = None if batch.mask is None else batch.mask[mine]
        return Tensors(batch.ids[:, mine], batch.lengths[mine], batch.labels[mine], mask)
