"""How far does a gradient reach, and what does a truncation miss? Prints the tables of docs/vanishing.md, and draws.

The norm of dh_T/dh_k for eleven networks as they start, over 50 steps, beside the powers of W_hh's singular value and
spectral radius; a gradient that explodes though all eigenvalues are zero; and the bias of truncated gradients by k2.
Two to three minutes.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, BinaryIO

from common.command_line import Parser, check_new, check_writable, status_of
from common.pictures import BLUE, GREEN, GREY, ORANGE, new_figure, save
from common.run_folder import add_out, check_out, place

import numpy as np
from tqdm import tqdm

from numpy_rnn import GRU, LSTM, RNN
from numpy_rnn.files import atomic_write
from numpy_rnn.split import jacobians, smallest_k2, split, truncation_bias
from numpy_rnn.types import Array
from numpy_rnn.walk.task import orthogonal

T, D, H, SEEDS = 50, 32, 64, range(5)
LAGS, SHARES = (1, 10, 25, 50), (0.1, 0.05, 0.01)
LINES = (  # of the picture: the network, its colour, its line, what it is called, and how far above its end
    (("RNN, relu", "identity"), GREY, "-", "RNN, relu, W_hh = I", 0),
    (("RNN, tanh", "identity"), BLUE, ":", "RNN, W_hh = I", -7),
    (("LSTM, c", "PyTorch's, forget bias +1"), ORANGE, "--", "LSTM, forget bias +1", 0),
    (("RNN, tanh", "orthogonal"), BLUE, "--", "RNN, orthogonal", 7),
    (("GRU", "PyTorch's"), GREEN, "-", "GRU", 6),
    (("LSTM, c", "PyTorch's, forget bias 0"), ORANGE, "-", "LSTM", -6),
    (("RNN, tanh", "PyTorch's"), BLUE, "-", "RNN", 0),
)


INITIAL: dict[str, Callable[[np.random.Generator], Array] | None] = {
    "PyTorch's": None,
    "orthogonal": lambda rng: orthogonal(rng, H),
    "identity": lambda rng: np.eye(H),
}


def networks(seed: int) -> Iterator[tuple[str, str, Any, str]]:
    """The cell, how it starts, the layer, and which state is looked at."""
    for nonlinearity, (name, initial) in product(("tanh", "relu"), INITIAL.items()):
        rng = np.random.default_rng(seed)
        layer = RNN(D, H, nonlinearity=nonlinearity, dtype=np.float64, rng=rng)
        if initial:
            layer.params["W_hh_l0"][...] = initial(rng)
        yield f"RNN, {nonlinearity}", name, layer, "h"
    for bias, state in product((0, 1), "hc"):
        lstm = LSTM(D, H, dtype=np.float64, rng=np.random.default_rng(seed))
        lstm.params["b_xh_l0"][H : 2 * H] += bias  # the forget gate's
        yield f"LSTM, {state}", f"PyTorch's, forget bias {'+1' if bias else '0'}", lstm, state
    yield "GRU", "PyTorch's", GRU(D, H, dtype=np.float64, rng=np.random.default_rng(seed)), "h"


def decay(seed: int) -> dict[tuple[str, str], Array]:
    """For each network ||dh_T/dh_k|| by the lag T - k, (T + 1,)."""
    x = np.random.default_rng(100 + seed).normal(size=(T, 1, D))
    norms = {}
    for cell, start, layer, state in networks(seed):
        J = jacobians(layer, x, state=state)
        norms[cell, start] = np.linalg.norm(J, 2, axis=(1, 2))[::-1]
    return norms


def spread(values: list[float]) -> str:
    low, high = (f"{value:.0e}" if value < 0.01 else f"{value:.2g}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def decay_table(found: list[dict[tuple[str, str], Array]]) -> str:
    lines = [
        f"| cell | W_hh, biases | {' | '.join(f'lag {lag}' for lag in LAGS)} |",
        f"| --- | --- |{' --- |' * len(LAGS)}",
    ]
    for key in found[0]:
        cells = [spread([float(norms[key][lag]) for norms in found]) for lag in LAGS]
        lines.append(f"| {key[0]} | {key[1]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def bounds(seed: int) -> dict[str, tuple[float, float]]:
    """Of W_hh of each tanh RNN the largest singular value and the spectral radius, by how it starts."""
    found = {}
    for cell, start, layer, _ in networks(seed):
        if cell == "RNN, tanh":
            W = layer.params["W_hh_l0"]
            found[start] = float(np.linalg.norm(W, 2)), float(np.abs(np.linalg.eigvals(W)).max())
    return found


def bounds_table(found: list[dict[tuple[str, str], Array]]) -> str:
    """What the powers of both are after T steps, beside what was measured."""
    head = f"largest singular value | to the power {T} | spectral radius | to the power {T} | measured at lag {T}"
    lines = [f"| W_hh | {head} |", "| --- | --- | --- | --- | --- | --- |"]
    of_seeds = [bounds(seed) for seed in SEEDS]
    for start in of_seeds[0]:
        largest, radius = zip(*(of_seed[start] for of_seed in of_seeds), strict=True)
        measured = [float(norms["RNN, tanh", start][T]) for norms in found]
        columns = [largest, [s**T for s in largest], radius, [r**T for r in radius], measured]
        lines.append(f"| {start} | {' | '.join(spread(list(column)) for column in columns)} |")
    return "\n".join(lines)


def exploding(t: int) -> float:
    """||dh_t/dh_0|| of a tanh RNN with two units that stays at its fixed point (0, 1/2); all eigenvalues of W are 0."""
    W, h = np.array([[8.0, 8.0], [-8.0, -8.0]]), np.array([0.0, 0.5])
    layer = RNN(1, 2, dtype=np.float64)
    b = np.arctanh(h) - h @ W  # so that tanh(h W + b) = h
    layer = layer.with_params({"W_xh_l0": np.zeros((1, 2)), "W_hh_l0": W, "b_xh_l0": b, "b_hh_l0": 0 * b})
    return float(np.linalg.norm(jacobians(layer, np.zeros((t, 1, 1)), h.reshape(1, 1, 2))[0], 2))


def exploding_table() -> str:
    steps = (1, 2, 5, 10, 20)
    head = f"| t | {' | '.join(map(str, steps))} |\n| --- |{' --- |' * len(steps)}\n"
    return head + f"| norm of dh_t/dh_0 | {' | '.join(f'{exploding(t):,.4g}' for t in steps)} |"


def truncation(seed: int) -> dict[tuple[str, str], Array]:
    """For each network G of dW_hh, with a random gradient of every loss."""
    rng = np.random.default_rng(100 + seed)
    x, d_output = rng.normal(size=(T, 1, D)), rng.normal(size=(T, 1, H))
    return {
        (cell.removesuffix(", h"), start): split(layer, x, d_output)["W_hh_l0"]
        for cell, start, layer, state in networks(seed)
        if state == "h"
    }


def truncation_table(seeds: range) -> str:
    """k2 = 1, 2, 4, 8, 16 and the smallest k2 for each share, with k1 = 1."""
    shown = (1, 2, 4, 8, 16)
    lines = [
        f"| cell | W_hh, biases | {' | '.join(f'k2 = {k2}' for k2 in shown)} | "
        f"{' | '.join(f'k2 for {100 * share:g} %' for share in SHARES)} |",
        f"| --- | --- |{' --- |' * (len(shown) + len(SHARES))}",
    ]
    rows: dict[tuple[str, str], list[list[str | float]]] = {}
    for seed in tqdm(seeds, "truncation", disable=None):
        for key, G in truncation(seed).items():
            biases = [100 * truncation_bias(G, 1, k2).relative for k2 in shown]
            rows.setdefault(key, []).append([*biases, *(float(smallest_k2(G, share)) for share in SHARES)])
    for key, found in rows.items():
        columns = [[float(row[k]) for row in found] for k in range(len(shown) + len(SHARES))]
        percent = [f"{min(c):.2g} to {max(c):.2g} %" for c in columns[: len(shown)]]
        smallest = [f"{min(c):g} to {max(c):g}" if min(c) < max(c) else f"{min(c):g}" for c in columns[len(shown) :]]
        lines.append(f"| {key[0]} | {key[1]} | {' | '.join(percent + smallest)} |")
    return "\n".join(lines)


def draw(stream: BinaryIO, found: list[dict[tuple[str, str], Array]]) -> None:
    """A PNG: the norm against the lag, one line for each of some networks: the median of the seeds, and their range."""
    figure = new_figure(7.5, 5)
    axes = figure.subplots()
    for key, colour, style, words, up in LINES:
        norms = np.array([of_seed[key] for of_seed in found])
        middle = np.median(norms, axis=0)
        axes.semilogy(middle, style, color=colour, linewidth=1.5)
        axes.fill_between(range(T + 1), norms.min(axis=0), norms.max(axis=0), color=colour, alpha=0.2, linewidth=0)
        axes.annotate(words, (T, middle[-1]), (4, up), textcoords="offset points", color=colour, va="center")
    axes.set(xlabel="lag T - k, in steps", ylabel=r"norm of $dh_T/dh_k$ (LSTM: $dc_T/dc_k$)", xlim=(0, T))
    axes.set_title("The initial W_hh and forget bias matter more than gates")
    save(figure, stream)


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    add_out(parser)
    parser.add_argument("--picture", metavar="FILE", help="(default: vanishing.png)")
    parser.add_argument("--json", metavar="FILE", help="the norms by seed, network and lag (default: norms.json)")
    return status_of("vanishing.py", show, parser.parse_args(arguments))


def show(args: argparse.Namespace) -> None:
    check_writable("picture", args.picture)
    check_new("json", args.json)
    check_out(args)
    found = [decay(seed) for seed in tqdm(SEEDS, "Jacobians", disable=None)]
    print(decay_table(found), bounds_table(found), exploding_table(), truncation_table(SEEDS), sep="\n\n")
    place(args, {"picture": "vanishing.png", "json": "norms.json"}, "vanishing")
    norms = [{", ".join(key): values.tolist() for key, values in of_seed.items()} for of_seed in found]
    with atomic_write(args.json) as stream:
        stream.write(json.dumps({"norms": norms, "bounds": [bounds(seed) for seed in SEEDS]}).encode())
    with atomic_write(args.picture) as stream:
        draw(stream, found)
    print(f"\nPicture: {args.picture}\nNumbers: {args.json}")


if __name__ == "__main__":
    sys.exit(main())
