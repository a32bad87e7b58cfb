"""docs/vanishing.md has the tables of scripts/vanishing.py, and what it says of them is so."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vanishing

from numpy_rnn.split import smallest_k2, truncation_bias

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "vanishing.md").read_text()


def test_the_first_two_tables_are_the_scripts() -> None:
    found = [vanishing.decay(seed) for seed in vanishing.SEEDS]
    assert vanishing.decay_table(found) in PAGE
    assert vanishing.exploding_table() in PAGE
    assert vanishing.bounds_table(found) in PAGE
    starts = [key for key in found[0] if key[1].startswith("PyTorch's") and "+1" not in key[1]]
    assert len(starts) == 5
    assert all(norms[key][50] < 1e-9 for norms in found for key in starts)
    assert all(norms["RNN, relu", "identity"][50] == 1 for norms in found)


def test_seed_0_of_the_third_table_lies_in_its_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table itself takes a minute: two of its rows."""
    rows = dict(re.findall(r"^\| (.+? \| .+?) \| (\d.* % \|.*) \|$", PAGE, re.MULTILINE))
    every = list(vanishing.networks(0))
    assert rows.keys() == {f"{cell.removesuffix(', h')} | {start}" for cell, start, _, state in every if state == "h"}
    monkeypatch.setattr(vanishing, "networks", lambda seed: [every[1], every[-1]])
    parts = vanishing.truncation(0)
    assert list(parts) == [("RNN, tanh", "orthogonal"), ("GRU", "PyTorch's")]
    for key, G in parts.items():
        cells = [[float(x) for x in re.findall(r"[\d.e-]+", cell)] for cell in rows[" | ".join(key)].split(" | ")]
        for k2, cell in zip((1, 2, 4, 8, 16), cells[:5], strict=True):
            bias = 100 * truncation_bias(G, 1, k2).relative
            assert 0.94 * cell[0] <= bias <= 1.06 * cell[1], (key, k2)  # two digits
        for share, cell in zip(vanishing.SHARES, cells[5:], strict=True):
            assert cell[0] <= smallest_k2(G, share) <= cell[-1]


def test_the_exploding_one_has_no_eigenvalues_and_doubles() -> None:
    assert np.abs(np.linalg.eigvals([[8.0, 8.0], [-8.0, -8.0]])).max() < 1e-6
    sizes = [vanishing.exploding(t) for t in range(1, 26)]  # rounding leaves the fixed point later on
    np.testing.assert_allclose(np.divide(sizes[1:], sizes[:-1]), 2, rtol=1e-6)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(vanishing, "SEEDS", range(1))
    monkeypatch.setattr(
        vanishing, "truncation", lambda seed: {("RNN", "of ones"): np.tril(np.ones((50, 50)))[..., None]}
    )
    numbers = tmp_path / "v.json"
    assert vanishing.main(["--picture", str(tmp_path / "v.png"), "--json", str(numbers)]) == 0
    (norms,) = json.loads(numbers.read_text())["norms"]
    assert len(norms) == 11
    assert norms["GRU, PyTorch's"][0] == 1
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "| RNN, tanh | orthogonal |" in printed
    assert "| RNN | of ones | 96 to 96 % |" in printed  # 50 of 1,275
    assert vanishing.main(["--picture", str(tmp_path / "nowhere" / "v.png")]) == 2
