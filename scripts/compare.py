"""Train the hand-written NumPy RNN, LSTM or GRU and PyTorch's side by side: same data, same initial weights, same
batches, same dropout masks. Prints a row per epoch, the test accuracies beside a bag-of-words baseline, and draws a
picture.

There are two ways to compare, and both are needed.

FREE RUNNING (the default): each backend goes its own way. The two loss curves lie on top of each other, then diverge,
although no formula differs: float rounding differs (sums in another order), and training amplifies any
difference, step by step. So equal curves at the end can't be expected, and unequal ones prove nothing.

LOCKSTEP (--lockstep): before every step the twin takes over NumPy's weights and optimizer state; then both do that
step, and loss, every gradient and every updated weight are compared. Nothing can pile up: this is the proof.
"""

import argparse
import json
import platform
import sys
from dataclasses import asdict
from statistics import median
from typing import Any, BinaryIO

from common.baseline import bag_of_words_accuracy
from common.command_line import (
    Parser,
    add_data_options,
    add_settings,
    add_threads,
    blas,
    check_apart,
    check_writable,
    load_data,
    settings,
    status_of,
    use_threads,
)
from common.pictures import BLUE, GREEN, GREY, INK, ORANGE, RED, new_figure, save

import numpy as np
import torch
from matplotlib.axes import Axes

from numpy_rnn.sentiment.config import DEFAULTS
from numpy_rnn.sentiment.files import atomic_write
from numpy_rnn.types import Array
from torch_rnn.comparison import DIVERGED, Comparison
from torch_rnn.devices import choose_device

EXAMPLES = """examples:
  .venv/bin/python scripts/compare.py                                    toy reviews, made here: no files, no network
  .venv/bin/python scripts/compare.py --lockstep --dtype float64         the proof, to the last digits
  .venv/bin/python scripts/compare.py --data imdb --data-dir ../imdb     the whole of IMDB from a folder
  .venv/bin/python scripts/compare.py --data imdb --hub --json imdb.json the same from the hub, results in a file
"""


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser(description=__doc__, epilog=EXAMPLES)
    add_data_options(parser)
    parser.add_argument("--lockstep", action="store_true", help="compare every step from the same state; see above")
    parser.add_argument("--steps", type=int, help="stop after this many training steps, the first of the full run")
    parser.add_argument("--device", default="cpu", help="where the PyTorch twin runs: cpu, cuda, ... (default: cpu)")
    add_threads(parser)
    parser.add_argument("--json", metavar="FILE", help="write all results to this file")
    parser.add_argument("--picture", metavar="FILE", default="compare.png", help="(default: %(default)s)")
    add_settings(parser, DEFAULTS)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    return status_of("compare.py", compare, parse_arguments(arguments))


def compare(args: argparse.Namespace) -> None:
    config = settings(args, DEFAULTS[args.data])
    for argument in ("json", "picture"):
        check_writable(argument, getattr(args, argument))
    check_apart("picture", args.picture, "json", args.json)
    choose_device(args.device)
    use_threads(args.threads)

    data = load_data(args, config)
    run = Comparison(data, config, args.device, args.steps, args.lockstep)
    print(
        f"{run.steps} training steps, {'in lockstep' if args.lockstep else 'free running'}, {config.dtype}; "
        f"threads for each: {args.threads};\n"
        f"NumPy with {blas()}, PyTorch {torch.__version__} on {args.device}\n\n{HEADER}"
    )
    epochs = []
    for row in run.epochs():
        epochs.append(row)
        print(table_row(row), flush=True)
    test = {
        trainer.name: dict(zip(("loss", "accuracy"), trainer.evaluate(data.test), strict=True))
        for trainer in (run.numpy, run.torch)
    }
    result = {
        "config": vars(args) | asdict(config) | {"python": platform.python_version(), "torch": torch.__version__},
        "epochs": epochs,
        "padding": run.padding(),
        "divergence_step": None if args.lockstep else run.divergence_step(),
        "test": test,
        "baseline": {"bag_of_words_accuracy": bag_of_words_accuracy(data)},
        "lockstep": run.worst,
    }
    print(summary(result))
    if args.json:
        with atomic_write(args.json) as stream:
            stream.write(json.dumps(result, indent=2).encode())
    with atomic_write(args.picture) as stream:
        draw(stream, run.losses, result)
    print(f"\nPicture: {args.picture}")


EQUAL_WORK = 0.05  # the share of padding up to which both do about the same work

HEADER = """\
         --------- NumPy ----------   -------- PyTorch ---------    largest
         train  valid   valid           train  valid   valid        difference
epoch     loss   loss  accuracy     s    loss   loss  accuracy     s of losses"""


def table_row(row: dict[str, Any]) -> str:
    columns = "  ".join(
        f"{s['train_loss']:7.4f} {s['valid_loss']:6.4f} {s['valid_accuracy']:8.4f} {s['seconds']:6.1f}"
        for s in (row["numpy"], row["torch"])
    )
    return f"{row['epoch']:5d}  {columns}  {row['largest_loss_difference']:9.1e}"


def summary(result: dict[str, Any]) -> str:
    test, words = result["test"], result["baseline"]["bag_of_words_accuracy"]
    lines = [f"\n{'test':12}   loss    accuracy"]
    lines += [f"{backend:12} {test[backend]['loss']:7.4f}  {test[backend]['accuracy']:7.4f}" for backend in test]
    lines.append(f"{'bag of words':12}     --   {words:7.4f}   an order-blind model, for scale\n")
    worst = result["lockstep"]
    if worst is None:
        ratio = median(row["numpy"]["seconds"] / row["torch"]["seconds"] for row in result["epochs"])
        if result["padding"] > EQUAL_WORK:
            lines.append("The seconds are not comparable (with --buckets they are).")
        else:
            lines.append(f"NumPy took {ratio:.2f} of PyTorch's time to train an epoch (median).")
        lines[-1] += f" {result['padding']:.1%} of the\nsteps were padding, which NumPy skips and PyTorch computes."
        diverged, last = result["divergence_step"], result["epochs"][-1]["largest_loss_difference"]
        lines.append(
            f"The losses first differ by more than 1e-3 at step {diverged}: rounding, amplified by\ntraining. "
            f"In the last epoch they differ by at most {last:.1e}."
            if diverged
            else "The losses never differ by more than 1e-3."
        )
        return "\n".join(lines)
    lines += [
        f"\nThe worst of {worst['steps']} steps in lockstep:",
        f"  loss, absolute difference           {worst['largest_loss_difference']:8.1e}",
    ]
    for name, error in worst["largest_gradient_error"].items():
        lines.append(f"  gradient of {name:18}      {error:8.1e}  relative, in norm")
    lines.append(f"  any updated weight                  {worst['largest_weight_error']:8.1e}  relative, in norm")
    return "\n".join(lines)


COLOURS = {"numpy": BLUE, "torch": ORANGE}
NAMES = {"numpy": "NumPy, by hand", "torch": "PyTorch"}


def draw(stream: BinaryIO, losses: dict[str, list[float]], result: dict[str, Any]) -> None:
    """Writes a PNG of `result`, as scripts/compare.py makes it, and of the losses of every step."""
    figure = new_figure(7.5, 8.5)
    curves, difference, accuracy = figure.subplots(3, 1)
    steps = np.arange(1, len(losses["numpy"]) + 1)
    for backend, width in (("torch", 3), ("numpy", 0.8)):  # the wide curve is seen behind the thin one
        curves.plot(steps, losses[backend], color=COLOURS[backend], label=NAMES[backend], linewidth=width)
    curves.set(ylabel="training loss", title="NumPy and PyTorch, from the same weights, on the same batches")
    curves.legend()
    _difference(difference, steps, np.abs(np.subtract(losses["numpy"], losses["torch"])), result)
    if result["divergence_step"]:
        for axes in (curves, difference):
            axes.axvline(result["divergence_step"], color=RED, linewidth=1, zorder=0)
    difference.sharex(curves)
    _accuracy(accuracy, result)
    save(figure, stream)


def _difference(axes: Axes, steps: Array, difference: Array, result: dict[str, Any]) -> None:
    exact = difference == 0  # a logarithm has no place for them: they are marked at the lower edge
    floor = difference[~exact].min() / 4 if (~exact).any() else 1e-17
    axes.semilogy(steps[~exact], difference[~exact], ".", color=GREEN, markersize=2)
    if exact.any():
        axes.semilogy(steps[exact], np.full(exact.sum(), floor), ".", color=GREY, markersize=2)
        _margin(axes, floor, "no difference")
    axes.axhline(DIVERGED, color=GREY, linestyle=":", linewidth=1)
    _margin(axes, DIVERGED, f"{DIVERGED:g}")
    diverged = result["divergence_step"]
    if diverged:
        words, at, where = (
            f" step {diverged}: the first above {DIVERGED:g}",
            (diverged, 0.05),
            ("data", "axes fraction"),
        )
        axes.annotate(words, at, xycoords=where, color=RED, va="bottom")
    axes.set(xlabel="training step", ylabel="|loss difference|")
    axes.set_title(
        "Their difference: rounding, carried on from step to step"
        if result["lockstep"] is None
        else "Their difference in lockstep: every step starts from the same state"
    )


def _margin(axes: Axes, y: float, words: str) -> None:
    """Names a height, on the right of the axes."""
    axes.annotate(words, (1, y), (3, 0), ("axes fraction", "data"), "offset points", va="center", color=GREY)


def _accuracy(axes: Axes, result: dict[str, Any]) -> None:
    """On the validation reviews after every epoch, then on the test reviews. NumPy's small marks lie on PyTorch's."""
    epochs = [row["epoch"] for row in result["epochs"]]
    test = epochs[-1] + 1
    for backend, marker, size in (("torch", "s", 11), ("numpy", "o", 5)):
        valid = [row[backend]["valid_accuracy"] for row in result["epochs"]]
        accuracy, colour = result["test"][backend]["accuracy"], COLOURS[backend]
        axes.plot(epochs, valid, marker + "-", color=colour, linewidth=size / 4, markersize=size)
        label = f"{NAMES[backend]}: test {accuracy:.4f}"
        axes.plot(test, accuracy, marker, color=colour, markersize=size, label=label)
    words = result["baseline"]["bag_of_words_accuracy"]
    label = f"bag of words, which sees no order: test {words:.4f}"
    axes.plot(test, words, "_", color=INK, markersize=28, markeredgewidth=1.5, label=label)
    axes.axvline(test - 0.5, color=GREY, linewidth=0.5)
    axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
    _margin(axes, 0.5, "chance")
    axes.set(xlabel="epoch", ylabel="accuracy", ylim=(0.45, 1.02))
    axes.set_xticks([*epochs, test], [*map(str, epochs), "test"])
    axes.set_title("Their accuracy, after every epoch on the validation reviews")
    axes.legend(loc="lower right", bbox_to_anchor=(0.98 - 1 / (test + 0.5), 0.08))


if __name__ == "__main__":
    sys.exit(main())
