"""scripts/mutants.py: its list of equivalent changes is of this source, and how it counts."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mutants
import pytest

ROOT = Path(__file__).parent.parent
LISTED = sorted(mutants.equivalent(mutants.PAGE.read_text()))


@pytest.mark.parametrize(("file", "change"), LISTED)
def test_a_listed_change_is_one_of_this_source(file: str, change: str) -> None:
    gone = [line[2:] for line in change.splitlines() if line.startswith("- ")]
    come = [line[2:] for line in change.splitlines() if line.startswith("+ ")]
    lines = [line.strip() for line in (ROOT / file).read_text().splitlines()]
    assert gone
    assert all(line in lines for line in gone)
    assert gone != come


def test_the_file_of_a_mutant() -> None:
    assert mutants.file_of("numpy_rnn.gru.x_step__mutmut_9") == "numpy_rnn/gru.py"
    assert mutants.file_of("numpy_rnn.check.causes.x__equation__mutmut_1") == "numpy_rnn/check/causes.py"
    assert mutants.file_of("torch_rnn.loops.xǁFusedLoopǁforward__mutmut_16") == "torch_rnn/loops.py"


def test_the_list_of_a_page() -> None:
    page = "Why.\n\n```diff\na/b.py\n- x\n+ y\n\n- z\n- w\n+ v\n\nc.py\n- x\n+ y\n```\n\n```\n- no\n```\n"
    assert mutants.equivalent(page) == {("a/b.py", "- x\n+ y"), ("a/b.py", "- z\n- w\n+ v"), ("c.py", "- x\n+ y")}


@pytest.mark.parametrize(("survived", "status"), [(1, 0), (2, 1)])
def test_the_score(survived: int, status: int, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Of 99 mutants that count 98 or 97 are killed; one more is equivalent."""
    file, change = LISTED[0]
    name = file.removesuffix(".py").replace("/", ".") + ".x_f__mutmut_"
    found = {f"{name}{k}": "killed" for k in range(99 - survived)}
    found |= {f"{name}{100 + k}": "survived" for k in range(survived + 1)} | {f"{name}999": "not checked"}
    monkeypatch.setattr(mutants, "statuses", lambda: found)
    monkeypatch.setattr(mutants, "difference", lambda n: (file, change if n.endswith("_100") else "- a\n+ b"))
    assert mutants.report(SimpleNamespace(jobs=1, report=True, only=[])) == status
    printed = capsys.readouterr().out
    share = f"{100 * (99 - survived) / 99:.1f} %"
    assert f"| {file} | 100 | {99 - survived} | 1 | {survived} | {share} |" in printed
    assert f"| all | 100 | {99 - survived} | 1 | {survived} | {share} |" in printed
    assert f"{name}101: survived\n{file}\n- a\n+ b" in printed
    assert f"{name}100" not in printed


def test_a_mutmut_that_stops_early_gives_no_score(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Old results may lie in its folder. Where only some mutants are asked for, the others need not be run."""
    found = {"numpy_rnn.gru.x_step__mutmut_1": "killed", "numpy_rnn.lstm.x_step__mutmut_1": "not checked"}
    monkeypatch.setattr(mutants, "statuses", lambda: found)
    monkeypatch.setattr(mutants, "mutmut", lambda *arguments: None)
    assert mutants.report(SimpleNamespace(jobs=1, report=False, only=["numpy_rnn.gru.*"])) == 0
    for only in ([], ["numpy_rnn.lstm.*"]):
        with pytest.raises(ValueError, match="mutants: expected a run of all of them, got a mutmut that stopped befo"):
            mutants.report(SimpleNamespace(jobs=1, report=False, only=only))


def test_the_table_counts_every_file() -> None:
    rows = mutants.table({"a.py": Counter(killed=3, survived=1), "b.py": Counter(killed=1, timeout=1)}).splitlines()
    assert rows[2] == "| a.py | 4 | 3 | 0 | 1 | 75.0 % |"
    assert rows[3] == "| b.py | 2 | 1 | 0 | 1 | 50.0 % |"
    assert rows[4] == "| all | 6 | 4 | 0 | 2 | 66.7 % |"
