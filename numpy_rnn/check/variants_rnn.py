"""The known bugs of the RNN's backward pass. See variants."""

from collections.abc import Iterator

import numpy as np

from numpy_rnn.check.backward import Backward, RNNBackward, written
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


class TanhSquareOfDifference(TanhDerivative):
    text = "tanh' is 1 - h^2, not (1 - h)^2."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (1 - h) ** 2


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


class TanhOfZ(TanhDerivative):
    text = "1 - h^2 is formed with what stands before tanh, not with h = tanh(z)."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (1 - z * z)


class TanhSign(TanhDerivative):
    text = "tanh' is 1 - h^2, not h^2 - 1."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (h * h - 1)


class TanhAsRelu(TanhDerivative):
    text = "this is the derivative of relu, 1 where h > 0, else 0; that of tanh is 1 - h^2."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (h > 0)


class TanhOfPreviousState(RNNBackward):
    id, target = "h-off-by-one", "dz"
    text = "tanh' of step t is formed with h_{t-1}, not with h_t."

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * (1 - h_prev * h_prev)


class StatesExchanged(TanhOfPreviousState):
    text = "h_t and h_{t-1} are exchanged: tanh' is formed with h_{t-1}, and dW_hh with h_t."

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        return np.einsum("tni,tnh->ih", hs[1:], dz)


class WithoutSlope(TanhDerivative):
    """tanh' is left out in one line alone."""

    def __init__(self, names: str, target: str):
        self.names, self.target = names, target
        self.text = f"{names} is formed with dh, not with dz: tanh' is left out there."

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        wrong = super().products(a, arrived | {"dz": arrived["dh"]})
        return super().products(a, arrived) | {self.names: wrong[self.names]}

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


def of_the_rnn(rule: type[Backward], names: tuple[str, ...]) -> Iterator[Backward]:
    for bug in (
        TransposeMissing,
        TanhDerivative,
        TanhNoSquare,
        TanhSquareOfDifference,
        TanhOfH,
        TanhSigmoid,
        TanhPlus,
        TanhOfZ,
        TanhSign,
        TanhAsRelu,
        TanhItself,
        TanhOfPreviousState,
        StatesExchanged,
    ):
        yield written(bug, rule)
    for name, target in {"dx": "dx[t]", "dW_xh": "dW_xh", "dW_hh": "dW_hh", "db_h": "db_h"}.items():
        yield written(WithoutSlope, rule, name, target)
    yield written(NextWithoutSlope, rule)
    yield from of_every_cell(rule, names)
