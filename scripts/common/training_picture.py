"""Draws a training run from its log: loss and gradient norm of every step."""

from typing import Any, BinaryIO

from common.pictures import BLUE, GREY, INK, ORANGE, new_figure, save


def draw(stream: BinaryIO, rows: list[dict[str, Any]], clip: float) -> None:
    """A PNG: above the loss of every step, below the norm of its gradient, with the line above which it is clipped."""
    figure = new_figure(7.5, 5)
    above, below = figure.subplots(2, 1, sharex=True)
    steps = range(1, len(rows) + 1)
    above.plot(steps, [row["loss"] for row in rows], color=BLUE, linewidth=0.8)
    above.set(ylabel="loss of the batch")
    norms = [row["norm"] for row in rows]
    below.semilogy(steps, norms, color=ORANGE, linewidth=0.8)
    below.set(ylabel="norm of the gradient", xlabel="training step")
    if clip:
        below.axhline(clip, color=GREY, linewidth=1, linestyle="--")
        share = sum(row["clipped"] for row in rows) / len(rows)
        words = f"clipped above {clip:g} (the dashed line): {share:.0%} of the steps"
        below.annotate(words, (0.99, 0.05), xycoords="axes fraction", ha="right", color=INK)
    largest = max(norms)
    above.set_title(f"The largest gradient has a norm of {largest:.3g}, at step {norms.index(largest) + 1}")
    save(figure, stream)
