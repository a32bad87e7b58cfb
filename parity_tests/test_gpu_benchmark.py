"""scripts/common/gpu_benchmark.py: the same states and steps in every kind, and the table that is written."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import gpu_benchmark
from common.gpu_benchmark import WholeSequence, seconds_per_step

import benchmark
import pytest
import torch

from numpy_rnn.sentiment.systems import repaired
from torch_rnn.loops import CellLoop, FusedLoop
from torch_rnn.training import TorchTrainer

CONFIG = replace(repaired("rnncell"), max_tokens=5, batch_size=4, hidden_size=3, embedding_size=2)


@pytest.mark.parametrize(
    ("cell", "kind"), [("rnn", torch.nn.RNNCell), ("lstm", torch.nn.LSTMCell), ("gru", torch.nn.GRUCell)]
)
def test_the_whole_sequence_is_the_loop(cell: str, kind: type[torch.nn.RNNCellBase]) -> None:
    """The two that are timed on a GPU compute the same states."""
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


def test_the_table_of_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A line for each cell and kind, with the whole layer's time as the measure."""
    took = {"whole": 0.002, "eager": 0.02, "captured": 0.001}
    monkeypatch.setattr(gpu_benchmark, "seconds_per_step", lambda kind, *_: [took[kind]] * 3)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    monkeypatch.setattr(benchmark, "choose_device", lambda device: "cuda")
    assert benchmark.main(["--device", "cuda", "--cells", "gru", "--markdown", str(tmp_path / "gpu.md")]) == 0
    page = (tmp_path / "gpu.md").read_text()
    assert page.startswith("# How long does a training step take on a GPU?\n\n`make gpu` writes this page. ")
    assert ", A GPU; T = 200, N = 64, H = 300\n" in page
    assert "| gru | eager | 20.00 | 20.00 to 20.00 | 10.00 | 6.3 |\n" in page
    assert page.endswith("| gru | captured | 1.00 | 1.00 to 1.00 | 0.50 | 0.3 |\n")
