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

import argparse
import itertools
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

from common.command_line import Parser, status_of, use_threads

import numpy as np
import torch
from tqdm import tqdm

from numpy_rnn import RNN, ElmanNetwork, numeric_gradients, reduce
from numpy_rnn.checks import check_size
from numpy_rnn.rtrl import rtrl
from numpy_rnn.types import Array, Params
from torch_rnn.comparison import relative_error
from torch_rnn.convert import from_torch_names, to_torch

LENGTHS = (1, 5, 20, 50)
SIZES = ((8, 20), (16, 20), (32, 20), (64, 20), (32, 200), (32, 4000))


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--error",
        choices=("squared_error", "cross_entropy"),
        default="squared_error",
        help="of the network's output at every step (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights and data (default: %(default)s)")
    parser.add_argument("--no-costs", action="store_true", help="leave out the second table, which takes a minute")
    return status_of("four_ways.py", print_tables, parser.parse_args(arguments))


def print_tables(args: argparse.Namespace) -> None:
    check_size("seed", args.seed, least=0)
    use_threads(1)
    tables = [disagreements(T, args.error, args.seed) for T in tqdm(LENGTHS, "gradients", leave=False, disable=None)]
    print(f"{'relative error in norm, worst parameter':40}" + "".join(f"{f'T = {T}':>10}" for T in LENGTHS))
    for pair in tables[0]:
        print(f"{' and '.join(pair):40}" + "".join(f"{table[pair]:10.1e}" for table in tables))
    if args.no_costs:
        return
    print(f"\n{'':16}{'seconds':>20}{'':10}{'memory, MiB':>20}")
    print(f"{'H':>6}{'T':>8}  " + f"{'BPTT':>10}{'RTRL':>10}{'ratio':>10}" * 2)
    for H, T in tqdm(SIZES, "costs", leave=False, disable=None):
        seconds, mebibytes = zip(*costs(H, T).values(), strict=True)  # BPTT's, RTRL's
        columns = f"{seconds[0]:10.4f}{seconds[1]:10.4f}{seconds[1] / seconds[0]:10.0f}"
        columns += f"{mebibytes[0]:10.2f}{mebibytes[1]:10.2f}{mebibytes[1] / mebibytes[0]:10.1f}"
        tqdm.write(f"{H:6d}{T:8d}  {columns}")


def gradients(network: ElmanNetwork, x: Array, y: Array, h_0: Array) -> dict[str, Params]:
    """The gradient of L = (1/N) sum over n and t of E_t for every parameter of the network, by the name of the way."""
    losses, _, cache = network.forward(x, y, h_0)
    _, d_losses = reduce(losses)
    bptt = network.backward(d_losses, cache).params

    dh, dW_hy, db_y = network.output_backward(d_losses, cache)  # what E_t says of its own h_t
    W_xh, W_hh, b_h = (network.params[name] for name in ("W_xh", "W_hh", "b_h"))
    hidden = RNN(len(W_xh), len(W_hh)).with_params(
        {"W_xh_l0": W_xh, "W_hh_l0": W_hh, "b_xh_l0": b_h, "b_hh_l0": np.zeros_like(b_h)}
    )
    forward = rtrl(hidden, x, dh, h_0[None])
    carried = {"W_xh": forward["W_xh_l0"], "W_hh": forward["W_hh_l0"], "b_h": forward["b_xh_l0"]}
    carried |= {"W_hy": dW_hy, "b_y": db_y}

    def loss(params: Params) -> Any:
        dtype = params["W_xh"].dtype
        return reduce(network.with_params(params).forward(x.astype(dtype), y, h_0.astype(dtype))[0])[0]

    module = to_torch(network)
    theirs, _, _ = module(torch.tensor(x), torch.tensor(y), torch.tensor(h_0))
    (theirs.sum() / x.shape[1]).backward()
    named = {name: p.grad.numpy() for name, p in module.named_parameters() if p.grad is not None}
    return {
        "BPTT": bptt,
        "RTRL": {name: carried[name] for name in bptt},
        "complex step": numeric_gradients(loss, network.params, "complex"),
        "autograd": from_torch_names(network, named),
        "finite differences": numeric_gradients(loss, network.params, "central"),
    }


def disagreements(T: int, error: str, seed: int = 0) -> dict[tuple[str, str], float]:
    """For each two ways the largest relative error in norm of any parameter's gradient, T steps, sequences of noise."""
    rng = np.random.default_rng(seed)
    N, D, H, C = 3, 4, 6, 5
    network = ElmanNetwork(D, H, C, error, np.float64, rng)
    for p in network.params.values():
        p[...] = rng.uniform(-0.7, 0.7, p.shape)
    classes = rng.integers(0, C, (T, N))
    y = np.eye(C)[classes] if error == "squared_error" else classes
    ways = gradients(network, rng.normal(size=(T, N, D)), y, rng.uniform(-1, 1, (N, H)))
    return {
        (one, other): max(relative_error(ways[one][name], ways[other][name]) for name in network.params)
        for one, other in itertools.combinations(ways, 2)
    }


class Cost(NamedTuple):
    seconds: float
    mebibytes: float  # the most that was allocated at one time


def costs(H: int, T: int, N: int = 8) -> dict[str, Cost]:
    """Forward and gradient of an RNN of H inputs and H hidden units, by BPTT and by RTRL."""
    rng = np.random.default_rng(0)
    layer = RNN(H, H, dtype=np.float64, rng=rng)
    x, d_output = rng.normal(size=(T, N, H)), rng.normal(size=(T, N, H))
    ways: dict[str, Callable[[], object]] = {
        "BPTT": lambda: layer.backward(d_output, None, layer.forward(x)[2]),
        "RTRL": lambda: rtrl(layer, x, d_output),
    }
    result = {}
    for name, way in ways.items():
        tracemalloc.start()
        way()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - start)
        result[name] = Cost(sorted(seconds)[1], peak / 2**20)
    return result


if __name__ == "__main__":
    sys.exit(main())
