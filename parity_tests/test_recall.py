"""The table of scripts/recall.py in docs/vanishing.md: its shape, and some of its numbers trained again."""

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import recall

PAGE = (Path(__file__).parent.parent / "docs" / "vanishing.md").read_text()
FOUND = {
    (cell, int(k2), lag): list(map(float, re.findall(r"[\d.]+", cells[lag - 1])))
    for cell, k2, rest in re.findall(r"^\| (RNN|LSTM|GRU) \| (\d) \| (.*) \|$", PAGE, re.MULTILINE)
    for cells in [rest.split(" | ")]
    for lag in recall.LAGS
}


def test_the_table_is_whole() -> None:
    assert FOUND.keys() == set(product(recall.LAYERS, recall.K2, recall.LAGS))
    assert recall.table(FOUND) in PAGE


@pytest.mark.parametrize(("cell", "k2", "lag"), [("RNN", 2, 1), ("RNN", 2, 3), ("LSTM", 1, 2), ("GRU", 4, 3)])
def test_a_number_is_that_of_training(cell: str, k2: int, lag: int) -> None:
    """Of seed 0; another processor rounds otherwise."""
    low, high = min(FOUND[cell, k2, lag]), max(FOUND[cell, k2, lag])
    assert low - 0.05 <= recall.recall(cell, k2, lag, seed=0) <= high + 0.05


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(recall, "UPDATES", 0)
    monkeypatch.setattr(recall, "ProcessPoolExecutor", Here)
    assert recall.main([]) == 0
    assert capsys.readouterr().out.count("\n") == 2 + len(recall.LAYERS) * len(recall.K2)
    assert recall.main(["--jobs", "0"]) == 2


class Here:
    """The executor in this process."""

    def __init__(self, jobs: int):
        pass

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    map = staticmethod(map)
