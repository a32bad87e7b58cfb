"""How far does a gradient reach in networks that were trained on IMDB? Prints a table of docs/vanishing.md.

For each checkpoint of scripts/train.py: the norm of dh_T/dh_k over the last 50 words of some test reviews, of the
trained network and of the same network as it started. An LSTM has a row for h and one for c. About ten seconds.
"""

import argparse
import sys
from typing import Any

from common.command_line import Parser, add_data_options, load_data, status_of

import numpy as np
from vanishing import LAGS, spread

from numpy_rnn.checks import check_size, expect
from numpy_rnn.sentiment import build_model, load_checkpoint
from numpy_rnn.sentiment.data.text import Reviews
from numpy_rnn.split import jacobians
from numpy_rnn.types import Array

T = 50


def reach(model: Any, reviews: list[Array]) -> dict[str, Array]:
    """By the state, the norm of dh_T/dh_k (of an LSTM's c, dc_T/dc_k) by the lag, (reviews, T + 1)."""
    layer = model.rnn.with_params({name: p.astype(np.float64) for name, p in model.rnn.params.items()})
    norms: dict[str, list[Array]] = {name: [] for name in layer.state_names}
    for words in reviews:
        x = model.embedding.forward(words.astype(int)[:, None])[0].astype(np.float64)  # (words, 1, D)
        _, before, _ = layer.forward(x[:-T])
        for name in norms:
            norms[name].append(np.linalg.norm(jacobians(layer, x[-T:], before, name), 2, axis=(1, 2))[::-1])
    return {name: np.array(rows) for name, rows in norms.items()}


def chosen(reviews: Reviews, number: int) -> list[Array]:
    """The first reviews with more than T words, each as it is."""
    ids = [reviews.tokens[a:b] for a, b in zip(reviews.offsets[:-1], reviews.offsets[1:], strict=True)]
    return [words for words in ids if len(words) > T][:number]


def table(files: list[str], reviews: list[Array]) -> str:
    lines = [f"| network | as | {' | '.join(f'lag {lag}' for lag in LAGS)} |", f"| --- | --- |{' --- |' * len(LAGS)}"]
    for file in files:
        trained = load_checkpoint(file)
        config = trained.model.config
        expect(config.num_layers == 1 and not config.bidirectional, "FILE", "one layer and one direction", file)
        started = build_model(len(trained.vocabulary), config)
        for words, model in (("it starts", started), ("trained", trained.model)):
            for state, norms in reach(model, reviews).items():
                name = config.cell.upper() + (f", {state}" if config.cell == "lstm" else "")
                cells = [spread(norms[:, lag].tolist()) for lag in LAGS]
                lines.append(f"| {name} | {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="checkpoints of scripts/train.py")
    parser.add_argument("--reviews", type=int, default=20, help="of the test reviews (default: %(default)s)")
    add_data_options(parser)
    return status_of("vanishing_trained.py", show, parser.parse_args(arguments))


def show(args: argparse.Namespace) -> None:
    number = check_size("reviews", args.reviews)
    config = load_checkpoint(args.files[0]).model.config
    print(table(args.files, chosen(load_data(args, config).test, number)))


if __name__ == "__main__":
    sys.exit(main())
