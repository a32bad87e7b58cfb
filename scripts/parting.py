"""When do two right implementations of the same training part, and why?

NumPy and PyTorch train freely from the same weights on the same toy batches, at a constant learning rate, until their
losses differ by 0.001. They do, at most rates; and yet in lockstep (scripts/compare.py --lockstep) every step agrees to
the last digits. The cause is rounding, amplified by training from step to step. For the proof a third run goes along:
NumPy's own code again, where a single weight starts one unit in the last place (ulp) off. It parts from NumPy's run
about as soon as PyTorch does. float64 starts from differences a billion times smaller, and parts later.
With its defaults it takes about ten minutes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=("rnn", "lstm", "gru"), default=["rnn", "lstm", "gru"],
                        help="(default: all three)")  # fmt: skip
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="learning rates (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=1000, help="training steps at most (default: %(default)s)")
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
    configs = [replace(DEFAULTS["toy"], cell=cell, dtype=dtype, lr=lr, optimizer=args.optimizer)
               for cell in args.cells for dtype in ("float32", "float64") for lr in args.rates]  # fmt: skip
    data = cut(load_toy(0), configs[0].max_tokens, configs[0].keep)
    rows: list[dict[str, Any]] = []
    print(
        f"{'':22}NumPy parts at step ... from\n{'cell':6}{'dtype':9}{'lr':>7}{PAIRS[0]:>12}{PAIRS[1]:>12}", flush=True
    )
    for config in tqdm(configs, "training", leave=False, disable=None):
        differences = loss_differences(data, config, args.limit)
        parted = {pair: parting_step(differences[pair]) for pair in PAIRS}
        rows.append({"cell": config.cell, "dtype": config.dtype, "lr": config.lr} | parted)
        steps = "".join(f"{parted[pair] or f'> {args.limit}':>12}" for pair in PAIRS)
        tqdm.write(f"{config.cell:6}{config.dtype:9}{config.lr:7g}{steps}")
    with written_whole(args.picture) as stream:
        draw(stream, rows, args.limit)
    print(f"\nPicture: {args.picture}")


if __name__ == "__main__":
    sys.exit(main())
