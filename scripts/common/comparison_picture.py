"""Draws NumPy and PyTorch side by side: the losses, their difference, and the accuracies."""

from typing import Any, BinaryIO

from common.pictures import BLUE, GREEN, GREY, INK, ORANGE, RED, new_figure, save

import numpy as np
from matplotlib.axes import Axes

from numpy_rnn.types import Array
from torch_rnn.comparison import DIVERGED

COLOURS = {"numpy": BLUE, "torch": ORANGE}
NAMES = {"numpy": "NumPy, by hand", "torch": "PyTorch"}


def draw(stream: BinaryIO, losses: dict[str, list[float]], result: dict[str, Any]) -> None:
    """Writes a PNG of `result`, as scripts/compare.py makes it, and of the losses of every step."""
    figure = new_figure(7.5, 8.5)
    curves, difference, accuracy = figure.subplots(3, 1)
    steps = np.arange(1, len(losses["numpy"]) + 1)
    for backend, width in (("torch", 3), ("numpy", 0.8)):  # the wide curve is seen behind the thin one
        curves.plot(steps, losses[backend], color=COLOURS[backend], label=NAMES[backend], linewidth=width)
    curves.set(ylabel="training loss", title="NumPy and PyTorch, from the same weights, on the same batches")
    curves.legend()
    _difference(difference, steps, np.abs(np.subtract(losses["numpy"], losses["torch"])), result)
    if result["divergence_step"]:
        for axes in (curves, difference):
            axes.axvline(result["divergence_step"], color=RED, linewidth=1, zorder=0)
    difference.sharex(curves)
    _accuracy(accuracy, result)
    save(figure, stream)


def draw_table(stream: BinaryIO, runs: list[dict[str, Any]]) -> None:
    """A PNG of several runs: for each cell the test accuracies of both backends, seed by seed, joined by a line."""
    figure = new_figure(7.5, 4)
    axes, cells = figure.subplots(), list(dict.fromkeys(run["cell"] for run in runs))
    for k, cell in enumerate(cells):
        mine = [run for run in runs if run["cell"] == cell]
        for i, run in enumerate(mine):
            x = k + 0.5 * ((i + 1) / (len(mine) + 1) - 0.5)
            pair = [100 * run["numpy"], 100 * run["torch"]]
            axes.plot([x, x], pair, color=GREY, linewidth=1, zorder=0)
            for backend, accuracy, marker in (("torch", pair[1], "s"), ("numpy", pair[0], "o")):
                label = NAMES[backend] if k == i == 0 else None
                size = 9 if backend == "torch" else 5
                axes.plot(x, accuracy, marker, color=COLOURS[backend], markersize=size, label=label)
    axes.set_xticks(range(len(cells)), [cell.upper() for cell in cells])
    axes.set(ylabel="test accuracy, %", xlim=(-0.5, len(cells) - 0.5))
    widest = max(abs(run["numpy"] - run["torch"]) for run in runs)
    axes.set_title(f"NumPy and PyTorch differ by at most {100 * widest:.2f} points in {len(runs)} pairs of runs")
    axes.legend()
    save(figure, stream)


def _difference(axes: Axes, steps: Array, difference: Array, result: dict[str, Any]) -> None:
    exact = difference == 0  # a logarithm has no place for them: they are marked at the lower edge
    floor = difference[~exact].min() / 4 if (~exact).any() else 1e-17
    axes.semilogy(steps[~exact], difference[~exact], ".", color=GREEN, markersize=2)
    if exact.any():
        axes.semilogy(steps[exact], np.full(exact.sum(), floor), ".", color=GREY, markersize=2)
        _margin(axes, floor, "no difference")
    axes.axhline(DIVERGED, color=GREY, linestyle=":", linewidth=1)
    _margin(axes, DIVERGED, f"{DIVERGED:g}")
    diverged = result["divergence_step"]
    if diverged:
        words, at, where = (
            f" step {diverged}: the first above {DIVERGED:g}",
            (diverged, 0.05),
            ("data", "axes fraction"),
        )
        axes.annotate(words, at, xycoords=where, color=RED, va="bottom")
    axes.set(xlabel="training step", ylabel="|loss difference|")
    axes.set_title(
        "Their difference: rounding, carried on from step to step"
        if result["lockstep"] is None
        else "Their difference in lockstep: every step starts from the same state"
    )


def _margin(axes: Axes, y: float, words: str) -> None:
    """Names a height, on the right of the axes."""
    axes.annotate(words, (1, y), (3, 0), ("axes fraction", "data"), "offset points", va="center", color=GREY)


def _accuracy(axes: Axes, result: dict[str, Any]) -> None:
    """On the validation reviews after every epoch, then on the test reviews. NumPy's small marks lie on PyTorch's."""
    epochs = [row["epoch"] for row in result["epochs"]]
    test = epochs[-1] + 1
    for backend, marker, size in (("torch", "s", 11), ("numpy", "o", 5)):
        valid = [row[backend]["valid_accuracy"] for row in result["epochs"]]
        accuracy, colour = result["test"][backend]["accuracy"], COLOURS[backend]
        axes.plot(epochs, valid, marker + "-", color=colour, linewidth=size / 4, markersize=size)
        label = f"{NAMES[backend]}: test {accuracy:.4f}"
        axes.plot(test, accuracy, marker, color=colour, markersize=size, label=label)
    words = result["baseline"]["bag_of_words_accuracy"]
    label = f"bag of words, which sees no order: test {words:.4f}"
    axes.plot(test, words, "_", color=INK, markersize=28, markeredgewidth=1.5, label=label)
    axes.axvline(test - 0.5, color=GREY, linewidth=0.5)
    axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
    _margin(axes, 0.5, "chance")
    axes.set(xlabel="epoch", ylabel="accuracy", ylim=(0.45, 1.02))
    axes.set_xticks([*epochs, test], [*map(str, epochs), "test"])
    axes.set_title("Their accuracy, after every epoch on the validation reviews")
    left_of_the_test = {"loc": "lower right", "bbox_to_anchor": (0.98 - 1 / (test + 0.5), 0.08)}
    axes.legend(**left_of_the_test if test > 4 else {"loc": "best"})  # with few epochs there is no room
