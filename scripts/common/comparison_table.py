"""Many comparisons of NumPy and PyTorch: their table, and two files of them side by side."""

import json
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from common.ladder_results import interval

import numpy as np

from numpy_rnn.checks import expect

Run = dict[str, Any]  # cell, seed, the test accuracies "numpy" and "torch", ratio of times, step of divergence


def read(file: str, argument: str = "json") -> tuple[dict[str, Any], list[Run]]:
    """What the runs have in common, and the runs. ValueError for another file; it names the argument."""
    try:
        content = json.loads(Path(file).read_text())
        about, runs = dict(content["about"]), list(content["runs"])
        for run in runs:
            str(run["cell"]), int(run["seed"]), float(run["numpy"]), float(run["torch"]), float(run["ratio"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{argument}: expected results of compare.py --seeds, got {file!r} ({error})") from error
    return about, runs


def spread(values: list[float], sign: str = "") -> str:
    """The mean in percent, and half of its 95 % interval where there are several values."""
    values = [100 * value for value in values]
    if len(values) < 2:
        return f"{values[0]:{sign}.2f}"
    mean, half = interval(values)
    return f"{mean:{sign}.2f} ± {half:.2f}"


def table(runs: list[Run]) -> str:
    """A row for each cell, in Markdown: accuracies in percent, their difference seed by seed, times, divergence."""
    lines = [
        "| cell | NumPy, % | PyTorch, % | difference, points | NumPy's time by PyTorch's | diverged at step | seeds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for cell in dict.fromkeys(run["cell"] for run in runs):
        mine = [run for run in runs if run["cell"] == cell]
        accuracies = (spread([run[backend] for run in mine]) for backend in ("numpy", "torch"))
        gaps = [run["numpy"] - run["torch"] for run in mine]
        columns = [*accuracies, spread(gaps, "+"), _times(mine), _divergence(mine), str(len(mine))]
        lines.append(f"| {cell} | {' | '.join(columns)} |")
    return "\n".join(lines)


def _times(runs: list[Run]) -> str:
    ratios = [run["ratio"] for run in runs if run["equal_work"]]
    if not ratios:
        return "unequal work"
    return f"{median(ratios):.2f}" + f" ({min(ratios):.2f} to {max(ratios):.2f})" * (len(ratios) > 1)


def _divergence(runs: list[Run]) -> str:
    steps = sorted(run["divergence_step"] or np.inf for run in runs)
    return " to ".join(dict.fromkeys(f"{step:g}" if step < np.inf else "never" for step in (steps[0], steps[-1])))


class Difference(NamedTuple):
    cell: str
    backend: str
    seeds: int
    here: str
    there: str
    gap: str
    beyond: bool  # does the interval of the gap, seed by seed, exclude zero?
    same: bool  # to the last bit


def against(here: list[Run], there: list[Run]) -> list[Difference]:
    """Two files, cell by cell and backend by backend, over the seeds that both have."""
    found = []
    for cell in dict.fromkeys(run["cell"] for run in here):
        mine, its = ({run["seed"]: run for run in runs if run["cell"] == cell} for runs in (here, there))
        seeds = sorted(mine.keys() & its.keys())
        for backend in ("numpy", "torch") if seeds else ():
            a, b = ([runs[seed][backend] for seed in seeds] for runs in (mine, its))
            gaps = [x - y for x, y in zip(a, b, strict=True)]
            half = interval(gaps)[1] if len(gaps) > 1 else np.inf
            beyond, same = abs(float(np.mean(gaps))) > half, not any(gaps)
            found.append(Difference(cell, backend, len(seeds), spread(a), spread(b), spread(gaps, "+"), beyond, same))
    expect(bool(found), "against", "a file with a cell and a seed in common", "none")
    return found


def report(found: list[Difference], about: dict[str, Any], other: dict[str, Any]) -> str:
    lines = ["| cell | backend | this file, % | the other one, % | gap, points | |", "|" + " --- |" * 6]
    for d in found:
        word = "beyond the spread" if d.beyond else "within the spread"
        word = "the same" if d.same else word if d.seeds > 1 else "one seed: no spread"
        lines.append(f"| {d.cell} | {d.backend} | {d.here} | {d.there} | {d.gap} | {word} |")
    changed = [name for name in sorted(about.keys() | other.keys()) if about.get(name) != other.get(name)]
    lines += ["", *(f"{name}: {about.get(name)!r} here, {other.get(name)!r} there" for name in changed)]
    return "\n".join(lines) + ("" if changed else "Settings, data and versions are the same.")
