"""The right backward pass of the RNN and of the source text's network, one method for each equation; truncated, too.

A rule is called with all arrays by name: the arguments of forward, the states, and the arriving gradient. Equation
numbers are those of docs/derivation.md.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from numpy_rnn.check.pairs import Arrays
from numpy_rnn.layers import sigmoid
from numpy_rnn.types import Array


class Backward:
    """What all cells have in common. A known bug overrides one method, and says what is wrong."""

    id, target, text = "", "", ""  # target is what the wrong line computes, see template.py

    def sigmoid(self, z: Array) -> Array:
        return sigmoid(z)

    def slope(self, name: str, value: Array, z: Array) -> Array:
        """f'(z) of the unit or gate `name`, by its value f(z): sigmoid for i, f, o, r, z, else tanh."""
        return value * (1 - value) if name in "iforz" else 1 - value * value  # (N, H)

    def steps(self, T: int) -> Iterable[int]:
        return reversed(range(T))  # the loop goes back in time

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own + after  # equation (3), (N, H)

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", x, dz)  # equation (6), (D, H)

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        return np.einsum("tni,tnh->ih", hs[:-1], dz)  # equation (7), (H, H)

    def db(self, dz: Array) -> Array:
        return dz.sum(axis=(0, 1))  # equation (8), (H,)

    def dx(self, dz: Array, a: Arrays) -> Array:
        return dz @ a["W_xh"].T  # equation (9), (T, N, D)

    def dh_0(self, after: Array) -> Array:
        return after  # (N, H)

    def through_time(self, a: Arrays) -> Arrays:
        """What arrives at each step, such as dz, and at the initial states."""
        raise NotImplementedError

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        """The gradients of the parameters and inputs, from what arrived at each step."""
        return {}

    def __call__(self, a: Arrays) -> Arrays:
        """All gradients, and the arrays on the way to them."""
        arrived = self.through_time(a)
        return arrived | self.products(a, arrived)


class RNNBackward(Backward):
    """h_t = tanh(z_t), z_t = x_t W_xh + h_{t-1} W_hh + b_h. d_hs is (T, N, H), dE_t/dh_t."""

    def dz(self, dh: Array, h: Array, h_prev: Array, z: Array) -> Array:
        return dh * self.slope("h", h, z)  # equation (4), (N, H)

    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return dz @ W_hh.T  # equation (5), (N, H)

    def through_time(self, a: Arrays) -> Arrays:
        d_hs, x, hs = a["d_hs"], a["x"], a["hs"]
        z = x @ a["W_xh"] + hs[:-1] @ a["W_hh"] + a["b_h"]
        T = len(x)
        dh, dz, after = np.zeros_like(d_hs), np.zeros_like(d_hs), np.zeros_like(d_hs[0])
        for t in self.steps(T):
            dh[t] = self.dh(d_hs[t], after, t, T)
            dz[t] = self.dz(dh[t], hs[t + 1], hs[t], z[t])
            after = self.dh_prev(dz[t], a["W_hh"])
        return {"dh_0": self.dh_0(after), "dz": dz, "dh": dh}

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        dz = arrived["dz"]
        return {
            "dx": self.dx(dz, a),
            "dW_xh": self.dW_xh(a["x"], dz),
            "dW_hh": self.dW_hh(a["hs"], dz),
            "db_h": self.db(dz),
        }


class NetworkBackward(RNNBackward):
    """y^_t = softmax(h_t W_hy + b_y), E_t = (1/C) sum_c (y^_t,c - y_t,c)^2. d_losses is (T, N), dL/dE_t."""

    def dy_hat(self, y_hat: Array, y: Array) -> Array:
        return 2 / y.shape[-1] * (y_hat - y)  # equation (29), (T, N, C)

    def do(self, dy_hat: Array, y_hat: Array) -> Array:
        return y_hat * (dy_hat - (y_hat * dy_hat).sum(axis=-1, keepdims=True))  # equation (30), (T, N, C)

    def dh_own(self, do: Array, W_hy: Array) -> Array:
        return do @ W_hy.T  # equation (35), (T, N, H)

    def dW_hy(self, hs: Array, do: Array) -> Array:
        return np.einsum("tnh,tnc->hc", hs[1:], do)  # equation (36), (H, C)

    def db_y(self, do: Array) -> Array:
        return do.sum(axis=(0, 1))  # equation (37), (C,)

    def through_time(self, a: Arrays) -> Arrays:
        do = self.do(self.dy_hat(a["y_hat"], a["y"]) * a["d_losses"][..., None], a["y_hat"])
        return super().through_time(a | {"d_hs": self.dh_own(do, a["W_hy"])}) | {"do": do}

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        do = arrived["do"]
        return super().products(a, arrived) | {"dW_hy": self.dW_hy(a["hs"], do), "db_y": self.db_y(do)}


class Rounded(Backward):
    """A mixin: class X(Rounded, Rule) computes Rule's gradient at states that are off by their last digit."""

    def __call__(self, a: Arrays) -> Arrays:
        rng = np.random.default_rng(0)
        states = {name: a[name] for name in ("hs", "cs", "y_hat") if name in a}
        off = {name: s * (1 + 2.0**-52 * rng.choice((-1, 1), s.shape)) for name, s in states.items()}
        return super().__call__(a | off)


class Otherwise(Rounded):
    """And written otherwise: the slopes are formed of z, without cancellation; the sigmoid is formed of tanh.

    Two right implementations may differ by what this changes.
    """

    def sigmoid(self, z: Array) -> Array:
        return (1 + np.tanh(z / 2)) / 2

    def slope(self, name: str, value: Array, z: Array) -> Array:
        return 1 / (4 * np.cosh(z / 2) ** 2) if name in "iforz" else 1 / np.cosh(z) ** 2

    def one_minus_z(self, s: Any) -> Array:
        """Of the GRU."""
        return sigmoid(-s.z_z)


Rule = TypeVar("Rule", bound=Backward)


def written(bug: type[Backward], rule: type[Rule], *arguments: Any) -> Rule:
    """The rule with the methods of `bug` in place of its own."""
    made: Rule = type(bug.__name__, (bug, rule), {"__doc__": bug.__doc__})(*arguments)
    return made


BY_STEP = ("x", "y", "y_hat", "d_hs", "d_losses")  # (T, ...)
STATES = ("hs", "cs")  # (T + 1, ...)


class Truncated(Backward):
    """TBPTT(k1, k2), as in docs/truncation.md: the backward pass of each group's window, added up."""

    id, target = "truncated", "dh"

    def __init__(self, k1: int, k2: int, within: Backward):
        self.k1, self.k2, self.within = k1, k2, within
        self.text = f"The gradient goes back k2 = {k2} steps only (k1 = {k1}): dh_next is cut."

    def __call__(self, a: Arrays) -> Arrays:
        total: Arrays = {}
        for group in self.groups(a):
            for name, part in group.items():
                total[name] = total.get(name, 0) + part
        return total

    def start(self, first: int, end: int) -> int:
        """The step to which the losses first to end - 1 go back."""
        return first if self.k1 == self.k2 else max(end - self.k2, 0)

    def before_window(self, d_state: Array) -> Array:
        """The state before a window is a constant, so it gets no gradient."""
        return np.zeros_like(d_state)

    def first_loss(self, start: int, first: int) -> int:
        return first  # the losses before it are another group's

    def groups(self, a: Arrays) -> Iterator[Arrays]:
        """The gradients of each group of k1 losses."""
        T = len(a["x"])
        for first in range(0, T, self.k1):
            end = min(first + self.k1, T)
            start = self.start(first, end)
            group = self.within(window(a, start, self.first_loss(start, first), end))
            for name, part in group.items():
                if part.ndim == 3:  # of every step of the window
                    group[name] = np.zeros((T, *part.shape[1:]))
                    group[name][start:end] = part
                elif name in ("dh_0", "dc_0") and start > 0:
                    group[name] = self.before_window(part)
            yield group


class TruncatedThenProducts(Truncated):
    """The products are formed after all windows. It differs where a bug reads a step beside the window."""

    def __call__(self, a: Arrays) -> Arrays:
        total = super().__call__(a)
        return total | self.within.products(a, total)


def window(a: Arrays, start: int, first: int, end: int) -> Arrays:
    """The arrays of the steps start to end - 1; the losses before `first` are another group's."""
    window = a | {name: a[name][start:end] for name in BY_STEP if name in a}
    window |= {name: a[name][start : end + 1] for name in STATES if name in a}
    for name in ("d_hs", "d_losses"):
        if name in window:
            window[name] = window[name].copy()
            window[name][: first - start] = 0
    return window | {"first": np.array(first - start)}
