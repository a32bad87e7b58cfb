"""The known bugs of the loop over time, in every cell: the right backward pass with one method written otherwise.

So it gives exactly what a reader with this bug gets. A bug has an id, the name of what its line computes, and a
sentence. Bugs of the sums over the steps are in variants_sums, those of one cell alone in variants_rnn and so on.
"""

from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np

from numpy_rnn.check.backward import Backward, Truncated, written
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.check.variants_sums import (
    NextStateInWhh,
    Overwritten,
    StateAroundTheEndInWhh,
    StateBeforeInWhh,
    TransposedResult,
    XAroundTheEnd,
    XAroundTheStart,
    XOffByOne,
    XOfTheStepAfter,
    XOfTheStepAfterUpToTheEnd,
    XOfTheStepBeforeFromTheStart,
    together,
)
from numpy_rnn.types import Array


class LaterLossLost(Backward):
    id, target = "later-loss-lost", "dh"
    text = "dh_t gets the gradient of E_t alone: what step t + 1 sends back, dh_next, is left out."

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own


class LaterLossLostAndNoH0(LaterLossLost):
    def dh_0(self, after: Array) -> Array:
        return np.zeros_like(after)


class LaterLossLostInDx(Backward):
    id, target = "later-loss-lost-in-dx", "dx[t]"
    text = "dx_t gets the gradient of E_t alone, though the parameters get that of all later losses, too."

    def __init__(self, right: Backward, lost: Backward):
        self.right, self.lost = right, lost

    def through_time(self, a: Arrays) -> Arrays:
        return self.right(a) | {"dx": self.lost(a)["dx"]}


class EarlierLossesLost(Backward):
    id, target = "earlier-losses-lost", "dh"
    text = "Only the last step's loss is used: the gradients of the others are left out."

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own if t == T - 1 else after


class OtherStepsLoss(Backward):
    id, target = "h-off-by-one", "dh"

    def __init__(self, shift: int):
        self.shift = shift
        self.text = f"dh_t is formed with the gradient of the loss of step t {'-' if shift > 0 else '+'} 1."

    def __call__(self, a: Arrays) -> Arrays:
        return super().__call__(a | {"d_hs": np.roll(a["d_hs"], self.shift, axis=0)})


class FirstStepLeftOut(Backward):
    id, target = "step-left-out", "loop"
    text = "the loop ends one step too early: the first step is left out."

    def steps(self, T: int) -> Iterable[int]:
        return reversed(range(1, T))


class LastStepAlone(FirstStepLeftOut):
    text = "the loop ends after one step: only the last step is there. Is the return inside the loop?"

    def steps(self, T: int) -> Iterable[int]:
        return [T - 1]


class LastStepLeftOut(FirstStepLeftOut):
    text = "the loop begins one step too early: the last step is left out."

    def steps(self, T: int) -> Iterable[int]:
        return reversed(range(T - 1))


class LaterSubtracted(Backward):
    id, target = "scaled", "dh"
    text = "dh_next is subtracted; it has to be added."

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own - after


class LoopForward(Backward):
    id, target = "loop-forward", "loop"
    text = "the loop goes forward in time: for t in range(T). It has to go back, for t in reversed(range(T))."

    def steps(self, T: int) -> Iterable[int]:
        return range(T)


class Accumulated(Backward):
    id, target = "accumulated", "dh_next"
    text = "dh_next is added up over the steps: += where = belongs. So later losses count more than once."
    total: Array

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        self.total = after if t == T - 1 else self.total + after
        return super().dh(own, self.total, t, T)

    def dh_0(self, after: Array) -> Array:
        return self.total + after


def of_every_cell(rule: type[Backward], names: tuple[str, ...]) -> Iterator[Backward]:
    """The bugs that every cell knows. `names` are the gradients of its parameters."""
    right, lost = rule(), written(LaterLossLost, rule)
    for bug in (
        LaterLossLost,
        LaterLossLostAndNoH0,
        EarlierLossesLost,
        LaterSubtracted,
        Accumulated,
        TransposedResult,
        NextStateInWhh,
        StateBeforeInWhh,
        StateAroundTheEndInWhh,
        XOffByOne,
        XOfTheStepAfter,
        XAroundTheEnd,
        XAroundTheStart,
        XOfTheStepAfterUpToTheEnd,
        XOfTheStepBeforeFromTheStart,
    ):
        yield written(bug, rule)
    yield LaterLossLostInDx(right, lost)
    yield from (written(bug, rule) for bug in (FirstStepLeftOut, LastStepLeftOut, LastStepAlone, LoopForward))
    if "dW_hy" not in names:  # the network's losses are not arguments
        yield from (written(OtherStepsLoss, rule, shift) for shift in (1, -1))
    for some in together(names):
        for t, n in product((0, -1, None), repeat=2):
            if (t, n) != (None, None):
                yield Overwritten(right, some, t, n)
    for k2 in range(2, 9):  # k2 = 1 is LaterLossLost
        for k1 in range(1, k2 + 1):
            yield Truncated(k1, k2, right)
