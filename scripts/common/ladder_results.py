"""What each repair is worth: the runs of a ladder, their accuracies with intervals, and a table."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.systems import ladder

T_95 = (  # Student's t, 0.975, for 1 to 29 degrees of freedom
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045),
)


class Rung(NamedTuple):
    system: str
    cell: str
    name: str
    config: Config


def rungs(systems: list[str], cells: list[str], ends: bool) -> list[Rung]:
    """From as written to repaired, one repair more at each; with `ends` only these two."""
    chosen = []
    for system in systems:
        for cell in cells:
            steps = [
                (f"{repair.number}. {repair.name}" if repair else "as written", config)
                for repair, config in ladder(system)
            ]
            if ends:
                steps = [steps[0], ("repaired", steps[-1][1])]
            chosen += [Rung(system, cell, name, replace(config, cell=cell)) for name, config in steps]
    return chosen


def trained_by(config: Config) -> Config:
    """Equal for two configurations that train the same weights: they may differ in what is printed."""
    return replace(config, misscaled_loss=False, test_runs=1)


class Results:
    """A JSON file of finished runs, written anew after each: what was stopped goes on from there.

    `about` says what they have in common. Raises ValueError for a file that holds something else.
    """

    def __init__(self, file: str | Path, about: dict[str, Any]):
        self.file, self.about = Path(file), dict(about)
        self.runs: list[dict[str, Any]] = []
        if not self.file.exists():
            return
        try:
            content = json.loads(self.file.read_text())
            self.about, self.runs = dict(content["about"]), list(content["runs"])
            for run in self.runs:
                Config(**run["config"])
                float(run["test"]["accuracy"])
            float(self.about.get("bag_of_words_accuracy", 0))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"results: expected a file of scripts/ladder.py, got {str(file)!r} ({error!r})") from error
        for key, value in about.items():
            had = self.about.get(key)
            expect(had == value, f"results, {key}", f"{value!r}, as in this run, or another file", repr(had))

    def find(self, config: Config) -> dict[str, Any] | None:
        """The finished run of these weights."""
        return next((run for run in self.runs if trained_by(Config(**run["config"])) == trained_by(config)), None)

    def missing(self, configs: list[Config]) -> list[Config]:
        """What is still to be trained, nothing twice."""
        distinct = dict.fromkeys(trained_by(config) for config in configs)
        return [config for config in distinct if self.find(config) is None]

    def add(self, run: dict[str, Any]) -> None:
        self.runs.append(run)
        lines = ",\n".join(json.dumps(run) for run in self.runs)
        with atomic_write(self.file) as stream:
            stream.write(f'{{"about": {json.dumps(self.about)},\n"runs": [\n{lines}\n]}}\n'.encode())


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval, t s / sqrt(n), over n runs that differ in the seed."""
    n = len(values)
    expect(2 <= n <= len(T_95) + 1, "seeds", f"2 to {len(T_95) + 1} of them", n)
    return float(np.mean(values)), float(T_95[n - 2] * np.std(values, ddof=1) / np.sqrt(n))


def accuracies(results: Results, rung: Rung, seeds: list[int]) -> dict[int, float]:
    """By seed, of the finished ones among the seeds' runs."""
    runs = {seed: results.find(replace(rung.config, seed=seed)) for seed in seeds}
    return {seed: run["test"]["accuracy"] for seed, run in runs.items() if run is not None}


def percent(values: list[float], sign: str = "") -> str:
    """Mean and interval, in percent; one run alone has no interval."""
    half = f" ± {100 * interval(values)[1]:.1f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):{sign}.1f}{half}" if values else "--"


def trains_as(before: Rung, rung: Rung) -> bool:
    """Whether a rung trains the weights of the rung before: its repair changes only what is printed."""
    return rung.name != "as written" and trained_by(before.config) == trained_by(rung.config)


def gains(results: Results, before: Rung, rung: Rung, seeds: list[int]) -> list[float]:
    """What a rung adds to the rung before, seed by seed."""
    now, then = accuracies(results, rung, seeds), accuracies(results, before, seeds)
    return [now[seed] - then[seed] for seed in now if seed in then]


def table(results: Results, chosen: list[Rung], seeds: list[int]) -> str:
    """In Markdown: a row for each rung, with its gain over the rung before: the mean of the seeds' own gains."""
    lines = ["| system | cell | rung | test accuracy, % | gain | runs |", "| --- | --- | --- | --- | --- | --- |"]
    for before, rung in pairwise([chosen[0], *chosen]):
        values, gain = list(accuracies(results, rung, seeds).values()), ""
        if rung.name != "as written":
            gain = "same training" if trains_as(before, rung) else percent(gains(results, before, rung, seeds), "+")
        name = rung.name.replace("<unk>", "`<unk>`")  # else it would be taken for a tag
        lines.append(f"| {rung.system} | {rung.cell} | {name} | {percent(values)} | {gain} | {len(values)} |")
    words = results.about["bag_of_words_accuracy"]
    lines.append(f"| bag of words | | logistic regression, sees no order | {100 * words:.1f} | | 1 |")
    return "\n".join(lines)
