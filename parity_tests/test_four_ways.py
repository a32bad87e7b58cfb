"""BPTT, RTRL, complex steps and autograd agree pair by pair; scripts/four_ways.py."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import four_ways
import pytest

from numpy_rnn import ElmanNetwork
from numpy_rnn.rnn import derivative

ROOT = Path(__file__).parent.parent
WAYS = ("BPTT", "RTRL", "complex step", "autograd", "finite differences")


@pytest.mark.parametrize("T", [1, 2, 7, 50])
@pytest.mark.parametrize("error", ["squared_error", "cross_entropy"])
def test_all_ways_agree(T: int, error: str) -> None:
    for seed in range(3 if T < 50 else 1):
        table = four_ways.disagreements(T, error, seed)
        assert list(table) == list(itertools.combinations(WAYS, 2))
        for pair, disagreement in table.items():
            assert disagreement <= (1e-7 if "finite differences" in pair else 1e-12), pair


@pytest.mark.parametrize("disagreeing", ["BPTT", "RTRL"])
def test_a_wrong_way_stands_alone(monkeypatch: pytest.MonkeyPatch, disagreeing: str) -> None:
    """One way made wrong by 1e-9 disagrees with all the others, and they still agree with each other."""
    if disagreeing == "BPTT":
        right = ElmanNetwork.backward

        def backward(*arguments: Any) -> Any:
            grads = right(*arguments)
            grads.params["W_hh"][...] *= 1 + 1e-9
            return grads

        monkeypatch.setattr(ElmanNetwork, "backward", backward)
    else:
        monkeypatch.setattr("numpy_rnn.rtrl.derivative", lambda *arguments: derivative(*arguments) * (1 + 1e-9))
    for pair, disagreement in four_ways.disagreements(5, "squared_error").items():
        if "finite differences" not in pair:
            assert (disagreement > 1e-10) == (disagreeing in pair), pair


def test_the_ways_are_of_every_parameter() -> None:
    network = ElmanNetwork(2, 3, 4, "cross_entropy", "float64")
    x, y, h_0 = (a.astype(float) for a in four_ways_input())
    for gradients in four_ways.gradients(network, x, y.astype(int), h_0).values():
        assert {name: g.shape for name, g in gradients.items()} == {n: p.shape for n, p in network.params.items()}
        assert all(g.any() for g in gradients.values())


def four_ways_input() -> Any:
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 2, 2)), rng.integers(0, 4, (3, 2)), rng.normal(size=(2, 3))


def test_costs_are_measured() -> None:
    """RTRL's memory grows with H^2 (D + H), and not with T; BPTT's with T."""
    small, large, long = (four_ways.costs(*sizes) for sizes in ((8, 10), (16, 10), (16, 100)))
    assert 4 < large["RTRL"].mebibytes / small["RTRL"].mebibytes < 12
    assert long["RTRL"].mebibytes < 1.5 * large["RTRL"].mebibytes
    assert long["BPTT"].mebibytes > 5 * large["BPTT"].mebibytes
    assert all(cost.seconds > 0 for costs in (small, large, long) for cost in costs.values())


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "four_ways.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_the_script_prints_its_table() -> None:
    done = script("--no-costs", "--error", "cross_entropy")
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert len(rows) == 11
    assert rows[0].split()[-3:] == ["T", "=", "50"]
    for row in rows[1:]:
        numbers = [float(word) for word in row.split()[-4:]]
        assert max(numbers) <= (1e-7 if "finite differences" in row else 1e-12), row


def test_the_scripts_help_and_mistakes() -> None:
    assert "autograd" in script("--help").stdout
    done = script("--seed", "-1")
    assert (done.returncode, done.stderr) == (2, "four_ways.py: seed: expected a whole number >= 0, got -1\n")
