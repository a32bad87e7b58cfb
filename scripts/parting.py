"""When do two right implementations of the same training diverge, and why?

NumPy and PyTorch train freely from the same weights on the same toy batches, at a constant learning rate, until their
losses differ by 0.001. They do, at most rates; and yet in lockstep (scripts/compare.py --lockstep) every step agrees to
the last digits. The cause is rounding, amplified by training from step to step. For the proof a third run goes along:
NumPy's own code again, the hidden units of its network in another order. That is the same network, and exact numbers
would give the same training; but its sums are taken in another order, as PyTorch's are. The two pairs are compared
over several seeds: which one diverges first, how often, and by how much.
With its defaults it takes about five minutes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

RATES = (1e-2, 3e-2, 1e-1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=("rnn", "lstm", "gru"), default=["rnn", "lstm", "gru"],
                        help="(default: all three)")  # fmt: skip
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="learning rates (default: %(default)s)")
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2), help="(default: %(default)s)")
    parser.add_argument("--limit", type=int, default=500, help="training steps at most (default: %(default)s)")
    parser.add_argument("--optimizer", choices=("adam", "sgd"), default="adam", help="(default: %(default)s)")
    parser.add_argument("--picture", metavar="FILE", default="parting.png", help="(default: %(default)s)")
    args = parser.parse_args()
    try:
        measure(args)
    except (ValueError, OSError) as error:
        print(f"parting.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("parting.py: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def measure(args: argparse.Namespace) -> None:
    import torch
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    from numpy_rnn.checks import check_size
    from numpy_rnn.command_line import check_writable
    from numpy_rnn.config import DEFAULTS
    from numpy_rnn.data.text import cut
    from numpy_rnn.data.toy import load_toy
    from numpy_rnn.files import written_whole
    from torch_rnn.comparison import parting_step
    from torch_rnn.parting import PAIRS, draw, loss_differences

    check_size("limit", args.limit)
    check_writable("picture", args.picture)
    threadpool_limits(1)
    torch.set_num_threads(1)
    toy = replace(DEFAULTS["toy"], buckets=True, optimizer=args.optimizer)
    configs = [replace(toy, cell=cell, dtype=dtype, lr=lr, seed=seed) for cell in args.cells
               for dtype in ("float32", "float64") for lr in args.rates for seed in args.seeds]  # fmt: skip
    data = {seed: cut(load_toy(seed), toy.max_tokens, toy.keep) for seed in args.seeds}
    width = max(6 * len(args.seeds), 18)
    seeds = ", ".join(map(str, args.seeds))
    print(f"The step at which NumPy diverges from ..., with seed {seeds}; -: not within {args.limit} steps")
    print(f"{'cell':6}{'dtype':9}{'lr':>7}" + "".join(f"{pair:>{width}}" for pair in PAIRS), flush=True)
    rows: list[dict[str, Any]] = []
    for config in tqdm(configs, "training", leave=False, disable=None):
        differences = loss_differences(data[config.seed], config, args.limit)
        steps = {pair: parting_step(differences[pair]) for pair in PAIRS}
        rows.append({"cell": config.cell, "dtype": config.dtype, "lr": config.lr} | steps)
        if len(rows) % len(args.seeds) == 0:  # the last seed of this rate
            group = rows[-len(args.seeds) :]
            columns = ["".join(f"{row[pair] or '-':>6}" for row in group) for pair in PAIRS]
            tqdm.write(f"{config.cell:6}{config.dtype:9}{config.lr:7g}" + "".join(f"{c:>{width}}" for c in columns))
    report(rows)
    with written_whole(args.picture) as stream:
        draw(stream, rows, args.limit)
    print(f"\nPicture: {args.picture}")


def report(rows: list[dict[str, Any]]) -> None:
    """Which pair diverges first, how often, and by how much."""
    import numpy as np

    from torch_rnn.parting import PAIRS, verdict

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


if __name__ == "__main__":
    sys.exit(main())
