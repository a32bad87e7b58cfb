"""START HERE: the Elman network on one screen. A hidden state, an output and an error at EVERY time step.

    h_t  = tanh(x_t W_xh + h_{t-1} W_hh + b_h)      the hidden layer                       (N, H)
    y^_t = softmax(o_t), o_t = h_t W_hy + b_y       the output layer                       (N, C)
    E_t  = (1/C) sum_c (y^_t,c - y_t,c)^2           "squared_error", y_t a distribution    (N,)
    E_t  = -log y^_t,k                              "cross_entropy", y_t = k a class       (N,)

Plain loops, one formula a line. rnn.py has the same h_t for training at full speed; a test holds the two to each other.
Sources: Elman (1990), "Finding structure in time"; Werbos (1990), "Backpropagation through time"; Sutskever (2013),
"Training recurrent neural networks" for TBPTT(k1, k2). docs/derivation.md derives all of it: Eq. (n) is its equation n.
"""

import copy
from typing import Any, NamedTuple, Self

import numpy as np

from numpy_rnn import checks, losses
from numpy_rnn.types import Array, Grads, Params


class ElmanCache(NamedTuple):
    made_by: object  # the network
    x: Array  # (T, N, D)
    h: Array  # (T + 1, N, H): h[0] = h_0, and h[t + 1] comes after x[t]
    y_hat: Array  # (T, N, C)
    error: Any  # the loss function's cache


class ElmanNetwork:
    """params: W_xh (D, H), W_hh (H, H), W_hy (H, C), b_h (H,), b_y (C,), the same at all steps; from U(-1/sqrt(H),
    1/sqrt(H)). rng: default_rng(0) unless given. Raises ValueError for a bad argument."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        error: str = "squared_error",
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ):
        D, H = checks.check_size("input_size", input_size), checks.check_size("hidden_size", hidden_size)
        C = checks.check_size("output_size", output_size)
        self.error = checks.check_choice("error", error, ("squared_error", "cross_entropy"))
        self.dtype, rng = checks.check_dtype("dtype", dtype), checks.check_generator(rng)
        shapes, bound = {"W_xh": (D, H), "W_hh": (H, H), "W_hy": (H, C), "b_h": (H,), "b_y": (C,)}, H**-0.5
        self.params: Params = {k: rng.uniform(-bound, bound, s).astype(self.dtype) for k, s in shapes.items()}

    def with_params(self, params: Params) -> Self:
        """The same network with these arrays. Their one dtype is the new network's; complex128 will do."""
        twin = copy.copy(self)
        twin.dtype = checks.check_params(params, self.params)
        twin.params = {name: params[name] for name in self.params}
        return twin

    def states(self, x: Array, h_0: Array | None = None) -> tuple[Array, Array]:
        """x (T, N, D), h_0 (N, H) or None for zeros -> h (T + 1, N, H), h[0] being h_0, and o (T, N, C)."""
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
        """x (T, N, D) and the targets y -> the losses E_t (T, N), h_n (N, H), and the cache for `backward`.

        y: (T, N, C), distributions such as one-hot rows, for the squared error; classes (T, N) for the cross-entropy.
        Give the h_n of one chunk as the h_0 of the next to carry the state on. Raises ValueError for a bad argument."""
        h, o = self.states(x, h_0)
        y_hat = losses.softmax(o)  # (T, N, C), Eq. (27)
        E, error = losses.squared_error(y_hat, y) if self.error == "squared_error" else losses.cross_entropy(o, y)
        return E, h[-1].copy(), ElmanCache(self, x, h, y_hat, error)

    def output_backward(self, d_losses: Array, cache: ElmanCache) -> tuple[Array, Array, Array]:
        """From dL/dE_t (T, N): what each E_t says about its own h_t, (T, N, H); dW_hy; db_y."""
        checks.expect(cache.made_by is self, "cache", "what forward of this network returned", "another one's")
        if self.error == "squared_error":
            do = losses.softmax_backward(losses.squared_error_backward(d_losses, cache.error), cache.y_hat)  # (T, N, C)
        else:
            do = losses.cross_entropy_backward(d_losses, cache.error)  # (T, N, C), Eq. (32)
        dW_hy = np.tensordot(cache.h[1:], do, axes=((0, 1), (0, 1)))  # (H, C) = sum over t of h_t^T do_t, Eq. (36)
        return do @ self.params["W_hy"].T, dW_hy, do.sum(axis=(0, 1))  # Eq. (35), Eq. (37)

    def backward(self, d_losses: Array, cache: ElmanCache, k1: int | None = None, k2: int | None = None) -> Grads:
        """Each E_t goes back from t through every earlier step; with k1 and k2 through some of them, TBPTT(k1, k2).

        The losses are taken in groups of k1 steps; a group goes back k2 steps from its last one, that one included, or
        with k1 = k2 no further than its first one. None is T. d_losses (T, N) is dL/dE_t, see `losses.reduce`.
        Returns grads.x (T, N, D), grads.h_0 (N, H), grads.params. Raises ValueError for another network's cache."""
        dh_own, dW_hy, db_y = self.output_backward(d_losses, cache)  # (T, N, H), (H, C), (C,)
        x, h, p, T = cache.x, cache.h, self.params, len(cache.x)
        k1 = T if k1 is None else checks.check_size("k1", k1)
        k2 = max(k1, T) if k2 is None else checks.check_size("k2", k2)
        checks.expect(k2 >= k1, "k2", f"at least k1 = {k1}, or losses would be lost", k2)
        dx, dh_0 = np.zeros_like(x), np.zeros_like(h[0])
        dW_xh, dW_hh, db_h = (np.zeros_like(p[name]) for name in ("W_xh", "W_hh", "b_h"))
        for first in range(0, T, k1):  # the group of losses E_t, first <= t < end
            end = min(first + k1, T)
            start = first if k1 == k2 else max(end - k2, 0)  # they go back to here
            dh_next = np.zeros_like(dh_0)  # (N, H): what comes back from step t + 1
            for t in reversed(range(start, end)):
                dh = dh_next + (dh_own[t] if t >= first else 0)  # (N, H): E_t, and the later ones, Eq. (3)
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
        """W <- W - lr dW, for all weights and biases, where they stand."""
        checks.expect(grads.keys() == self.params.keys(), "grads", f"the parameters' names {[*self.params]}", [*grads])
        for name, p in self.params.items():
            checks.check_array(name, grads[name], p.shape, p.dtype)
            p -= lr * grads[name]
