"""One gradient, derived in four independent ways, and by finite differences: do they agree, and what do they cost?

BPTT                back through time, by hand (numpy_rnn/elman.py, numpy_rnn/rnn.py)
RTRL                forward in time, by hand (numpy_rnn/rtrl.py)
complex step        no derivation at all: the forward pass with complex numbers (numpy_rnn/derivative.py)
autograd            PyTorch's, on the twin network
finite differences  no derivation either, and eleven of sixteen digits

The first table has, for each two of them, the largest relative error in norm of any parameter's gradient, for sequences
of several lengths. All five run on the same network, weights and data, in float64. The second table has what BPTT and
RTRL cost, in time and memory, as the number of hidden units grows, and as the sequence grows.
"""

from __future__ import annotations

import argparse
import sys

LENGTHS = (1, 5, 20, 50)
SIZES = ((8, 20), (16, 20), (32, 20), (64, 20), (32, 200), (32, 2000))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--error", choices=("squared_error", "cross_entropy"), default="squared_error",
                        help="of the network's output at every step (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of weights and data (default: %(default)s)")
    parser.add_argument("--no-costs", action="store_true", help="leave out the second table, which takes a minute")
    args = parser.parse_args()
    if args.seed < 0:
        print(f"four_ways.py: seed: expected a whole number >= 0, got {args.seed}", file=sys.stderr)
        return 2

    import torch
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    from torch_rnn.four_ways import costs, disagreements

    threadpool_limits(1)
    torch.set_num_threads(1)
    tables = [disagreements(T, args.error, args.seed) for T in tqdm(LENGTHS, "gradients", leave=False, disable=None)]
    print(f"{'relative error in norm, worst parameter':40}" + "".join(f"{f'T = {T}':>10}" for T in LENGTHS))
    for pair in tables[0]:
        print(f"{' and '.join(pair):40}" + "".join(f"{table[pair]:10.1e}" for table in tables))
    if args.no_costs:
        return 0
    print(f"\n{'':16}{'seconds':>20}{'':10}{'memory, MiB':>20}")
    print(f"{'H':>6}{'T':>8}  " + f"{'BPTT':>10}{'RTRL':>10}{'ratio':>10}" * 2)
    for H, T in tqdm(SIZES, "costs", leave=False, disable=None):
        bptt, rtrl = costs(H, T).values()
        tqdm.write(f"{H:6d}{T:8d}  {bptt.seconds:10.4f}{rtrl.seconds:10.4f}{rtrl.seconds / bptt.seconds:10.0f}"
                   f"{bptt.mebibytes:10.2f}{rtrl.mebibytes:10.2f}{rtrl.mebibytes / bptt.mebibytes:10.1f}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
