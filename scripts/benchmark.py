"""What the loop over RNNCell costs: the system rnncell, 200 small steps a review, against nn.RNN.

eager     the loop as it stands: some launches for each of the steps, forward and backward
captured  the same loop, recorded once as a CUDA graph: one launch (needs a GPU)
nn.RNN    the whole sequence at once; on a GPU it is cuDNN's

Each with the same network around it (Embedding, read-out, Linear, ReLU, Linear), Adam and clipping, on random words.
Prints milliseconds per training step, the median and the fastest of --steps, and what an epoch of IMDB's 20,000
reviews would take of such steps.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from statistics import median

from numpy_rnn.checks import check_size
from numpy_rnn.command_line import add_threads, status_of, use_threads
from numpy_rnn.systems import repaired

REVIEWS, WORDS = 20_000, 10_002


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: cuda if there is one)")
    add_threads(parser)
    parser.add_argument("--steps", type=int, default=50, help="that are measured (default: %(default)s)")
    parser.add_argument("--max-tokens", type=int, default=200, help="T (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="N (default: %(default)s)")
    parser.add_argument("--hidden-size", type=int, default=300, help="H (default: %(default)s)")
    return status_of("benchmark.py", benchmark, parser.parse_args(arguments))


def benchmark(args: argparse.Namespace) -> None:
    import torch

    from torch_rnn.benchmark import KINDS, seconds_per_step
    from torch_rnn.devices import choose_device

    device = choose_device(args.device)
    use_threads(args.threads)
    check_size("steps", args.steps)
    sizes = {"max_tokens": args.max_tokens, "batch_size": args.batch_size, "hidden_size": args.hidden_size}
    config = replace(repaired("rnncell"), **sizes)
    cuda = device.startswith("cuda")
    where = torch.cuda.get_device_name(device) if cuda else f"CPU, threads: {args.threads}"
    print(f"PyTorch {torch.__version__}, {where}; T = {args.max_tokens}, N = {args.batch_size}, H = {args.hidden_size}")
    print(f"\n{'':10}{'ms per step':>14}{'fastest':>10}{'s per epoch':>13}{'of nn.RNN':>11}")
    whole = 0.0
    for kind in KINDS:
        if kind == "captured" and not cuda:
            print(f"{kind:10}  not measured: it needs a GPU")
            continue
        seconds = seconds_per_step(kind, config, WORDS, device, args.steps)
        typical = median(seconds)
        whole = whole or typical  # nn.RNN is the first
        per_epoch = typical * -(-REVIEWS // args.batch_size)
        print(f"{kind:10}{1e3 * typical:14.2f}{1e3 * min(seconds):10.2f}{per_epoch:13.1f}{typical / whole:11.2f}")


if __name__ == "__main__":
    sys.exit(main())
