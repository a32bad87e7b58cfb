"""docs/comparing.md: its three recipes, made smaller, on toy reviews (compare.py --tolerance, --seeds, --against)."""

import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

from common.comparison_runs import Results
from common.comparison_table import against, read, report, table
from common.step_log import read as log

import numpy as np
import pytest

from numpy_rnn import lstm
from parity_tests.support import load_script

PAGE = (Path(__file__).parent.parent / "docs" / "comparing.md").read_text()
COMMANDS = re.findall(r"^    \.venv/bin/python scripts/compare\.py (.*)$", PAGE, re.MULTILINE)
LOCKSTEP, MANY, AGAINST = map(shlex.split, COMMANDS)
COMPARE = load_script("compare")
SMALL = ["--epochs", "1", "--hidden-size", "8", "--threads", "1", "--buckets"]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_first_recipe_finds_nothing_in_a_right_cell() -> None:
    assert COMPARE.main([*LOCKSTEP, *SMALL, "--steps", "10"]) == 0


def test_the_first_recipe_names_a_bug_in_a_cell(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The factor o is left out of dc; the page quotes the last line."""

    def wrong(dh: Any, dc_next: Any, gates: Any, c_prev: Any, c: Any, W_hh: Any) -> Any:
        o = gates[3]
        extra = dh * (1 - np.tanh(c) ** 2) * (1 - o)  # so dc has dh (1 - tanh(c)^2), without o
        dz, dh_prev, dc_prev = right(dh, dc_next + extra, gates, c_prev, c, W_hh)
        return dz, dh_prev, dc_prev

    right = lstm.step_backward
    monkeypatch.setattr(lstm, "step_backward", wrong)
    assert COMPARE.main([*LOCKSTEP, "--threads", "1", "--steps", "3"]) == 1
    last = capsys.readouterr().out.strip().splitlines()[-1]
    (quoted,) = re.findall(r"^(Step 1: gradient of .*)$", PAGE, re.MULTILINE)
    assert last == quoted


def test_the_first_recipe_names_a_nan_in_a_cell(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """It is a difference, too, and not the user's mistake."""
    right = lstm.step_backward
    monkeypatch.setattr(lstm, "step_backward", lambda *given: tuple(np.nan * part for part in right(*given)))
    assert COMPARE.main([*LOCKSTEP, "--threads", "1", "--steps", "3"]) == 1
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == "Step 1: gradient of embedding.W differs by nan, more than 1e-09."


def test_a_run_that_fails_stops_no_other(capsys: Any) -> None:
    """And it is named; the same command goes on with it alone."""
    options = ["--seeds", "0", "1", "--json", "runs.json", "--picture", "runs.png", "--lr", "1e38", "--clip", "1e38"]
    assert COMPARE.main([*SMALL, *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith("compare.py: runs: expected all of them finished (the others are kept), got rnn, seed 0: ")
    assert "; rnn, seed 1: " in said


def test_ctrl_c_says_what_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(COMPARE, "Comparison", stop)
    assert COMPARE.main(SMALL) == 130
    nothing = "compare.py: stopped; nothing was written (with --seeds and --json each finished run is kept)\n"
    assert capsys.readouterr().err.endswith(nothing)
    monkeypatch.setattr("common.comparison_runs.run_all", stop)
    assert COMPARE.main([*SMALL, "--seeds", "0"]) == 130
    assert capsys.readouterr().err.endswith("compare.py: stopped; no run was finished\n")
    assert COMPARE.main([*SMALL, "--seeds", "0", "--json", "mine.json"]) == 130
    assert "stopped; the same command with --json mine.json goes on\n" in capsys.readouterr().err


def test_the_second_and_the_third_recipe(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after some runs, the second one goes on with the others."""
    assert MANY[-2:] == ["--json", "runs.json"]
    two = [*MANY, *SMALL, "--cells", "rnn", "gru", "--seeds", "0", "1"]
    assert COMPARE.main([*MANY, *SMALL, "--cells", "gru", "--seeds", "1"]) == 0
    assert "(cell, seed): gru 1\n" in capsys.readouterr().out
    assert COMPARE.main(two) == 0
    printed = capsys.readouterr().out
    assert "(cell, seed): rnn 0, rnn 1, gru 0\n" in printed
    assert re.search(r"^\| rnn \| \d\d\.\d\d ± \d+\.\d\d \| \d\d\.\d\d ± .* \| 2 \|$", printed, re.MULTILINE)
    about, runs = read("runs.json")
    assert len(runs) == 4
    assert table(sorted(runs, key=lambda run: (run["cell"] == "gru", run["seed"]))) in printed
    assert next(Path("runs").glob("*_compare_toy_*/compare.png")).read_bytes().startswith(b"\x89PNG")
    for run in runs:  # another machine, half a point worse with every seed of one cell
        run["numpy"] -= 0.005 * (run["cell"] == "gru")
    Path("other.json").write_text(json.dumps({"about": about | {"blas": "another"}, "runs": runs}))
    assert COMPARE.main(AGAINST) == 1
    printed = capsys.readouterr().out
    assert re.search(r"^\| gru \| numpy \| .* \| \+0\.50 ± 0\.00 \| beyond the spread \|$", printed, re.MULTILINE)
    assert re.search(r"^\| rnn \| numpy \| .* \| the same \|$", printed, re.MULTILINE)
    assert re.search(r"^blas: '.*' here, 'another' there$", printed, re.MULTILINE)
    Path("other.json").write_text(Path("runs.json").read_text())
    assert COMPARE.main(AGAINST) == 0
    assert COMPARE.main([*two, "--lr", "0.5"]) == 2
    assert "json, lr: expected 0.003, as in runs.json, or another file, got 0.5" in capsys.readouterr().err
    monkeypatch.setattr("common.comparison_runs.data_digest", lambda data: "0123")  # the data of another folder
    assert COMPARE.main(two) == 2
    assert re.search(r"json, data digest: expected '\w{16}', as in runs.json, .* got '0123'", capsys.readouterr().err)


def run(cell: str, seed: int, numpy: float, torch: float, **others: Any) -> dict[str, Any]:
    return {"cell": cell, "seed": seed, "numpy": numpy, "torch": torch, "ratio": 0.5, "equal_work": True,
            "divergence_step": 97} | others  # fmt: skip


def test_the_table_is_what_the_numbers_say() -> None:
    """The interval of three values 1, 2, 3 is 4.303 / sqrt(3)."""
    runs = [
        run("rnn", s, 0.80 + 0.01 * s, 0.82, ratio=0.4 + 0.1 * s, divergence_step=[None, 90, 70][s]) for s in range(3)
    ]
    row = table(runs).splitlines()[-1]
    assert row == "| rnn | 81.00 ± 2.48 | 82.00 ± 0.00 | -1.00 ± 2.48 | 0.50 (0.40 to 0.60) | 70 to never | 3 |"
    assert table([run("gru", 0, 0.5, 0.5, equal_work=False)]).splitlines()[-1].endswith("| unequal work | 97 | 1 |")


def test_a_missing_file_is_named_by_its_option(capsys: Any) -> None:
    Path("mine.json").write_text('{"about": {}, "runs": []}')
    assert COMPARE.main(["--json", "mine.json", "--against", "nowhere.json"]) == 2
    assert "compare.py: against: expected results of compare.py --seeds, got 'nowhere.json'" in capsys.readouterr().err


def test_two_files() -> None:
    here = [run("rnn", s, 0.80 + 0.01 * s, 0.8) for s in range(3)]
    there = [run("rnn", s, 0.79 + 0.01 * s, 0.8 - 0.02 * (s - 1)) for s in range(3)]
    of_numpy, of_torch = against(here, there)
    assert (of_numpy.gap, of_numpy.beyond, of_numpy.same) == ("+1.00 ± 0.00", True, False)
    assert (of_torch.beyond, of_torch.same) == (False, False)
    (single, _) = against(here[:1], there)
    assert not single.beyond
    assert "one seed: no spread" in report([single], {}, {})
    with pytest.raises(ValueError, match="against: expected a file with a cell and a seed in common"):
        against(here, [run("gru", 0, 0.5, 0.5)])


@pytest.mark.parametrize("content", ["", "[]", '{"about": {}, "runs": [{"cell": "rnn"}]}'])
def test_what_is_no_results_file(content: str) -> None:
    Path("a.json").write_text(content)
    with pytest.raises(ValueError, match=r"json: expected results of compare\.py --seeds"):
        Results("a.json", {})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tolerance", "1e-9"], "tolerance: expected --lockstep, too, got free running"),
        (["--lockstep", "--tolerance", "-1"], "tolerance: expected a number in [0, inf)"),
        (["--seeds", "1", "--lockstep"], "seeds: expected whole runs, free running"),
        (["--seeds", "1", "--jobs", "0"], "jobs: expected a whole number >= 1, got 0"),
        (["--seeds", "3", "3"], "seeds: expected at most 30, all different, got [3, 3]"),
        (["--seeds", *map(str, range(31))], "seeds: expected at most 30, all different, got [0, 1, "),
        (["--cells", "rnn", "rnn"], "cells: expected all different, got ['rnn', 'rnn']"),
        (["--json", "one", "--log", "one"], "log: expected another file than that of --json, got 'one'"),
        (["--against", "nothing.json"], "against: expected --json FILE"),
        (["--json", "nothing.json", "--against", "nothing.json"], "json: expected results of compare.py --seeds"),
    ],
)
def test_a_bad_argument_is_named(arguments: list[str], words: str, capsys: Any) -> None:
    assert COMPARE.main([*SMALL, *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not list(Path().iterdir())


@pytest.mark.parametrize("options", [[], ["--lockstep"]], ids=str)
def test_the_log_has_every_step_of_both(options: list[str], tmp_path: Path) -> None:
    """The losses are those of the results, and a step that was clipped says so."""
    small = ["--threads", "1", "--hidden-size", "4", "--epochs", "2", "--batch-size", "500", "--clip", "0.15"]
    files = [f"--{name}={tmp_path / name}" for name in ("json", "picture", "log")]
    assert COMPARE.main([*small, *files, *options]) == 0
    rows, result = log(str(tmp_path / "log")), json.loads((tmp_path / "json").read_text())
    steps = [(epoch, step) for epoch in (1, 2) for step in range(8)]
    for backend in ("numpy", "torch"):
        of_backend = [row for row in rows if row["backend"] == backend]
        assert [(row["epoch"], row["step"]) for row in of_backend] == steps
        losses = [row["loss"] for row in of_backend]
        for k, epoch in enumerate(result["epochs"]):
            assert math.isclose(sum(losses[8 * k : 8 * k + 8]) / 8, epoch[backend]["train_loss"])
        assert all(row["clipped"] == (row["norm"] > 0.15) for row in of_backend)
        assert {row["clipped"] for row in of_backend} == {True, False}
        assert of_backend[0]["lr"] == 0.003
        assert all(0 < row["seconds"] < 60 for row in of_backend)
    assert len(rows) == 32


def test_no_log_of_many_runs(tmp_path: Path, capsys: Any) -> None:
    assert COMPARE.main(["--seeds", "0", "--log", str(tmp_path / "log")]) == 2
    assert "log: expected no --log with --seeds or --cells" in capsys.readouterr().err
