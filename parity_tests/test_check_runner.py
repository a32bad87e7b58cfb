"""numpy_rnn/check as a command: what does not run ends in a sentence, no process stays, JSON, status, template."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from numpy_rnn.check import runner, worker
from numpy_rnn.check.__main__ import main
from numpy_rnn.check.calls import MEMORY
from numpy_rnn.check.pairs import PAIRS
from numpy_rnn.check.problems import problems
from numpy_rnn.check.report import Verdict, as_json, as_text, verdict
from numpy_rnn.check.rules import BUGS
from numpy_rnn.check.template import FILLED, LSTM, right_line, template
from parity_tests.check_styles import LOOPS
from parity_tests.support import start
from parity_tests.test_check import with_bug

AT = "at T, N, D, H = 1, 1, 2, 3: expected"


def check(folder: Path, source: str, seconds: float = runner.SECONDS) -> Verdict:
    file = folder / "mine.py"
    file.write_text(source)
    return verdict(runner.run(str(file), seconds))


CANNOT = {  # the source, and what the sentence says
    "syntax": ("def forward(:\n", "line 1 is not Python"),
    "no function": (
        "import numpy\n",
        "expected the functions forward and backward, or those of a pair network_..., lstm_..., gru_...; got none",
    ),
    "one function": ("def forward(): pass\n", "backward: expected a function of this name"),
    "an exception": (
        LOOPS.replace("g0[n] = ", "1 / 0; g0[n] = "),
        "ZeroDivisionError: division by zero in line 31: 1 / 0;",
    ),
    "no message": (
        LOOPS + "class Bad(Exception):\n    __str__ = None\nraise Bad\n",
        "the file: Bad in line 35: raise Bad",
    ),
    "wrong shape": (LOOPS.replace('"dW_xh": gU', '"dW_xh": gU.T'), f"dW_xh {AT} shape (2, 3), got (3, 2)"),
    "wrong dtype": (LOOPS.replace('"dW_xh": gU', '"dW_xh": gU + 0j'), f"dW_xh {AT} an array of real numbers"),
    "no dict": (LOOPS.replace("return {", "return 1, {"), "backward: expected a dict, got tuple"),
    "no key": (LOOPS.replace('"dW_xh": gU', '"dWx": gU'), "got no dW_xh"),
    "None": (
        LOOPS.replace("    return hs\n", ""),
        f"forward: hs {AT} an array of shape (2, 1, 3), got None (is a return missing?)",
    ),
    "exit": ("import os\nos._exit(0)\n", "it ended its process before all calls were made"),
    "sys.exit": ("import sys\nsys.exit(0)\n", "the file: SystemExit: 0 in line 2"),
    "memory": ("import numpy\nx = numpy.ones(10**11)\n", "it needs more memory than 4.0 GiB"),
    "a list of states": (LSTM.replace("return hs, cs", "return [hs]"), "lstm_forward: expected hs, cs, got 1 result"),
    "another layout": (
        LOOPS.replace('"dx": gx', '"dx": gx.swapaxes(0, 1)'),
        "dx at T, N, D, H = 1, 3, 4, 2: expected shape (1, 3, 4), got (3, 1, 4) (the shape of LAYOUT = 'cs231n')",
    ),
    "arguments": (
        LOOPS.replace("def forward(x, h_0, W_xh,", "def forward(x, W_xh,"),
        "forward: expected the arguments x, h_0, W_xh, W_hh, b_h, given by position, got (x, W_xh, W_hh, b_h)",
    ),
    "by name": (LOOPS.replace("def backward(d_hs,", "def backward(*, d_hs,"), "given by position, got (d_hs, x, hs,"),
    "not filled in": (template("gru"), "line 14 is not filled in yet: r = ...  # equation (18)"),
    "an ellipsis in a text": (
        '"""h_t = ... (tanh)"""\n' + LOOPS.replace("g0[n] = ", "1 / 0; g0[n] = "),  # filled in, and wrong elsewhere
        "ZeroDivisionError: division by zero in line ",
    ),
    "no text": ("x = 1\0", "the file: "),
    "a signal": ("import os\nos.kill(os.getpid(), 11)\n", "the file: its process was ended by SIGSEGV"),
    "stuck in backward": (
        LOOPS.replace("    T, N, D = x.shape\n    gx,", "    while len(x) == 3: pass\n    T, N, D = x.shape\n    gx,"),
        "forward or backward at T, N, D, H = 3, 1, 1, 5: it was not done after 2 seconds",
    ),
    "layout": (LOOPS + "LAYOUT = 'rows'\n", "LAYOUT: expected one of 'time first', 'cs231n', 'columns', got 'rows'"),
    "truncation": (LOOPS + "TRUNCATION = (3, 2)\n", "TRUNCATION: expected (k1, k2) with 1 <= k1 <= k2, got (3, 2)"),
    "endless": ("while True: pass\n", "it was not done after 2 seconds (an endless loop?)"),
    "a flood": ("while True: print('x' * 1000)\n", "it printed more than 1,000,000 characters"),
    "a child": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'while True: 123454321'])\n",
        "not done after 2 seconds",
    ),
}


@pytest.mark.parametrize(
    ("soft", "hard", "least"),
    [("none", "none", {"AS": MEMORY, "CPU": 60}), ("none", 7, {"AS": 7, "CPU": 7}), (5, 7, {"AS": 5, "CPU": 5})],
)
def test_the_limits_are_at_most_the_systems_own(
    soft: Any, hard: Any, least: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A higher one is refused by the system (but to its superuser), and some systems refuse any: no matter."""
    resource, limits = pytest.importorskip("resource"), {}

    def setrlimit(kind: int, limit: tuple[int, int]) -> None:
        limits[kind] = limit
        raise ValueError("current limit exceeds maximum limit")

    given = tuple(resource.RLIM_INFINITY if limit == "none" else limit for limit in (soft, hard))
    monkeypatch.setattr(resource, "getrlimit", lambda kind: given)
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    worker._limit()
    assert limits == {getattr(resource, f"RLIMIT_{kind}"): (most, most) for kind, most in least.items()}


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_judged_ends_in_a_sentence(name: str, tmp_path: Path) -> None:
    source, sentence = CANNOT[name]
    begun = time.monotonic()
    found = check(tmp_path, source, seconds=2 if name in ("endless", "a child", "stuck in backward") else 10)
    assert time.monotonic() - begun < 15
    assert found.verdict == "could not judge"
    assert sentence in found.failure
    assert "Traceback" not in as_text(found, colour=False)
    if name == "a child" and Path("/proc").exists():  # no process is left behind
        end = time.monotonic() + 5  # a process takes a moment to die
        while any("123454321" in command for command in _command_lines()):
            assert time.monotonic() < end


def _command_lines() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield process.read_text(errors="replace")


@pytest.mark.skipif(not Path("/proc").exists(), reason="the processes are looked for in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind_if_the_checker_is_stopped(tmp_path: Path, number: int) -> None:
    file = tmp_path / "endless.py"
    file.write_text("while True: pass\n")
    checker = subprocess.Popen([sys.executable, "-m", "numpy_rnn.check", str(file)])
    end = time.monotonic() + 30
    while not any("check.worker" in command and str(file) in command for command in _command_lines()):
        assert time.monotonic() < end
    checker.send_signal(number)
    assert checker.wait(30) in (2, -signal.SIGKILL, -signal.SIGTERM)
    while any(str(file) in command for command in _command_lines()):
        assert time.monotonic() < end


def test_what_the_file_prints_is_shown_apart_and_cut(tmp_path: Path) -> None:
    found = check(tmp_path, LOOPS + "print('hello')\nprint('y' * 5000)\n")
    text = as_text(found, colour=False)
    assert text.startswith("--- the file printed:\nhello\nyyy")
    assert "(5007 characters in all)\n---\n" in text
    assert found.verdict == "right"


def test_what_it_prints_cannot_steer_the_terminal(tmp_path: Path) -> None:
    assert "\x1b" not in as_text(check(tmp_path, LOOPS + "print('\x1b[2J')\n"), colour=False)


@pytest.mark.skipif(not Path("/proc").exists(), reason="the processes are looked for in /proc")
def test_no_process_is_left_behind_by_a_file_that_forks(tmp_path: Path) -> None:
    source = "import os, time\nfor _ in range(20):\n    if os.fork() == 0:\n        time.sleep(100)\n"
    found = check(tmp_path, source + LOOPS)
    assert found.verdict == "right"
    end = time.monotonic() + 5
    while any(str(tmp_path) in command for command in _command_lines()):
        assert time.monotonic() < end


def test_threads_that_go_on_are_not_waited_for(tmp_path: Path) -> None:
    found = check(
        tmp_path, "import threading, time\nthreading.Thread(target=time.sleep, args=(100,)).start()\n" + LOOPS
    )
    assert found.verdict == "right"


def test_the_json_is_not_written_over_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(LOOPS)
    assert main([str(file), "--json", str(tmp_path / "." / "mine.py")]) == 2
    assert "--json: expected another file than FILE" in capsys.readouterr().err
    assert file.read_text() == LOOPS


def test_as_json_and_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "mine.py", tmp_path / "out.json"
    sources = {0: LOOPS, 1: with_bug("loops", '"dW_xh": gU', '"dW_xh": gU / 0'), 2: "1 / 0\n"}
    for status, source in sources.items():
        file.write_text(source)
        assert main([str(file), "--json", str(out)]) == status
        result: dict[str, Any] = json.loads(out.read_text(), parse_constant=lambda constant: pytest.fail(constant))
        assert result["verdict"] == ("right", "wrong", "could not judge")[status]
        capsys.readouterr()
    assert main([str(tmp_path / "none.py")]) == 2
    assert "FILE: expected a Python file" in capsys.readouterr().err
    file.write_text(with_bug("loops", '"dW_hh": gW', '"dW_hh": gW.T'))
    main([str(file), "--json", str(out)])
    result = json.loads(out.read_text())
    assert result["gradients"]["dW_hh"]["right"] is False
    assert result["gradients"]["dW_xh"]["right"] is True
    assert [(c["id"], c["gradients"], c["reproduced"]) for c in result["causes"]] == [
        ("transposed-result", ["dW_hh"], True)
    ]
    assert as_json(verdict(runner.run(str(file)))) == result


def test_the_example_of_the_page(tmp_path: Path) -> None:
    """docs/check.md, and its numbers of problems."""
    page = (Path(__file__).parent.parent / "docs" / "check.md").read_text()
    found = check(tmp_path, FILLED["rnn"].replace("dh_next = dz @ W_hh.T", "dh_next = dz @ W_hh"))
    text = as_text(found, colour=False)
    example = re.findall(r"```\n(Why:.*?)```", page, re.DOTALL)[0]
    assert example in text[text.index("Why:") :] + "\n"
    numbers = {pair.name: len(problems(pair)) for pair in PAIRS}
    assert f"on {numbers['rnn']} problems ({numbers['network']} for a network with outputs)" in " ".join(page.split())
    assert numbers["rnn"] == numbers["lstm"] == numbers["gru"]
    assert all(len(bugs) > 100 for bugs in BUGS.values())
    named = set(re.findall(r"`([a-z0-9-]+)`", page[page.index("## The causes") : page.index("## In a class")]))
    assert {bug.id for bugs in BUGS.values() for bug in bugs} <= named


def test_several_pairs(tmp_path: Path) -> None:
    """The first pair's names are without a prefix."""
    found = check(tmp_path, LOOPS + FILLED["gru"].replace("ds_n = da_n * r", "ds_n = da_n"))
    assert [name for name, gradient in found.gradients.items() if not gradient.right] == [
        *("gru.dx", "gru.dh_0", "gru.dW_xh", "gru.dW_hh", "gru.db_xh", "gru.db_hh")
    ]
    assert [(cause.id, cause.gradients[0]) for cause in found.causes] == [("gate-derivative", "gru.dx")]
    assert found.problems == 2 * len(problems(PAIRS[0]))
    assert max(map(len, as_text(found, colour=False).splitlines())) <= 80


RIGHT_FILE = FILLED["rnn"]
COMMAND = [sys.executable, "-m", "numpy_rnn.check"]


def test_a_reader_of_the_output_that_goes_away_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(RIGHT_FILE)
    with subprocess.Popen([*COMMAND, file], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read().decode()
    assert (process.returncode, "Traceback" in said) == (0, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_a_verdict_that_cannot_be_printed(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(RIGHT_FILE)
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, file], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert re.fullmatch(r"check: the verdict cannot be printed: .*\n", done.stderr)


def test_a_terminal_that_knows_no_umlauts(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(RIGHT_FILE + "raise ValueError('größe \\x1b[31m')\n")
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*COMMAND, file], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert "ValueError: gr\\xf6\\xdfe ?[31m" in done.stdout


def test_ctrl_c_ends_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    begun = tmp_path / "begun"
    file.write_text(f"open({str(begun)!r}, 'w').close()\nwhile True: pass\n")
    with start([*COMMAND, str(file)], tmp_path) as process:
        while not begun.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert said.strip().splitlines()[-1] == "check: stopped"
    assert "Traceback" not in said


@pytest.mark.parametrize("pair", FILLED)
def test_the_template(pair: str, tmp_path: Path) -> None:
    """Not filled in, it says so. Filled in with the lines that the causes quote, it is right."""
    done = subprocess.run(
        [sys.executable, "-m", "numpy_rnn.check", "--template", pair], capture_output=True, text=True, check=True
    )
    source = done.stdout
    assert source == template(pair)
    found = check(tmp_path, source)
    assert found.verdict == "could not judge"
    assert re.match(r"line \d+ is not filled in yet: .* = \.\.\.  # equation", found.failure)
    gaps = re.findall(r"^ +(.+?) \+?= \.\.\.", source, re.MULTILINE)
    assert len(gaps) >= 8
    for target in gaps:
        gap = re.search(rf"^ +({re.escape(target)} \+?= \.\.\.)", source, re.MULTILINE)
        assert gap
        source = source.replace(gap[1], right_line(pair, target).text, 1)
    assert check(tmp_path, source).verdict == "right"
    assert max(map(len, source.splitlines())) <= 120
