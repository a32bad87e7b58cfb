"""Calls a reader's functions on every problem. It runs in a process of its own, which `runner` starts and may stop.

    python -m numpy_rnn.check.worker FILE FOLDER CHECKER

CHECKER is the number of the process that waits for it.

It writes into FOLDER: results.npz, if every call could be made, or failure.json, with one sentence; and one byte into
progress for each problem.
"""

import json
import os
import runpy
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from numpy_rnn.check.calls import MEMORY, CannotJudge, at_most, guarded, results_of

PROCESSOR = 60  # seconds of processor time: should the runner be killed, an endless loop ends all the same


def main(file: str, folder: Path, checker: int) -> None:
    _limit()
    if hasattr(os, "killpg"):  # Windows has no such thing
        Thread(target=_end_with, args=(checker,), daemon=True).start()
    process = os.getpid()
    with open(folder / "progress", "ab", buffering=0) as progress:

        def note(what: str, total: int) -> None:
            (folder / "doing").write_text(json.dumps({"what": what, "total": total}))
            progress.write(b".")

        try:
            results = results_of(load(file), file, note)
            if os.getpid() == process:  # else the file has called os.fork
                with open(folder / "unfinished.npz", "wb") as stream:
                    np.savez(stream, **results)
                (folder / "unfinished.npz").rename(folder / "results.npz")
        except CannotJudge as error:
            (folder / "failure.json").write_text(json.dumps(str(error)))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # without waiting for the file's threads


def load(file: str) -> dict[str, Any]:
    """The names that the file defines."""
    sys.path.insert(0, str(Path(file).resolve().parent))
    sys.argv = [file]
    return guarded("the file", file, lambda: runpy.run_path(file))


def _end_with(checker: int) -> None:
    """If the checker is killed, the worker has another parent, and ends with all that it started."""
    while os.getppid() == checker:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for kind, most in (("RLIMIT_AS", MEMORY), ("RLIMIT_CPU", PROCESSOR)):
        with suppress(ValueError, OSError):  # macOS has no limit on memory
            resource.setrlimit(getattr(resource, kind), (at_most(kind, most),) * 2)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
