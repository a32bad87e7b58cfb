"""What the loop over RNNCell, LSTMCell or GRUCell costs on a GPU: the system rnncell, 200 small steps a review.

whole     nn.RNN, nn.LSTM or nn.GRU, the whole sequence at once: cuDNN's
eager     the loop over the cell: some launches for each of the steps, forward and backward
captured  the loop for a GPU: the inputs' products taken out of it, one compiled kernel beside the state's product in
          each step, and all recorded once as a CUDA graph: one launch forward, one backward

Each with the same network around it (Embedding, read-out, Linear, ReLU, Linear), Adam and clipping, on random words.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from numpy_rnn.checks import check_choice, check_size
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.batches import Batch
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import repaired
from numpy_rnn.sentiment.training import Trainer
from torch_rnn.training import TorchTrainer

REVIEWS, WORDS = 20_000, 10_002
KINDS = ("whole", "eager", "captured")
WHOLE = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
WARM_UP = 3  # steps that are not measured


def lines(cells: list[str], device: str, steps: int) -> Iterator[str]:
    """The table, line by line: milliseconds per training step, their ratio to the whole layer's, seconds per epoch."""
    check_size("steps", steps)
    config = repaired("rnncell")
    sizes = f"T = {config.max_tokens}, N = {config.batch_size}, H = {config.hidden_size}"
    yield f"PyTorch {torch.__version__}, {torch.cuda.get_device_name(device)}; {sizes}\n"
    yield "| cell | how | ms per step | quartiles | of whole | s per epoch |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for cell in cells:
        whole = 0.0
        for kind in KINDS:
            seconds = seconds_per_step(kind, replace(config, cell=cell), WORDS, device, steps)
            whole = whole or float(np.median(seconds))  # it is the first
            yield row(cell, kind, seconds, whole, -(-REVIEWS // config.batch_size))


def row(cell: str, kind: str, seconds: list[float], whole: float, steps_per_epoch: int) -> str:
    """A line of the table."""
    low, typical, high = np.percentile(seconds, (25, 50, 75))
    return (
        f"| {cell} | {kind} | {1e3 * typical:.2f} | {1e3 * low:.2f} to {1e3 * high:.2f} "
        f"| {typical / whole:.2f} | {typical * steps_per_epoch:.1f} |"
    )


class WholeSequence(nn.Module):
    """nn.RNN, nn.LSTM or nn.GRU in the place of the loop: x (T, N, D) -> h_1..h_T (T, N, H)."""

    def __init__(self, cell: str, input_size: int, hidden_size: int):
        super().__init__()
        self.rnn = WHOLE[cell](input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[0]


def seconds_per_step(kind: str, config: Config, words: int, device: str, steps: int) -> list[float]:
    """Of `steps` training steps on one batch of random words, all max_tokens long: forward, backward, clip, Adam."""
    check_choice("kind", kind, KINDS)
    trainer = TorchTrainer(Trainer(build_model(words, replace(config, system="rnncell"))), device)
    if kind == "whole":
        trainer.model.rnn = WholeSequence(config.cell, config.embedding_size, config.hidden_size).to(device)
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
