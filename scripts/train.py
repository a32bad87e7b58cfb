"""Train one of two IMDB systems: as it was written, repaired, or anything in between.

rnncell   Embedding -> a loop over RNNCell -> last state -> Linear -> ReLU -> Linear
basic     Embedding -> RNN -> last state -> Dropout -> Linear

--as-written takes the original settings, --repaired (the default) mends every defect, and each setting below can be
given by itself: "--as-written --readout last_real" repairs one thing, "--repaired --keep first" breaks one. What each
repair is worth: scripts/ladder.py. On toy reviews the network is smaller, and learns faster and longer. Prints what the
original prints; after each epoch a checkpoint is written, for scripts/predict.py.
"""

import argparse
import io
import json
import os
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict
from typing import Any

from common.command_line import (
    Parser,
    add_data_options,
    add_settings,
    add_threads,
    load_data,
    settings,
    status_of,
    use_threads,
    user_errors,
)
from common.run_folder import add_out
from common.saved_run import SavedRun, check_files, locked, name_files
from common.step_log import read

from tqdm import tqdm

from numpy_rnn.checks import check_size
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.checkpoint import save_checkpoint
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.text import Dataset, data_digest
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.state import files_of
from numpy_rnn.sentiment.systems import as_written, for_toy, repaired
from numpy_rnn.sentiment.training import AnyTrainer, StepDone, steps_per_epoch, train
from torch_rnn.backends import choose_backend, numpy_model
from torch_rnn.distributed import leave

EXAMPLES = """examples:
  .venv/bin/python scripts/train.py --system basic                                           toy reviews, repaired
  .venv/bin/python scripts/train.py --as-written --data imdb --data-dir ../imdb              stays at 50 %
  .venv/bin/python scripts/train.py --as-written --readout mean --data imdb --data-dir ../imdb
  .venv/bin/python scripts/train.py --backend numpy --data imdb --hub --json result.json     by hand, IMDB from the hub
  .venv/bin/torchrun --nproc-per-node 2 scripts/train.py --device cpu --threads 1            two processes
"""


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser(description=__doc__, epilog=EXAMPLES)
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--as-written", action="store_true", help="start from the original settings")
    end.add_argument("--repaired", action="store_true", help="start from the settings with every repair (the default)")
    add_data_options(parser)
    parser.add_argument("--backend", choices=("torch", "numpy"), default="torch", help="(default: %(default)s)")
    parser.add_argument("--device", default="auto", help="of PyTorch: auto, cpu, cuda, ... (default: cuda if there)")
    parser.add_argument("--deterministic", action="store_true", help="of PyTorch: the same bits in every run, on a GPU")
    parser.add_argument(
        "--capture", action="store_true", help="of PyTorch, on a GPU: record rnncell's loop as a CUDA graph"
    )
    add_threads(parser)
    add_out(parser)
    parser.add_argument("--checkpoint", metavar="FILE", help="instead of a new folder: only the files that are named")
    parser.add_argument("--json", metavar="FILE", help="settings, epochs and test result")
    parser.add_argument(
        "--save-every", type=int, metavar="STEPS", help="save the run every so many steps (default: each epoch)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with a stopped run: --checkpoint's, that in the folder --out, or the last one in a folder of it",
    )
    parser.add_argument("--log", metavar="FILE", help="a JSON line for each step: loss, gradient norm, lr, ...")
    parser.add_argument("--picture", metavar="FILE", help="draw the loss and the gradient norm of every step")
    ends = {"as written": as_written, "repaired": repaired}
    starts = {f"{system} {end}": ends[end](system) for system in ("rnncell", "basic") for end in ends}
    add_settings(parser, starts, [for_toy(start) for start in starts.values()])
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_arguments(arguments)
    status = status_of("train.py", run_as_one, args, lambda: how_to_go_on(args))
    if status == 0:  # after an error the other processes may still wait for this one
        leave()
    return status


def how_to_go_on(args: argparse.Namespace) -> str:
    saved = args.checkpoint is not None and any(file.exists() for file in files_of(args.checkpoint))
    return "the same command with --resume goes on from the last saved step" if saved else "no state was saved yet"


def run_as_one(args: argparse.Namespace) -> None:
    """One of the processes speaks for all, of a mistake, too: torchrun ends the others while they wait."""
    try:
        run(args)
    except user_errors():
        if os.environ.get("RANK", "0") != "0":
            time.sleep(10)  # then the mistake is of this one alone, and it says so
        raise


def run(args: argparse.Namespace) -> None:
    begun = time.perf_counter()
    system = args.system or "rnncell"
    start = as_written(system) if args.as_written else repaired(system)
    config = settings(args, for_toy(start) if args.data == "toy" else start)
    check_files(args)
    check_size("save_every", args.save_every or 1)
    start_training, how = choose_backend(args.backend, args.device, args.deterministic, args.capture)
    use_threads(args.threads)
    chief = how["rank"] == 0
    if not chief:
        sys.stdout = io.StringIO()  # one of the processes speaks for all
    print_settings(config, args.data)
    data = load_data(args, config)
    trainer = start_training(build_model(len(data.vocabulary), config))
    if config.misscaled_loss:
        print(f"Losses are printed as the original does it: too small by the batch size, {config.batch_size}.")
    name_files(args, config, chief)
    about = asdict(config) | {"data": data_digest(data), "backend": args.backend, "threads": args.threads}
    with (
        locked(args) if chief else nullcontext(),
        closing(SavedRun(args, trainer, about, steps_per_epoch(data, config), chief)) as saved,
    ):
        learn(args, trainer, data, saved)
        print(f"{time.perf_counter() - begun:.1f} seconds of training")
        loss, accuracy = test(trainer, data)
        print(f"{time.perf_counter() - begun:.1f} seconds with the test. Checkpoint: {args.checkpoint}")
        result = {"config": vars(args) | asdict(config), "how": how, "epochs": saved.epochs}
        if chief:
            write(args, config, result | {"test": {"loss": loss, "accuracy": accuracy}})
        saved.end()


def learn(args: argparse.Namespace, trainer: AnyTrainer, data: Dataset, saved: SavedRun) -> None:
    """From where the run is to its last epoch."""
    config, show = trainer.config, step_printer(trainer.config, data)

    def after_step(done: StepDone) -> None:
        show(done)
        saved.after_step(done)

    for row in train(trainer, data, after_step, saved.begin):
        saved.epochs.append(row)
        print_epoch(config, row)
        if saved.chief:
            save_checkpoint(args.checkpoint, numpy_model(trainer), data.vocabulary)
            saved.after_epoch(row)


def test(trainer: AnyTrainer, data: Dataset) -> tuple[float, float]:
    """The loss per review and the accuracy."""
    config = trainer.config
    for k in range(config.test_runs):
        loss, accuracy = trainer.evaluate(data.test)
        print(f"test {k + 1}: loss {shown(config, loss)}, accuracy {accuracy:.4f}")
    print(f"{accuracy:.2%} of {len(data.test)} test reviews answered rightly, loss {loss:.4f} per review")
    return loss, accuracy


def write(args: argparse.Namespace, config: Config, result: dict[str, Any]) -> None:
    """What is wanted besides the checkpoint and the log."""
    if args.json:
        with atomic_write(args.json) as stream:
            stream.write(json.dumps(result, indent=2).encode())
    if args.picture:
        from common.training_picture import draw

        with atomic_write(args.picture) as stream:
            draw(stream, read(args.log), config.clip)
    print("".join(f"{file}\n" for file in (args.json, args.log, args.picture) if file), end="")


def print_settings(config: Config, data: str) -> None:
    listed = ", ".join(f"{name.replace('_', '-')} {value}" for name, value in asdict(config).items())
    smaller = ", for the toy reviews a smaller network that learns faster" if data == "toy" else ""
    print(textwrap.fill(f"Settings{smaller}: {listed}.", 80, break_on_hyphens=False))


def shown(config: Config, loss: float) -> str:
    """The loss as printed. The original adds up the batches' means and divides them by the number of reviews, not of
    batches: too small by the batch size. (Where the last batch is a small one, it counts for more there than here.)"""
    return f"{loss / config.batch_size if config.misscaled_loss else loss:.4f}"


def step_printer(config: Config, data: Dataset) -> Callable[[StepDone], None]:
    """System basic prints the loss every 50 batches, with the share of the epoch that is done."""

    def after_step(done: StepDone) -> None:
        if config.system == "basic" and done.step % 50 == 0:
            seen, total = done.step * config.batch_size, len(data.train)
            tqdm.write(f"epoch {done.epoch} [{seen}/{total} ({seen / total:.0%})]: loss {done.result.loss:.6f}")

    return after_step


def print_epoch(config: Config, row: dict[str, Any]) -> None:
    train_part = f"loss {shown(config, row['train_loss'])}, accuracy {row['train_accuracy']:.4f}; "
    valid_part = f"validation loss {shown(config, row['valid_loss'])}, accuracy {row['valid_accuracy']:.4f}"
    print(f"epoch {row['epoch']}: {train_part if config.system == 'rnncell' else ''}{valid_part}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
