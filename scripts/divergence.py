"""When do two right implementations of the same training diverge, and why?

NumPy and PyTorch train freely from the same weights on the same toy batches, at a constant learning rate, until their
losses differ by 0.001. They do, at most rates; and yet in lockstep (scripts/compare.py --lockstep) every step agrees to
the last digits. The cause is rounding, amplified by training from step to step. For the proof a third run goes along:
NumPy's own code again, the hidden units of its network in another order. That is the same network, and exact numbers
would give the same training; but its sums are taken in another order, as PyTorch's are. The two pairs are compared
over several seeds: which one diverges first, how often, and by how much.
With its defaults it takes about two minutes.
"""

import argparse
import sys
from dataclasses import replace
from itertools import count
from math import comb
from typing import Any, BinaryIO, NamedTuple

from common.command_line import Parser, check_writable, status_of, use_threads
from common.pictures import BLUE, GREEN, GREY, ORANGE, new_figure, save
from common.run_folder import add_out, check_out, place

import numpy as np
from tqdm import tqdm

from numpy_rnn.checks import check_size, expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.config import CELLS, DEFAULTS, OPTIMIZERS, Config
from numpy_rnn.sentiment.data.batches import batches
from numpy_rnn.sentiment.data.text import Dataset, cut
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.models import SentimentModel, build_model
from numpy_rnn.sentiment.training import Trainer
from numpy_rnn.types import Array
from torch_rnn.comparison import DIVERGED, divergence_step
from torch_rnn.training import TorchTrainer

RATES = (1e-2, 3e-2, 1e-1)
PAIRS = ("PyTorch", "permuted NumPy")  # what NumPy's run is compared with


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), help="(default: all three)")
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="learning rates (default: %(default)s)")
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2), help="(default: %(default)s)")
    parser.add_argument("--limit", type=int, default=500, help="training steps at most (default: %(default)s)")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adam", help="(default: %(default)s)")
    add_out(parser)
    parser.add_argument("--picture", metavar="FILE", help="(default: divergence.png)")
    return status_of("divergence.py", measure, parser.parse_args(arguments))


def measure(args: argparse.Namespace) -> None:
    check_size("limit", args.limit)
    check_writable("picture", args.picture)
    check_out(args)
    use_threads(1)
    toy = replace(DEFAULTS["toy"], buckets=True, optimizer=args.optimizer)
    configs = [
        replace(toy, cell=cell, dtype=dtype, lr=lr, seed=seed)
        for cell in args.cells
        for dtype in ("float32", "float64")
        for lr in args.rates
        for seed in args.seeds
    ]
    data = {seed: cut(load_toy(seed), toy.max_tokens, toy.keep) for seed in args.seeds}
    width = max(6 * len(args.seeds), 18)
    seeds = ", ".join(map(str, args.seeds))
    print(f"The step at which NumPy diverges from ..., with seed {seeds}; -: not within {args.limit} steps")
    print(f"{'cell':6}{'dtype':9}{'lr':>7}" + "".join(f"{pair:>{width}}" for pair in PAIRS), flush=True)
    rows: list[dict[str, Any]] = []
    for config in tqdm(configs, "training", leave=False, disable=None):
        differences = loss_differences(data[config.seed], config, args.limit)
        steps = {pair: divergence_step(differences[pair]) for pair in PAIRS}
        rows.append({"cell": config.cell, "dtype": config.dtype, "lr": config.lr} | steps)
        if len(rows) % len(args.seeds) == 0:  # the last seed of this rate
            group = rows[-len(args.seeds) :]
            columns = ["".join(f"{row[pair] or '-':>6}" for row in group) for pair in PAIRS]
            tqdm.write(f"{config.cell:6}{config.dtype:9}{config.lr:7g}" + "".join(f"{c:>{width}}" for c in columns))
    report(rows)
    place(args, {"picture": "divergence.png"}, "divergence")
    with atomic_write(args.picture) as stream:
        draw(stream, rows, args.limit)
    print(f"\nPicture: {args.picture}")


def report(rows: list[dict[str, Any]]) -> None:
    """Which pair diverges first, how often, and by how much."""
    result = verdict([(row[PAIRS[0]], row[PAIRS[1]]) for row in rows])
    print(f"""
Of {len(rows)} runs NumPy diverges
    first from PyTorch            {result.torch_first:4}
    from both at the same step    {result.together:4}
    first from permuted NumPy     {result.permuted_first:4}
    from neither                  {result.neither:4}
Sign test: p = {result.p:.2g}; it is small if one of the two tends to be first.""")
    if result.ratios.size:
        low, tenth, median, ninth, high = np.quantile(result.ratios, [0, 0.1, 0.5, 0.9, 1])
        print(f"Steps from permuted NumPy / from PyTorch, in the {result.ratios.size} runs that diverge from both:")
        print(f"    median {median:.2f}, eight in ten {tenth:.2f} to {ninth:.2f}, all {low:.2f} to {high:.2f}")


def permute_units(model: SentimentModel, order: Array) -> None:
    """Renumbers the hidden units of a model of one layer, in place; order (H,) is a permutation of them.

    It is the same function, h'_t = h_t[order], and so is its training where the columns of the dropout mask (N, H) are
    renumbered, too. But every sum over hidden units is taken in another order, and rounds differently.
    """
    config = model.config
    expect(
        (config.system, config.num_layers, config.bidirectional) == ("basic", 1, False),
        "model",
        "one layer and one direction of system 'basic'",
        config,
    )
    columns = np.concatenate([order + gate * len(order) for gate in range(model.rnn.num_gates)])  # (G H,): gate by gate
    for name in ("W_xh", "W_hh", "b_xh", "b_hh"):  # what gives h_t
        p = model.params[f"rnn.{name}_l0"]
        p[...] = p[..., columns]
    for name in ("rnn.W_hh_l0", "linear.W"):  # what h_t is multiplied by
        p = model.params[name]
        p[...] = p[order]


def loss_differences(data: Dataset, config: Config, limit: int) -> dict[str, Array]:
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
            diverged = all(max(d) > DIVERGED for d in differences.values())
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
    ratios: Array  # steps from permuted NumPy / steps from PyTorch, of the runs in which both diverge


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
    """A PNG: each run is a point, the steps until each of the pairs diverges. On the diagonal both do at one step."""
    figure = new_figure(7, 6.5)
    axes = figure.subplots()
    ends = np.array([min(row[pair] or limit for row in rows for pair in PAIRS) / 1.5, 1.5 * limit])
    axes.plot(ends, ends, color=GREY, linewidth=1, zorder=0)
    for dtype, face in (("float32", None), ("float64", "white")):
        for cell, colour, marker in (("rnn", BLUE, "o"), ("lstm", ORANGE, "s"), ("gru", GREEN, "^")):
            mine = [row for row in rows if (row["cell"], row["dtype"]) == (cell, dtype)]
            if mine:
                x, y = ([row[pair] or limit for row in mine] for pair in PAIRS)
                label = f"{cell.upper()}, {dtype}"
                axes.plot(x, y, marker, color=colour, markerfacecolor=face or colour, markersize=7, label=label)
    neither = sum(not (row[PAIRS[0]] or row[PAIRS[1]]) for row in rows)
    if neither:
        text, arrow = f"{neither} runs here: from neither\nwithin {limit} steps", {"arrowstyle": "-", "color": GREY}
        axes.annotate(text, (limit, limit), (-60, -4), textcoords="offset points", ha="right", arrowprops=arrow)
    axes.set(xscale="log", yscale="log", aspect="equal", xlim=ends, ylim=ends)
    axes.set_title("NumPy diverges from itself as early as from PyTorch")
    axes.set_xlabel("steps until NumPy diverges from PyTorch")
    axes.set_ylabel("steps until NumPy diverges from itself,\nits hidden units in another order")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.legend(loc="lower right")
    save(figure, stream)


if __name__ == "__main__":
    sys.exit(main())
