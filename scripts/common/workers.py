"""Runs in processes of their own, several at a time: scripts/ladder.py, scripts/recall.py and compare.py --seeds."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from threading import RLock, Thread
from typing import Any

from common.command_line import use_threads, user_errors

from tqdm import tqdm


def run_all(
    work: Callable[..., Any], jobs: list[tuple[str, tuple[Any, ...]]], at_a_time: int, finished: Callable[[Any], None]
) -> list[str]:
    """Calls work(*job) for each job, and finished(result) here, as the results come. Shows a progress bar.

    A job that fails stops none of the others. Ctrl-C stops all of them, and so does the end of this process.

    Args:
        work: a function of a module. It is called in another process, with one thread unless it asks for more.
        jobs: for each a name, for messages, and the arguments.
        at_a_time: the number of processes.
        finished: is told of each result.

    Returns:
        A sentence for each job that failed, with its name.

    Raises:
        MemoryError: where the system killed a process. What was finished until then has been told of.
    """
    answer = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as the workers start: they leave Ctrl-C to this process
    failed = []
    with ProcessPoolExecutor(min(at_a_time, len(jobs) or 1), get_context("spawn"), _prepare) as pool:
        runs = {pool.submit(work, *job): name for name, job in jobs}
        signal.signal(signal.SIGINT, answer)
        try:
            for run in tqdm(as_completed(runs), "runs", len(runs), disable=None):
                error = run.exception()
                if error is None:
                    finished(run.result())
                elif isinstance(error, user_errors()):
                    failed.append(f"{runs[run]}: {error}")
                else:
                    raise error
        except BrokenProcessPool as error:
            advice = ": try --jobs 1" if at_a_time > 1 else ""
            raise MemoryError("; ".join([*failed, f"a run was killed, for want of memory perhaps{advice}"])) from error
        except BaseException:
            for worker in active_children():
                worker.terminate()
            raise
    return failed


def _prepare() -> None:
    """One thread, no progress bar: the parent has one for all. And an end with the parent, if that is killed."""
    tqdm.set_lock(RLock())  # its own lock is for several processes, and outlives one that is terminated
    os.environ["TQDM_DISABLE"] = "1"
    use_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)
