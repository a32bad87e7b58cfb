"""scripts/common/saved_run.py refuses what would lose a run or a file: another state, log or process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import train

from parity_tests.test_saved_run import SMALL, arguments, stopped


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (["--lr", "0.5"], "resume, lr: expected 0.003, as in the stopped run, got 0.5"),
        (["--seed", "1"], "resume, data: expected"),  # other toy reviews
        (["--cell", "gru"], "resume, cell: expected 'rnn', as in the stopped run, got 'gru'"),
        (["--backend", "torch"], "resume, backend: expected 'numpy', as in the stopped run, got 'torch'"),
    ],
)
def test_another_run_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, others: list[str], words: str
) -> None:
    stopped(tmp_path, monkeypatch)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert train.main(arguments(tmp_path, "--backend", "numpy", "--resume", *others)) == 2
    assert words in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_without_resume_a_stopped_run_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Before the first epoch has ended there is no checkpoint yet that could not be overwritten."""
    stopped(tmp_path, monkeypatch)
    (tmp_path / "log.jsonl").unlink()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert "checkpoint.st" not in before
    assert train.main(arguments(tmp_path, "--backend", "numpy")) == 2
    words = "train.py: checkpoint: expected a new file, or --resume, as a run was stopped there, got ['"
    assert capsys.readouterr().err.startswith(words)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_run_that_goes_on_is_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The lock of a process that was killed is none."""
    stopped(tmp_path, monkeypatch)
    checkpoint = str(tmp_path / "checkpoint.st")
    holds = f"import filelock; lock = filelock.FileLock({checkpoint!r} + '.lock'); lock.acquire(); print(); input()"
    with subprocess.Popen([sys.executable, "-uc", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        assert train.main(arguments(tmp_path, "--backend", "numpy", "--resume")) == 2
        words = f"checkpoint: expected that of a run which no other process trains now, got {checkpoint!r}"
        assert words in capsys.readouterr().err
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
        other.kill()
    assert train.main(arguments(tmp_path, "--backend", "numpy", "--resume")) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint.st", "json.json", "log.jsonl"]


def test_another_runs_log_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    stopped(tmp_path, monkeypatch)
    for line in ("{}", '{"epoch": 2, "step": 17}', "no JSON"):
        (tmp_path / "log.jsonl").write_text(f"{line}\n" * 100)
        assert train.main(arguments(tmp_path, "--backend", "numpy", "--resume")) == 2
        words = "train.py: log: expected that of the stopped run, with epoch and step (1, 17) in line 18, got "
        assert capsys.readouterr().err.startswith(words)
        assert (tmp_path / "log.jsonl").read_text() == f"{line}\n" * 100


def test_of_two_new_runs_with_one_checkpoint_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Though nothing was there when it looked first: the other one began and ended while it read the reviews."""
    original = train.load_data

    def meanwhile(*given: Any) -> Any:
        (tmp_path / "checkpoint.st").write_text("a result")
        return original(*given)

    monkeypatch.setattr(train, "load_data", meanwhile)
    assert train.main(arguments(tmp_path, "--backend", "numpy")) == 2
    assert "checkpoint: expected a new file, as no result is overwritten" in capsys.readouterr().err
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("checkpoint.st", "a result")]


def test_stopped_before_its_first_state_it_is_not_sent_to_resume(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "log.jsonl").write_text('{"epoch": 1, "step": 0}\n')
    assert train.main(arguments(tmp_path, "--backend", "numpy")) == 2
    assert "log: expected a new file, as no result is overwritten, got" in capsys.readouterr().err
    (tmp_path / "log.jsonl").write_text("")  # as if killed before the first step
    assert train.main(arguments(tmp_path, "--backend", "numpy", "--epochs", "1")) == 0


@pytest.mark.parametrize(("one", "other"), [("log", "json"), ("picture", "log"), ("json", "checkpoint")])
def test_no_file_has_two_meanings(one: str, other: str, tmp_path: Path, capsys: Any) -> None:
    files = {name: str(tmp_path / name) for name in ("checkpoint", "json", "log")} | {one: str(tmp_path / other)}
    assert train.main([*SMALL, *(f"--{name}={file}" for name, file in files.items())]) == 2
    assert "expected another file than that of --" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_a_stopped_run_there_is_nothing_to_resume(tmp_path: Path, capsys: Any) -> None:
    assert train.main(arguments(tmp_path, "--backend", "numpy", "--resume")) == 2
    assert (
        "resume: expected the state of a stopped run, checkpoint.st.run0 (one that has ended has none), got none"
        in capsys.readouterr().err
    )
