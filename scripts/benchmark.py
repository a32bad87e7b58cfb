"""How long do a layer, and a training step, take, and how long do they take in PyTorch and JAX?

On a CPU, in one process, by turns, with the same weights, data and threads:
  layers   forward and backward of one layer by numpy_rnn, torch.nn, a loop over torch's cell, JAX where it is
           installed, and its matrix products alone, which no way can go below
  lengths  a batch of sequences of unequal length, by the share of its real steps
  epochs   the training steps of an epoch, of the toy reviews or of IMDB, by NumPy and PyTorch
  memory   the peak of forward and backward, in a process for each
On a GPU (--device cuda): a training step of the system rnncell by cuDNN, by the loop over the cell, and captured.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from common.command_line import (
    Parser,
    add_data_options,
    check_apart,
    check_writable,
    load_data,
    status_of,
)
from common.cpu_benchmark import epoch_row, layer_row, lengths_row, memory_row
from common.cpu_tables import BY_CELL, about, draw, page
from common.gpu_benchmark import lines
from common.layer_ways import IMDB, LONG, SIZES, Size

from tqdm import tqdm

from numpy_rnn.checks import check_size, expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.config import DEFAULTS
from torch_rnn.devices import choose_device

EXAMPLES = """examples:
  make bench                                                    all of it: half an hour
  make bench ARGS="--data imdb --data-dir DIR"                  with the epochs of IMDB
  scripts/benchmark.py --cells lstm --sizes 100,20,50,64        one layer of this T, N, D and H
"""
TITLE = """# How long does a training step take on a {}?

`make {}` writes this page. [results.md](results.md{}) says what it means.

"""


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__, epilog=EXAMPLES)
    add = parser.add_argument
    add("--device", default="cpu", help="cpu, cuda, ... (default: cpu)")
    add("--cells", nargs="+", choices=BY_CELL, default=BY_CELL, help="(default: all three)")
    add(
        "--sizes",
        nargs="+",
        type=size_of,
        default=SIZES,
        metavar="T,N,D,H",
        help=f"of the layers (default: {' '.join(','.join(map(str, s)) for s in SIZES)})",
    )
    add("--threads", nargs="+", type=int, default=[1, 2], help="one table row for each of these numbers (default: 1 2)")
    add("--rounds", type=int, default=15, help="measurements of each way (default: %(default)s)")
    add("--steps", type=int, help="training steps, of an epoch or on a GPU (default: the whole epoch; 100)")
    add_data_options(parser)
    add("--json", metavar="FILE", help="all figures")
    add("--picture", metavar="FILE", help="of the layers")
    add("--markdown", metavar="FILE", help="write the tables to FILE, too")
    return status_of("benchmark.py", benchmark, parser.parse_args(arguments))


def size_of(text: str) -> Size:
    """T,N,D,H -> Size."""
    parts = text.split(",")
    if len(parts) != 4 or not all(part.isdigit() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"expected four whole numbers T,N,D,H >= 1, got {text!r}")
    return Size(*map(int, parts))


def benchmark(args: argparse.Namespace) -> None:
    device = choose_device(args.device)
    for argument in ("json", "picture", "markdown"):
        check_writable(argument, getattr(args, argument))
    check_apart(picture=args.picture, json=args.json, markdown=args.markdown)
    check_size("rounds", args.rounds)
    expect(args.steps is None or args.steps >= 1, "steps", "a whole number >= 1", args.steps)
    if device.startswith("cuda"):
        text = show(lines(list(args.cells), device, args.steps or 100))
        write(args.markdown, TITLE.format("GPU", "gpu", "#on-a-gpu") + text)
        return
    found = measure(args)
    write(args.json, json.dumps(found, indent=1))
    if args.picture:
        with atomic_write(args.picture) as stream:
            draw(stream, found["layers"])
    text = show(f"{part}\n" for part in page(found))
    write(args.markdown, TITLE.format("CPU", "bench", "#on-a-cpu") + text.rstrip() + "\n")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The rows of each table."""
    config = DEFAULTS[args.data]
    data = load_data(args, config)
    with tqdm(total=args.rounds * len(args.cells) * len(args.threads) * (len(args.sizes) + 1), disable=None) as bar:
        of_layers = product(args.sizes, args.threads, args.cells)
        layers = [layer_row(cell, size, threads, args.rounds, bar) for size, threads, cell in of_layers]
        size, of_lengths = shortest(args.sizes, IMDB), product(args.threads, args.cells)
        lengths = [lengths_row(cell, size, threads, args.rounds, bar) for threads, cell in of_lengths]
    memory = [memory_row(cell, shortest(args.sizes, LONG)) for cell in args.cells]
    epochs = []
    for threads, cell in product(args.threads, args.cells):
        epochs.append(epoch_row(args.data, data, replace(config, cell=cell), threads, args.steps))
    found = {"about": about() | {"data": args.data}, "layers": layers, "lengths": lengths, "memory": memory}
    return found | {"epochs": epochs}


def shortest(sizes: list[Size], wanted: Size) -> Size:
    """The size that a goal is for, or where it is not among those that are measured, the first of them."""
    return wanted if wanted in sizes else sizes[0]


def show(parts: Iterator[str]) -> str:
    """Prints each part as it comes, and returns all."""
    text = ""
    for part in parts:
        print(part, flush=True)
        text += f"{part}\n"
    return text


def write(file: str | None, text: str) -> None:
    if file:
        with atomic_write(file) as stream:
            stream.write(text.encode())


if __name__ == "__main__":
    sys.exit(main())
