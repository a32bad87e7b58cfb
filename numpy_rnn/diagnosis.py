"""Why is this model at 50 %? A few numbers that tell, and what they say in a plain sentence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from numpy_rnn.data.batches import batches
from numpy_rnn.data.text import Reviews
from numpy_rnn.losses import cross_entropy, cross_entropy_backward
from numpy_rnn.models import SentimentModel
from numpy_rnn.prediction import CLASSES, positive


class Diagnosis(NamedTuple):
    reviews: int
    readout: str
    loss: float  # mean per review; ln 2 = 0.6931 is that of a coin
    accuracy: float
    answer: str  # the class that is answered more often,
    share: float  # and how often
    length_correlation: float  # of P(positive) with the number of words that are read; NaN if one is constant
    pads: float  # steps between the last real token and the step whose state is read, mean
    gradient: float  # |dL/dx| at the last real token, L being a review's loss and x the token's embedding; median
    gradient_share: float  # the same as a share of the largest |dL/dx_t| of that review; median


def diagnose(model: SentimentModel, reviews: Reviews) -> Diagnosis:
    """Answers all the reviews and sends each one's loss back to its words."""
    config, n = model.config, len(reviews)
    loss, correct, p, pads, at_last, largest = (np.empty(n) for _ in range(6))
    for batch in tqdm(batches(reviews, config), "diagnosis", -(-n // config.batch_size), leave=False, disable=None):
        logits, cache = model.forward(batch.ids, batch.lengths)
        losses, loss_cache = cross_entropy(logits, batch.labels)
        dx, _ = model.backward_to_embeddings(cross_entropy_backward(np.ones_like(losses), loss_cache), cache)
        norms, i = np.linalg.norm(dx, axis=2), batch.which  # (T, N)
        loss[i], correct[i], p[i] = losses, logits.argmax(axis=1) == batch.labels, positive(logits, config)
        pads[i] = model.last_step(batch.lengths, len(batch.ids)) + 1 - batch.lengths
        at_last[i], largest[i] = norms[batch.lengths - 1, np.arange(len(i))], norms.max(axis=0)
    share = float((p > 0.5).mean())
    lengths = np.diff(reviews.offsets)
    varied = p.std() > 1e-6 and lengths.std() > 0  # below that p is one number, but for rounding
    return Diagnosis(
        n, config.readout, float(loss.mean()), float(correct.mean()), CLASSES[int(share >= 0.5)], max(share, 1 - share),
        float(np.corrcoef(p, lengths)[0, 1]) if varied else np.nan, float(pads.mean()),
        float(np.median(at_last)), float(np.median(at_last / np.where(largest > 0, largest, 1))),
    )  # fmt: skip


def verdict(d: Diagnosis) -> str:
    """What the numbers say, the plainest sign first."""
    against = f"{d.accuracy:.1%} right, loss {d.loss:.3f} against a coin's {np.log(2):.3f}"
    noise = 3 * 0.5 / np.sqrt(d.reviews)  # three standard errors of a coin's accuracy
    if d.accuracy < 0.5 - noise:
        return f"It is worse than chance ({against}): are the labels the wrong way round, or is a third class answered?"
    if d.accuracy > 0.6:
        but = f" But {d.pads:.0f} pads follow the last word before the state is read." if d.pads >= 1 else ""
        return f"It has learnt something ({against}).{but}"
    if d.pads >= 1 and d.gradient_share < 0.1:
        cause = (f", for it has forgotten the review when it answers: {d.pads:.0f} pads follow the last word before "
                 f"the state is read, and the error sent back has shrunk to {d.gradient_share:.0e} of its size when it "
                 "arrives there. Read the state at the last real step, or the mean over the real steps.")  # fmt: skip
    elif d.share > 0.9:
        cause = (f", and answers {d.answer} to {d.share:.0%} of the reviews, whatever they say: look at the size of "
                 "the weights and of the learning rate.")  # fmt: skip
    elif abs(d.length_correlation) > 0.5:
        cause = (f", and its answer goes with the length of the review (correlation {d.length_correlation:.2f}): it "
                 "has learnt to count, pads perhaps.")  # fmt: skip
    elif d.gradient_share < 0.01 and d.readout != "max":  # which sends the error to other words, and is right to
        cause = (f": the error hardly reaches the last word ({d.gradient_share:.0e} of the largest gradient), and "
                 "nothing can be learnt from it.")  # fmt: skip
    else:
        cause = (", though the error reaches the words: try a tenth of the learning rate and ten times as much, and "
                 "more epochs; or what decides is not among the words that are kept.")  # fmt: skip
    return f"It is {'at chance' if d.accuracy <= 0.5 + noise else 'little better than chance'} ({against}){cause}"
