"""The known bugs of every cell: each is the right backward pass with one method that is written otherwise.

So it gives exactly what a reader with this bug gets. A bug has an id, the name of what its line computes, and a
sentence. Bugs of one cell alone are in variants_rnn, variants_lstm and variants_gru.
"""

from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np

from numpy_rnn.check.backward import Backward, Truncated, written
from numpy_rnn.check.pairs import Arrays
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

    def __call__(self, a: Arrays) -> Arrays:
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


class TransposedResult(Backward):
    id, target = "transposed-result", "dW_hh"
    text = "dW_hh is the transpose of the right one, of each gate where there are gates."

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        right = super().dW_hh(hs, dz)
        blocks = np.split(right, right.shape[1] // len(right), axis=1)
        return np.concatenate([block.T for block in blocks], axis=1)


class TransposedBlock(Backward):
    id, target = "transposed-result", "dW_hh"

    def __init__(self, names: str, gate: str):
        self.at = names.index(gate)
        self.text = f"in dW_hh the block of {gate} is the transpose of the right one."

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        right = super().dW_hh(hs, dz)
        H = len(right)
        right[:, self.at * H : (self.at + 1) * H] = right[:, self.at * H : (self.at + 1) * H].T.copy()
        return right


class NextStateInWhh(Backward):
    id, target = "h-off-by-one", "dW_hh"
    text = "dW_hh is formed with h_t, not with h_{t-1}, the state that step t has read."

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        return np.einsum("tni,tnh->ih", hs[1:], dz)


class StateBeforeInWhh(NextStateInWhh):
    text = "dW_hh is formed with h_{t-2}, and at t = 1 with h_0."

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        return np.einsum("tni,tnh->ih", np.concatenate((hs[:1], hs[:-2])), dz)


class StateAroundTheEndInWhh(NextStateInWhh):
    text = "dW_hh is formed with h_{t-2}, and at t = 1 with h_T: an index of -1."

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        return np.einsum("tni,tnh->ih", np.concatenate((hs[-1:], hs[:-2])), dz)


class XOffByOne(Backward):
    id, target = "x-off-by-one", "dW_xh"
    text = "dW_xh is formed with the input of the step before."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", x[:-1], dz[1:])


class XOfTheStepAfter(XOffByOne):
    text = "dW_xh is formed with the input of the step after."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", x[1:], dz[:-1])


class XAroundTheEnd(XOffByOne):
    text = "dW_xh is formed with x[t - 1], which at t = 0 is the last one."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", np.roll(x, 1, axis=0), dz)


class XAroundTheStart(XOffByOne):
    text = "dW_xh is formed with the input of the step after, and at the last step with the first one."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", np.roll(x, -1, axis=0), dz)


class XOfTheStepAfterUpToTheEnd(XOffByOne):
    text = "dW_xh is formed with the input of the step after, and at t = T with x_T."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", np.concatenate((x[1:], x[-1:])), dz)


class XOfTheStepBeforeFromTheStart(XOffByOne):
    text = "dW_xh is formed with the input of the step before, and at t = 1 with x_1."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", np.concatenate((x[:1], x[:-1])), dz)


class Overwritten(Backward):
    """`+=` written as `=`: of the sum over t and n only one step's terms are left, one sequence's, or a single term."""

    id = "overwritten"

    def __init__(self, right: Backward, names: tuple[str, ...], t: int | None, n: int | None):
        self.right, self.names = right, names
        self.at = tuple(slice(None) if k is None else slice(k, k + 1 or None) for k in (t, n))
        self.target = names[0]
        kept = [f"one {word}" for word, k in (("step", t), ("sequence", n)) if k is not None]
        terms = f"only the term of {' and '.join(kept)} is kept"
        self.text = f"{', '.join(names)}: {terms}, where a sum over all steps and sequences belongs."

    def __call__(self, a: Arrays) -> Arrays:
        every = self.right(a)
        left = {"dW_xh": a["x"], "dW_hh": a["hs"][:-1], "dW_hy": a["hs"][1:]}
        for name in self.names:
            right = every[next(d for d in ARRIVES[name] if d in every)][self.at]
            is_bias = name not in left
            every[name] = right.sum(axis=(0, 1)) if is_bias else np.einsum("tni,tnj->ij", left[name][self.at], right)
        return every


ARRIVES = {  # the gradient that a parameter's gradient is formed with; the GRU has two, the others one
    "dW_xh": ("da", "dz"), "dW_hh": ("ds", "dz"), "db_h": ("dz",), "db_xh": ("da", "dz"), "db_hh": ("ds", "dz"),
    "dW_hy": ("do",), "db_y": ("do",),
}  # fmt: skip


def of_every_cell(rule: type[Backward], names: tuple[str, ...]) -> Iterator[Backward]:
    """The bugs that every cell knows. `names` are the gradients of its parameters."""
    right, lost = rule(), written(LaterLossLost, rule)
    for bug in (LaterLossLost, LaterLossLostAndNoH0, EarlierLossesLost, Accumulated, TransposedResult, NextStateInWhh,
                StateBeforeInWhh, StateAroundTheEndInWhh, XOffByOne, XOfTheStepAfter, XAroundTheEnd, XAroundTheStart,
                XOfTheStepAfterUpToTheEnd, XOfTheStepBeforeFromTheStart):  # fmt: skip
        yield written(bug, rule)
    yield LaterLossLostInDx(right, lost)
    yield from (written(bug, rule) for bug in (FirstStepLeftOut, LastStepLeftOut, LastStepAlone, LoopForward))
    if "dW_hy" not in names:  # the network's losses are not arguments
        yield from (written(OtherStepsLoss, rule, shift) for shift in (1, -1))
    together = [names, tuple(name for name in names if "W" in name), tuple(name for name in names if "b" in name)]
    for some in dict.fromkeys((*together, *((name,) for name in names))):
        for t, n in product((0, -1, None), repeat=2):
            if (t, n) != (None, None):
                yield Overwritten(right, some, t, n)
    for k2 in range(2, 9):  # k2 = 1 is LaterLossLost
        for k1 in range(1, k2 + 1):
            yield Truncated(k1, k2, right)
