"""The picture of a comparison: the loss curves, their difference, the accuracies."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from matplotlib.figure import Figure

from torch_rnn.comparison import PARTED

COLOURS = {"numpy": "tab:blue", "torch": "tab:orange"}
NAMES = {"numpy": "NumPy, by hand", "torch": "PyTorch"}


def draw(stream: BinaryIO, losses: dict[str, list[float]], result: dict[str, Any]) -> None:
    """Writes a PNG of `result`, as scripts/compare.py makes it, and of the losses of every step."""
    figure = Figure(figsize=(9, 8), layout="constrained")
    curves, difference, accuracy = figure.subplots(3, 1)
    steps = np.arange(1, len(losses["numpy"]) + 1)
    for stack, style in (("numpy", "-"), ("torch", "--")):
        curves.plot(steps, losses[stack], style, color=COLOURS[stack], label=NAMES[stack], linewidth=1)
    curves.set(xlabel="training step", ylabel="training loss", title="Two stacks, the same weights, the same batches")
    curves.legend()
    _difference(difference, steps, np.abs(np.subtract(losses["numpy"], losses["torch"])), result)
    epochs = [row["epoch"] for row in result["epochs"]]
    for stack, style in (("numpy", "o-"), ("torch", "s--")):
        valid = [row[stack]["valid_accuracy"] for row in result["epochs"]]
        test = result["test"][stack]["accuracy"]
        accuracy.plot(epochs, valid, style, color=COLOURS[stack], label=f"{NAMES[stack]} (test {test:.4f})")
    words = result["baseline"]["bag_of_words_accuracy"]
    accuracy.axhline(words, color="grey", linestyle=":", label=f"bag of words (test {words:.4f})")
    accuracy.set(xlabel="epoch", ylabel="validation accuracy", xticks=epochs)
    accuracy.legend()
    figure.savefig(stream, format="png", dpi=110)


def _difference(axes: Any, steps: np.ndarray, difference: np.ndarray, result: dict[str, Any]) -> None:
    exact = difference == 0  # a logarithm has no place for them: they are marked at the lower edge
    floor = difference[~exact].min() / 2 if (~exact).any() else 1e-17
    axes.semilogy(steps, np.where(exact, floor, difference), ".", color="tab:green", markersize=2)
    axes.axhline(PARTED, color="grey", linestyle=":", linewidth=1)
    parted = result["parting_step"]
    if parted:
        axes.axvline(parted, color="tab:red", linewidth=1, label=f"they part at step {parted}")
        axes.legend(loc="lower right")
    how = "free running: rounding, amplified by training" if result["lockstep"] is None else "in lockstep"
    axes.set(xlabel="training step", ylabel="|loss difference|", title=how)
