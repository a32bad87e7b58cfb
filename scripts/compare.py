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
from contextlib import closing
from dataclasses import asdict
from statistics import median
from typing import Any

from common.baseline import bag_of_words_accuracy
from common.command_line import (
    Parser,
    add_data_options,
    add_settings,
    add_threads,
    blas,
    check_apart,
    check_new,
    check_writable,
    load_data,
    settings,
    status_of,
    use_threads,
)
from common.comparison_picture import draw
from common.comparison_runs import EQUAL_WORK, FILES, compare_files, compare_many
from common.run_folder import add_out, check_out, place
from common.step_log import StepLog

import numpy as np
import torch

from numpy_rnn.checks import check_number, expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.config import DEFAULTS
from torch_rnn.comparison import Comparison, Excess
from torch_rnn.devices import choose_device

EXAMPLES = """examples:
  .venv/bin/python scripts/compare.py                                    toy reviews, made here: no files, no network
  .venv/bin/python scripts/compare.py --lockstep --dtype float64         the proof, to the last digits
  .venv/bin/python scripts/compare.py --seeds 0 1 2 --cells rnn gru --json runs.json     a table
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
    parser.add_argument(
        "--tolerance", type=float, help="in lockstep: exit status 1 where anything differs by more (default: none)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", help="one run for each of these seeds, and a table")
    parser.add_argument("--cells", nargs="+", choices=("rnn", "lstm", "gru"), help="and for each of these cells")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, with --seeds (default: %(default)s)")
    parser.add_argument(
        "--against", metavar="OTHER", help="compare the results in --json with this file's; no training"
    )
    add_out(parser)
    parser.add_argument("--json", metavar="FILE", help="all results; --seeds goes on from it (default: results.json)")
    parser.add_argument("--picture", metavar="FILE", help="of losses and accuracies (default: compare.png)")
    parser.add_argument("--log", metavar="FILE", help="a JSON line for each step of each backend: loss, norm, lr, ...")
    add_settings(parser, DEFAULTS)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_arguments(arguments)
    return status_of("compare.py", compare, args, lambda: how_to_go_on(args))


def how_to_go_on(args: argparse.Namespace) -> str:
    if args.seeds or args.cells:
        return f"the same command with --json {args.json} goes on" if args.json else "no run was finished"
    return "nothing was written (with --seeds and --json each finished run is kept)"


def compare(args: argparse.Namespace) -> int:
    config = settings(args, DEFAULTS[args.data])
    expect(args.tolerance is None or args.lockstep, "tolerance", "--lockstep, too", "free running")
    if args.against:
        return compare_files(args)
    if args.seeds or args.cells:
        return compare_many(args, config)
    check_new("json", args.json)
    for argument in ("picture", "log"):
        check_writable(argument, getattr(args, argument))
    check_apart(json=args.json, picture=args.picture, log=args.log)
    check_out(args)
    choose_device(args.device)
    use_threads(args.threads)

    data = load_data(args, config)
    tolerance = np.inf if args.tolerance is None else check_number("tolerance", args.tolerance, 0, np.inf)
    run = Comparison(data, config, args.device, args.steps, args.lockstep, tolerance)
    print(
        f"{run.steps} training steps, {'in lockstep' if args.lockstep else 'free running'}, {config.dtype}; "
        f"threads for each: {args.threads};\n"
        f"NumPy with {blas()}, PyTorch {torch.__version__} on {args.device}\n\n{HEADER}"
    )
    epochs = []
    with closing(StepLog(args.log)) as log:
        try:
            for row in run.epochs(lambda backend, done: log.write(backend, done, config.clip)):
                epochs.append(row)
                print(table_row(row), flush=True)
        except ValueError as error:
            if run.excess is None:
                raise
            print(f"\n{error}")  # the update would have been one of NaN
            return tell(run.excess, tolerance)
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
    place(args, FILES, "compare", args.data, config.system, config.cell, f"seed{config.seed}")
    with atomic_write(args.json) as stream:
        stream.write(json.dumps(result, indent=2).encode())
    with atomic_write(args.picture) as stream:
        draw(stream, run.losses, result)
    print(f"\nPicture: {args.picture}\nNumbers: {args.json}")
    return tell(run.excess, tolerance) if run.excess else 0


def tell(excess: Excess, tolerance: float) -> int:
    print(f"\nStep {excess.step}: {excess.what} differs by {excess.error:.1e}, more than {tolerance:g}.")
    return 1


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


if __name__ == "__main__":
    sys.exit(main())
