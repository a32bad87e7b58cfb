"""The known bugs of the RNN's backward pass, and of the network with its output layer. See variants."""

from collections.abc import Iterator

import numpy as np

from numpy_rnn.check.backward import Backward, NetworkBackward, RNNBackward, written
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.check.variants import of_every_cell
from numpy_rnn.types import Array


class TransposeMissing(RNNBackward):
    id, target = "transpose-missing", "dh_next"
    text = "dh_next is multiplied by W_hh, not by its transpose. All shapes fit, as W_hh is square."

    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return dz @ W_hh


class TanhDerivative(RNNBackward):
    id, target = "tanh-derivative", "dz"
    text = "tanh' is left out: dz = dh."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh


class TanhNoSquare(TanhDerivative):
    text = "tanh' is 1 - h^2, not 1 - h."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (1 - h)


class TanhOfH(TanhDerivative):
    text = "tanh' is taken of h_t, as 1 - tanh(h)^2, though h_t is tanh(z_t) already."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (1 - np.tanh(h) ** 2)


class TanhSigmoid(TanhDerivative):
    text = "tanh' is 1 - h^2; h (1 - h) is the sigmoid's."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * h * (1 - h)


class TanhPlus(TanhDerivative):
    text = "tanh' is 1 - h^2, not 1 + h^2."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (1 + h * h)


class TanhItself(TanhDerivative):
    text = "tanh' is 1 - h^2; h is the value itself."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * h


class TanhOfPreviousState(RNNBackward):
    id, target = "h-off-by-one", "dz"
    text = "tanh' of step t is formed with h_{t-1}, not with h_t."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (1 - h_prev * h_prev)


class WithoutSlope(TanhDerivative):
    """tanh' is left out in one line alone."""

    def __init__(self, names: str, target: str):
        self.names, self.target = names, target
        self.text = f"{names} is formed with dh, not with dz: tanh' is left out there."

    def __call__(self, a: Arrays) -> Arrays:
        every = super().__call__(a)
        dh = every["dh"]
        formed = {"dx": self.dx(dh, a), "dW_xh": self.dW_xh(a["x"], dh), "dW_hh": self.dW_hh(a["hs"], dh)}
        formed["db_h"] = self.db(dh)
        return every | {self.names: formed[self.names]}

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * self.slope("h", h, z)


class NextWithoutSlope(TanhDerivative):
    target = "dh_next"
    text = "dh_next is formed with dh, not with dz: tanh' is left out there."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        self.kept = dh
        return dh * self.slope("h", h, z)

    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return self.kept @ W_hh.T


class SoftmaxDiagonal(NetworkBackward):
    id, target = "softmax-diagonal", "do"
    text = "the softmax's derivative has only its diagonal, y^ (1 - y^): each y^_c depends on every o_j."

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        return dy_hat * y_hat * (1 - y_hat)


class SoftmaxLeftOut(SoftmaxDiagonal):
    id = "softmax-derivative"
    text = "the softmax's derivative is left out: do = dy^."

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        return dy_hat


class OfCrossEntropy(SoftmaxLeftOut):
    text = "do = y^ - y is the gradient of the cross-entropy. The loss here is the squared error."

    def dy_hat(self, y_hat: Array, y: Array) -> Array:
        return y_hat - y


class StateBeforeInWhy(NetworkBackward):
    id, target = "h-off-by-one", "dW_hy"
    text = "dW_hy is formed with h_{t-1}, not with h_t, the state that step t has made."

    def dW_hy(self, hs: Array, do: Array) -> Array:
        return np.einsum("tnh,tnc->hc", hs[:-1], do)


def of_the_rnn(rule: type[Backward], names: tuple[str, ...]) -> Iterator[Backward]:
    for bug in (
        TransposeMissing,
        TanhDerivative,
        TanhNoSquare,
        TanhOfH,
        TanhSigmoid,
        TanhPlus,
        TanhItself,
        TanhOfPreviousState,
    ):
        yield written(bug, rule)
    for name, target in {"dx": "dx[t]", "dW_xh": "dW_xh", "dW_hh": "dW_hh", "db_h": "db_h"}.items():
        yield written(WithoutSlope, rule, name, target)
    yield written(NextWithoutSlope, rule)
    yield from of_every_cell(rule, names)


def of_the_network(names: tuple[str, ...]) -> Iterator[Backward]:
    yield from (SoftmaxDiagonal(), SoftmaxLeftOut(), OfCrossEntropy(), StateBeforeInWhy())
    yield from of_the_rnn(NetworkBackward, names)
