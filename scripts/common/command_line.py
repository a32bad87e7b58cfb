"""What the scripts share: their options for data, settings and threads, and how they end."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from itertools import combinations
from pathlib import Path
from typing import Any

from numpy_rnn.checks import expect
from numpy_rnn.command_line import Parser as Parser
from numpy_rnn.command_line import printable as printable
from numpy_rnn.files import check_target
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.text import Dataset, cut


def add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", choices=("toy", "imdb"), default="toy", help="which reviews (default: toy)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder with IMDB's splits train and test (text, label)")
    parser.add_argument("--hub", action="store_true", help="read IMDB from the hub, through the network")
    parser.add_argument("--cache-dir", metavar="DIR", help="for IMDB's token ids (default: ~/.cache/numpy_rnn)")


def add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count(),
        help="for each backend; 1 if the machine is busy (default: %(default)s, all)",
    )


def add_settings(parser: argparse.ArgumentParser, starts: dict[str, Config], toy: Sequence[Config] = ()) -> None:
    """An option for each field of Config; --help shows its value in each of `starts`, and in `toy` if they differ."""
    words = "; toy: for toy reviews" if toy else ""
    settings = parser.add_argument_group(
        f"model and training (defaults: {' / '.join(starts)}, or one where all agree{words})"
    )
    for option in fields(Config):
        values = [getattr(config, option.name) for config in starts.values()]
        with_toy = [getattr(config, option.name) for config in toy] or values
        name = f"--{option.name.replace('_', '-')}"
        other = "" if with_toy == values else f"; toy: {_one_or_all(with_toy)}"
        text = f"{option.metadata['help']} ({_one_or_all(values)}{other})"
        if isinstance(values[0], bool):
            settings.add_argument(name, action=argparse.BooleanOptionalAction, help=text)
        else:
            settings.add_argument(name, type=type(values[0]), choices=option.metadata["choices"], help=text)


def _one_or_all(values: list[Any]) -> str:
    return " / ".join(map(str, values if len(set(values)) > 1 else values[:1]))


def settings(args: argparse.Namespace, start: Config) -> Config:
    """`start` with what the user gave."""
    given = {option.name: getattr(args, option.name) for option in fields(Config)}
    return Config(**asdict(start) | {name: value for name, value in given.items() if value is not None})


def use_threads(threads: int) -> None:
    from threadpoolctl import threadpool_limits

    cores = os.cpu_count() or 1
    expect(1 <= threads <= cores, "threads", f"a whole number in 1..{cores}, as there are cores", threads)
    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def blas() -> str:
    """The library that multiplies NumPy's matrices, and the kernel that it chose for this processor."""
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]
    return " ".join(f"{pool['internal_api']} {pool.get('architecture', '')}".strip() for pool in found) or "no BLAS"


def load_data(args: argparse.Namespace, config: Config) -> Dataset:
    """The reviews that the options name, with config's words, cut to config.max_tokens; says what was read."""
    from numpy_rnn.sentiment.data.imdb import load_imdb
    from numpy_rnn.sentiment.data.toy import load_toy

    start = time.perf_counter()
    if args.data == "toy":
        expect(
            args.data_dir is None and not args.hub,
            "data_dir and hub",
            "neither with --data toy (or add --data imdb)",
            "one",
        )
        data = load_toy(config.seed, words=config.words)
    else:
        expect(
            (args.data_dir is None) == args.hub,
            "data_dir",
            "--data-dir DIR or --hub with --data imdb",
            "both" if args.hub else "neither",
        )
        if args.hub:
            print("imdb: asking the hub", flush=True)
        data = load_imdb(args.data_dir, args.cache_dir, config.words)
    seconds = time.perf_counter() - start
    print(
        f"{args.data}: {len(data.train)} training, {len(data.valid)} validation, {len(data.test)} test reviews,\n"
        f"{len(data.vocabulary)} words, read in {seconds:.2f} s",
        flush=True,
    )
    return cut(data, config.max_tokens, config.keep)


def check_writable(argument: str, file: str | None) -> None:
    """Before the training, not after it."""
    if file is not None:
        check_target(argument, file)


def check_new(argument: str, file: str | None, otherwise: str = "") -> None:
    """What a training gave is not overwritten. An empty file is no result."""
    check_writable(argument, file)
    there = file is not None and Path(file).exists() and Path(file).stat().st_size > 0
    expect(not there, argument, f"a new file{otherwise}, as no result is overwritten", f"{file!r}, which is there")


def check_apart(**files: str | None) -> None:
    """No file is to overwrite that of another option."""
    named = [(option, Path(file).resolve()) for option, file in files.items() if file is not None]
    for (other, its), (option, file) in combinations(named, 2):
        expect(file != its, option, f"another file than that of --{other}", repr(files[option]))


def user_errors() -> tuple[type[BaseException], ...]:
    """The errors that a user can do something about; a full GPU is, with PyTorch, no MemoryError."""
    errors = (ValueError, OSError, MemoryError)
    return (*errors, sys.modules["torch"].cuda.OutOfMemoryError) if "torch" in sys.modules else errors


def status_of(
    script: str,
    work: Callable[[argparse.Namespace], int | None],
    args: argparse.Namespace,
    stopped: str | Callable[[], str] = "nothing was written",
) -> int:
    """Does the work; its status or 0, or after one line on stderr 2 for what the user can mend, 130 for Ctrl-C."""
    try:
        return work(args) or 0
    except user_errors() as error:
        print(f"{script}: {printable(str(error) or type(error).__name__)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{script}: stopped; {stopped if isinstance(stopped, str) else stopped()}", file=sys.stderr)
        return 130
