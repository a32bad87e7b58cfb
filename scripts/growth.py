"""How do the time and the memory of backpropagation through time grow with the steps, and with the hidden units?

full          all T steps forward, then all of them backward
checkpointed  the same gradient, with every sqrt(T)-th state kept and the rest computed again
chunks        k steps forward, then backward, and the next k from their last state: no gradient goes further back

One layer, L = the sum of output^2 / 2, float32. Memory is the peak of what is allocated beyond the inputs and
parameters. The exponent is the slope of a straight line in the logarithms: with 1 the time doubles where T doubles.
"""

import argparse
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, BinaryIO

from common.command_line import Parser, check_apart, check_new, check_writable, status_of, use_threads
from common.pictures import BLUE, GREEN, ORANGE, new_figure, save

import numpy as np
from matplotlib.ticker import LogLocator
from tqdm import tqdm

from numpy_rnn import GRU, LSTM, RNN, gradient_checkpointing
from numpy_rnn.checks import check_size, expect
from numpy_rnn.files import atomic_write
from numpy_rnn.types import Array, Params

INPUTS = 32  # D
LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
COLOURS = {"full": ORANGE, "checkpointed": BLUE, "chunks": GREEN}
Row = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    add = parser.add_argument
    add("--cell", choices=LAYERS, default="lstm", help="(default: %(default)s)")
    add("--steps", nargs="+", type=int, default=[50, 100, 200, 400, 800, 1600], help="T (default: 50 to 1600)")
    add("--hidden-sizes", nargs="+", type=int, default=[32, 64, 128, 256, 512], help="H (default: 32 to 512)")
    add("--k", type=int, default=50, help="steps of a chunk (default: %(default)s)")
    add("--batch-size", type=int, default=32, help="N (default: %(default)s)")
    add("--rounds", type=int, default=9, help="measurements of each time (default: %(default)s)")
    add("--threads", type=int, default=1, help="(default: %(default)s)")
    add("--json", metavar="FILE", help="all figures")
    add("--picture", metavar="FILE", help="time and memory against T")
    return status_of("growth.py", growth, parser.parse_args(arguments))


def growth(args: argparse.Namespace) -> None:
    use_threads(args.threads)
    for argument in ("k", "batch_size", "rounds"):
        check_size(argument, getattr(args, argument))
    for argument in ("steps", "hidden_sizes"):
        values = getattr(args, argument)
        expect(min(values) >= 1 and len(set(values)) > 1, argument, "two or more whole numbers >= 1", values)
    check_new("json", args.json)
    check_writable("picture", args.picture)
    check_apart(json=args.json, picture=args.picture)
    middle = sorted(args.hidden_sizes)[len(args.hidden_sizes) // 2]
    with tqdm(total=len(args.steps) + len(args.hidden_sizes), leave=False, disable=None) as bar:
        by_T = [row(args, T, middle, bar) for T in args.steps]
        by_H = [row(args, sorted(args.steps)[len(args.steps) // 2], H, bar) for H in args.hidden_sizes]
    print(table(by_T, "T"), "\n\n", table(by_H, "H"), sep="")
    if args.json:
        with atomic_write(args.json) as stream:
            stream.write(json.dumps({"cell": args.cell, "T": by_T, "H": by_H}, indent=1).encode())
    if args.picture:
        with atomic_write(args.picture) as stream:
            draw(stream, by_T, args.cell)


def row(args: argparse.Namespace, T: int, H: int, bar: Any) -> Row:
    """The seconds, as median and quartiles, and the MiB of each way, which take turns."""
    rng = np.random.default_rng(0)
    layer = LAYERS[args.cell](INPUTS, H, rng=rng)
    x = rng.normal(size=(T, args.batch_size, INPUTS)).astype(np.float32)
    found = ways(layer, x, args.k)
    mebibytes = {name: peak(way) for name, way in found.items()}
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(args.rounds):
        for name, way in found.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    bar.update()
    quartiles = {name: [float(q) for q in np.percentile(s, (25, 50, 75))] for name, s in seconds.items()}
    slower = np.percentile(np.divide(seconds["checkpointed"], seconds["full"]), (25, 50, 75))
    return {"T": T, "H": H, "seconds": quartiles, "MiB": mebibytes, "slower": [float(q) for q in slower]}


def ways(layer: Any, x: Array, k: int) -> dict[str, Callable[[], Params]]:
    """The gradient of L in three ways; that of chunks is another one."""

    def full() -> Params:
        output, _, cache = layer.forward(x)
        return layer.backward(output, None, cache).params

    def checkpointed() -> Params:
        _, kept = gradient_checkpointing.forward(layer, x)
        return gradient_checkpointing.backward(lambda start, output: output, None, kept).params

    def chunks() -> Params:
        h, total = None, dict[str, Any]()
        for start in range(0, len(x), k):
            output, h, cache = layer.forward(x[start : start + k], h)
            grads = layer.backward(output, None, cache).params
            total = {name: total.get(name, 0) + grad for name, grad in grads.items()}
        return total

    return {"full": full, "checkpointed": checkpointed, "chunks": chunks}


def peak(way: Callable[[], Params]) -> float:
    """In MiB."""
    way()
    tracemalloc.start()
    way()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def exponent(rows: list[Row], axis: str, values: list[float]) -> float:
    return float(np.polyfit(np.log([row[axis] for row in rows]), np.log(values), 1)[0])


def table(rows: list[Row], axis: str) -> str:
    names = list(COLOURS)
    other = "H" if axis == "T" else "T"
    lines = [
        f"| {axis} ({other} = {rows[0][other]}) | {' | '.join(f'{name}, ms' for name in names)} | checkpointed / full "
        f"| {' | '.join(f'{name}, MiB' for name in names)} |",
        f"| --- {'| --- ' * (2 * len(names) + 1)}|",
    ]
    for row in rows:
        times = " | ".join(f"{1e3 * row['seconds'][name][1]:.1f}" for name in names)
        low, middle, high = row["slower"]
        memory = " | ".join(f"{row['MiB'][name]:.1f}" for name in names)
        lines.append(f"| {row[axis]} | {times} | {middle:.2f} ({low:.2f} to {high:.2f}) | {memory} |")
    of_time = [exponent(rows, axis, [row["seconds"][name][1] for row in rows]) for name in names]
    of_memory = [exponent(rows, axis, [row["MiB"][name] for row in rows]) for name in names]
    columns = [*(f"{e:.2f}" for e in of_time), "", *(f"{e:.2f}" for e in of_memory)]
    return "\n".join([*lines, f"| exponent | {' | '.join(columns)} |"])


def draw(stream: BinaryIO, rows: list[Row], cell: str) -> None:
    """A PNG: time and memory against T, with the exponents."""
    figure, steps = new_figure(9, 4.2), [row["T"] for row in rows]
    panels = figure.subplots(1, 2)
    of_time = {name: [1e3 * row["seconds"][name][1] for row in rows] for name in COLOURS}
    of_memory = {name: [row["MiB"][name] for row in rows] for name in COLOURS}
    for axis, what, title in (
        (panels[0], of_time, "Time of a step, ms"),
        (panels[1], of_memory, "Peak memory, MiB"),
    ):
        for name, values in what.items():
            axis.loglog(steps, values, "o-", color=COLOURS[name], label=f"{name}: T^{exponent(rows, 'T', values):.2f}")
        axis.set(title=title, xlabel="steps T")
        axis.set_xticks(steps, [str(T) for T in steps])
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left")
    most = rows[-1]
    share = most["MiB"]["checkpointed"] / most["MiB"]["full"]
    words = f"{share:.0%} of the memory and {most['slower'][1]:.2f} times the time"
    figure.suptitle(f"{cell.upper()}, T = {most['T']}: checkpointed BPTT takes {words}")
    save(figure, stream)


if __name__ == "__main__":
    sys.exit(main())
