"""The GRU: one step forward, the same step backward, and the loop over time. Eq. numbers: docs/derivation.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from numpy_rnn.bptt import LayerCache, States
from numpy_rnn.layers import Params, sigmoid
from numpy_rnn.sequences import rows, steps, unrows
from numpy_rnn.stack import Stack

Gates = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def step(a: np.ndarray, h_prev: np.ndarray, W_hh: np.ndarray,
         b_hh: np.ndarray | float) -> tuple[np.ndarray, Gates]:  # fmt: skip
    """a_t = x_t W_xh + b_xh (N, 3 H), h_{t-1} (N, H) -> h_t and r, z, n, s_n for the way back, (N, H) each."""
    a_r, a_z, a_n = np.split(a, 3, axis=-1)  # each (N, H): the input's part of r, z and n
    s_r, s_z, s_n = np.split(h_prev @ W_hh + b_hh, 3, axis=-1)  # each (N, H): the state's part, Eq. (17)
    r = sigmoid(a_r + s_r)  # the reset gate
    z = sigmoid(a_z + s_z)  # the update gate
    n = np.tanh(a_n + r * s_n)  # the new state, if z lets it in; r acts after the matrix product, Eq. (18)
    h = (1 - z) * n + z * h_prev  # Eq. (19)
    return h, (r, z, n, s_n)


def step_backward(dh: np.ndarray, gates: np.ndarray, h_prev: np.ndarray,
                  W_hh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """From dh = dL/dh_t (N, H), over all paths: da and ds (N, 3 H), and what flows on to h_{t-1} (N, H)."""
    r, z, n, s_n = gates
    da_n = dh * (1 - z) * (1 - n * n)  # Eq. (20)
    da_z = dh * (h_prev - n) * z * (1 - z)
    da_r = da_n * s_n * r * (1 - r)
    da = np.concatenate((da_r, da_z, da_n), axis=-1)  # (N, 3 H)
    ds = np.concatenate((da_r, da_z, da_n * r), axis=-1)  # (N, 3 H): the state's part of n stands behind r, Eq. (21)
    dh_prev = dh * z + ds @ W_hh.T  # (N, H): past the update gate, and through all three products, Eq. (22)
    return da, ds, dh_prev


class GRU(Stack):
    """torch.nn.GRU by hand, time first. The columns of W_xh, W_hh and the biases are the gates r, z, n.

    r, z = sigmoid of their third of x_t W_xh + b_xh + h_{t-1} W_hh + b_hh;
    n = tanh(x_t W_xn + b_xn + r * (h_{t-1} W_hn + b_hn));  h_t = (1 - z) * n + z * h_{t-1}.
    Sizes, parameters, `forward` and `backward` are described in `Stack`. Raises ValueError for a bad argument.
    Source: Cho et al. (2014), in the variant that resets after the product; see docs/derivation.md.
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 bidirectional: bool = False, dropout: float = 0.0, dtype: Any = np.float32,
                 rng: np.random.Generator | None = None):  # fmt: skip
        super().__init__(input_size, hidden_size, num_layers, bias, bidirectional, dropout, dtype, rng)

    def layer_forward(self, x: np.ndarray, lengths: np.ndarray, p: Params, h_0: np.ndarray) -> LayerCache:
        """x (T, N, D), lengths (N,), the longest first, h_0 (N, H) -> hs (T + 1, N, H), and r, z, n, s_n."""
        T, N, _ = x.shape
        a = rows(x, lengths) @ p["W_xh"]  # (R, 3 H): every a_t in one product
        if self.bias:
            a += p["b_xh"]
        b_hh = p["b_hh"] if self.bias else 0.0
        hs = np.zeros((T + 1, N, self.hidden_size), self.dtype)
        gates = np.zeros((T, 4, N, self.hidden_size), self.dtype)
        hs[0] = h_0
        for t, n, r in steps(lengths):  # n: the sequences that have not ended before step t, r: their rows
            hs[t + 1, n], gates[t, :, n] = step(a[r], hs[t, n], p["W_hh"], b_hh)
        return LayerCache(x, (hs,), gates)

    def layer_backward(self, d_output: np.ndarray, lengths: np.ndarray, p: Params, cache: LayerCache,
                       dh_n: np.ndarray) -> tuple[np.ndarray, States, Params]:  # fmt: skip
        """d_output (T, N, H), dh_n (N, H) -> dx (T, N, D), dh_0 (N, H), the parameters' gradients."""
        x, (hs,), gates = cache
        da, ds = np.empty((2, lengths.sum(), 3 * self.hidden_size), self.dtype)  # (R, 3 H) each: R real steps in all
        dh_next = dh_n.copy()  # (N, H): waits in its row until the sequence's last step is reached
        for t, n, r in reversed(steps(lengths)):
            dh = d_output[t, n] + dh_next[n]  # (n, H): the loss at t, and all later ones
            da[r], ds[r], dh_next[n] = step_backward(dh, gates[t, :, n], hs[t, n], p["W_hh"])
        dW_xh = rows(x, lengths).T @ da  # (D, 3 H) = sum over t of x_t^T da_t
        dW_hh = rows(hs[:-1], lengths).T @ ds  # (H, 3 H) = sum over t of h_{t-1}^T ds_t
        db_xh = da.sum(axis=0)  # (3 H,)
        db_hh = ds.sum(axis=0)  # (3 H,)
        dx = unrows(da @ p["W_xh"].T, lengths, len(x))  # (T, N, D)
        return dx, (dh_next,), {"W_xh": dW_xh, "W_hh": dW_hh, "b_xh": db_xh, "b_hh": db_hh}
