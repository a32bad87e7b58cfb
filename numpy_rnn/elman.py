"""The Elman network: a hidden state, an output at EVERY step, an error at every step."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, Self

import numpy as np

from numpy_rnn.bptt import Cache
from numpy_rnn.checks import check_array, check_choice, check_generator, check_params, expect
from numpy_rnn.layers import Linear, Params
from numpy_rnn.losses import (
    cross_entropy,
    cross_entropy_backward,
    softmax,
    softmax_backward,
    squared_error,
    squared_error_backward,
)
from numpy_rnn.optim import SGD
from numpy_rnn.rnn import RNN
from numpy_rnn.stack import Grads


class ElmanCache(NamedTuple):
    rnn: Cache
    h: np.ndarray  # (T, N, H)
    y_hat: np.ndarray  # (T, N, C)
    error: Any  # the loss function's cache


class ElmanNetwork:
    """Three weights, shared by all steps: W_xh (D, H), W_hh (H, H), W_hy (H, C); the biases b_h (H,), b_y (C,).

    h_t  = tanh(x_t W_xh + h_{t-1} W_hh + b_h)      the hidden layer                       (N, H)
    y^_t = softmax(h_t W_hy + b_y)                  the output layer                       (N, C)
    E_t  = (1/C) sum_c (y^_t,c - y_t,c)^2           "squared_error", y_t a distribution    (N,)
    E_t  = -log y^_t,k                              "cross_entropy", y_t = k a class       (N,)

    The weights are drawn from U(-1/sqrt(H), 1/sqrt(H)). rng: default_rng(0) unless given.
    Source: Elman (1990), "Finding structure in time". Raises ValueError for a bad argument.
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, error: str = "squared_error",
                 dtype: Any = np.float32, rng: np.random.Generator | None = None):  # fmt: skip
        check_choice("error", error, ("squared_error", "cross_entropy"))
        self.error = error
        rng = check_generator(rng)
        self.hidden = RNN(input_size, hidden_size, dtype=dtype, rng=rng)
        self.output = Linear(hidden_size, output_size, dtype=dtype, rng=rng)
        self.params: Params = {
            "W_xh": self.hidden.params["W_xh_l0"],
            "W_hh": self.hidden.params["W_hh_l0"],
            "W_hy": self.output.params["W"],
            "b_h": self.hidden.params["b_xh_l0"],
            "b_y": self.output.params["b"],
        }
        self.hidden.params["b_hh_l0"][:] = 0  # PyTorch's second hidden bias: this network has one, so it stays zero

    def with_params(self, params: Params) -> Self:
        """The same network with these arrays. Their one dtype is the new network's; complex128 will do."""
        check_params(params, self.params)
        twin = copy.copy(self)
        twin.params = {name: params[name] for name in self.params}
        twin.hidden = self.hidden.with_params(
            {"W_xh_l0": params["W_xh"], "W_hh_l0": params["W_hh"], "b_xh_l0": params["b_h"],
             "b_hh_l0": np.zeros_like(params["b_h"])})  # fmt: skip
        twin.output = copy.copy(self.output)
        twin.output.params = {"W": params["W_hy"], "b": params["b_y"]}
        return twin

    def predict(self, x: np.ndarray, h_0: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """x (T, N, D), h_0 (N, H) or None for zeros -> y_hat (T, N, C) and the last state h_n (N, H)."""
        _, z, h_n, _ = self._logits(x, h_0)
        return softmax(z), h_n

    def forward(self, x: np.ndarray, y: np.ndarray,
                h_0: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, ElmanCache]:  # fmt: skip
        """x (T, N, D) and the targets y -> the losses E_t (T, N), h_n (N, H), and the cache for `backward`.

        y: (T, N, C), distributions such as one-hot rows, for the squared error; classes (T, N) for the cross-entropy.
        Give the h_n of one chunk as the h_0 of the next to carry the state on. Raises ValueError for a bad argument.
        """
        h, z, h_n, rnn_cache = self._logits(x, h_0)
        y_hat = softmax(z)  # (T, N, C)
        losses, error = squared_error(y_hat, y) if self.error == "squared_error" else cross_entropy(z, y)
        return losses, h_n, ElmanCache(rnn_cache, h, y_hat, error)

    def output_backward(self, d_losses: np.ndarray, cache: ElmanCache) -> tuple[np.ndarray, Params]:
        """From dL/dE_t (T, N): what each E_t says about its own h_t, (T, N, H); and dW_hy, db_y."""
        expect(cache.rnn.made_by is self.hidden, "cache", "what forward of this network returned", "another one's")
        if self.error == "squared_error":
            dy_hat = squared_error_backward(d_losses, cache.error)  # (T, N, C)
            dz = softmax_backward(dy_hat, cache.y_hat)  # (T, N, C)
        else:
            dz = cross_entropy_backward(d_losses, cache.error)  # (T, N, C)
        dh, d_output = self.output.backward(dz, cache.h)
        return dh, {"W_hy": d_output["W"], "b_y": d_output["b"]}

    def backward(self, d_losses: np.ndarray, cache: ElmanCache, k1: int | None = None, k2: int | None = None) -> Grads:
        """E_t flows back from t through every earlier step, or, with k1 and k2, through a limited number of them.

        d_losses (T, N), see `losses.reduce`; k1, k2: see `bptt.windows`. Returns grads.x (T, N, D), grads.h_0 (N, H),
        grads.params. dW_hy and db_y don't depend on k1 and k2, since E_t meets them at step t alone. Raises ValueError
        for another network's cache, and for what `bptt.windows` refuses.
        """
        dh, d_output = self.output_backward(d_losses, cache)
        grads = self.hidden.backward(dh, None, cache.rnn, k1, k2)
        d_hidden = {"W_xh": grads.params["W_xh_l0"], "W_hh": grads.params["W_hh_l0"], "b_h": grads.params["b_xh_l0"]}
        return Grads(grads.x, grads.h_0[0], {name: (d_hidden | d_output)[name] for name in self.params})

    def _logits(self, x: np.ndarray, h_0: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, Cache]:
        """h_1..h_T (T, N, H), the logits z (T, N, C), h_n (N, H), and the hidden layer's cache."""
        if h_0 is not None:
            N = x.shape[1] if np.ndim(x) == 3 else "N"
            check_array("h_0", h_0, (N, self.hidden.hidden_size), self.hidden.dtype)
            h_0 = h_0[None]  # (1, N, H): a stack of one layer
        h, h_n, cache = self.hidden.forward(x, h_0)
        z, _ = self.output.forward(h)  # h_t W_hy + b_y, (T, N, C)
        return h, z, h_n[0], cache

    def update(self, grads: Params, lr: float) -> None:
        """W <- W - lr dW, for all weights and biases, where they stand."""
        SGD(self.params).step(grads, lr)
