"""START HERE: the Elman network in one short file. A hidden state, an output and a loss at EVERY time step.

    h_t  = tanh(x_t W_xh + h_{t-1} W_hh + b_h)      the hidden layer                       (N, H)
    y^_t = softmax(o_t), o_t = h_t W_hy + b_y       the output layer                       (N, C)
    E_t  = (1/C) sum_c (y^_t,c - y_t,c)^2           "squared_error", y_t a distribution    (N,)
    E_t  = -log y^_t,k                              "cross_entropy", y_t = k a class       (N,)

E_t is the loss of step t, also called its error. rnn.py has the same h_t, faster; a test compares them.
Sources: Elman (1990), "Finding structure in time"; Werbos (1990), "Backpropagation through time"; Sutskever (2013),
"Training recurrent neural networks" for TBPTT(k1, k2). Eq. (n) is equation n of docs/derivation.md.
"""

from typing import Any

import numpy as np

from numpy_rnn import checks, losses
from numpy_rnn.parameters import WithParams
from numpy_rnn.types import Array, ElmanCache, Grads, Params


class ElmanNetwork(WithParams):
    """The network above. All methods raise ValueError for a bad argument.

    Args:
        input_size, hidden_size, output_size: D, H and C.
        error: the loss E_t, "squared_error" or "cross_entropy".
        dtype: float32 or float64, for parameters, inputs and results.
        rng: draws the initial parameters from U(-1/sqrt(H), 1/sqrt(H)); None is default_rng(0).

    Attributes:
        params: W_xh (D, H), W_hh (H, H), W_hy (H, C), b_h (H,), b_y (C,), the same at all steps."""

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int, error: str = "squared_error",
        dtype: Any = np.float32, rng: np.random.Generator | None = None,
    ):  # fmt: skip
        D, H = checks.check_size("input_size", input_size), checks.check_size("hidden_size", hidden_size)
        C = checks.check_size("output_size", output_size)
        self.error = checks.check_choice("error", error, ("squared_error", "cross_entropy"))
        self.dtype, rng = checks.check_dtype("dtype", dtype), checks.check_generator(rng)
        shapes, bound = {"W_xh": (D, H), "W_hh": (H, H), "W_hy": (H, C), "b_h": (H,), "b_y": (C,)}, H**-0.5
        self.params: Params = {k: rng.uniform(-bound, bound, s).astype(self.dtype) for k, s in shapes.items()}

    def states(self, x: Array, h_0: Array | None = None) -> tuple[Array, Array]:
        """x (T, N, D), h_0 (N, H) or None for zeros -> h (T + 1, N, H), where h[0] = h_0, and o (T, N, C)."""
        p, (D, H) = self.params, self.params["W_xh"].shape
        checks.check_array("x", x, ("T", "N", D), self.dtype)
        T, N, _ = x.shape
        h, o = np.zeros((T + 1, N, H), self.dtype), np.zeros((T, N, len(p["b_y"])), self.dtype)
        if h_0 is not None:
            checks.check_array("h_0", h_0, (N, H), self.dtype)
            h[0] = h_0
        for t in range(T):
            h[t + 1] = np.tanh(x[t] @ p["W_xh"] + h[t] @ p["W_hh"] + p["b_h"])  # (N, H), Eq. (1), Eq. (2)
            o[t] = h[t + 1] @ p["W_hy"] + p["b_y"]  # (N, C), Eq. (26)
        return h, o

    def predict(self, x: Array, h_0: Array | None = None) -> tuple[Array, Array]:
        """x (T, N, D), h_0 (N, H) or None for zeros -> y_hat (T, N, C) and the last state h_n (N, H)."""
        h, o = self.states(x, h_0)
        return losses.softmax(o), h[-1]

    def forward(self, x: Array, y: Array, h_0: Array | None = None) -> tuple[Array, Array, ElmanCache]:
        """The loss of every step.

        Args:
            x: (T, N, D), the inputs.
            y: the targets: for the squared error distributions (T, N, C), such as one-hot rows; else labels (T, N).
            h_0: (N, H), the initial state; None is zeros. To continue a sequence, give the h_n of the chunk before.

        Returns:
            E_t (T, N), the last state h_n (N, H), the cache for `backward`; till then leave x and params unchanged."""
        h, o = self.states(x, h_0)
        y_hat = losses.softmax(o)  # (T, N, C), Eq. (27)
        E, loss_cache = losses.squared_error(y_hat, y) if self.error == "squared_error" else losses.cross_entropy(o, y)
        return E, h[-1].copy(), ElmanCache(self, x, h, y_hat, loss_cache)

    def output_backward(self, d_losses: Array, cache: ElmanCache) -> tuple[Array, Array, Array]:
        """dL/dE_t (T, N), cache -> the part of dL/dh_t that comes from E_t alone (T, N, H), dW_hy (H, C), db_y (C,)."""
        got = "another one's" if hasattr(cache, "made_by") else type(cache).__name__
        checks.expect(getattr(cache, "made_by", None) is self, "cache", "what forward of this network returned", got)
        if self.error == "squared_error":  # do (T, N, C)
            do = losses.softmax_backward(losses.squared_error_backward(d_losses, cache.loss_cache), cache.y_hat)
        else:
            do = losses.cross_entropy_backward(d_losses, cache.loss_cache)  # (T, N, C), Eq. (32)
        dW_hy = np.tensordot(cache.h[1:], do, axes=((0, 1), (0, 1)))  # (H, C) = sum over t of h_t^T do_t, Eq. (36)
        return do @ self.params["W_hy"].T, dW_hy, do.sum(axis=(0, 1))  # Eq. (35), Eq. (37)

    def backward(self, d_losses: Array, cache: ElmanCache, k1: int | None = None, k2: int | None = None) -> Grads:
        """Backpropagation through time: full, or with k1 and k2 truncated, TBPTT(k1, k2).

        Args:
            d_losses: (T, N), dL/dE_t; see `losses.reduce`.
            cache: what `forward` of this network returned.
            k1: the losses go back in groups of k1 steps; None is T.
            k2: a group goes back from its last step through at most k2 steps, that last step included; k2 >= k1.
                With k1 = k2 a group goes back to its own first step and no further. None is all steps.

        Returns:
            grads.x (T, N, D), grads.h_0 (N, H) and grads.params, named as `params`.

        Raises:
            ValueError: for another network's cache, and for k2 < k1."""
        dh_own, dW_hy, db_y = self.output_backward(d_losses, cache)  # (T, N, H), (H, C), (C,)
        x, h, p, T = cache.x, cache.h, self.params, len(cache.x)
        k1, k2 = checks.check_truncation(k1, k2, T)
        dx, dh_0 = np.zeros_like(x), np.zeros_like(h[0])
        dW_xh, dW_hh, db_h = (np.zeros_like(p[name]) for name in ("W_xh", "W_hh", "b_h"))
        for first in range(0, T, k1):  # the group of losses E_t, first <= t < end
            end = min(first + k1, T)
            start = first if k1 == k2 else max(end - k2, 0)  # the first step they reach; k1 = k2: chunks never overlap
            dh_next = np.zeros_like(dh_0)  # (N, H): what comes back from step t + 1
            for t in reversed(range(start, end)):
                dh = dh_next + (dh_own[t] if t >= first else 0)  # (N, H): from E_t, and from later losses, Eq. (3)
                dz = dh * (1 - h[t + 1] * h[t + 1])  # (N, H): tanh' = 1 - tanh^2, Eq. (4)
                dW_xh += x[t].T @ dz  # (D, H), Eq. (6)
                dW_hh += h[t].T @ dz  # (H, H), Eq. (7)
                db_h += dz.sum(axis=0)  # (H,), Eq. (8)
                dx[t] += dz @ p["W_xh"].T  # (N, D), Eq. (9)
                dh_next = dz @ p["W_hh"].T  # (N, H), Eq. (5)
            if start == 0:
                dh_0 += dh_next
        return Grads(dx, dh_0, {"W_xh": dW_xh, "W_hh": dW_hh, "W_hy": dW_hy, "b_h": db_h, "b_y": db_y})

    def update(self, grads: Params, lr: float) -> None:
        """W <- W - lr dW, for all weights and biases, in place."""
        lr = checks.check_update(grads, self.params, lr)
        for name, p in self.params.items():
            p -= lr * grads[name]
