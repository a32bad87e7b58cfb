"""What the loop over RNNCell, LSTMCell or GRUCell costs: the system rnncell, 200 small steps a review.

whole     nn.RNN, nn.LSTM or nn.GRU, the whole sequence at once; on a GPU it is cuDNN's
eager     the loop over the cell: some launches for each of the steps, forward and backward
captured  the loop for a GPU: the inputs' products taken out of it, one compiled kernel beside the state's product in
          each step, and all recorded once as a CUDA graph: one launch forward, one backward (needs a GPU)

Each with the same network around it (Embedding, read-out, Linear, ReLU, Linear), Adam and clipping, on random words.
Prints milliseconds per training step: the median of --steps with its quartiles, its ratio to the whole layer's, and
what an epoch of IMDB's 20,000 reviews would take of such steps.
"""

import argparse
import sys
import time
from dataclasses import replace

from common.command_line import Parser, add_threads, check_writable, status_of, use_threads

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from numpy_rnn.checks import check_choice, check_size
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.batches import Batch
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import repaired
from numpy_rnn.sentiment.training import Trainer
from torch_rnn.devices import choose_device
from torch_rnn.training import TorchTrainer

REVIEWS, WORDS = 20_000, 10_002
KINDS = ("whole", "eager", "captured")
WHOLE = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
PAGE = """# How long does a training step take on a GPU?

`make gpu` writes this page. [results.md](results.md#on-a-gpu) says what the rows mean.

"""
WARM_UP = 3  # steps that are not measured


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: cuda if there is one)")
    add_threads(parser)
    parser.add_argument("--cells", nargs="+", choices=WHOLE, default=[*WHOLE], help="(default: all three)")
    parser.add_argument("--steps", type=int, default=50, help="that are measured (default: %(default)s)")
    parser.add_argument("--max-tokens", type=int, default=200, help="T (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="N (default: %(default)s)")
    parser.add_argument("--hidden-size", type=int, default=300, help="H (default: %(default)s)")
    parser.add_argument("--markdown", metavar="FILE", help="write the table to FILE, too")
    return status_of("benchmark.py", benchmark, parser.parse_args(arguments))


def benchmark(args: argparse.Namespace) -> None:
    device = choose_device(args.device)
    use_threads(args.threads)
    check_size("steps", args.steps)
    sizes = {"max_tokens": args.max_tokens, "batch_size": args.batch_size, "hidden_size": args.hidden_size}
    config = replace(repaired("rnncell"), **sizes)
    cuda = device.startswith("cuda")
    check_writable("markdown", args.markdown)
    where = torch.cuda.get_device_name(device) if cuda else f"CPU, threads: {args.threads}"
    lines = [
        f"PyTorch {torch.__version__}, {where}; T = {args.max_tokens}, N = {args.batch_size}, H = {args.hidden_size}\n",
        "| cell | how | ms per step | quartiles | of whole | s per epoch |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines))
    for cell in args.cells:
        whole = 0.0
        for kind in KINDS:
            if kind == "captured" and not cuda:
                lines.append(f"| {cell} | captured | not measured: it needs a GPU | | | |")
            else:
                seconds = seconds_per_step(kind, replace(config, cell=cell), WORDS, device, args.steps)
                whole = whole or float(np.median(seconds))  # it is the first
                lines.append(row(cell, kind, seconds, whole, -(-REVIEWS // args.batch_size)))
            print(lines[-1], flush=True)
    if args.markdown:
        with atomic_write(args.markdown) as stream:
            stream.write((PAGE + "\n".join(lines) + "\n").encode())


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


if __name__ == "__main__":
    sys.exit(main())
