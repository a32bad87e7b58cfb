"""scripts/train.py as a user runs it, on one process and several; torch_rnn/distributed.py."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numpy_rnn.sentiment import load_checkpoint
from numpy_rnn.sentiment.systems import as_written, for_toy, repaired
from parity_tests.support import load_script, start

ROOT = Path(__file__).parent.parent
TRAIN = load_script("train")
SMALL = ["--threads", "1", "--hidden-size", "8", "--embedding-size", "4", "--epochs", "2"]


def train(*arguments: str) -> int:
    try:
        return TRAIN.main([*SMALL, *arguments])
    except SystemExit as stopped:  # by argparse
        return int(stopped.code or 0)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("system", ["rnncell", "basic"])
@pytest.mark.parametrize("end", ["--as-written", "--repaired"])
def test_both_systems_both_ends_both_backends(backend: str, system: str, end: str, capsys: Any) -> None:
    assert train("--system", system, "--backend", backend, end, "--json", "out.json") == 0
    result, printed = json.loads(Path("out.json").read_text()), capsys.readouterr().out
    config = for_toy({"--as-written": as_written, "--repaired": repaired}[end](system))
    expected = asdict(config) | {"hidden_size": 8, "embedding_size": 4, "epochs": 2, "backend": backend}
    assert {name: result["config"][name] for name in expected} == expected
    assert [row["epoch"] for row in result["epochs"]] == [1, 2]
    assert list(result["test"]) == ["loss", "accuracy"]
    assert 0 <= result["test"]["accuracy"] <= 1
    assert 0.3 < result["test"]["loss"] < 1.2  # per review, whatever is printed
    assert printed.count("\ntest ") == config.test_runs
    assert ("too small by the batch size, 32" in printed) == config.misscaled_loss
    assert ("epoch 1 [1600/4000 (40%)]: loss" in printed) == (system == "basic")
    assert sorted(os.listdir()) == ["out.json", "runs"]
    (folder,) = Path("runs").iterdir()
    assert sorted(os.listdir(folder)) == ["model.safetensors", "steps.jsonl", "steps.png"]


def test_the_misscaled_loss_is_that_of_the_seed(capsys: Any) -> None:
    assert train("--system", "rnncell", "--as-written", "--json", "out.json", "--backend", "numpy") == 0
    result, printed = json.loads(Path("out.json").read_text()), capsys.readouterr().out
    row = result["epochs"][0]
    assert f"epoch 1: loss {row['train_loss'] / 32:.4f}, accuracy {row['train_accuracy']:.4f}" in printed
    assert f"test 1: loss {result['test']['loss'] / 32:.4f}, accuracy {result['test']['accuracy']:.4f}" in printed


def test_a_switch_by_itself() -> None:
    assert train("--as-written", "--readout", "mean", "--no-misscaled-loss", "--json", "out.json") == 0
    config = json.loads(Path("out.json").read_text())["config"]
    assert (config["readout"], config["misscaled_loss"], config["outputs"]) == ("mean", False, 3)


@pytest.mark.parametrize("system", ["rnncell", "basic"])
def test_the_backends_end_alike_and_their_checkpoints_answer_alike(system: str) -> None:
    """From the same weights, on the same batches, in float64 for two epochs: to the last digits but a few."""
    results = {}
    for backend in ("numpy", "torch"):
        assert (
            train(
                "--system",
                system,
                "--backend",
                backend,
                "--dtype",
                "float64",
                "--json",
                f"{backend}.json",
                "--checkpoint",
                f"{backend}.safetensors",
            )
            == 0
        )
        results[backend] = json.loads(Path(f"{backend}.json").read_text())
    for one, other in zip(results["numpy"]["epochs"], results["torch"]["epochs"], strict=True):
        for name in ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy"):
            assert one[name] == pytest.approx(other[name], rel=1e-8)
    assert results["numpy"]["test"] == pytest.approx(results["torch"]["test"], rel=1e-8)
    models = [load_checkpoint(f"{backend}.safetensors").model for backend in ("numpy", "torch")]
    logits = [model.forward(np.array([[5, 6], [7, 1]]), np.array([2, 1]))[0] for model in models]
    np.testing.assert_allclose(*logits, rtol=1e-6)


def test_the_same_seed_gives_the_same_bits() -> None:
    for k in range(2):
        assert train("--device", "cpu", "--deterministic", "--checkpoint", f"{k}.safetensors", "--seed", "3") == 0
        torch.use_deterministic_algorithms(False)
    assert Path("0.safetensors").read_bytes() == Path("1.safetensors").read_bytes()
    assert train("--backend", "torch", "--checkpoint", "2.safetensors", "--seed", "4") == 0
    assert Path("0.safetensors").read_bytes() != Path("2.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-written", "--repaired"], "not allowed with argument"),
        (["--hidden-size", "0"], "train.py: hidden_size: expected a whole number >= 1, got 0"),
        (["--device", "cuda"], "train.py: device: expected one that is here, such as cpu, got 'cuda'"),
        (["--device", "cuda", "--backend", "numpy"], "device: expected auto or cpu with backend numpy, got 'cuda'"),
        (["--capture", "--device", "cpu"], "train.py: capture: expected a CUDA device, got 'cpu'"),
        (["--capture", "--backend", "numpy"], "train.py: capture: expected backend torch, got 'numpy'"),
        (["--data", "imdb"], "train.py: data_dir: expected --data-dir DIR or --hub with --data imdb, got neither"),
        (["--data", "imdb", "--data-dir", "."], "data_dir: expected IMDB's splits train and test (text, label)"),
        (["--checkpoint", "nowhere/model"], "train.py: checkpoint: expected a file in a folder that can be written to"),
        (["--json", "/dev/null"], "train.py: json: expected a file, got the device '/dev/null'"),
        (
            ["--json", "./a.safetensors", "--checkpoint", "a.safetensors"],
            "train.py: json: expected another file than that of --checkpoint",
        ),
        (["--json", "."], "train.py: json: expected a file, got the folder '.'"),
        (["--max-tokens", str(2**63)], "train.py: max_tokens: expected a whole number <= "),
        (["--system", "rnncell", "--sigmoid"], "train.py: sigmoid, bidirectional, num_layers: expected False"),
        (["--system", "basic", "--pad-to", "max_tokens", "--max-tokens", "0"], "train.py: pad_to: expected 'longest'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake(arguments: list[str], message: str, capsys: Any) -> None:
    if arguments[:2] == ["--device", "cuda"] and torch.cuda.is_available():
        pytest.skip("cuda is here")
    assert train(*arguments, "--cache-dir", "cache") == 2
    assert message in capsys.readouterr().err
    assert set(os.listdir()) <= {"cache"}


def test_several_processes_are_pytorchs(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Two of NumPy would each train alone, and write the same checkpoint."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "here")
    assert train("--backend", "numpy") == 2
    assert "train.py: backend: expected torch on several processes, got 'numpy'" in capsys.readouterr().err
    assert not os.listdir()


@pytest.mark.parametrize(("rank", "waited"), [("0", []), ("1", [10])])
def test_the_first_process_speaks_of_a_mistake(rank: str, waited: list[int], monkeypatch: Any, capsys: Any) -> None:
    """The others first wait for torchrun to end them, as it does when the first one has ended."""
    waits: list[int] = []

    def sleep(seconds: int) -> None:
        assert not capsys.readouterr().err
        waits.append(seconds)

    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(time, "sleep", sleep)
    assert train("--data", "imdb", "--backend", "numpy") == 2
    assert waits == waited
    assert capsys.readouterr().err.startswith("train.py: data_dir: expected")


def test_ctrl_c_leaves_the_last_checkpoint_whole(tmp_path: Path) -> None:
    script, options = str(ROOT / "scripts" / "train.py"), ["--threads", "1", "--epochs", "1000", "--backend", "numpy"]
    process = start([sys.executable, script, *options], tmp_path)
    late = time.monotonic() + 60
    while (
        not list(tmp_path.glob("runs/*/model.safetensors.run?")) and process.poll() is None and time.monotonic() < late
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "train.py: stopped; the same command with --resume goes on from the last saved step\n"
    (folder,) = (tmp_path / "runs").iterdir()
    load_checkpoint(folder / "model.safetensors")
    written = {"model.safetensors", "steps.jsonl"}
    assert written <= set(os.listdir(folder)) <= written | {"model.safetensors.run0", "model.safetensors.run1"}


def test_ctrl_c_before_anything_was_saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("common.saved_run.SavedRun.after_step", stop)
    assert train("--threads", "1", "--backend", "numpy") == 130
    assert capsys.readouterr().err == "train.py: stopped; no state was saved yet\n"


def test_help_teaches(capsys: Any) -> None:
    assert train("--help") == 0
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "--as-written",
        "--repaired",
        "examples:",
        "torchrun",
        "--readout",
        "rnncell as written / rnncell repaired",
        "hidden units per layer (300 / 300 / 256 / 256; toy: 64)",
        "unit of the read-out in training (0.0 / 0.0 / 0.0 / 0.5; toy: 0.0 / 0.0 / 0.0 / 0.1)",
        "recurrent layers on top of each other (1)",
    ):
        assert words in printed


def test_two_processes_give_the_losses_of_one(tmp_path: Path) -> None:
    """50 steps of the same global batch in float64, a batch of one review among them; dropout, clipping, lengths."""
    worker = Path(__file__).parent / "two_processes.py"
    losses = {}
    for processes in (1, 2, 3):
        file = tmp_path / f"{processes}.json"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        done = subprocess.run(
            [*command, worker, file],
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        losses[processes] = json.loads(file.read_text())
    alone = losses.pop(1)
    assert len(alone["losses"]) == 50
    for several in losses.values():
        np.testing.assert_allclose(several["losses"], alone["losses"], rtol=0, atol=1e-12)
        assert several["correct"] == alone["correct"]
        assert several["test"] == pytest.approx(alone["test"], abs=1e-12)
