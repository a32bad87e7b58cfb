"""scripts/common/workers.py: runs in processes of their own; one that fails, one that is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common.workers import run_all

import pytest
from threadpoolctl import threadpool_info

from numpy_rnn.files import is_running

ROOT = Path(__file__).parent.parent


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
    for at_a_time, advice in ((1, ""), (2, ": try --jobs 1")):
        with pytest.raises(MemoryError, match=f"^a run was killed, for want of memory perhaps{advice}$"):
            run_all(killed, [("0", (0,)), ("1", (1,))], at_a_time, lambda result: None)


def test_a_bug_is_no_users_mistake() -> None:
    with pytest.raises(IndexError):
        run_all(broken, [("0", (0,))], 1, lambda result: None)


def runs(process: int) -> bool:
    """One that has ended may stand in the list of processes until somebody asks for its status, as a zombie, Z."""
    stat = Path(f"/proc/{process}/stat")
    return is_running(process) and not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def sleep(seconds: float, file: str) -> None:
    Path(file).write_text(str(os.getpid()))
    time.sleep(seconds)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_with_the_command_its_workers_end(tmp_path: Path) -> None:
    """Also where it is killed: else they would wait for work for ever, and keep their memory."""
    file = tmp_path / "worker"
    code = "from common.workers import run_all\nfrom parity_tests.test_workers import sleep\n"
    code += f"if __name__ == '__main__':\n    run_all(sleep, [('a nap', (300, {str(file)!r}))], 1, print)\n"
    (tmp_path / "command.py").write_text(code)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "scripts")])}
    command = subprocess.Popen([sys.executable, str(tmp_path / "command.py")], env=env)
    while not (file.exists() and file.read_text()):
        assert command.poll() is None
        time.sleep(0.05)
    assert runs(int(file.read_text()))
    command.kill()
    command.wait()
    end = time.monotonic() + 30
    while runs(int(file.read_text())):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_each_has_one_thread() -> None:
    found: list[Any] = []
    assert run_all(threads, [("threads", ())], 1, found.append) == []
    assert set(found[0]) <= {1}
    assert run_all(threads, [], 1, found.append) == []
