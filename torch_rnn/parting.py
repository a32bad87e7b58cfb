"""When do two right implementations part? Free-running training, measured against the learning rate."""

from __future__ import annotations

from itertools import count
from typing import Any, BinaryIO

import numpy as np
from matplotlib.figure import Figure

from numpy_rnn.config import Config
from numpy_rnn.data.batches import batches
from numpy_rnn.data.text import Dataset
from numpy_rnn.models import build_model
from numpy_rnn.training import Trainer
from torch_rnn.comparison import PARTED
from torch_rnn.training import TorchTrainer

PAIRS = ("PyTorch", "one ulp")  # what NumPy's run is compared with


def loss_differences(data: Dataset, config: Config, limit: int) -> dict[str, np.ndarray]:
    """|loss difference| of every training step, at a constant learning rate, until both pairs have parted or `limit`.

    "PyTorch": between NumPy and PyTorch, from the same weights. "one ulp": between NumPy and NumPy, where a single
    weight starts one unit in the last place off. If the first pair parts no sooner than the second one, rounding is
    explanation enough.
    """
    ours, nudged = (Trainer(build_model(len(data.vocabulary), config)) for _ in range(2))
    twin = TorchTrainer(ours)
    W_hh = nudged.model.params["rnn.W_hh_l0"]
    W_hh[0, 0] = np.nextafter(W_hh[0, 0], W_hh.dtype.type(1))
    differences: dict[str, list[float]] = {pair: [] for pair in PAIRS}
    for epoch in count():
        for batch in batches(data.train, config, epoch):
            loss = ours.step(batch, config.lr).loss
            for pair, other in zip(PAIRS, (twin, nudged), strict=True):
                differences[pair].append(abs(loss - other.step(batch, config.lr).loss))  # type: ignore[attr-defined]
            parted = all(max(d) > PARTED for d in differences.values())
            if parted or len(differences["PyTorch"]) == limit:
                return {pair: np.array(d) for pair, d in differences.items()}
    raise AssertionError


def draw(stream: BinaryIO, rows: list[dict[str, Any]], limit: int) -> None:
    """A PNG: the parting steps against the learning rate, a panel for each cell."""
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    rates = sorted({row["lr"] for row in rows})
    figure = Figure(figsize=(4 * len(cells), 4), layout="constrained")
    panels = figure.subplots(1, len(cells), sharex=True, sharey=True, squeeze=False)[0]
    for axes, cell in zip(panels, cells, strict=True):
        for dtype, colour in (("float32", "tab:blue"), ("float64", "tab:orange")):
            chosen = [row for row in rows if (row["cell"], row["dtype"]) == (cell, dtype)]
            for pair, style, other in zip(PAIRS, ("o-", "x:"), ("PyTorch", "NumPy, a weight 1 ulp off"), strict=True):
                steps = [row[pair] or np.nan for row in chosen]
                label = f"{dtype}: NumPy and {other}"
                axes.loglog([row["lr"] for row in chosen], steps, style, color=colour, label=label)
            never = [row["lr"] for row in chosen if not row["PyTorch"]]
            axes.loglog(never, [limit] * len(never), "^", color=colour, fillstyle="none")
        axes.axhline(limit, color="grey", linestyle="--", linewidth=1)
        axes.set(xlabel="learning rate", title=cell, xticks=rates, xticklabels=[f"{rate:g}" for rate in rates])
        axes.minorticks_off()
    panels[0].set(ylabel=f"step at which the losses differ by {PARTED:g}")
    panels[0].plot([], [], "^", color="grey", fillstyle="none", label=f"not within {limit} steps")
    panels[0].legend(fontsize=7, loc="lower left")
    figure.savefig(stream, format="png", dpi=110)
