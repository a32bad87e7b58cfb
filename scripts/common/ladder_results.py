"""What each repair is worth: the runs of a ladder, their accuracies with intervals, a table and a picture."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.files import atomic_write
from numpy_rnn.sentiment.systems import ladder

T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # Student's t, 0.975, for 1 to 9 degrees


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


def table(results: Results, chosen: list[Rung], seeds: list[int]) -> str:
    """In Markdown: a row for each rung, with its gain over the rung before: the mean of the seeds' own gains."""
    lines = ["| system | cell | rung | test accuracy, % | gain | runs |", "| --- | --- | --- | --- | --- | --- |"]
    before: Rung | None = None
    for rung in chosen:
        now, gain = accuracies(results, rung, seeds), ""
        if before and rung.name != "as written":
            then = accuracies(results, before, seeds)
            same = trained_by(before.config) == trained_by(rung.config)
            gain = "same training" if same else percent([now[seed] - then[seed] for seed in now if seed in then], "+")
        before = rung
        accuracy = percent(list(now.values()))
        name = rung.name.replace("<unk>", "`<unk>`")  # else it would be taken for a tag
        lines.append(f"| {rung.system} | {rung.cell} | {name} | {accuracy} | {gain} | {len(now)} |")
    words = results.about["bag_of_words_accuracy"]
    lines.append(f"| bag of words | | logistic regression, sees no order | {100 * words:.1f} | | 1 |")
    return "\n".join(lines)


def draw(stream: BinaryIO, results: Results, chosen: list[Rung], seeds: list[int]) -> None:
    """A PNG: a panel for each system, a row for each rung of each cell, a dot for each run."""
    from common.pictures import GREY, new_figure, save

    systems = list(dict.fromkeys(rung.system for rung in chosen))
    rows = [[rung for rung in chosen if rung.system == system] for system in systems]
    figure = new_figure(10, 1 + 0.75 * len(systems) + 0.36 * len(chosen))
    panels = figure.subplots(len(systems), 1, sharex=True, squeeze=False, height_ratios=list(map(len, rows)))[:, 0]
    marks = ((50.0, ":", "chance"), (100 * results.about["bag_of_words_accuracy"], "--", "bag of words"))
    for axes, system, mine in zip(panels, systems, rows, strict=True):
        _draw_rows(axes, results, mine, seeds)
        for x, style, name in marks:
            axes.axvline(x, color=GREY, linestyle=style, linewidth=1, zorder=0)
            axes.annotate(name, (x, 1), (0, 3), ("data", "axes fraction"), "offset points", color=GREY, ha="center")
        axes.set_title(system)
        axes.tick_params(labelbottom=True)
    if len({rung.cell for rung in chosen}) == 1:
        figure.suptitle("Each row keeps the repairs of the rows above it", fontsize=12)
    panels[-1].set_xlabel("test accuracy, %.   Dot: one seed; upright line: their mean; bar: its 95 % interval")
    save(figure, stream)


def _draw_rows(axes: Any, results: Results, mine: list[Rung], seeds: list[int]) -> None:
    from common.pictures import BLUE, GREEN, ORANGE

    colours, several = {"rnn": BLUE, "lstm": ORANGE, "gru": GREEN}, len({rung.cell for rung in mine}) > 1
    for y, rung in enumerate(mine):
        values = [100 * accuracy for accuracy in accuracies(results, rung, seeds).values()]
        if values:
            half, colour = interval(values)[1] if len(values) > 1 else 0, colours[rung.cell]
            axes.errorbar(np.mean(values), y, xerr=half, fmt="|", color=colour, markersize=16, capsize=3, linewidth=1)
            axes.plot(values, [y] * len(values), "o", color=colour, markersize=5, alpha=0.7)
    axes.set_yticks(range(len(mine)), [f"{rung.cell.upper()}, {rung.name}" if several else rung.name for rung in mine])
    axes.set_ylim(len(mine) - 0.5, -0.5)  # the first rung on top
