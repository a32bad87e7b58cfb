"""When do two right implementations diverge, and why? Free-running training, measured against the learning rate."""

from __future__ import annotations

from itertools import count
from math import comb
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from numpy_rnn.checks import expect
from numpy_rnn.config import Config
from numpy_rnn.data.batches import batches
from numpy_rnn.data.text import Dataset
from numpy_rnn.models import SentimentModel, build_model
from numpy_rnn.training import Trainer
from torch_rnn.comparison import PARTED
from torch_rnn.training import TorchTrainer

PAIRS = ("PyTorch", "permuted NumPy")  # what NumPy's run is compared with


def permute_units(model: SentimentModel, order: np.ndarray) -> None:
    """Renumbers the hidden units of a model of one layer, in place; order (H,) is a permutation of them.

    It is the same function, h'_t = h_t[order], and so is its training where the columns of the dropout mask (N, H) are
    renumbered, too. But every sum over hidden units is taken in another order, and rounds differently.
    """
    config = model.config
    expect((config.system, config.num_layers, config.bidirectional) == ("basic", 1, False), "model",
           "one layer and one direction of system 'basic'", config)  # fmt: skip
    columns = np.concatenate([order + gate * len(order) for gate in range(model.rnn.gates)])  # (G H,): gate by gate
    for name in ("W_xh", "W_hh", "b_xh", "b_hh"):  # what gives h_t
        p = model.params[f"rnn.{name}_l0"]
        p[...] = p[..., columns]
    for name in ("rnn.W_hh_l0", "linear.W"):  # what h_t is multiplied by
        p = model.params[name]
        p[...] = p[order]


def loss_differences(data: Dataset, config: Config, limit: int) -> dict[str, np.ndarray]:
    """|loss difference| of every training step, at a constant learning rate, until both pairs diverged or `limit`.

    "PyTorch": between NumPy and PyTorch, from the same weights. "permuted NumPy": between NumPy and NumPy, whose hidden
    units stand in another order. The second pair differs by rounding alone, at every step. If the first one diverges
    no sooner, rounding is explanation enough.
    """
    ours, permuted = (Trainer(build_model(len(data.vocabulary), config)) for _ in range(2))
    twin = TorchTrainer(ours)
    order = np.random.default_rng(config.seed).permutation(config.hidden_size)
    permute_units(permuted.model, order)
    differences: dict[str, list[float]] = {pair: [] for pair in PAIRS}
    for epoch in count():
        for batch in batches(data.train, config, epoch):
            loss = ours.step(batch, config.lr).loss
            differences["PyTorch"].append(abs(loss - twin.step(batch, config.lr).loss))
            batch = batch._replace(mask=batch.mask[:, order])  # type: ignore[index]
            differences["permuted NumPy"].append(abs(loss - permuted.step(batch, config.lr).loss))
            diverged = all(max(d) > PARTED for d in differences.values())
            if diverged or len(differences["PyTorch"]) == limit:
                return {pair: np.array(d) for pair, d in differences.items()}
    raise AssertionError


class Verdict(NamedTuple):
    """Over all runs: from which one does NumPy diverge first, from PyTorch or from permuted NumPy?"""

    torch_first: int
    together: int  # at the same step
    permuted_first: int
    neither: int  # within the limit
    p: float  # two-sided sign test: how often chance alone is at least as uneven, if neither tends to be first
    ratios: np.ndarray  # steps from permuted NumPy / steps from PyTorch, of the runs in which both diverge


def verdict(steps: list[tuple[int | None, int | None]]) -> Verdict:
    """steps: of each run the step at which NumPy diverges from PyTorch, and from permuted NumPy; None: it does not."""
    a, b = np.array([[step or np.inf for step in pair] for pair in steps]).T
    both, neither = np.isfinite(a) & np.isfinite(b), np.isinf(a) & np.isinf(b)
    first, last = int((a < b).sum()), int((a > b).sum())  # the runs in which PyTorch is the first one, and the last
    n = first + last
    tail = sum(comb(n, k) for k in range(min(first, last) + 1)) / 2**n  # P(at most so few heads in n tosses)
    together = int((both & (a == b)).sum())
    return Verdict(first, together, last, int(neither.sum()), min(1.0, 2 * tail), b[both] / a[both])


def draw(stream: BinaryIO, rows: list[dict[str, Any]], limit: int) -> None:
    """A PNG: the steps until divergence at each learning rate; a column for each cell, a row for each dtype."""
    cells, dtypes = (list(dict.fromkeys(row[key] for row in rows)) for key in ("cell", "dtype"))
    rates = sorted({row["lr"] for row in rows})
    figure = Figure(figsize=(3 * len(cells) + 0.5, 2.4 * len(dtypes) + 0.6), layout="constrained")
    panels = figure.subplots(len(dtypes), len(cells), sharex=True, sharey=True, squeeze=False)
    for i, dtype in enumerate(dtypes):
        for j, cell in enumerate(cells):
            chosen = [row for row in rows if (row["cell"], row["dtype"]) == (cell, dtype)]
            _draw_panel(panels[i, j], chosen, rates, limit)
            panels[i, j].set_title(f"{cell.upper()}, {dtype}")
        panels[i, 0].set_ylabel("steps until divergence")
    for axes in panels[-1]:
        axes.set_xlabel("learning rate")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(cells), frameon=False)
    figure.savefig(stream, format="png", dpi=110)


def _draw_panel(axes: Axes, rows: list[dict[str, Any]], rates: list[float], limit: int) -> None:
    """Each run is two points joined by a line: the steps of both pairs, side by side at its learning rate."""
    x = np.array([rates.index(row["lr"]) for row in rows])
    steps = np.array([[row[pair] or np.inf for row in rows] for pair in PAIRS])  # (2, runs)
    ends = np.minimum(steps, limit)
    axes.plot([x - 0.17, x + 0.17], ends, color="grey", linewidth=1)
    looks = (("NumPy and PyTorch", "#0072B2", "o", -0.17),
             ("NumPy and NumPy, hidden units permuted", "#E69F00", "D", 0.17))  # fmt: skip
    for (label, colour, marker, aside), y, diverged in zip(looks, ends, steps < np.inf, strict=True):
        axes.plot(x[diverged] + aside, y[diverged], marker, color=colour, label=label)
        axes.plot(x[~diverged] + aside, y[~diverged], marker, color=colour, markerfacecolor="white")
    axes.axhline(limit, color="grey", linestyle=":", label=f"not within {limit} steps", zorder=0)
    axes.set(yscale="log", xticks=range(len(rates)), xticklabels=[f"{rate:g}" for rate in rates])
    axes.set_xlim(-0.5, len(rates) - 0.5)
    axes.yaxis.set_major_formatter("{x:g}")
