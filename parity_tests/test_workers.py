"""scripts/common/workers.py: runs in processes of their own; one that fails, one that is killed."""

import os
import signal
from typing import Any

from common.workers import run_all

import pytest
from threadpoolctl import threadpool_info


def half(n: int) -> tuple[int, float]:
    if n == 3:
        raise ValueError("n: expected an even number, got 3")
    return n, n / 2


def killed(n: int) -> int:
    if n == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def broken(n: int) -> int:
    return [][n]


def threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info()]


@pytest.mark.parametrize("at_a_time", [1, 2])
def test_a_run_that_fails_stops_no_other(at_a_time: int) -> None:
    found: list[Any] = []
    jobs = [(f"the run of {n}", (n,)) for n in (2, 3, 4)]
    assert run_all(half, jobs, at_a_time, found.append) == ["the run of 3: n: expected an even number, got 3"]
    assert sorted(found) == [(2, 1.0), (4, 2.0)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_ends_the_command() -> None:
    """A pool that starts a new process in its place would wait for its result for ever."""
    with pytest.raises(MemoryError, match="a run was killed, for want of memory perhaps: try --jobs 1"):
        run_all(killed, [("0", (0,)), ("1", (1,))], 1, lambda result: None)


def test_a_bug_is_no_users_mistake() -> None:
    with pytest.raises(IndexError):
        run_all(broken, [("0", (0,))], 1, lambda result: None)


def test_each_has_one_thread() -> None:
    found: list[Any] = []
    assert run_all(threads, [("threads", ())], 1, found.append) == []
    assert set(found[0]) <= {1}
    assert run_all(threads, [], 1, found.append) == []
