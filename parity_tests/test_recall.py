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
    monkeypatch.setattr(recall, "run_all", here)
    assert recall.main([]) == 0
    assert capsys.readouterr().out.count("\n") == 2 + len(recall.LAYERS) * len(recall.K2)
    assert recall.main(["--jobs", "0"]) == 2


def test_what_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Each network is trained once, whatever happens in between; the table is that of an undisturbed run."""
    asked: list[tuple[Any, ...]] = []

    def stopped_after_20(*job: Any) -> float:
        asked.append(job)
        if len(asked) == 20:
            raise KeyboardInterrupt
        return sum(map(len, map(str, job))) / 10

    monkeypatch.setattr(recall, "recall", stopped_after_20)
    monkeypatch.setattr(recall, "run_all", here)
    file = tmp_path / "recall.json"
    assert recall.main(["--json", str(file)]) == 130
    assert recall.main(["--json", str(file)]) == 0
    assert len(asked) == 1 + len(set(asked)) == 1 + len(recall.LAYERS) * len(recall.K2) * 6 * 3
    first = capsys.readouterr().out
    assert recall.main(["--json", str(file)]) == 0
    assert capsys.readouterr().out == first
    file.write_text("[1]")
    assert recall.main(["--json", str(file)]) == 2
    assert "json: expected a file of scripts/recall.py" in capsys.readouterr().err
    assert file.read_text() == "[1]"


def here(work: Any, jobs: Any, at_a_time: int, finished: Any) -> list[str]:
    """In this process."""
    for _, job in jobs:
        finished(work(*job))
    return []
