"""What does a truncation cost in learning? Trains networks by TBPTT(1, k2) to say which symbol came some steps ago.

Prints a table of docs/vanishing.md: for each cell and k2 the share of right answers, three seeds each. The gradient
reaches a symbol of `lag` steps ago if k2 > lag. About ten minutes on one core.
"""

import argparse
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

from common.command_line import Parser, check_writable, status_of
from common.workers import run_all

import numpy as np

from numpy_rnn import GRU, LSTM, RNN, Adam, Linear, SequenceModel
from numpy_rnn.checks import check_size, expect
from numpy_rnn.files import atomic_write

LAYERS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
LAGS, K2, SEEDS = range(1, 7), (1, 2, 4, 8), range(3)
C, T, N, H, UPDATES, LR = 4, 20, 32, 32, 300, 0.01  # symbols, steps, sequences, hidden units


def recall(cell: str, k2: int, lag: int, seed: int) -> float:
    """The share of right answers after the training, on new sequences; guessing gives 1 / C."""
    rng = np.random.default_rng(seed)
    layer = LAYERS[cell](C, H, rng=rng)
    model = SequenceModel(layer, Linear(H, C, rng=rng))
    optimizer = Adam(model.params)
    for _ in range(UPDATES):
        symbols = rng.integers(0, C, (T + lag, N))
        x, labels = np.eye(C, dtype=np.float32)[symbols[lag:]], symbols[:T]  # the first `lag` labels were never in x
        _, grads, _ = model.gradients(x, labels, k1=1, k2=k2)
        optimizer.step(grads, lr=LR)
    symbols = rng.integers(0, C, (T + lag, N))
    h, _, _ = layer.forward(np.eye(C, dtype=np.float32)[symbols[lag:]])
    logits, _ = model.output.forward(h)
    return float((logits.argmax(axis=2) == symbols[:T])[lag:].mean())


def table(found: dict[tuple[str, int, int], list[float]]) -> str:
    """A row for each cell and k2; where the gradient reaches the symbol, the numbers are bold."""
    lines = [
        f"| cell | k2 | 1 step ago | {' | '.join(f'{lag} steps ago' for lag in LAGS[1:])} |",
        f"| --- | --- |{' --- |' * len(LAGS)}",
    ]
    for cell, k2 in product(LAYERS, K2):
        cells = [shown(found[cell, k2, lag], k2 > lag) for lag in LAGS]
        lines.append(f"| {cell} | {k2} | {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(accuracies: list[float], reached: bool) -> str:
    low, high = f"{min(accuracies):.2f}", f"{max(accuracies):.2f}"
    words = low if low == high else f"{low} to {high}"
    return f"**{words}**" if reached else words


class Results:
    """Finished trainings in a JSON file, written anew after each: what was stopped goes on from there."""

    def __init__(self, file: str | None):
        self.file, self.found = file, dict[str, float]()
        if file and Path(file).exists():
            try:
                self.found = {str(job): float(accuracy) for job, accuracy in json.loads(Path(file).read_text()).items()}
            except (ValueError, TypeError, AttributeError) as error:
                raise ValueError(f"json: expected a file of scripts/recall.py, got {file!r} ({error})") from error

    def add(self, job: tuple[Any, ...], accuracy: float) -> None:
        self.found[str(job)] = accuracy
        if self.file:
            with atomic_write(self.file) as stream:
                stream.write(json.dumps(self.found, indent=0).encode())


def trained(*job: Any) -> tuple[tuple[Any, ...], float]:
    return job, recall(*job)


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, help="networks at the same time (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="keep the finished ones here, and go on from there")
    return status_of("recall.py", show, parser.parse_args(arguments), "what is finished stands in the file of --json")


def show(args: argparse.Namespace) -> None:
    check_size("jobs", args.jobs)
    check_writable("json", args.json)
    results = Results(args.json)
    jobs = list(product(LAYERS, K2, LAGS, SEEDS))
    missing = [(str(job), job) for job in jobs if str(job) not in results.found]
    failed = run_all(trained, missing, args.jobs, lambda result: results.add(*result))
    expect(not failed, "networks", "all of them trained", "; ".join(failed))
    found: dict[tuple[str, int, int], list[float]] = {}
    for cell, k2, lag, seed in jobs:
        found.setdefault((cell, k2, lag), []).append(results.found[str((cell, k2, lag, seed))])
    print(table(found))


if __name__ == "__main__":
    sys.exit(main())
