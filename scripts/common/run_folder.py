"""A folder for each run, so that no run overwrites the files of another one."""

import argparse
import os
import time
from pathlib import Path

from numpy_rnn.checks import expect


def add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        default="runs",
        help="files without a name of their own go to a new folder in this one (default: %(default)s)",
    )


def check_out(args: argparse.Namespace) -> None:
    """Before the training, not after it: can a folder be made there? ValueError if not."""
    there = Path(args.out).absolute()
    while not there.exists():
        there = there.parent
    writable = there.is_dir() and os.access(there, os.W_OK)
    expect(writable, "out", "a folder that can be written to, or a new one in such a folder", repr(args.out))


def place(args: argparse.Namespace, files: dict[str, str], *words: str) -> None:
    """Gives each option that has no value a file in a new folder of args.out. Without such an option it makes none.

    Args:
        args: the options out and those of `files`.
        files: the name of the file by the option.
        words: the settings that name the folder, after the time.
    """
    unnamed = {option: name for option, name in files.items() if getattr(args, option) is None}
    if not unnamed:
        return
    folder = new_folder(Path(args.out), "_".join([time.strftime("%Y-%m-%d_%H-%M-%S"), *words]))
    for option, name in unnamed.items():
        setattr(args, option, str(folder / name))


def new_folder(out: Path, name: str) -> Path:
    """Makes out/name, or where that is there already, out/name_2, ..."""
    out.mkdir(parents=True, exist_ok=True)
    folder, k = out / name, 1
    while True:
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            k += 1
            folder = out / f"{name}_{k}"


def last_folder(args: argparse.Namespace, file: str, argument: str, what: str) -> Path:
    """args.out, if there is a file of this pattern in it; else its newest folder that has one.

    Args:
        args: the option out.
        file: a pattern, such as "*.npz".
        argument, what: for the message: which option asks for it, and what it is to be.

    Raises:
        ValueError: where there is none.
    """
    out = Path(args.out)
    folders = [out] if any(out.glob(file)) else sorted(path.parent for path in out.glob(f"*/{file}"))  # by time
    expect(bool(folders), argument, f"{what} in a folder of {args.out}", "none")
    return folders[-1]
