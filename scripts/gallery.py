"""The gallery of wrong RNNs: what a wrong line does to the gradient, whether the network still learns, what the checker
says. Writes docs/gallery.md.

Every entry is the right file of `python -m numpy_rnn.check`, with one line written otherwise. Its gradients are
compared with the right ones on the toy task, at two sizes of the weights; the network is trained on the task with the
wrong gradient, three seeds each, and it is given to the checker.
"""

import argparse
import re
import sys
import tempfile
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

from common.command_line import Parser, check_writable, status_of
from common.gallery_entries import ENTRIES, Entry

import numpy as np
from tqdm import tqdm

from numpy_rnn.check.causes import Cause
from numpy_rnn.check.report import verdict
from numpy_rnn.check.runner import run
from numpy_rnn.check.template import FILLED, right_line
from numpy_rnn.files import atomic_write
from numpy_rnn.losses import softmax, softmax_backward, squared_error_backward
from numpy_rnn.optim import Adam
from numpy_rnn.types import Array, Params

T, N, C, H = 20, 32, 4, 32  # steps, sequences, symbols, hidden units
LAGS, SEEDS, UPDATES, LR = (1, 5), (0, 1, 2), 400, 0.01
LEARNT = 0.95  # an accuracy that counts as learnt
MINUTES = 3  # that this script takes
GATES = {"rnn": 1, "network": 1, "lstm": 4, "gru": 3}
Names = dict[str, Any]  # what a file defines


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--out", metavar="FILE", default="docs/gallery.md", help="(default: %(default)s)")
    return status_of("gallery.py", write, parser.parse_args(arguments))


def write(args: argparse.Namespace) -> None:
    check_writable("out", args.out)
    jobs = [(pair, source) for pair, source in [*FILLED.items(), *((entry.pair, entry.source) for entry in ENTRIES)]]
    learnt = [learns(pair, source) for pair, source in tqdm(jobs, "networks", disable=None)]
    page = as_page(learnt[: len(FILLED)], learnt[len(FILLED) :])
    with atomic_write(args.out) as stream:
        stream.write(page.encode())
    print(args.out)


def defined(source: str) -> Names:
    names: Names = {}
    exec(source, names)
    return names


def start(pair: str, rng: np.random.Generator, bound: float) -> Params:
    """All parameters from U(-bound, bound), those of the output layer, too."""
    G = GATES[pair] * H
    shapes: dict[str, tuple[int, ...]] = {"W_xh": (C, G), "W_hh": (H, G), "W_hy": (H, C), "b_y": (C,)}
    shapes |= {"b_xh": (G,), "b_hh": (G,)} if GATES[pair] > 1 else {"b_h": (H,)}
    return {name: rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}


def batch(rng: np.random.Generator, lag: int) -> tuple[Array, Array]:
    """x and y, (T, N, C), one-hot: y is the symbol of `lag` steps ago. The first ones were never in x."""
    symbols = np.eye(C)[rng.integers(0, C, (T + lag, N))]
    return symbols[lag:], symbols[:T]


def gradients(pair: str, names: Names, p: Params, x: Array, y: Array) -> tuple[Params, Array]:
    """Of the sum over t and the mean over n of (1/C) sum_c (y^_c - y_c)^2, by a file's own functions; and y^."""
    zeros = np.zeros((N, H))
    if pair == "network":
        order = [p[name] for name in ("W_xh", "W_hh", "W_hy", "b_h", "b_y")]
        hs, y_hat, _ = names["network_forward"](x, y, zeros, *order)
        grads = names["network_backward"](x, y, hs, y_hat, *order)
        return {name: grads[f"d{name}"] / N for name in p}, y_hat
    recurrent = [p[name] for name in ("W_xh", "W_hh", "b_h", "b_xh", "b_hh") if name in p]
    prefix = "" if pair == "rnn" else f"{pair}_"
    states = names[f"{prefix}forward"](x, *([zeros] * (2 if pair == "lstm" else 1)), *recurrent)
    states = states if isinstance(states, tuple) else (states,)
    y_hat = softmax(states[0][1:] @ p["W_hy"] + p["b_y"])
    do = softmax_backward(squared_error_backward(np.full((T, N), 1 / N), y_hat - y), y_hat)
    grads = names[f"{prefix}backward"](do @ p["W_hy"].T, x, *states, *recurrent)
    found = {name: grads[f"d{name}"] for name in p if name not in ("W_hy", "b_y")}
    return found | {"W_hy": np.einsum("tnh,tnc->hc", states[0][1:], do), "b_y": do.sum(axis=(0, 1))}, y_hat


def learns(pair: str, source: str) -> list[list[float]]:
    """For each lag the accuracy of each seed, on a new batch after training with the file's own gradients."""
    return [[accuracy(pair, source, lag, seed) for seed in SEEDS] for lag in LAGS]


def accuracy(pair: str, source: str, lag: int, seed: int) -> float:
    names, rng = defined(source), np.random.default_rng(seed)
    optimizer = Adam(start(pair, rng, H**-0.5))
    with np.errstate(all="ignore"):  # a wrong gradient may explode
        for _ in range(UPDATES):
            grads, _ = gradients(pair, names, optimizer.params, *batch(rng, lag))
            optimizer.step({name: grad.astype(float) for name, grad in grads.items()}, lr=LR)
        x, y = batch(rng, lag)
        _, y_hat = gradients(pair, names, optimizer.params, x, y)
    return float((y_hat.argmax(axis=2) == y.argmax(axis=2))[lag:].mean())


def error(entry: Entry, bound: float) -> tuple[str, float]:
    """The parameter whose gradient is wrong the most on the toy task, and by how much: |theirs - right| / |right|."""
    rng = np.random.default_rng(0)
    p, (x, y) = start(entry.pair, rng, bound), batch(rng, 1)
    right, _ = gradients(entry.pair, defined(FILLED[entry.pair]), p, x, y)
    theirs, _ = gradients(entry.pair, defined(entry.source), p, x, y)
    errors = {name: np.linalg.norm(theirs[name] - right[name]) / np.linalg.norm(right[name]) for name in p}
    worst = max(errors, key=lambda name: float(errors[name]))
    return f"d{worst}", float(errors[worst])


@cache
def verdict_of(entry: Entry) -> tuple[list[str], list[Cause]]:
    """What the checker says: the gradients that are wrong, and the causes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mine.py"
        file.write_text(entry.source)
        found = verdict(run(str(file)))
    return [name for name, gradient in found.gradients.items() if not gradient.right], found.causes


def learnt_as(accuracies: list[float]) -> str:
    """One number, if all seeds have the same."""
    numbers = [f"{accuracy:.2f}" for accuracy in accuracies]
    return ", ".join(numbers) if len(set(numbers)) > 1 else numbers[0]


def row(number: int, entry: Entry, learnt: list[list[float]]) -> str:
    name, usual = error(entry, H**-0.5)
    small_name, small = error(entry, 1e-3)
    small_error = f"{small:.1g} (`{small_name}`)" if small else "0"
    _, causes = verdict_of(entry)
    unnamed = "" if causes[0].reproduced or causes[0].id == "unknown" else ", by pattern"
    cause = f"`{causes[0].id}`{unnamed}"
    title = f"[{entry.title}](#{anchor(number, entry.title)})"
    recall = " | ".join(map(learnt_as, learnt))
    usual_error = f"{usual:.1g} (`{name}`)" if usual else "0"
    return f"| {number} | {entry.pair} | {title} | {small_error} | {usual_error} | {recall} | {cause} |"


def anchor(number: int, title: str) -> str:
    """Of a heading, as GitHub makes it."""
    return "".join(c for c in f"{number}. {title}".lower().replace(" ", "-") if c.isalnum() or c in "-_")


def filled(paragraph: str) -> str:
    """In lines of at most 100 characters."""
    return textwrap.fill(paragraph, 100, break_on_hyphens=False, break_long_words=False)


def section(number: int, entry: Entry) -> str:
    right = right_line(entry.pair, entry.target).text
    wrong = "\n".join(f"+ {line.strip()}" for line in entry.wrong.splitlines())
    arrays, causes = verdict_of(entry)
    said = f"Wrong: {', '.join(f'`{name}`' for name in arrays)}." if arrays else "All gradients are right."
    cause = causes[0]
    said += f" {'Reproduced' if cause.reproduced else 'By pattern'}, `{cause.id}`: {cause.text}"
    text = re.sub(r"([\w-]+/[\w-]+)#(\d+)", r"[\1#\2](https://github.com/\1/issues/\2)", entry.text)
    words = [filled(text), filled(said)]
    return f"### {number}. {entry.title}\n\n```diff\n- {right}\n{wrong}\n```\n\n" + "\n\n".join(words) + "\n"


HEAD = """\
# Which wrong lines learn all the same?

Most of them. Of {all} wrong lines, {changing} change the gradients that the network is trained with
by more than 1e-6. With {short} of these it still learns a short task, and with {long} a long one, too (all seeds above
{learnt}). So a falling loss does not show that a gradient is right. Each row below is a right
network with one line written otherwise, as it was found in tutorials and assignments, or as it is
easily written. The last column is what [the checker](check.md) says.

The task is like that of the README: which of four symbols came so many steps ago? Guessing gives
0.25. The networks have {H} hidden units. They are trained on {updates} batches of {N} sequences with
{T} steps each, by Adam with a rate of {lr}; the columns have the accuracy of the seeds {seeds}. The
error is |wrong - right| / |right| of the parameter whose gradient is wrong the most: once with
weights from U(-0.001, 0.001), and once with the usual ones, from U(-1/sqrt(H), 1/sqrt(H)). An error of 0 in both
columns means that the gradients of the parameters are right, and something else is wrong. "By pattern" means that the
checker describes the results of a bug that it does not know. An rnn has d_hs as an argument, a network
also has its outputs and losses.

"""
FOOT = """
This command made the page: every entry is a file that is run, trained and checked (about {minutes}
minutes on one core). A test makes all but the accuracies again, and some of those.

    .venv/bin/python scripts/gallery.py
"""


def as_page(right: list[list[list[float]]], wrong: list[list[list[float]]]) -> str:
    """`right` has the accuracies of the right networks, `wrong` those of the entries: by lag, then by seed."""
    settings = {"T": T, "N": N, "H": H, "updates": UPDATES, "lr": LR, "seeds": ", ".join(map(str, SEEDS))}
    changing = [learnt for entry, learnt in zip(ENTRIES, wrong, strict=True) if error(entry, H**-0.5)[1] > 1e-6]
    short, long = (sum(min(learnt[k]) >= LEARNT for learnt in changing) for k in range(2))
    settings |= {"all": len(ENTRIES), "changing": len(changing), "short": short, "long": long, "learnt": LEARNT}
    recall = " | ".join(f"recalls {lag} step{'s' * (lag > 1)} ago" for lag in LAGS)
    table = [
        f"| | network | the line | error, weights 1/1000 | error, usual weights | {recall} | the checker |",
        f"| --- | --- | --- | --- | --- | {' | '.join('---' for _ in LAGS)} | --- |",
    ]
    for pair, learnt in zip(FILLED, right, strict=True):
        table.append(f"| | {pair} | all lines are right | 0 | 0 | {' | '.join(map(learnt_as, learnt))} | right |")
    table += [row(k, entry, learnt) for k, (entry, learnt) in enumerate(zip(ENTRIES, wrong, strict=True), 1)]
    sections = [section(number, entry) for number, entry in enumerate(ENTRIES, 1)]
    head = "\n\n".join(map(filled, HEAD.format(**settings).split("\n\n")))
    return head + "\n".join(table) + "\n\n" + "\n".join(sections) + FOOT.format(minutes=MINUTES)


if __name__ == "__main__":
    sys.exit(main())
