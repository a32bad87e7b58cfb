"""The known bugs of the RNN's backward pass: each is a class with one method that is written otherwise.

So it gives exactly what a reader with this bug gets. A bug has an id, the equation to look at, the right line, and a
sentence.
"""

from typing import ClassVar

import numpy as np

from numpy_rnn.check.backward import RNNBackward, Truncated
from numpy_rnn.types import Array


class LaterLossLost(RNNBackward):
    id, equation, line = "later-loss-lost", "(3)", "dh = d_hs[t] + dh_next"
    text = "dh_t gets the gradient of E_t alone: what step t + 1 sends back, dh_next, is left out."

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own


class LaterLossLostAndNoH0(LaterLossLost):
    def dh_0(self, after: Array) -> Array:
        return np.zeros_like(after)


class LaterLossLostInDx(RNNBackward):
    id, equation, line = "later-loss-lost-in-dx", "(9)", "dx[t] = dz_t @ W_xh.T, with the dz_t of (4)"
    text = "dx_t gets the gradient of E_t alone, though the parameters get that of all later losses, too."

    def dx(self, dz: Array, own: Array, hs: Array, W_xh: Array) -> Array:
        return own * (1 - hs[1:] ** 2) @ W_xh.T


class EarlierLossesLost(RNNBackward):
    id, equation, line = "earlier-losses-lost", "(3)", "dh = d_hs[t] + dh_next, at every step"
    text = "Only the last step's loss is used: d_hs[t] is left out at all steps before it."

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own if t == T - 1 else after


class TransposeMissing(RNNBackward):
    id, equation, line = "transpose-missing", "(5)", "dh_next = dz @ W_hh.T"
    text = "dh_next is multiplied by W_hh, not by its transpose. All shapes fit, as W_hh is square."

    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return dz @ W_hh


class TransposedResult(RNNBackward):
    id, equation, line = "transposed-result", "(7)", "dW_hh += h[t-1].T @ dz"
    text = "dW_hh is the transpose of the right one."

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        return super().dW_hh(hs, dz).T


class TanhDerivative(RNNBackward):
    id, equation, line = "tanh-derivative", "(4)", "dz = dh * (1 - h * h), with h = tanh(z)"
    text = "tanh' is left out: dz = dh."

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh


class TanhNoSquare(TanhDerivative):
    text = "tanh' is 1 - h^2, not 1 - h."

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh * (1 - h)


class TanhOfH(TanhDerivative):
    text = "tanh' is taken of h_t, as 1 - tanh(h)^2, though h_t is tanh(z_t) already."

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh * (1 - np.tanh(h) ** 2)


class TanhSigmoid(TanhDerivative):
    text = "tanh' is 1 - h^2; h (1 - h) is the sigmoid's."

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh * h * (1 - h)


class TanhPlus(TanhDerivative):
    text = "tanh' is 1 - h^2, not 1 + h^2."

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh * (1 + h * h)


class TanhOfPreviousState(RNNBackward):
    id, equation, line = "h-off-by-one", "(4)", "dz = dh * (1 - h[t] * h[t])"
    text = "tanh' of step t is formed with h_{t-1}, not with h_t."

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh * (1 - h_prev * h_prev)


class NextStateInWhh(RNNBackward):
    id, equation, line = "h-off-by-one", "(7)", "dW_hh += h[t-1].T @ dz"
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


class XOffByOne(RNNBackward):
    id, equation, line = "x-off-by-one", "(6)", "dW_xh += x[t].T @ dz"
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


class XOfTheStepAfterUpToTheEnd(XOffByOne):
    text = "dW_xh is formed with the input of the step after, and at t = T with x_T."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", np.concatenate((x[1:], x[-1:])), dz)


class XOfTheStepBeforeFromTheStart(XOffByOne):
    text = "dW_xh is formed with the input of the step before, and at t = 1 with x_1."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", np.concatenate((x[:1], x[:-1])), dz)


class Overwritten(RNNBackward):
    """`+=` written as `=`: of the sum over t only one term is left, the one of step `kept`."""

    id = "overwritten"
    sums: ClassVar = {
        "dW_xh": ("(6)", "dW_xh += x[t].T @ dz"),
        "dW_hh": ("(7)", "dW_hh += h[t-1].T @ dz"),
        "db_h": ("(8)", "db_h += dz.sum(axis=0)"),
    }

    def __init__(self, names: tuple[str, ...], kept: int):
        self.names, self.kept = names, kept
        self.equation, self.line = self.sums[names[0]]
        self.text = f"{', '.join(names)}: only the term of one step is kept, where a sum over all steps belongs."

    def dW_xh(self, x: Array, dz: Array) -> Array:
        t = slice(self.kept, self.kept + 1 or None) if "dW_xh" in self.names else slice(None)
        return super().dW_xh(x[t], dz[t])

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        if "dW_hh" not in self.names:
            return super().dW_hh(hs, dz)
        return hs[:-1][self.kept].T @ dz[self.kept]

    def db_h(self, dz: Array) -> Array:
        return dz[self.kept].sum(axis=0) if "db_h" in self.names else super().db_h(dz)


SUBSETS = (("dW_xh", "dW_hh", "db_h"), ("dW_xh",), ("dW_hh",), ("db_h",), ("dW_xh", "dW_hh"))
BUGS: list[RNNBackward] = [
    LaterLossLost(), LaterLossLostAndNoH0(), LaterLossLostInDx(), EarlierLossesLost(), TransposeMissing(),
    TransposedResult(), TanhDerivative(), TanhNoSquare(), TanhOfH(), TanhSigmoid(), TanhPlus(), TanhOfPreviousState(),
    NextStateInWhh(), StateBeforeInWhh(), StateAroundTheEndInWhh(), XOffByOne(), XOfTheStepAfter(), XAroundTheEnd(),
    XOfTheStepAfterUpToTheEnd(), XOfTheStepBeforeFromTheStart(),
    *(Overwritten(names, kept) for names in SUBSETS for kept in (0, -1)),
    *(Truncated(k1, k2) for k2 in range(1, 7) for k1 in range(1, k2 + 1)),
]  # fmt: skip
