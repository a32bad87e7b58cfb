"""Draws the runs of a ladder: a panel for each system, a row for each rung of each cell, a dot for each run."""

import re
from itertools import pairwise
from typing import Any, BinaryIO

from common.ladder_results import Results, Rung, accuracies, gains, interval, percent, trains_as
from common.pictures import BLUE, GREY, new_figure, save

import numpy as np

CHANCE = 50.0
KEPT = "Each row keeps the repairs above it. Blue: a gain that is larger than its own 95 % interval"


def draw(stream: BinaryIO, results: Results, chosen: list[Rung], seeds: list[int]) -> None:
    """Writes a PNG. A repair that changes only what is printed has no row."""
    rows: dict[str, list[tuple[Rung, list[float]]]] = {}  # by system: each rung, and its gains
    for before, rung in pairwise([chosen[0], *chosen]):
        if not trains_as(before, rung):
            added = [] if rung.name == "as written" else gains(results, before, rung, seeds)
            rows.setdefault(rung.system, []).append((rung, added))
    heights = [len(mine) for mine in rows.values()]
    figure = new_figure(10, 1 + 0.75 * len(rows) + 0.36 * sum(heights))
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    several = len({rung.cell for rung in chosen}) > 1
    words = 100 * results.about["bag_of_words_accuracy"]
    for axes, (system, mine) in zip(panels, rows.items(), strict=True):
        _draw_rows(axes, results, mine, seeds, several)
        for x, style, name, side in ((CHANCE, ":", "chance", "left"), (words, "--", "bag of words", "right")):
            axes.axvline(x, color=GREY, linestyle=style, linewidth=1, zorder=0)
            axes.annotate(name, (x, 1), (0, 3), ("data", "axes fraction"), "offset points", color=GREY, ha=side)
        axes.set_title(_title(system, results, [rung for rung, _ in mine], seeds), loc="left", pad=20)
        axes.tick_params(labelbottom=True)
    panels[-1].set_xlabel(
        "test accuracy, %.   Dot: one seed; upright line: their mean; bar: its 95 % interval.\n"
        + ("A grey gain is smaller than its own 95 % interval" if several else KEPT)
    )
    save(figure, stream)


def _title(system: str, results: Results, mine: list[Rung], seeds: list[int]) -> str:
    """As 'rnncell: 50.4 to 68.9 % as written, 86.7 to 87.2 % repaired': means over seeds, their range over cells."""
    first = [rung for rung in mine if rung.name == "as written"]
    last = [rung for rung, after in zip(mine, [*mine[1:], first[0]], strict=True) if after.name == "as written"]
    words = [f"{_range(results, first, seeds)} as written", f"{_range(results, last, seeds)} repaired"]
    return f"{system}: {', '.join(words)}"


def _range(results: Results, some: list[Rung], seeds: list[int]) -> str:
    values = [list(accuracies(results, rung, seeds).values()) for rung in some]
    means = sorted({f"{100 * np.mean(each):.1f}" for each in values if each}, key=float)
    return " to ".join(means[:: max(1, len(means) - 1)]) + " %" if means else "--"


def _draw_rows(
    axes: Any, results: Results, mine: list[tuple[Rung, list[float]]], seeds: list[int], several: bool
) -> None:
    """With the gain over the row above, in blue where its 95 % interval lies above zero."""
    for y, (rung, added) in enumerate(mine):
        values = [100 * accuracy for accuracy in accuracies(results, rung, seeds).values()]
        mean, half = interval(added) if len(added) > 1 else (0.0, 0.0)
        proven = BLUE if mean > half else GREY
        colour = BLUE if several and added else proven
        if added:
            at, where = (1, y), ("axes fraction", "data")
            axes.annotate(percent(added, "+"), at, (6, 0), where, "offset points", color=proven, va="center")
        if values:
            half = interval(values)[1] if len(values) > 1 else 0.0
            axes.errorbar(np.mean(values), y, xerr=half, fmt="|", color=colour, markersize=16, capsize=3, linewidth=1)
            axes.plot(values, [y] * len(values), "o", color=colour, markersize=5, alpha=0.7)
    axes.annotate("gain", (1, 1), (6, 3), "axes fraction", "offset points")
    names = [re.sub(r"^\w+\. ", "", rung.name) for rung, _ in mine]  # without the numbers of the table
    names = [f"{rung.cell.upper()}, {name}" if several else name for (rung, _), name in zip(mine, names, strict=True)]
    axes.set_yticks(range(len(mine)), names)
    axes.set_ylim(len(mine) - 0.5, -0.5)  # the first rung on top
