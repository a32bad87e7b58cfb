"""The Elman RNN: one step forward, the same step backward, and the loop over time. Eq. numbers: docs/derivation.md."""

from typing import Any

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.checks import check_choice
from numpy_rnn.packing import pack, time_steps, unpack
from numpy_rnn.truncation import LayerCache
from numpy_rnn.types import Array, Params, States


def step(a: Array, h_prev: Array, W_hh: Array, nonlinearity: str) -> Array:
    """h_t = f(a_t + h_{t-1} W_hh), Eq. (2), where a_t = x_t W_xh + b_xh + b_hh is Eq. (1). All of them (N, H)."""
    z = a + h_prev @ W_hh  # (N, H) = (N, H) + (N, H) (H, H), Eq. (2)
    return np.tanh(z) if nonlinearity == "tanh" else np.maximum(z, 0)  # Eq. (2)


def derivative(h: Array, nonlinearity: str) -> Array:
    """f'(z), written with h = f(z); relu's is 0 at 0, as PyTorch has it."""
    return 1 - h * h if nonlinearity == "tanh" else (h > 0).astype(h.dtype)  # in Eq. (4)


def step_backward(dh: Array, h: Array, W_hh: Array, nonlinearity: str) -> tuple[Array, Array]:
    """From dh = dL/dh_t (N, H), over all paths: dz = dL/dz_t (N, H), and what flows on to h_{t-1} (N, H)."""
    dz = dh * derivative(h, nonlinearity)  # (N, H), Eq. (4)
    dh_prev = dz @ W_hh.T  # (N, H) = (N, H) (H, H), Eq. (5)
    return dz, dh_prev


class RNN(RNNBase):
    """torch.nn.RNN by hand, time first: h_t = f(x_t W_xh + b_xh + h_{t-1} W_hh + b_hh), f = tanh or relu.

    Sizes, parameters, `forward` and `backward` are described in `RNNBase`. Raises ValueError for a bad argument.
    Source: Elman (1990), "Finding structure in time"; the two biases are PyTorch's.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        bidirectional: bool = False,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: np.random.Generator | None = None,
    ):
        check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias, bidirectional, dropout, dtype, rng)

    def layer_forward(self, x: Array, lengths: Array, p: Params, states_0: States) -> LayerCache:
        """x (T, N, D), lengths (N,), the longest first, (h_0 (N, H),) -> hs (T + 1, N, H), zero after the end."""
        T, N, _ = x.shape
        a = pack(x, lengths) @ p["W_xh"]  # (R, H): every a_t in one product, Eq. (1)
        if self.bias:
            a += p["b_xh"] + p["b_hh"]  # Eq. (1)
        hs = np.zeros((T + 1, N, self.hidden_size), self.dtype)
        (hs[0],) = states_0
        for t, live, packed in time_steps(lengths):
            hs[t + 1, live] = step(a[packed], hs[t, live], p["W_hh"], self.nonlinearity)
        return LayerCache(x, (hs,))

    def layer_backward(
        self, d_output: Array, lengths: Array, p: Params, cache: LayerCache, d_states_n: States
    ) -> tuple[Array, States, Params]:
        """d_output (T, N, H), (dh_n (N, H),) -> dx (T, N, D), (dh_0 (N, H),), the parameters' gradients."""
        x, (hs,), _ = cache
        (dh_n,) = d_states_n
        dz = np.empty((lengths.sum(), self.hidden_size), self.dtype)  # (R, H): R real steps in all
        dh_next = dh_n.copy()  # (N, H): waits in its row until the sequence's last step is reached
        for t, live, packed in reversed(time_steps(lengths)):
            dh = d_output[t, live] + dh_next[live]  # (live, H): the loss at t, and all later ones, Eq. (3)
            dz[packed], dh_next[live] = step_backward(dh, hs[t + 1, live], p["W_hh"], self.nonlinearity)
        dW_xh = pack(x, lengths).T @ dz  # (D, H) = sum over t of x_t^T dz_t, Eq. (6)
        dW_hh = pack(hs[:-1], lengths).T @ dz  # (H, H) = sum over t of h_{t-1}^T dz_t, Eq. (7)
        db_xh = dz.sum(axis=0)  # (H,), Eq. (8)
        db_hh = db_xh.copy()  # (H,), the same sum, Eq. (8)
        dx = unpack(dz @ p["W_xh"].T, lengths, len(x))  # (T, N, D), Eq. (9)
        dh_0 = dh_next  # (N, H): what step 1 sends back
        return dx, (dh_0,), {"W_xh": dW_xh, "W_hh": dW_hh, "b_xh": db_xh, "b_hh": db_hh}
