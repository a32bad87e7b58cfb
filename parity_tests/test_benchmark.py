"""scripts/benchmark.py: what is measured and what is written of it, not how fast it is."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import cpu_benchmark, cpu_tables
from common.cpu_benchmark import Row, epoch_row, layer_row, lengths_row, measured, memory_row
from common.layer_ways import FLOOR, IMDB, LAYERS, SMALL, WAYS, ByHand, Products, Size, layer_and_data, ways

import benchmark
import numpy as np
import pytest
from tqdm import tqdm

from numpy_rnn.sentiment.config import DEFAULTS
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.systems import repaired
from torch_rnn.training import Tensors

TINY, BAR = Size(4, 3, 2, 5), tqdm(disable=True)
CONFIG = replace(repaired("rnncell"), max_tokens=5, batch_size=4, hidden_size=3, embedding_size=2)


@pytest.mark.parametrize("cell", LAYERS)
def test_every_way_gives_the_same_gradient(cell: str) -> None:
    found = ways(cell, TINY)
    assert {*WAYS[:3], FLOOR} <= found.keys() <= {*WAYS, FLOOR}
    for name in found.keys() - {FLOOR}:
        np.testing.assert_allclose(found[name].gradient(), found[WAYS[0]].gradient(), rtol=1e-4, atol=1e-5)


def test_a_way_with_another_gradient_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ByHand.gradient
    monkeypatch.setattr(ByHand, "gradient", lambda way: 1.01 * right(way))
    with pytest.raises(ValueError, match=r"torch\.nn: expected the gradient that numpy_rnn has, got one that differs"):
        ways("rnn", TINY)


@pytest.mark.parametrize("cell", LAYERS)
def test_the_floor_has_the_layers_products(cell: str) -> None:
    layer, x, _ = layer_and_data(cell, TINY)
    floor, rng = Products(layer.params, x, TINY.H), np.random.default_rng(1)
    assert floor.dz.shape == (TINY.T, TINY.N, layer.params["W_hh_l0"].shape[1])
    floor.hs, floor.dz = rng.normal(size=floor.hs.shape), rng.normal(size=floor.dz.shape)
    floor.seconds()
    np.testing.assert_allclose(floor.gradient(), np.einsum("tni,tnj->ij", floor.hs, floor.dz))


class Counted(ByHand):
    """Says what it is told to have taken."""

    def __init__(self, seconds: float):
        self.took, self.calls = seconds, 0

    def seconds(self) -> tuple[float, float]:
        self.calls += 1
        return self.took / 4, self.took * 3 / 4


def test_every_way_is_measured_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_benchmark, "PAUSE", 0)
    found: dict[str, Any] = {"slow": Counted(8.0), "quick": Counted(0.004)}
    seconds = measured(found, 3, BAR)
    assert {name: s.tolist() for name, s in seconds.items()} == {
        "slow": [[2.0, 6.0]] * 3,
        "quick": [[pytest.approx(0.001), pytest.approx(0.003)]] * 3,
    }
    assert (found["slow"].calls, found["quick"].calls) == (1 + 3, 1 + 3 * 11)


def with_seconds(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, list[float]]) -> None:
    """As if these had been measured, half of it forward."""
    arrays = {name: np.array([[s / 2, s / 2] for s in each]) for name, each in seconds.items()}
    monkeypatch.setattr(cpu_benchmark, "ways", lambda *_: {})
    monkeypatch.setattr(cpu_benchmark, "measured", lambda *_: arrays)


def test_a_ratio_is_that_of_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with one thread JAX does not count, as it has threads of its own."""
    seconds = {WAYS[0]: [1.0, 2.0, 3.0], WAYS[1]: [2.0, 2.0, 4.0], WAYS[2]: [4.0, 4.0, 9.0], WAYS[3]: [1.0, 1.0, 1.0]}
    with_seconds(monkeypatch, seconds | {FLOOR: [0.5, 0.5, 0.5]})
    row = layer_row("rnn", SMALL, 1, 3, BAR)
    assert (row["best"], row["ratio"]) == ("torch.nn", [0.625, 0.75, 0.875])
    assert row["of_products"] == [3.0, 4.0, 5.0]
    assert row["ms"]["torch.nn"] == [2000.0, 2000.0, 3000.0]
    assert row["ms_forward"]["torch.nn"] == [1000.0, 1000.0, 1500.0]
    row = layer_row("rnn", SMALL, 2, 3, BAR)
    assert (row["best"], row["ratio"]) == ("JAX", [1.5, 2.0, 2.5])


def test_a_batch_with_lengths_is_held_to_its_real_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    with_seconds(monkeypatch, {"full": [2.0, 2.0], "lengths": [2.0, 2.0]})
    (ratio,) = {*lengths_row("lstm", TINY, 1, 2, BAR)["ratio"]}
    lengths = np.random.default_rng(0).integers(1, 4, 3, endpoint=True)
    assert ratio == pytest.approx(4 / lengths.mean())


def test_an_epoch_is_the_same_work_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both train on every batch, in turns of ten; the first turn, in which memory is new, is not counted."""
    seen: dict[str, list[int]] = {"numpy": [], "torch": []}

    def seconds_of(trainer: Any, block: list[Any], lr: float) -> float:
        seen[trainer.name] += [int(batch.labels.sum()) for batch in block]
        assert (trainer.name == "torch") == isinstance(block[0], Tensors)
        trainer.step(block[0], lr)
        first = len(seen[trainer.name]) == 10
        return 100.0 if first else 3.0 if trainer.name == "numpy" else 4.0

    monkeypatch.setattr(cpu_benchmark, "seconds_of", seconds_of)
    config = replace(DEFAULTS["toy"], cell="gru", hidden_size=3, embedding_size=2, batch_size=8)
    row = epoch_row("toy", load_toy(), config, 1, 30)
    assert seen["numpy"] == seen["torch"]
    assert len(seen["numpy"]) == row["steps"] == 30
    assert (row["whole"], row["ratio"]) == (0.75, [0.75] * 3)
    assert row["seconds"] == {"numpy": 9.0, "torch": 12.0}
    assert (row["data"], row["cell"], row["threads"]) == ("toy", "gru", 1)


def test_the_seconds_of_a_turn_are_those_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 13.5])
    monkeypatch.setattr(cpu_benchmark.time, "perf_counter", lambda: next(clock))
    trained = []
    trainer: Any = type("", (), {"step": lambda self, batch, lr: trained.append((batch, lr))})()
    assert cpu_benchmark.seconds_of(trainer, ["a", "b"], 0.1) == 3.5
    assert trained == [("a", 0.1), ("b", 0.1)]


def test_the_memory_is_that_of_a_step() -> None:
    """More than the states, less than four times that: what PyTorch's and Python's modules need is not counted."""
    size = Size(400, 50, 40, 200)
    np.ones(2**25)  # this process needed more before
    row = memory_row("rnn", size)
    states = 400 * 50 * 200 * 4 / 2**20
    assert states < row["MiB"]["numpy_rnn"] < 4 * states
    assert row["ratio"] == row["MiB"]["numpy_rnn"] / row["MiB"]["torch.nn"]


FOUND: Row = {
    "about": {"processor": "P", "cores": 2, "blas": "openblas Zen", "versions": {"numpy": "2", "jax": "not installed"}},
    "layers": [
        {
            "cell": "lstm",
            "size": [200, 100, 128, 256],  # as JSON gives it back
            "threads": 2,
            "ms": {WAYS[0]: [1.0, 2.0, 3.0], WAYS[1]: [2.0, 4.0, 8.0], WAYS[2]: [20.0, 40.0, 80.0], FLOOR: [0.5, 1, 1]},
            "ms_forward": {WAYS[0]: [0.5, 0.5, 0.5]},
            "best": "torch.nn",
            "ratio": [0.4, 0.5, 0.6],
        }
    ],
    "lengths": [{"cell": "rnn", "size": IMDB, "threads": 2, "ratio": [1.0, 1.1, 1.2]}],
    "memory": [{"cell": "gru", "size": [800, 32, 128, 256], "MiB": {WAYS[0]: 1.0, WAYS[1]: 2.0}, "ratio": 0.5}],
    "epochs": [
        {"data": "toy", "cell": "rnn", "threads": 1, "steps": 40, "seconds": {"numpy": 1.0, "torch": 2.0},
         "whole": 0.5, "ratio": [0.4, 0.5, 0.6]},
        {"data": "imdb", "cell": "rnn", "threads": 2, "steps": 40, "seconds": {"numpy": 3.0, "torch": 2.0},
         "whole": 1.5, "ratio": [1.4, 1.5, 1.6]},
    ],
}  # fmt: skip


def test_the_tables() -> None:
    text = "\n".join(cpu_tables.page(FOUND))
    assert "P, 2 cores; numpy 2, jax not installed.\nNumPy's matrix products: openblas Zen." in text
    none = "not measured"
    goals = [
        f"| layer, T 200, 2 threads, by the best other way | {none} | 0.6 | 0.50 (0.40 to 0.60) | 0.95 | {none} |",
        f"| layer, T 800, 2 threads, by the best other way | {none} | 0.75 | {none} | 0.95 | {none} | 0.95 |",
        f"| IMDB epoch, 1 thread, by PyTorch's | {none} | 0.55 | {none} | 0.75 | {none} | 0.65 |",  # toy is not IMDB
        f"| IMDB epoch, 2 threads, by PyTorch's | 1.50 (1.40 to 1.60) | 0.7 | {none} | 0.95 | {none} | 0.75 |",
        f"| lengths, 2 threads, by the real steps | 1.10 (1.00 to 1.20) | 1.15 | {none} | 1.15 | {none} |",
        f"| peak memory, T 800, by PyTorch's | {none} | 0.65 | {none} | 0.7 | 0.50 | 0.75 |",
    ]
    assert all(line in text for line in goals), text
    times = "2.00 (1.00 to 3.00) | 4.00 (2.00 to 8.00) | 40.0 (20.0 to 80.0) | 1.00 (0.50 to 1.00) | 25%"
    assert f"| 200, 100, 128, 256 | 2 | lstm | {times} |" in text
    assert "| toy | rnn | 1 | 40 | 1.0 | 2.0 | 0.50 (0.40 to 0.60) |" in text


def test_a_forced_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    assert cpu_tables.about()["blas"].endswith(" (not its own choice: OPENBLAS_CORETYPE set)")
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    assert "set)" not in cpu_tables.about()["blas"]


def test_a_picture_is_drawn() -> None:
    stream = io.BytesIO()
    cpu_tables.draw(stream, FOUND["layers"])
    assert stream.getvalue().startswith(b"\x89PNG")


def test_the_script_on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(cpu_benchmark, "PAUSE", 0)
    files = [f"--{name}={tmp_path / name}" for name in ("json", "picture", "markdown")]
    small = ["--sizes", "4,3,2,5", "--cells", "gru", "--threads", "1", "--rounds", "2", "--steps", "2"]
    assert benchmark.main([*small, *files]) == 0
    found, printed = json.loads((tmp_path / "json").read_text()), capsys.readouterr().out
    assert [row["size"] for row in found["layers"]] == [[4, 3, 2, 5]]
    assert [row["steps"] for row in found["epochs"]] == [2]
    page = (tmp_path / "markdown").read_text()
    assert page.startswith("# How long does a training step take on a CPU?\n\n`make bench` writes this page. ")
    assert page.endswith(printed.partition("\n\n")[2].rstrip() + "\n")
    assert (tmp_path / "picture").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "benchmark.py: rounds: expected a whole number >= 1, got 0"),
        (["--steps", "-1"], "benchmark.py: steps: expected a whole number >= 1, got -1"),
        (["--json", "a", "--picture", "./a"], "benchmark.py: json: expected another file than that of --picture"),
        (["--threads", "1000"], "benchmark.py: threads: expected a whole number in 1.."),
    ],
)
def test_a_users_mistake(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert benchmark.main(["--sizes", "2,2,2,2", "--rounds", "1", "--steps", "1", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", ["1,2,3", "1,2,3,0", "a,b,c,d"])
def test_a_size_is_four_numbers(size: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as status:
        benchmark.main(["--sizes", size])
    assert status.value.code == 2
    assert f"expected four whole numbers T,N,D,H >= 1, got '{size}'" in capsys.readouterr().err
