"""Does a state leak from one test batch into the next? Then the answers depend on the order of the questions."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from numpy_rnn.checks import check_callable, check_size, check_whole_numbers, expect
from numpy_rnn.types import Array


class OrderEffect(NamedTuple):
    """The accuracy in three orders, and the share of examples whose answer changes with the order."""

    as_given: float
    permuted: float
    shifted: float
    changed: float  # 0 where no state is carried from one example to another

    @property
    def leaks(self) -> bool:
        return self.changed > 0


def order_effect(answers: Callable[[Array], Array], labels: Array, seed: int = 0) -> OrderEffect:
    """Asks the same questions in three orders: as they are, permuted, and shifted by one.

    A network whose state is carried from batch to batch answers a question with what it has read before it. In a test
    set that is sorted by label the accuracy then looks better, or worse, than it is. (A bug seen in many notebooks,
    such as udacity/deep-learning-v2-pytorch#5.) A carried state is right for chunks of one text alone.

    Args:
        answers: answers(order), with the numbers of the examples in the order in which they are asked, gives the
            answers in that order, classes (n,). It starts anew at every call.
        labels: (n,), the right classes.
        seed: of the permutation.

    Raises:
        ValueError: for fewer than two examples, and for answers of another shape.
    """
    check_size("seed", seed, least=0)
    check_callable("answers", answers)
    labels = check_whole_numbers("labels", labels, None, 0, 2**31)
    expect(labels.ndim == 1, "labels", "shape (n,)", labels.shape)
    n = len(labels)
    expect(n >= 2, "labels", "at least two examples", n)
    found = []
    for order in (np.arange(n), np.random.default_rng(seed).permutation(n), np.roll(np.arange(n), 1)):
        given = check_whole_numbers("answers", answers(order), (n,), 0, 2**31)
        by_example = np.empty(n, int)
        by_example[order] = given
        found.append(by_example)
    changed = float(np.mean((found[0] != found[1]) | (found[0] != found[2])))
    as_given, permuted, shifted = (float(np.mean(each == labels)) for each in found)
    return OrderEffect(as_given, permuted, shifted, changed)
