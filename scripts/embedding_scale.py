"""Why does rnncell learn more from embeddings of N(0, 0.1²) than from those of N(0, 1)?

First, of both systems as written and untrained: how far are the states from tanh's flat ends? Then variants of the rung
before repair 11 of scripts/ladder.py are trained. Each changes the table's scale, the initial W_xh or the learning rate
of the table alone, so that the possible reasons predict different accuracies. docs/embedding_scale.md has the results.
"""

import argparse
import json
import sys
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from common.command_line import Parser, add_data_options, add_threads, check_new, load_data, status_of, use_threads

import numpy as np
from tqdm import tqdm

from numpy_rnn.files import atomic_write
from numpy_rnn.optim import Adam
from numpy_rnn.sentiment.config import SYSTEMS, Config
from numpy_rnn.sentiment.data.batches import Batch, batches
from numpy_rnn.sentiment.data.text import Dataset, Reviews, select
from numpy_rnn.sentiment.models import SentimentModel, build_model
from numpy_rnn.sentiment.systems import as_written, for_toy, ladder
from numpy_rnn.sentiment.training import Trainer, train
from numpy_rnn.types import Array, Params

TABLE, W_XH = "embedding.W", "rnn.W_xh_l0"
PROBE = 320  # validation reviews on which states and gradients are looked at
OFTEN = (200, 1000)  # the words that are looked at: how often they occur in the training reviews, the end excluded


class Variant(NamedTuple):
    std: float  # of the table at the start
    table_rate: float = 1  # the table's learning rate, as a factor of all the others'
    w_xh: float = 1  # factor of the initial W_xh
    zero_below: int = 0  # words that occur less often start at zero


VARIANTS = {
    "1": Variant(1),
    "0.1": Variant(0.1),
    "1, rate x 10": Variant(1, table_rate=10),
    "0.1, rate / 10": Variant(0.1, table_rate=0.1),
    "1, W_xh / 10": Variant(1, w_xh=0.1),
    "0.1, W_xh x 10": Variant(0.1, w_xh=10),
    "1, frozen": Variant(1, table_rate=0),
    "1, rare at 0": Variant(1, zero_below=50),
    "1, all at 0": Variant(1, zero_below=10**9),
}


class AdamWithTableRate(Adam):
    """Adam with `factor` times the learning rate for the table."""

    def __init__(self, params: Params, factor: float):
        super().__init__({name: p for name, p in params.items() if name != TABLE})
        self.table, self.factor = Adam({TABLE: params[TABLE]}), factor

    def step(self, grads: Params, lr: float) -> None:
        super().step({name: grads[name] for name in self.params}, lr)
        self.table.step({TABLE: grads[TABLE]}, self.factor * lr)


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    add_data_options(parser)
    add_threads(parser)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="(default: all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], help="(default: 0 1)")
    parser.add_argument("--epochs", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--hidden-size", type=int, default=128, help="(default: %(default)s; the ladder has 300)")
    parser.add_argument("--json", metavar="FILE", help="all numbers, epoch by epoch")
    return status_of("embedding_scale.py", measure, parser.parse_args(arguments))


def measure(args: argparse.Namespace) -> None:
    check_new("json", args.json)
    use_threads(args.threads)
    rung = next(config for repair, config in ladder("rnncell") if repair and repair.number == "10")
    rung = for_toy(rung) if args.data == "toy" else rung
    rung = replace(rung, hidden_size=args.hidden_size, epochs=args.epochs)
    pending = [(name, replace(rung, seed=seed)) for name in args.variants for seed in args.seeds]
    untrained = {}
    for system in SYSTEMS:
        data = load_data(args, as_written(system))
        untrained[system] = states(build_model(len(data.vocabulary), as_written(system)), data.valid)
        print(
            "{} as written, untrained: median |h| {:.2f}, |h| > 0.9 {:.2%}, mean tanh' {:.2f}".format(
                system, *untrained[system]
            )
        )
    data = load_data(args, rung)
    runs = []
    print("\nvariant        seed  training loss  valid. accuracy  moved  correlation  of what was learnt  |h| > 0.9")
    for name, config in tqdm(pending, "runs", disable=None):
        run = {"variant": name, "seed": config.seed} | train_variant(VARIANTS[name], config, data)
        runs.append(run)
        last = run["epochs"][-1]
        tqdm.write(
            f"{name:15}{config.seed:4}{last['train_loss']:15.3f}{last['valid_accuracy']:17.1%}{run['moved']:7.3f}"
            f"{run['correlation']:13.2f}{run['correlation_learnt']:20.2f}{run['states'][1]:11.2%}"
        )
    if args.json:
        content = {"rung": asdict(rung), "untrained": untrained, "runs": runs}
        with atomic_write(args.json) as stream:
            stream.write(f"{json.dumps(content)}\n".encode())


def states(model: SentimentModel, reviews: Reviews) -> tuple[float, float, float]:
    """Median of |h|, share of |h| > 0.9, mean of tanh' = 1 - h^2: over all units and real steps of PROBE reviews."""
    real = []
    for batch in batches(probe(reviews), model.config):
        x, _ = model.embedding.forward(batch.ids)
        output, _, _ = model.rnn.forward(x, lengths=batch.lengths)  # (T, N, H)
        real.append(output[real_steps(batch)])
    h = np.concatenate(real)  # (R, H)
    return float(np.median(abs(h))), float((abs(h) > 0.9).mean()), float((1 - h * h).mean())


def probe(reviews: Reviews) -> Reviews:
    return select(reviews, range(min(PROBE, len(reviews))))


def real_steps(batch: Batch) -> Array:
    """(T, N): no pads."""
    return np.arange(len(batch.ids))[:, None] < batch.lengths


def start_training(variant: Variant, config: Config, data: Dataset) -> Trainer:
    model = build_model(len(data.vocabulary), replace(config, embedding_std=variant.std))
    model.params[W_XH][...] *= variant.w_xh
    model.params[TABLE][counts(data)[0] < variant.zero_below] = 0
    trainer = Trainer(model)
    trainer.optimizer = AdamWithTableRate(model.params, variant.table_rate)
    return trainer


def train_variant(variant: Variant, config: Config, data: Dataset) -> dict[str, Any]:
    """What the epochs brought, `states` before and after, and what `look_at_words` says of the trained table."""
    trainer = start_training(variant, config, data)
    model = trainer.model
    W_0, before = model.params[TABLE].copy(), states(model, data.valid)
    epochs = list(train(trainer, data))
    words = look_at_words(model.params[TABLE], W_0, direction_of(model, data.valid), data)
    words["moved"] /= variant.std
    return {"epochs": epochs, "states_before": before, "states": states(model, data.valid)} | words


def look_at_words(W: Array, W_0: Array, direction: Array, data: Dataset) -> dict[str, float]:
    """Of the words that occur OFTEN; W, W_0 (V, D): the table after and before the training, direction (D,).

    moved: the root mean square of W - W_0. correlation: of the words' projections on the direction with their log-odds.
    correlation_learnt: the same of W - W_0 alone, 0 for a table that stood still.
    """
    count, log_odds = counts(data)
    often = (OFTEN[0] <= count) & (count < OFTEN[1])  # (V,)
    whole, learnt = W[often], (W - W_0)[often]
    moved = float(np.sqrt((learnt**2).mean()))
    correlations = [
        np.corrcoef(part @ direction, log_odds[often])[0, 1] if part.any() else 0 for part in (whole, learnt)
    ]
    return {"moved": moved, "correlation": float(correlations[0]), "correlation_learnt": float(correlations[1])}


def counts(data: Dataset) -> tuple[Array, Array]:
    """How often each token id occurs, (V,); the log-odds of standing in a positive review, one added to each count."""
    reviews, V = data.train, len(data.vocabulary)
    positive = np.repeat(reviews.labels, np.diff(reviews.offsets)) == 1  # by token
    pro, con = (np.bincount(reviews.tokens[chosen], minlength=V) for chosen in (positive, ~positive))
    return pro + con, np.log((pro + 1) / (con + 1))


def direction_of(model: SentimentModel, reviews: Reviews) -> Array:
    """(D,): the gradient of positive minus negative logit at a word's embedding, mean over the words of PROBE reviews.

    To first order, the projection of a word on it is what the word says for a positive answer.
    """
    total = np.zeros(model.config.embedding_size)
    for batch in batches(probe(reviews), model.config):
        logits, cache = model.forward(batch.ids, batch.lengths)
        d_logits = np.zeros_like(logits)  # (N, C)
        d_logits[:, -1], d_logits[:, -2] = 1, -1
        dx, _ = model.backward_to_embeddings(d_logits, cache)  # (T, N, D)
        total += dx[real_steps(batch)].sum(axis=0)
    return total / np.linalg.norm(total)


if __name__ == "__main__":
    sys.exit(main())
