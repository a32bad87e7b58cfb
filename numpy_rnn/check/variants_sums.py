"""The known bugs of a parameter's gradient, a sum over the steps, in every cell. See variants."""

from collections.abc import Iterable

import numpy as np

from numpy_rnn.check.backward import Backward
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.types import Array


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


def together(names: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Which parameters may have the same bug: all, the weights, the biases, or one alone."""
    some = [names, tuple(name for name in names if "W" in name), tuple(name for name in names if "b" in name)]
    return dict.fromkeys((*some, *((name,) for name in names)))


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

    def through_time(self, a: Arrays) -> Arrays:
        return self.right(a)

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        left, kept = {"dW_xh": a["x"], "dW_hh": a["hs"][:-1], "dW_hy": a["hs"][1:]}, {}
        for name in self.names:
            right = arrived[next(d for d in ARRIVES[name] if d in arrived)][self.at]
            is_bias = name not in left
            kept[name] = right.sum(axis=(0, 1)) if is_bias else np.einsum("tni,tnj->ij", left[name][self.at], right)
        return kept


ARRIVES = {  # the gradient that a parameter's gradient is formed with; the GRU has two, the others one
    "dW_xh": ("da", "dz"), "dW_hh": ("ds", "dz"), "db_h": ("dz",), "db_xh": ("da", "dz"), "db_hh": ("ds", "dz"),
    "dW_hy": ("do",), "db_y": ("do",),
}  # fmt: skip
