"""scripts/divergence.py: when do two right implementations diverge?"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from divergence import PAIRS, loss_differences, main, permute_units, verdict

from numpy_rnn.sentiment.config import DEFAULTS
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.models import build_model
from torch_rnn.comparison import divergence_step

ROOT = Path(__file__).parent.parent
SMALL = replace(DEFAULTS["toy"], buckets=True, embedding_size=8, hidden_size=12)
DATA = load_toy(train=330, valid=32, test=32)


def test_they_diverge_after_rounding_was_amplified() -> None:
    """From equal weights: no difference but rounding at first; at a high rate they diverge, at a low one they don't."""
    fast, slow = (loss_differences(DATA, replace(SMALL, lr=lr), 100) for lr in (0.1, 1e-5))
    assert list(fast) == list(slow) == list(PAIRS)
    for pair in PAIRS:
        assert fast[pair][:3].max() < 1e-5
        assert divergence_step(fast[pair]) is not None
        assert divergence_step(slow[pair]) is None
        assert len(slow[pair]) == 100
        assert len(fast[pair]) < 100  # no longer than it takes


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_permuted_units_are_the_same_network_but_for_rounding(cell: str) -> None:
    """A hundred steps of training: something differs, and nothing but the last digits."""
    config = replace(SMALL, cell=cell, dtype="float64", dropout=0.5, lr=1e-3)
    difference = loss_differences(DATA, config, 100)["permuted NumPy"]
    assert difference[0] < 1e-14
    assert 0 < difference.max() < 1e-12


def test_permuted_units_stand_in_another_order() -> None:
    """h'_t = h_t[order]."""
    original, permuted = (build_model(len(DATA.vocabulary), replace(SMALL, dtype="float64")) for _ in range(2))
    order = np.roll(np.arange(12), 1)
    permute_units(permuted, order)
    x, lengths = np.random.default_rng(0).normal(size=(5, 2, 8)), np.array([5, 3])
    h, permuted_h = (model.rnn.forward(x, lengths=lengths)[0] for model in (original, permuted))
    np.testing.assert_allclose(permuted_h, h[:, :, order], rtol=0, atol=1e-15)
    assert not np.allclose(permuted_h, h)


def test_only_one_layer_is_permuted() -> None:
    model = build_model(10, replace(SMALL, num_layers=2))
    with pytest.raises(ValueError, match="model: expected one layer and one direction of system 'basic'"):
        permute_units(model, np.arange(12))


def test_verdict() -> None:
    result = verdict([(10, 20), (10, 10), (30, 15), (None, 40), (50, None), (60, 120), (None, None)])
    assert (result.torch_first, result.together, result.permuted_first, result.neither) == (3, 1, 2, 1)
    assert result.ratios.tolist() == [2, 1, 0.5, 2]
    assert result.p == 1  # three and two of five


def test_sign_test() -> None:
    """Six of six one way: 2 / 2^6. Five of six: 2 (1 + 6) / 2^6. No run that would tell: 1."""
    assert verdict([(1, 2)] * 6).p == 2 / 64
    assert verdict([(2, 1)] * 6).p == 2 / 64
    assert verdict([(1, 2)] * 5 + [(2, 1)]).p == 14 / 64
    assert verdict([(1, 1), (None, None)]).p == 1


def test_parting_step() -> None:
    assert divergence_step(np.array([0, 1e-4, 2e-3, 0])) == 3
    assert divergence_step(np.array([0, 1e-4])) is None


def script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "divergence.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)


def test_the_script(tmp_path: Path) -> None:
    done = script(tmp_path, "--cells", "gru", "--rates", "1e-5", "0.1", "--seeds", "3", "4", "--limit", "30")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("gru")]
    assert [row[1:3] for row in rows] == [[dtype, lr] for dtype in ("float32", "float64") for lr in ("1e-05", "0.1")]
    assert rows[0][3:] == ["-"] * 4  # two seeds of each pair
    lines = [line.rsplit(maxsplit=1) for line in done.stdout.splitlines()]
    counts = [int(line[1]) for line in lines if line and line[0].lstrip().startswith(("first", "from"))]
    assert len(counts) == 4
    assert sum(counts) == 8
    assert "Sign test: p = " in done.stdout
    assert next(tmp_path.glob("runs/*_divergence/divergence.png")).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "divergence.py: limit: expected a whole number >= 1, got 0"),
        (["--rates", "-1"], "divergence.py: lr: expected a number in (0, inf), got -1.0"),
        (["--picture", "nowhere/p.png"], "divergence.py: picture: expected a file in a folder that can be written to"),
        (["--picture", "."], "divergence.py: picture: expected a file, got the folder '.'"),
    ],
)
def test_a_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--cells", "rnn", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
