"""Train the hand-written NumPy RNN, LSTM or GRU and PyTorch's side by side: same data, same initial weights, same
batches, same dropout masks. Prints a row per epoch, the test accuracies beside a bag-of-words baseline, and draws a
picture.

There are two ways to compare, and both are needed.

FREE RUNNING (the default): each stack goes its own way. The two loss curves lie on top of each other, and then part,
although no formula differs: float rounding differs (sums in another order), and training amplifies any
difference, step by step. So equal curves at the end can't be expected, and unequal ones prove nothing.

LOCKSTEP (--lockstep): before every step the twin takes over NumPy's weights and optimizer state; then both do that
step, and loss, every gradient and every updated weight are compared. Nothing can pile up: this is the proof.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median
from typing import Any

EXAMPLES = """examples:
  .venv/bin/python scripts/compare.py                                    toy reviews, made here: no files, no network
  .venv/bin/python scripts/compare.py --lockstep --dtype float64         the proof, to the last digits
  .venv/bin/python scripts/compare.py --data imdb --data-dir ../imdb     the whole of IMDB from a folder
  .venv/bin/python scripts/compare.py --data imdb --hub --json imdb.json the same from the hub, results in a file
"""


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    from numpy_rnn.config import DEFAULTS

    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--data", choices=("toy", "imdb"), default="toy", help="which reviews (default: toy)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder with IMDB's splits train and test (text, label)")
    parser.add_argument("--hub", action="store_true", help="read IMDB from the hub, through the network")
    parser.add_argument("--cache-dir", metavar="DIR", help="for IMDB's token ids (default: ~/.cache/numpy_rnn)")
    parser.add_argument("--lockstep", action="store_true", help="compare every step from the same state; see above")
    parser.add_argument("--steps", type=int, help="stop after this many training steps, the first of the full run")
    parser.add_argument("--device", default="cpu", help="where the PyTorch twin runs: cpu, cuda, ... (default: cpu)")
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count(),
        help="for each stack; 1 if the machine is busy (default: %(default)s, all)",
    )
    parser.add_argument("--json", metavar="FILE", help="write all results to this file")
    parser.add_argument("--picture", metavar="FILE", default="compare.png", help="(default: %(default)s)")
    settings = parser.add_argument_group("model and training (defaults: toy / imdb)")
    for option in fields(DEFAULTS["toy"]):
        toy, imdb = (getattr(DEFAULTS[data], option.name) for data in ("toy", "imdb"))
        settings.add_argument(f"--{option.name.replace('_', '-')}", type=type(toy), choices=option.metadata["choices"],
                              help=f"{option.metadata['help']} ({toy} / {imdb})")  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse_arguments(arguments)
    try:
        compare(args)
    except (ValueError, OSError, MemoryError) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("compare.py: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def compare(args: argparse.Namespace) -> None:
    import torch
    from threadpoolctl import threadpool_limits

    from numpy_rnn.checks import expect
    from numpy_rnn.config import DEFAULTS, Config
    from numpy_rnn.files import written_whole
    from torch_rnn.baseline import bag_of_words_accuracy
    from torch_rnn.comparison import Comparison
    from torch_rnn.picture import draw
    from torch_rnn.training import check_device

    given = {option.name: getattr(args, option.name) for option in fields(Config)}
    config = Config(**asdict(DEFAULTS[args.data]) | {name: value for name, value in given.items() if value is not None})
    for argument in ("json", "picture"):
        check_writable(argument, getattr(args, argument))
    expect(args.json is None or Path(args.json).resolve() != Path(args.picture).resolve(),
           "picture", "another file than that of --json", repr(args.picture))  # fmt: skip
    check_device(args.device)
    cores = os.cpu_count() or 1
    expect(1 <= args.threads <= cores, "threads", f"a whole number in 1..{cores}, as there are cores", args.threads)
    threads = args.threads
    threadpool_limits(threads)
    torch.set_num_threads(threads)

    data = load_data(args, config)
    run = Comparison(data, config, args.device, args.steps, args.lockstep)
    print(f"training steps: {run.steps}, {'in lockstep' if args.lockstep else 'free running'}, {config.dtype}, "
          f"threads for each: {threads}, PyTorch on {args.device}\n\n{HEADER}")  # fmt: skip
    epochs = []
    for row in run.epochs():
        epochs.append(row)
        print(table_row(row), flush=True)
    test = {trainer.name: dict(zip(("loss", "accuracy"), trainer.evaluate(data.test), strict=True))
            for trainer in (run.numpy, run.torch)}  # fmt: skip
    settings = {name: value for name, value in vars(args).items() if name not in given} | asdict(config)
    result = {
        "config": settings | {"python": platform.python_version(), "torch": torch.__version__},
        "epochs": epochs,
        "parting_step": None if args.lockstep else run.parting_step(),
        "test": test,
        "baseline": {"bag_of_words_accuracy": bag_of_words_accuracy(data)},
        "lockstep": run.worst,
    }
    print(summary(result))
    if args.json:
        with written_whole(args.json) as stream:
            stream.write(json.dumps(result, indent=2).encode())
    with written_whole(args.picture) as stream:
        draw(stream, run.losses, result)
    print(f"\nPicture: {args.picture}")


def load_data(args: argparse.Namespace, config: Any) -> Any:
    from numpy_rnn.checks import expect
    from numpy_rnn.data.imdb import load_imdb
    from numpy_rnn.data.text import cut
    from numpy_rnn.data.toy import load_toy

    start = time.perf_counter()
    if args.data == "toy":
        expect(args.data_dir is None and not args.hub, "data_dir and hub", "neither with --data toy", "one")
        data = load_toy(config.seed)
    else:
        expect((args.data_dir is None) == args.hub, "data_dir", "--data-dir DIR or --hub with --data imdb",
               "both" if args.hub else "neither")  # fmt: skip
        if args.hub:
            print("imdb: asking the hub", flush=True)
        data = load_imdb(args.data_dir, args.cache_dir)
    seconds = time.perf_counter() - start
    print(f"{args.data}: {len(data.train)} training, {len(data.valid)} validation, {len(data.test)} test reviews, "
          f"{len(data.vocabulary)} words, read in {seconds:.2f} s")  # fmt: skip
    return cut(data, config.max_tokens, config.keep)


HEADER = """\
       ------------- NumPy -------------   ------------ PyTorch ------------  largest difference
epoch    train    valid  accuracy seconds    train    valid  accuracy seconds  of training losses"""


def table_row(row: dict[str, Any]) -> str:
    stacks = "  ".join(f"{s['train_loss']:7.4f}  {s['valid_loss']:7.4f}  {s['valid_accuracy']:8.4f} {s['seconds']:7.1f}"
                       for s in (row["numpy"], row["torch"]))  # fmt: skip
    return f"{row['epoch']:5d}  {stacks}  {row['largest_loss_difference']:18.1e}"


def summary(result: dict[str, Any]) -> str:
    test, words = result["test"], result["baseline"]["bag_of_words_accuracy"]
    ratio = median(row["numpy"]["seconds"] / row["torch"]["seconds"] for row in result["epochs"])
    lines = [f"\n{'test':12}   loss    accuracy"]
    lines += [f"{stack:12} {test[stack]['loss']:7.4f}  {test[stack]['accuracy']:7.4f}" for stack in test]
    lines += [f"{'bag of words':12}     --   {words:7.4f}   an order-blind model, for scale",
              f"\nNumPy took {ratio:.2f} of PyTorch's time to train an epoch (median)."]  # fmt: skip
    worst = result["lockstep"]
    if worst is None:
        parted = result["parting_step"]
        lines.append(f"The losses part (differ by more than 1e-3) at step {parted}: rounding, amplified by training."
                     if parted else "The losses never differ by more than 1e-3.")  # fmt: skip
        return "\n".join(lines)
    lines += [f"\nThe worst of {worst['steps']} steps in lockstep:",
              f"  loss, absolute difference           {worst['largest_loss_difference']:8.1e}"]  # fmt: skip
    for name, error in worst["largest_gradient_error"].items():
        lines.append(f"  gradient of {name:18}      {error:8.1e}  relative, in norm")
    lines.append(f"  any updated weight                  {worst['largest_weight_error']:8.1e}  relative, in norm")
    return "\n".join(lines)


def check_writable(argument: str, file: str | None) -> None:
    """Before the training, not after it."""
    from numpy_rnn.checks import expect

    if file is None:
        return
    try:
        with tempfile.TemporaryFile(dir=Path(file).absolute().parent):
            pass
    except OSError as error:
        expect(False, argument, "a file in a folder that can be written to", f"{file!r} ({error.strerror})")
    expect(not Path(file).is_dir(), argument, "a file", f"the folder {file!r}")


if __name__ == "__main__":
    sys.exit(main())
