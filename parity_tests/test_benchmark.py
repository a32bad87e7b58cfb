"""scripts/benchmark.py: what is measured, not how fast it is."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmark import WholeSequence, seconds_per_step

from numpy_rnn.sentiment.systems import repaired
from torch_rnn.loops import CellLoop, FusedLoop
from torch_rnn.training import TorchTrainer

ROOT = Path(__file__).parent.parent
CONFIG = replace(repaired("rnncell"), max_tokens=5, batch_size=4, hidden_size=3, embedding_size=2)


@pytest.mark.parametrize(
    ("cell", "kind"), [("rnn", torch.nn.RNNCell), ("lstm", torch.nn.LSTMCell), ("gru", torch.nn.GRUCell)]
)
def test_the_whole_sequence_is_the_loop(cell: str, kind: type[torch.nn.RNNCellBase]) -> None:
    """The two that are timed compute the same states."""
    whole, x = WholeSequence(cell, 2, 3), torch.randn(5, 4, 2)
    loop = CellLoop(kind(2, 3))
    for name, p in whole.rnn.named_parameters():
        getattr(loop.cell, name.removesuffix("_l0")).data.copy_(p)
    torch.testing.assert_close(whole(x), loop(x))


@pytest.mark.parametrize("kind", ["whole", "eager", "captured"])
def test_every_step_trains_and_is_timed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()
    losses = []

    def captured(loop: FusedLoop, sample: object) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda x: used.add(type(loop).__name__) or loop(x)

    def backward(trainer: TorchTrainer, batch: Any) -> Any:
        used.add(type(trainer.model.rnn).__name__)
        losses.append(right(trainer, batch))
        return losses[-1]

    right = TorchTrainer.backward
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", captured)
    monkeypatch.setattr(torch, "compile", lambda step, **_: step)  # it needs a compiler
    monkeypatch.setattr(TorchTrainer, "backward", backward)
    seconds = seconds_per_step(kind, CONFIG, 20, "cpu", 4)
    assert len(seconds) == 4
    assert min(seconds) > 0
    assert len(losses) == 7
    assert losses[-1].loss < losses[0].loss
    assert used == {"whole": {"WholeSequence"}, "eager": {"CellLoop"}, "captured": {"CellLoop", "FusedLoop"}}[kind]


def test_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match=r"kind: expected one of 'whole', 'eager', 'captured', got 'lazy'"):
        seconds_per_step("lazy", CONFIG, 20, "cpu", 4)


def test_the_script_says_what_it_did_not_measure() -> None:
    options = ["--device", "cpu", "--threads", "1", "--steps", "2", "--max-tokens", "4", "--hidden-size", "3"]
    command = [sys.executable, str(ROOT / "scripts" / "benchmark.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| captured | not measured: it needs a GPU |") == 3
    assert done.stdout.count("\n") == 13
