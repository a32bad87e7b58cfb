"""The twins on a GPU: `make gpu` runs this file. Without a GPU each test is skipped, and the summary says so."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from numpy_rnn.sentiment.config import SYSTEMS, Config
from numpy_rnn.sentiment.data.batches import Batch
from numpy_rnn.sentiment.data.text import cut
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import repaired
from numpy_rnn.sentiment.training import Trainer
from torch_rnn.comparison import Comparison, relative_error
from torch_rnn.devices import choose_device
from torch_rnn.training import TorchTrainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
SCRIPTS = Path(__file__).parent.parent / "scripts"
CELLS = ("rnn", "lstm", "gru")


def small(system: str, cell: str, dtype: str) -> Config:
    sizes = {"embedding_size": 16, "hidden_size": 24, "batch_size": 20, "max_tokens": 40}
    return replace(repaired(system), cell=cell, dtype=dtype, **sizes)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-3)])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_numpy_and_the_gpu_in_lockstep(system: str, cell: str, dtype: str, tolerance: float) -> None:
    """Loss, every gradient, every updated weight, 30 training steps; float32 without TF32."""
    config = small(system, cell, dtype)
    data = cut(load_toy(train=300, valid=10, test=10, words=config.words), config.max_tokens, config.keep)
    run = Comparison(data, config, choose_device("cuda"), steps=30, lockstep=True)
    list(run.epochs())
    assert run.worst is not None
    assert run.worst["steps"] == 30
    assert {p.device.type for p in run.torch.model.parameters()} == {"cuda"}
    print(f"{system} {cell} {dtype}: {run.worst}")
    assert run.worst["largest_loss_difference"] < tolerance
    assert run.worst["largest_weight_error"] < tolerance
    assert max(run.worst["largest_gradient_error"].values()) < tolerance


@pytest.mark.filterwarnings("default")  # as for a user: PyTorch's compiler hides or handles warnings of its own code
@pytest.mark.parametrize("cell", CELLS)
def test_the_captured_loop_trains_as_the_eager_one(cell: str) -> None:
    config, rng = small("rnncell", cell, "float64"), np.random.default_rng(0)
    T, N = config.max_tokens, config.batch_size
    eager, captured = (TorchTrainer(Trainer(build_model(50, config)), choose_device("cuda")) for _ in range(2))
    captured.model.capture(T, N)
    for size in (N, N, N - 1, N):  # the last batch of an epoch may be smaller: it takes the plain loop
        labels = rng.integers(0, 2, size)
        batch = Batch(rng.integers(2, 50, (T, size)), rng.integers(1, T + 1, size), labels, None, np.arange(size))
        one, other = (trainer.step(batch, 0.01) for trainer in (eager, captured))
        assert abs(one.loss - other.loss) < 1e-12
        for name, weights in eager.weights().items():
            assert relative_error(captured.weights()[name], weights) < 1e-9, name


@pytest.mark.parametrize("options", [["--system", "basic"], ["--system", "rnncell", "--capture"]])
def test_deterministic_gives_the_same_bits_twice(options: list[str], tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        file = tmp_path / name
        command = [sys.executable, str(SCRIPTS / "train.py"), "--device", "cuda", "--deterministic", "--epochs", "1"]
        done = subprocess.run([*command, *options, "--checkpoint", str(file)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        results.append(file.read_bytes())
    assert results[0] == results[1]


def test_one_process_of_torchrun_on_the_gpu(tmp_path: Path) -> None:
    """With nccl, as several processes would."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "1", str(SCRIPTS / "train.py")]
    options = ["--device", "cuda", "--epochs", "1", "--checkpoint", str(tmp_path / "model.safetensors")]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "answered rightly" in done.stdout
