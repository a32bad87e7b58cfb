"""The right backward pass of the RNN, one method for each equation of docs/derivation.md; truncated, too."""

import numpy as np

from numpy_rnn.check.pairs import Arrays
from numpy_rnn.types import Array


class RNNBackward:
    """dL/dx and so on of h_t = tanh(z_t), z_t = x_t W_xh + h_{t-1} W_hh + b_h, by the states hs (T + 1, N, H)."""

    id, equation, line, text = "", "", "", ""

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own + after  # equation (3), (N, H)

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh * (1 - h * h)  # equation (4), (N, H)

    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return dz @ W_hh.T  # equation (5), (N, H)

    def dW_xh(self, x: Array, dz: Array) -> Array:
        return np.einsum("tnd,tnh->dh", x, dz)  # equation (6), (D, H)

    def dW_hh(self, hs: Array, dz: Array) -> Array:
        return np.einsum("tni,tnh->ih", hs[:-1], dz)  # equation (7), (H, H)

    def db_h(self, dz: Array) -> Array:
        return dz.sum(axis=(0, 1))  # equation (8), (H,)

    def dx(self, dz: Array, own: Array, hs: Array, W_xh: Array) -> Array:
        return dz @ W_xh.T  # equation (9), (T, N, D)

    def dh_0(self, after: Array) -> Array:
        return after  # (N, H)

    def __call__(self, d_hs: Array, x: Array, hs: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Arrays:
        """All gradients. d_hs is (T, N, H), dE_t/dh_t."""
        T = len(x)
        dh, dz, after = np.empty_like(d_hs), np.empty_like(d_hs), np.zeros_like(d_hs[0])
        for t in reversed(range(T)):
            dh[t] = self.dh(d_hs[t], after, t, T)
            dz[t] = self.dz(dh[t], hs[t + 1], hs[t])
            after = self.dh_prev(dz[t], W_hh)
        return {
            "dx": self.dx(dz, d_hs, hs, W_xh),
            "dh_0": self.dh_0(after),
            "dW_xh": self.dW_xh(x, dz),
            "dW_hh": self.dW_hh(hs, dz),
            "db_h": self.db_h(dz),
            "dz": dz,
            "dh": dh,
        }


class ByCosh(RNNBackward):
    """The same gradient, whose tanh' is formed of z. Where tanh is saturated, the two differ by what 1 - h^2 loses."""

    def __call__(self, d_hs: Array, x: Array, hs: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Arrays:
        z = x @ W_xh + hs[:-1] @ W_hh + b_h
        self.slopes = iter((1 / np.cosh(z) ** 2)[::-1])
        return super().__call__(d_hs, x, hs, W_xh, W_hh, b_h)

    def dz(self, dh: Array, h: Array, h_prev: Array) -> Array:
        return dh * next(self.slopes)


class Truncated(RNNBackward):
    """TBPTT(k1, k2), as in docs/truncation.md: the right backward pass of each group's window, added up."""

    id, equation, line = "truncated", "(3)", "dh = d_hs[t] + dh_next, at every step down to 1"

    def __init__(self, k1: int, k2: int, within: RNNBackward | None = None):
        self.k1, self.k2, self.within = k1, k2, within or RNNBackward()
        self.text = f"The gradient goes back k2 = {k2} steps only (k1 = {k1}): dh_next is cut."

    def __call__(self, d_hs: Array, x: Array, hs: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Arrays:
        T = len(x)
        total: Arrays = {}
        for first in range(0, T, self.k1):
            end = min(first + self.k1, T)
            start = first if self.k1 == self.k2 else max(end - self.k2, 0)
            own = np.zeros_like(d_hs)
            own[first:end] = d_hs[first:end]
            window = slice(start, end)
            part = self.within(own[window], x[window], hs[start : end + 1], W_xh, W_hh, b_h)
            for name, gradient in part.items():
                whole = np.zeros_like(d_hs if name in ("dz", "dh") else x) if name in ("dx", "dz", "dh") else gradient
                if name in ("dx", "dz", "dh"):
                    whole[window] = gradient
                elif name == "dh_0" and start > 0:
                    whole = np.zeros_like(gradient)  # the state before a window is a constant
                total[name] = total.get(name, 0) + whole
        return total
