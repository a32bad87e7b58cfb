"""scripts/compare.py, as a user runs it."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parity_tests.support import load_script

ROOT = Path(__file__).parent.parent
COMPARE = load_script("compare")


def compare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "compare.py"), "--threads", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_free_running(tmp_path: Path) -> None:
    done = compare(tmp_path, "--epochs", "2", "--hidden-size", "8", "--json", "out.json", "--picture", "out.png")
    assert done.returncode == 0, done.stderr
    assert "bag of words" in done.stdout
    result = json.loads((tmp_path / "out.json").read_text())
    assert list(result) == ["config", "epochs", "padding", "divergence_step", "test", "baseline", "lockstep"]
    assert [epoch["epoch"] for epoch in result["epochs"]] == [1, 2]
    for epoch in result["epochs"]:
        assert list(epoch) == ["epoch", "numpy", "torch", "largest_loss_difference"]
        for backend in ("numpy", "torch"):
            assert list(epoch[backend]) == ["train_loss", "valid_loss", "valid_accuracy", "seconds"]
            assert all(math.isfinite(value) for value in epoch[backend].values())
    for backend in ("numpy", "torch"):
        assert list(result["test"][backend]) == ["loss", "accuracy"]
    assert 0.4 < result["baseline"]["bag_of_words_accuracy"] < 0.6
    assert result["lockstep"] is None
    assert 0.3 < result["padding"] < 0.6  # of the toy reviews, which are not in buckets
    assert f"{result['padding']:.1%} of the\nsteps were padding, which NumPy skips and PyTorch computes" in done.stdout
    assert "The seconds are not comparable" in done.stdout
    assert "of PyTorch's time" not in done.stdout
    assert result["config"]["hidden_size"] == 8
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.png"]


def test_a_ratio_of_times_is_one_of_equal_work(tmp_path: Path) -> None:
    done = compare(tmp_path, "--epochs", "1", "--hidden-size", "8", "--buckets", "--json", "out.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["padding"] < 0.05
    assert "of PyTorch's time to train an epoch" in done.stdout
    assert "not comparable" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("options", [[], ["--cell", "lstm"], ["--cell", "gru", "--optimizer", "sgd"]], ids=str)
def test_lockstep(tmp_path: Path, options: list[str]) -> None:
    done = compare(tmp_path, "--lockstep", "--dtype", "float64", "--steps", "20", "--json", "out.json", *options)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    worst = result["lockstep"]
    assert list(worst) == ["steps", "largest_loss_difference", "largest_gradient_error", "largest_weight_error"]
    assert worst["steps"] == 20
    assert worst["largest_loss_difference"] < 1e-12
    assert len(worst["largest_gradient_error"]) == 7
    assert max(worst["largest_gradient_error"].values()) < 1e-9
    assert worst["largest_weight_error"] < 1e-12
    assert result["divergence_step"] is None
    assert "of PyTorch's time" not in done.stdout  # taking turns at every step, neither is timed fairly
    assert len(list(tmp_path.glob("runs/*_compare_toy_*/compare.png"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden-size", "0"], "hidden_size: expected a whole number >= 1, got 0"),
        (["--lr", "-1"], "lr: expected a number in (0, inf), got -1.0"),
        (["--steps", "0"], "steps: expected a whole number >= 1, got 0"),
        (["--threads", "0"], "threads: expected a whole number in 1.."),
        (["--threads", "100000"], "threads: expected a whole number in 1.."),
        (["--device", "meta"], "device: expected one that is here, such as cpu, got 'meta'"),
        (["--hidden-size", "100000000"], "Unable to allocate"),
        (["--json", "one", "--picture", "one"], "picture: expected another file than that of --json, got 'one'"),
        (["--json", "/proc/one"], "json: expected a file in a folder that can be written to, got '/proc/one'"),
        (["--device", "cuda:99"], "device: expected one that is here, such as cpu, got 'cuda:99'"),
        (["--data", "imdb"], "data_dir: expected --data-dir DIR or --hub with --data imdb, got neither"),
        (["--data", "imdb", "--data-dir", "nowhere"], "data_dir: expected a folder"),
        (["--hub"], "data_dir and hub: expected neither with --data toy (or add --data imdb), got one"),
        (["--json", "nowhere/out.json"], "json: expected a file in a folder that can be written to"),
        (["--picture", "."], "picture: expected a file, got the folder '.'"),
        (["--lr", "1e38", "--clip", "1e38", "--epochs", "1"], "training: expected a finite loss and gradient"),
        (["--readout", "sum"], "invalid choice: 'sum'"),
        (["--cell", "elman"], "invalid choice: 'elman'"),
        (["--cell", "gru", "--nonlinearity", "relu"], "nonlinearity: expected 'tanh' with cell 'gru', got 'relu'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # --lr 1e38 overflows; a user sees the warnings, too
def test_a_users_mistake(
    tmp_path: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """One line, status 2, no file. In this process, which has PyTorch already."""
    monkeypatch.chdir(tmp_path)
    try:
        status = COMPARE.main(["--threads", "1", *arguments])
    except SystemExit as stopped:  # by argparse
        status = stopped.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_mistake_as_the_shell_sees_it(tmp_path: Path) -> None:
    done = compare(tmp_path, "--hidden-size", "0")
    assert (done.returncode, done.stderr) == (2, "compare.py: hidden_size: expected a whole number >= 1, got 0\n")


def test_help_teaches(tmp_path: Path) -> None:
    done = compare(tmp_path, "--help")
    assert done.returncode == 0
    for word in ("FREE RUNNING", "LOCKSTEP", "--readout", "--keep", "--max-tokens", "examples:"):
        assert word in done.stdout
