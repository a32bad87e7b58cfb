"""Why is this model at 50 %? A few numbers that show it, and a sentence that explains them."""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from numpy_rnn.losses import cross_entropy, cross_entropy_backward
from numpy_rnn.packing import restore
from numpy_rnn.rnn import derivative
from numpy_rnn.sentiment.data.batches import batches, first_class
from numpy_rnn.sentiment.data.text import Reviews
from numpy_rnn.sentiment.models import ModelCache, SentimentModel
from numpy_rnn.sentiment.prediction import CLASSES, positive
from numpy_rnn.types import Array


class Diagnosis(NamedTuple):
    """What `diagnose` measures."""

    reviews: int  # how many
    loss: float  # the mean per review
    chance_loss: float  # the loss if every answer is the labels' shares: their entropy, ln 2 for equal shares
    accuracy: float
    chance: float  # the expected accuracy of the same answers in random order
    noise: float  # how far from `chance` the accuracy can be by luck
    answer: str  # the most frequent answer
    share: float  # its share of all answers
    spread: float  # the standard deviation of P(positive) over the reviews
    length_correlation: float  # of P(positive) with the number of words that are read; NaN if one is constant
    pads: float  # steps from the last real token to the step whose state is read, the mean
    kept: float  # |dL/dx| at the last real token / the largest at this token and the pads; the median
    gradient: float  # the largest |dL/dx_t| |x_t| of a review: the effect of a change as large as the word; the mean
    slope: float  # f'(z) of the tanh or relu between a word and the state, the mean
    embedding_std: float  # the standard deviation of the embeddings


@np.errstate(over="ignore", invalid="ignore")  # also for weights that have exploded
def diagnose(model: SentimentModel, reviews: Reviews) -> Diagnosis:
    """Measures a model on reviews: its answers, and the gradient of each review's loss L at its words x_t."""
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
    shares = [float((answers == c).mean()) for c in (0, 1, -1)]  # -1: a third output, which stands for no class
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
    """The accuracy that the same answers have in random order.

    chance = sum_c P(answer c) P(label c)

    For a constant answer it is the share of that label.

    Args:
        answers: (n,), 0, 1, or -1 for neither.
        labels: (n,), 0 or 1.

    Returns:
        The expected accuracy, and how far from it the accuracy can be by luck: three standard deviations, and 2 / n,
        the smallest step, which is that of two answers that change places.

    Source:
        Cohen (1960), "A coefficient of agreement for nominal scales".
    """
    chance = sum((answers == c).mean() * (labels == c).mean() for c in (0, 1))
    sign = (answers == 1) * 1.0 - (answers == 0)  # the number of right answers is a constant + the sum of sign * label
    return float(chance), float(3 * sign.std() * labels.std() / np.sqrt(len(labels)) + 2 / len(labels))


def entropy(labels: Array) -> float:
    """-sum_c P(label c) ln P(label c)."""
    shares = [(labels == c).mean() for c in (0, 1)]
    return float(-sum(share * np.log(share) for share in shares if share > 0))


def correlation(p: Array, lengths: Array) -> float:
    """The correlation of p and lengths, NaN if one is constant, p within a standard deviation of 1e-6."""
    return float(np.corrcoef(p, lengths)[0, 1]) if p.std() > 1e-6 and lengths.std() > 0 else np.nan


def slope(model: SentimentModel, cache: ModelCache, lengths: Array) -> Array:
    """The mean of f'(z) over a review's real steps, all units and all layers.

    f is the tanh or relu of h_t in an RNN, the tanh of g in an LSTM, that of n in a GRU. With a mean of 1 the gradient
    goes back through every unit unchanged; with 0 it goes back through none.

    Args:
        model: the model.
        cache: of its forward pass.
        lengths: (N,), of the reviews. The layers' own may be longer: readout "last" goes on through the pads.

    Returns:
        (N,).
    """
    means = []
    for layer in cache.rnn.layers:
        h = layer.states[0][1:] if layer.gates is None else layer.gates[:, 2]  # (T, N, H): f(z)
        of_step = restore(derivative(h, model.config.nonlinearity).mean(axis=2), cache.rnn.order)  # (T, N), as given
        real = np.arange(len(h))[:, None] < lengths  # (T, N)
        means.append(np.where(real, of_step, 0).sum(axis=0) / lengths)
    return np.mean(means, axis=0)


def verdict(d: Diagnosis) -> str:
    """What the numbers say, in a sentence. The clearest sign counts first."""
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
    """The end of that sentence: why the model has learnt nothing."""
    if d.slope < 0.1:
        return (
            f", for its units are saturated or dead (mean slope {d.slope:.2f}; that of open units is 1), and no "
            f"gradient gets through to the words: the embeddings (standard deviation {d.embedding_std:.3g}; 0.1 is a "
            "good start) or the weights are too large."
        )
    if d.pads >= 1 and d.kept < 0.1:
        return (
            f", for it has forgotten the review when it answers: {d.pads:.0f} pads follow the last word before "
            f"the state is read, and the gradient has shrunk to {d.kept:.0e} of its size when it "
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
        ", though the gradient reaches the words: try a tenth of the learning rate and ten times as much, and "
        "more epochs; or what decides is not among the words that are kept."
    )
