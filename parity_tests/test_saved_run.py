"""A training run that is killed and resumed ends with the same bits as one that was never stopped: scripts/train.py,
scripts/common/saved_run.py, numpy_rnn/sentiment/state.py. And the log of its steps.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from common import saved_run
from common.step_log import StepLog, read

import pytest
import train

from numpy_rnn.sentiment import state as state_file
from numpy_rnn.sentiment.state import files_of, load_state

ROOT = Path(__file__).parent.parent
SMALL = ["--system", "basic", "--epochs", "2", "--hidden-size", "8", "--embedding-size", "4", "--batch-size", "100",
         "--max-tokens", "12", "--save-every", "3", "--threads", "1", "--dropout", "0.3",
         "--unknown-rate", "0.2"]  # fmt: skip
STEPS = 2 * 40


class Killed(BaseException):
    """As if the process had ended there: nothing is cleaned up."""


def arguments(folder: Path, *others: str) -> list[str]:
    ends = {"checkpoint": "st", "json": "json", "log": "jsonl"}
    return [*SMALL, *(f"--{name}={folder / name}.{end}" for name, end in ends.items()), *others]


def outcome(folder: Path) -> tuple[bytes, Any, Any]:
    """Everything but the seconds."""
    result = json.loads((folder / "json.json").read_text())
    rows = read(str(folder / "log.jsonl"))
    for row in (*rows, *result["epochs"]):
        del row["seconds"]
    return (folder / "checkpoint.st").read_bytes(), (result["epochs"], result["test"]), rows


def killed_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """From now on the run ends at this update, between two steps."""
    done = 0

    def after_step(self: Any, *args: Any) -> None:
        nonlocal done
        done += 1
        if done == step:
            raise Killed
        original(self, *args)

    original = saved_run.SavedRun.after_step
    monkeypatch.setattr(saved_run.SavedRun, "after_step", after_step)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_stopped_anywhere_it_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, cell: str
) -> None:
    """Twice in a run, at drawn steps, with dropout and word masking."""
    options = ["--backend", backend, "--cell", cell]
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    assert train.main(arguments(tmp_path / "whole", *options)) == 0
    rng, resume = random.Random(f"{backend} {cell}"), list[str]()
    for _ in range(2):
        with monkeypatch.context() as patch:
            killed_at(patch, rng.randint(4, STEPS // 2 - 1))
            with pytest.raises(Killed):
                train.main(arguments(tmp_path / "stopped", *options, *resume))
        resume = ["--resume"]
    assert train.main(arguments(tmp_path / "stopped", *options, *resume)) == 0
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")
    assert len(read(str(tmp_path / "whole" / "log.jsonl"))) == STEPS
    assert not any(file.exists() for file in files_of(tmp_path / "stopped" / "checkpoint.st"))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_killed_at_a_random_moment(tmp_path: Path, backend: str) -> None:
    """By SIGKILL, so it may hit any line, also where a state is being written. Each run is killed until it is done."""
    command = [sys.executable, str(ROOT / "scripts" / "train.py"), "--backend", backend]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    options = ["--save-every", "1"]
    subprocess.run([*command, *arguments(tmp_path / "whole", *options)], env=env, check=True, capture_output=True)
    rng, kills = random.Random(7), 0

    def begun() -> bool:
        return any(file.exists() for file in files_of(tmp_path / "killed" / "checkpoint.st"))

    while kills < 4:
        if not begun() and (tmp_path / "killed" / "json.json").exists():
            break  # it had ended when it was killed
        if not begun():
            (tmp_path / "killed" / "log.jsonl").unlink(missing_ok=True)
        resume = ["--resume"] if begun() else []
        process = subprocess.Popen(
            [*command, *arguments(tmp_path / "killed", *options, *resume)], env=env, stdout=subprocess.DEVNULL
        )
        before = _steps(tmp_path / "killed")
        while process.poll() is None and _steps(tmp_path / "killed") == before:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.15))
        if process.poll() is not None:
            break  # it was quicker
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    if begun():
        done = subprocess.run([*command, *arguments(tmp_path / "killed", *options, "--resume")], env=env, check=False)
        assert done.returncode == 0
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def _steps(folder: Path) -> int:
    file = folder / "log.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def stopped(folder: Path, monkeypatch: pytest.MonkeyPatch, step: int = 20) -> None:
    with monkeypatch.context() as patch:
        killed_at(patch, step)
        with pytest.raises(Killed):
            train.main(arguments(folder, "--backend", "numpy"))


def test_a_state_that_is_not_whole_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last two are kept: the other one is there."""
    stopped(tmp_path, monkeypatch)
    states = {file: state_file._read(file) for file in files_of(tmp_path / "checkpoint.st")}
    newest, older = sorted(states, key=lambda file: -states[file].updates)  # type: ignore[union-attr]
    assert (states[newest].updates, states[older].updates) == (18, 15)  # type: ignore[union-attr]
    assert load_state(tmp_path / "checkpoint.st", states[older].about).updates == 18  # type: ignore[union-attr]
    content = bytearray(newest.read_bytes())
    content[-3] ^= 1
    newest.write_bytes(content)
    about = states[older].about  # type: ignore[union-attr]
    assert load_state(tmp_path / "checkpoint.st", about).updates == 15


def test_a_log_is_not_overwritten(tmp_path: Path) -> None:
    file = str(tmp_path / "log.jsonl")
    Path(file).write_text("a\nb\nc\n")
    with pytest.raises(ValueError, match=r"log: expected a new file, or --resume, got .* with 3 lines"):
        StepLog(file)
    with pytest.raises(ValueError, match="log: expected 4 lines, as many as steps were done, got 3"):
        StepLog(file, 4)
    two = '{"epoch": 1, "step": 0}\n{"epoch": 1, "step": 1}\n'
    Path(file).write_text(two + two)
    StepLog(file, 2, (1, 1)).close()
    assert Path(file).read_text() == two


def test_the_log_and_its_picture(tmp_path: Path, capsys: Any) -> None:
    picture = tmp_path / "run.png"
    options = ["--backend", "numpy", "--clip", "0.2", "--picture", str(picture)]
    assert train.main(arguments(tmp_path, *options)) == 0
    rows = read(str(tmp_path / "log.jsonl"))
    assert [(row["epoch"], row["step"]) for row in rows] == [(e, s) for e in (1, 2) for s in range(40)]
    assert {row["backend"] for row in rows} == {"numpy"}
    assert all(row["clipped"] == (row["norm"] > 0.2) for row in rows)
    assert 0 < sum(row["clipped"] for row in rows) < STEPS
    assert rows[0]["lr"] == 0.003
    assert picture.read_bytes().startswith(b"\x89PNG")
    named = ["--checkpoint", str(tmp_path / "other.st"), "--picture", str(picture)]
    assert train.main([*SMALL, "--backend", "numpy", *named]) == 2
    assert "picture: expected --log FILE, too" in capsys.readouterr().err


def test_a_loss_beyond_every_bound_ends_the_run(tmp_path: Path, capsys: Any) -> None:
    file = str(tmp_path / "model.safetensors")
    options = ["--backend", "numpy", "--system", "basic", "--lr", "100", "--clip", "0", "--checkpoint", file]
    assert train.main(options) == 2
    said = capsys.readouterr().err
    assert "training: expected a loss below 69, 100 times that of guessing (try a lower lr, or clip 1), got" in said
    assert said.count("\n") == 1
