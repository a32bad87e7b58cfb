"""Why is this model at 50 %? A few numbers that tell, and what they say in a plain sentence."""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from numpy_rnn.losses import cross_entropy, cross_entropy_backward
from numpy_rnn.rnn import derivative
from numpy_rnn.sentiment.data.batches import batches, first_class
from numpy_rnn.sentiment.data.text import Reviews
from numpy_rnn.sentiment.models import ModelCache, SentimentModel
from numpy_rnn.sentiment.prediction import CLASSES, positive
from numpy_rnn.types import Array


class Diagnosis(NamedTuple):
    reviews: int
    loss: float  # mean per review
    chance_loss: float  # the entropy of the labels: the loss of always giving their shares; ln 2 if they are equal
    accuracy: float
    chance: float  # the accuracy to expect if the same answers were dealt out blindly
    noise: float  # how far from it they may come by luck
    answer: str  # what is answered most often,
    share: float  # and how often
    spread: float  # standard deviation of P(positive) over the reviews
    length_correlation: float  # of P(positive) with the number of words that are read; NaN if one is constant
    pads: float  # steps between the last real token and the step whose state is read, mean
    kept: float  # |dL/dx| at the last real token, as a share of the largest from there on, over the pads; median
    gradient: float  # the largest |dL/dx_t| |x_t| of a review: what changing a word by its own size can do; mean
    slope: float  # f'(z) of the tanh or relu that a word goes through on its way into the state, mean
    embedding_std: float  # standard deviation of the embeddings


@np.errstate(over="ignore", invalid="ignore")  # exploded weights are diagnosed, too
def diagnose(model: SentimentModel, reviews: Reviews) -> Diagnosis:
    """Answers all the reviews and sends each one's loss L back to its words x_t."""
    config, n, W = model.config, len(reviews), model.params["embedding.W"]
    loss, p, answers, pads, kept, gradient, slopes = (np.empty(n) for _ in range(7))
    for batch in tqdm(batches(reviews, config), "diagnosis", -(-n // config.batch_size), leave=False, disable=None):
        logits, cache = model.forward(batch.ids, batch.lengths)
        losses, loss_cache = cross_entropy(logits, batch.labels)
        dx, _ = model.backward_to_embeddings(cross_entropy_backward(np.ones_like(losses), loss_cache), cache)
        norms, i, t = np.linalg.norm(dx, axis=2), batch.which, np.arange(len(dx))[:, None]  # (T, N), (N,), (T, 1)
        largest = np.where(t >= batch.lengths - 1, norms, 0).max(axis=0)
        at_last = norms[batch.lengths - 1, np.arange(len(i))]
        loss[i], p[i], answers[i] = losses, positive(logits, config), logits.argmax(axis=1) - first_class(config)
        pads[i] = len(batch.ids) - batch.lengths if config.readout == "last" else 0
        kept[i] = np.where(largest > 0, at_last / np.where(largest > 0, largest, 1), 1)
        gradient[i] = (norms * np.linalg.norm(W, axis=1)[batch.ids]).max(axis=0)
        slopes[i] = slope(model, cache, batch.lengths)
    shares = [float((answers == c).mean()) for c in (0, 1, -1)]  # a third output, as written, stands for neither
    most = int(np.argmax(shares))
    chance, noise = blind(answers, reviews.labels)
    return Diagnosis(
        reviews=n,
        loss=float(loss.mean()),
        chance_loss=entropy(reviews.labels),
        accuracy=float((answers == reviews.labels).mean()),
        chance=chance,
        noise=noise,
        answer=(*CLASSES, "neither")[most],
        share=shares[most],
        spread=float(p.std()),
        length_correlation=correlation(p, np.diff(reviews.offsets)),
        pads=float(pads.mean()),
        kept=float(np.median(kept)),
        gradient=float(gradient.mean()),
        slope=float(slopes.mean()),
        embedding_std=float(W.std()),
    )


def blind(answers: Array, labels: Array) -> tuple[float, float]:
    """The accuracy to expect if the same answers (n,) met the labels (n,) in random order, and how far off luck goes:
    three standard deviations, and 2 / n, as two answers that change places make the smallest step.

    sum_c P(answer c) P(label c); of a constant answer it is the share of that label.
    Source: Cohen (1960), "A coefficient of agreement for nominal scales".
    """
    chance = sum((answers == c).mean() * (labels == c).mean() for c in (0, 1))
    sign = (answers == 1) * 1.0 - (answers == 0)  # the number of right ones is a constant + sum of sign * label
    return float(chance), float(3 * sign.std() * labels.std() / np.sqrt(len(labels)) + 2 / len(labels))


def entropy(labels: Array) -> float:
    """-sum_c P(label c) ln P(label c)."""
    shares = [(labels == c).mean() for c in (0, 1)]
    return float(-sum(share * np.log(share) for share in shares if share > 0))


def correlation(p: Array, lengths: Array) -> float:
    """NaN if one of them is constant; a standard deviation below 1e-6 is p's rounding."""
    return float(np.corrcoef(p, lengths)[0, 1]) if p.std() > 1e-6 and lengths.std() > 0 else np.nan


def slope(model: SentimentModel, cache: ModelCache, lengths: Array) -> Array:
    """(N,): the mean over a review's real steps, all units and layers of f'(z), f being h_t's tanh or relu in an RNN,
    g's tanh in an LSTM, n's in a GRU. 1: all units are open; 0: nothing gets back through any."""
    means = []
    for layer in cache.rnn.layers:
        h = layer.states[0][1:] if layer.gates is None else layer.gates[:, 2]  # (T, N, H): f(z)
        of_step = derivative(h, model.config.nonlinearity).mean(axis=2)  # (T, N)
        real = np.arange(len(h))[:, None] < lengths  # (T, N)
        means.append(np.where(real, of_step, 0).sum(axis=0) / lengths)
    return np.mean(means, axis=0)


def verdict(d: Diagnosis) -> str:
    """What the numbers say, the plainest sign first."""
    against = f"{d.accuracy:.1%} right and loss {d.loss:.3f}, by chance {d.chance:.1%} and {d.chance_loss:.3f}"
    if not np.isfinite(d.loss):
        return f"It has exploded (loss {d.loss}): its weights are too large. Clip the gradients, and take a lower rate."
    if d.accuracy < d.chance - d.noise:
        return f"It is worse than chance ({against}): are the labels the wrong way round?"
    if d.accuracy > d.chance + max(d.noise, 0.2 * (1 - d.chance)):  # a fifth of what chance leaves
        but = f" But {d.pads:.0f} pads follow the last word before the state is read." if d.pads >= 1 else ""
        return f"It has learnt something ({against}).{but}"
    where = "at chance" if d.accuracy <= d.chance + d.noise else "little better than chance"
    return f"It is {where} ({against}){cause(d)}"


def cause(d: Diagnosis) -> str:
    """Why it has learnt nothing."""
    if d.slope < 0.1:
        return (
            f", for its units are saturated or dead (mean slope {d.slope:.2f}; that of open units is 1), and no "
            f"error gets through to the words: the embeddings (standard deviation {d.embedding_std:.3g}; 0.1 is a "
            "good start) or the weights are too large."
        )
    if d.pads >= 1 and d.kept < 0.1:
        return (
            f", for it has forgotten the review when it answers: {d.pads:.0f} pads follow the last word before "
            f"the state is read, and the error sent back has shrunk to {d.kept:.0e} of its size when it "
            "arrives there. Read the state at the last real step, or the mean over the real steps."
        )
    if d.share <= 0.9 and d.spread > 0.05 and abs(d.length_correlation) > max(0.5, 3 / np.sqrt(d.reviews)):
        return (
            f", and its answer goes with the length of the review (correlation {d.length_correlation:.2f}): it "
            "has learnt to count, pads perhaps."
        )
    if d.gradient < 1e-6:
        return ", for no word makes a difference to its answer: embeddings or weights are zero, or close to it."
    if d.share > 0.9:
        return (
            f", and answers {d.answer} to {d.share:.0%} of the reviews, whatever they say: it is not trained yet, "
            "or its weights or its learning rate are too large."
        )
    if d.loss > 2 * np.log(2):  # twice a coin's
        return (
            ", and is sure of its answers all the same: its weights or its learning rate are too large, or it has "
            "learnt its training reviews by heart."
        )
    return (
        ", though the error reaches the words: try a tenth of the learning rate and ten times as much, and "
        "more epochs; or what decides is not among the words that are kept."
    )
