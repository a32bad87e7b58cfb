"""The time of a training step of the system rnncell: the loop as it is, captured, or nn.RNN in its place."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from numpy_rnn.checks import check_choice
from numpy_rnn.config import Config
from numpy_rnn.data.batches import Batch
from numpy_rnn.models import build_model
from numpy_rnn.training import Trainer
from torch_rnn.training import TorchTrainer

KINDS = ("nn.RNN", "eager", "captured")
WARM_UP = 3  # steps that are not measured


class WholeSequence(nn.Module):
    """nn.RNN in the place of the loop: x (T, N, D) -> h_1..h_T (T, N, H)."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0]


def seconds_per_step(kind: str, config: Config, words: int, device: str, steps: int) -> list[float]:
    """Of `steps` training steps on one batch of random words, all max_tokens long: forward, backward, clip, Adam."""
    check_choice("kind", kind, KINDS)
    trainer = TorchTrainer(Trainer(build_model(words, replace(config, system="rnncell"))), device)
    if kind == "nn.RNN":
        trainer.model.rnn = WholeSequence(config.embedding_size, config.hidden_size).to(device)
        trainer.optimizer = torch.optim.Adam(trainer.model.parameters())
    elif kind == "captured":
        trainer.model.capture(config.max_tokens, config.batch_size)  # type: ignore[operator]
    rng, T, N = np.random.default_rng(0), config.max_tokens, config.batch_size
    ids, lengths = rng.integers(2, words, (T, N)), np.full(N, T)
    batch = trainer.tensors(Batch(ids, lengths, rng.integers(0, 2, N), None, np.arange(N)))
    seconds = []
    for _ in tqdm(range(WARM_UP + steps), kind, leave=False, disable=None):
        start = time.perf_counter()
        trainer.step(batch, config.lr)
        if trainer.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]
