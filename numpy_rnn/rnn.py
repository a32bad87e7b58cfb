"""The Elman RNN: one step forward, the same step backward, and the loop over time. Eq. numbers: docs/derivation.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from numpy_rnn.bptt import LayerCache, States
from numpy_rnn.checks import check_choice
from numpy_rnn.layers import Params
from numpy_rnn.sequences import rows, steps, unrows
from numpy_rnn.stack import Stack


def step(a: np.ndarray, h_prev: np.ndarray, W_hh: np.ndarray, nonlinearity: str) -> np.ndarray:
    """h_t = f(a_t + h_{t-1} W_hh), Eq. (2), where a_t = x_t W_xh + b_xh + b_hh is Eq. (1). All of them (N, H)."""
    z = a + h_prev @ W_hh  # (N, H) = (N, H) + (N, H) (H, H)
    return np.tanh(z) if nonlinearity == "tanh" else np.maximum(z, 0)


def derivative(h: np.ndarray, nonlinearity: str) -> np.ndarray:
    """f'(z), written with h = f(z); relu's is 0 at 0, as PyTorch has it."""
    return 1 - h * h if nonlinearity == "tanh" else (h > 0).astype(h.dtype)


def step_backward(dh: np.ndarray, h: np.ndarray, W_hh: np.ndarray, nonlinearity: str) -> tuple[np.ndarray, np.ndarray]:
    """From dh = dL/dh_t (N, H), over all paths: dz = dL/dz_t (N, H), and what flows on to h_{t-1} (N, H)."""
    dz = dh * derivative(h, nonlinearity)  # (N, H), Eq. (4)
    dh_prev = dz @ W_hh.T  # (N, H) = (N, H) (H, H), Eq. (5)
    return dz, dh_prev


class RNN(Stack):
    """torch.nn.RNN by hand, time first: h_t = f(x_t W_xh + b_xh + h_{t-1} W_hh + b_hh), f = tanh or relu.

    Sizes, parameters, `forward` and `backward` are described in `Stack`. Raises ValueError for a bad argument.
    Source: Elman (1990), "Finding structure in time"; the two biases are PyTorch's.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 bias: bool = True, bidirectional: bool = False, dropout: float = 0.0, dtype: Any = np.float32,
                 rng: np.random.Generator | None = None):  # fmt: skip
        check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias, bidirectional, dropout, dtype, rng)

    def layer_forward(self, x: np.ndarray, lengths: np.ndarray, p: Params, h_0: np.ndarray) -> LayerCache:
        """x (T, N, D), lengths (N,), the longest first, h_0 (N, H) -> hs (T + 1, N, H), zero after a sequence's end."""
        T, N, _ = x.shape
        a = rows(x, lengths) @ p["W_xh"]  # (R, H): every a_t in one product, Eq. (1)
        if self.bias:
            a += p["b_xh"] + p["b_hh"]
        hs = np.zeros((T + 1, N, self.hidden_size), self.dtype)
        hs[0] = h_0
        for t, n, r in steps(lengths):  # n: the sequences that have not ended before step t, r: their rows
            hs[t + 1, n] = step(a[r], hs[t, n], p["W_hh"], self.nonlinearity)
        return LayerCache(x, (hs,))

    def layer_backward(self, d_output: np.ndarray, lengths: np.ndarray, p: Params, cache: LayerCache,
                       dh_n: np.ndarray) -> tuple[np.ndarray, States, Params]:  # fmt: skip
        """d_output (T, N, H), dh_n (N, H) -> dx (T, N, D), dh_0 (N, H), the parameters' gradients."""
        x, (hs,), _ = cache
        dz = np.empty((lengths.sum(), self.hidden_size), self.dtype)  # (R, H): R real steps in all
        dh_next = dh_n.copy()  # (N, H): waits in its row until the sequence's last step is reached
        for t, n, r in reversed(steps(lengths)):
            dh = d_output[t, n] + dh_next[n]  # (n, H): the loss at t, and all later ones, Eq. (3)
            dz[r], dh_next[n] = step_backward(dh, hs[t + 1, n], p["W_hh"], self.nonlinearity)
        dW_xh = rows(x, lengths).T @ dz  # (D, H) = sum over t of x_t^T dz_t, Eq. (6)
        dW_hh = rows(hs[:-1], lengths).T @ dz  # (H, H) = sum over t of h_{t-1}^T dz_t, Eq. (7)
        db_xh = dz.sum(axis=0)  # (H,), Eq. (8)
        db_hh = db_xh.copy()  # (H,), the same sum
        dx = unrows(dz @ p["W_xh"].T, lengths, len(x))  # (T, N, D), Eq. (9)
        dh_0 = dh_next  # (N, H): what step 1 sends back
        return dx, (dh_0,), {"W_xh": dW_xh, "W_hh": dW_hh, "b_xh": db_xh, "b_hh": db_hh}
