"""torch_rnn/parting.py and scripts/parting.py."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numpy_rnn.config import DEFAULTS
from numpy_rnn.data.toy import load_toy
from torch_rnn.comparison import parting_step
from torch_rnn.parting import PAIRS, loss_differences

ROOT = Path(__file__).parent.parent
SMALL = replace(DEFAULTS["toy"], embedding_size=8, hidden_size=12)
DATA = load_toy(train=330, valid=32, test=32)


def test_they_part_after_rounding_was_amplified() -> None:
    """From equal weights: no difference but rounding at first; at a high rate they part, at a low one they don't."""
    fast, slow = (loss_differences(DATA, replace(SMALL, lr=lr), 300) for lr in (0.1, 1e-5))
    assert list(fast) == list(slow) == list(PAIRS)
    for pair in PAIRS:
        assert fast[pair][:3].max() < 1e-5
        assert parting_step(fast[pair]) is not None
        assert parting_step(slow[pair]) is None
        assert len(slow[pair]) == 300
        assert len(fast[pair]) < 300  # no longer than it takes


def test_one_ulp_is_one_ulp() -> None:
    differences = loss_differences(DATA, replace(SMALL, dtype="float64", lr=1e-9), 2)
    assert 0 < differences["one ulp"].max() < 1e-14


def test_parting_step() -> None:
    assert parting_step(np.array([0, 1e-4, 2e-3, 0])) == 3
    assert parting_step(np.array([0, 1e-4])) is None


def script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "parting.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)


def test_the_script(tmp_path: Path) -> None:
    done = script(tmp_path, "--cells", "gru", "--rates", "1e-5", "0.1", "--limit", "30")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("gru")]
    assert [row[1:3] for row in rows] == [[dtype, lr] for dtype in ("float32", "float64") for lr in ("1e-05", "0.1")]
    assert rows[0][3:] == [">", "30", ">", "30"]
    assert (tmp_path / "parting.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "parting.py: limit: expected a whole number >= 1, got 0"),
        (["--rates", "-1"], "parting.py: lr: expected a number in (0, inf), got -1.0"),
        (["--picture", "nowhere/p.png"], "parting.py: picture: expected a file in a folder that can be written to"),
        (["--picture", "."], "parting.py: picture: expected a file, got the folder '.'"),
    ],
)
def test_a_users_mistake(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = script(tmp_path, "--cells", "rnn", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
