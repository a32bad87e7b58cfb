"""Runs the worker in a process of its own, with a limit on time and on output.

This protects a class from mistakes, such as an endless loop. It is no sandbox: a file can do what Python can do.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import numpy_rnn

SECONDS = 20.0
OUTPUT = 1_000_000  # bytes that a file may print
SHOWN = 2_000  # characters of them that are shown


class Run(NamedTuple):
    results: dict[str, Any] | None  # by "pair/number of the problem/name"
    failure: str  # a sentence, where there are no results
    output: str  # what the file printed, cut


def run(file: str, seconds: float = SECONDS) -> Run:
    """Calls the functions of `file` on every problem."""
    with tempfile.TemporaryDirectory() as folder:
        failure = _work(file, Path(folder), seconds)
        output = (Path(folder) / "output").read_text(errors="replace")
        output = output if len(output) <= SHOWN else output[:SHOWN] + f"\n... ({len(output)} characters in all)"
        said, results = Path(folder) / "failure.json", Path(folder) / "results.npz"
        if failure or said.exists():
            return Run(None, failure or json.loads(said.read_text()), output)
        if not results.exists():
            return Run(None, "the file: it ended its process before all calls were made", output)
        with np.load(results, allow_pickle=False) as arrays:
            return Run(dict(arrays), "", output)


def _work(file: str, folder: Path, seconds: float) -> str:
    """Starts the worker, waits for it, stops it if need be. A sentence, if it was stopped."""
    paths = [str(Path(numpy_rnn.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "numpy_rnn.check.worker", str(Path(file).resolve()), str(folder), str(os.getpid())]
    progress, output, doing = folder / "progress", folder / "output", folder / "doing"
    progress.touch()
    with open(output, "wb") as stream, tqdm(desc="check", leave=False, disable=None) as bar:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, start_new_session=True
        )
        try:
            end = time.monotonic() + seconds
            while process.poll() is None:
                if time.monotonic() > end:
                    what = _read(doing)["what"]
                    return f"{what}: it was not done after {seconds:g} seconds (an endless loop?)"
                if output.stat().st_size > OUTPUT:
                    return f"the file: it printed more than {OUTPUT:,} characters"
                time.sleep(0.02)
                bar.total = _read(doing)["total"]
                bar.update(progress.stat().st_size - bar.n)
        finally:
            _stop(process)
    if process.returncode < 0:  # by a signal
        return f"{_read(doing)['what']}: its process was ended by {signal.Signals(-process.returncode).name}"
    return ""


def _read(doing: Path) -> dict[str, Any]:
    """What the worker does; it may just be writing."""
    try:
        read: dict[str, Any] = json.loads(doing.read_text())
        return read
    except (OSError, ValueError):
        return {"what": "the file", "total": None}


def _stop(process: subprocess.Popen[bytes]) -> None:
    """With all that it started."""
    if not hasattr(os, "killpg"):
        process.kill()
        process.wait()
        return
    with suppress(ProcessLookupError, PermissionError):
        for _ in range(200):  # a process that forks has to be stopped more than once
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(0.01)
