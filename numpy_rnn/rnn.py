"""The Elman RNN: one step forward, the same step backward, and the loop over time. Eq. numbers: docs/derivation.md."""

from typing import Any

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.checks import check_choice
from numpy_rnn.packing import pack, time_steps, unpack
from numpy_rnn.truncation import LayerCache
from numpy_rnn.types import Array, Params, States


def step(a: Array, h_prev: Array, W_hh: Array, nonlinearity: str) -> Array:
    """One time step.

    a_t = x_t W_xh + b_xh + b_hh, Eq. (1)
    h_t = f(a_t + h_{t-1} W_hh), Eq. (2)

    Args:
        a: (N, H), a_t.
        h_prev: (N, H), h_{t-1}.
        W_hh: (H, H).
        nonlinearity: f, "tanh" or "relu".

    Returns:
        h_t (N, H).
    """
    z = a + h_prev @ W_hh  # (N, H) = (N, H) + (N, H) (H, H), Eq. (2)
    return np.tanh(z) if nonlinearity == "tanh" else np.maximum(z, 0)  # Eq. (2)


def derivative(h: Array, nonlinearity: str) -> Array:
    """f'(z), computed from h = f(z). That of relu is 0 at z = 0, as in PyTorch."""
    return 1 - h * h if nonlinearity == "tanh" else (h > 0).astype(h.dtype)  # in Eq. (4)


def step_backward(dh: Array, h: Array, W_hh: Array, nonlinearity: str) -> tuple[Array, Array]:
    """The same step backward.

    Args:
        dh: (N, H), dL/dh_t over all paths.
        h: (N, H), h_t.
        W_hh: (H, H).
        nonlinearity: f, "tanh" or "relu".

    Returns:
        dz = dL/dz_t (N, H), and the part of dL/dh_{t-1} that goes through this step (N, H).
    """
    dz = dh * derivative(h, nonlinearity)  # (N, H), Eq. (4)
    dh_prev = dz @ W_hh.T  # (N, H) = (N, H) (H, H), Eq. (5)
    return dz, dh_prev


class RNN(RNNBase):
    """torch.nn.RNN by hand, time first. `forward` and `backward` are described in `RNNBase`.

    h_t = f(x_t W_xh + b_xh + h_{t-1} W_hh + b_hh)

    Args:
        input_size: D, the number of inputs at a step.
        hidden_size: H, the number of hidden units of one layer in one direction.
        num_layers: the number of layers.
        nonlinearity: f, "tanh" or "relu".
        bias: whether the layers have biases.
        bidirectional: whether each layer also has a second direction.
        dropout: the probability in `dropout_masks`, in [0, 1).
        dtype: float32 or float64, for parameters, inputs and results.
        rng: draws the initial parameters; None is default_rng(0).

    Attributes:
        params: the parameters by name; names and shapes are described in `StackParams`.

    Raises:
        ValueError: for a bad argument.

    Source:
        Elman (1990), "Finding structure in time". The two biases are PyTorch's.
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
        self.nonlinearity = check_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, num_layers, bias, bidirectional, dropout, dtype, rng)

    def layer_forward(self, lengths: Array, p: Params, cache: LayerCache) -> None:
        """See `RNNBase.layer_forward`. It fills the states hs (T + 1, N, H)."""
        x, (hs,), _ = cache
        a = pack(x, lengths) @ p["W_xh"]  # (R, H), R = sum of the lengths: every a_t in one product, Eq. (1)
        if self.bias:
            a += p["b_xh"] + p["b_hh"]  # Eq. (1)
        for t, live, packed in time_steps(lengths):  # live: the sequences with a step t; packed: their rows of a
            hs[t + 1, live] = step(a[packed], hs[t, live], p["W_hh"], self.nonlinearity)

    def layer_backward(
        self, d_output: Array, lengths: Array, p: Params, cache: LayerCache, d_states_n: States
    ) -> tuple[Array, States, Params]:
        """See `RNNBase.layer_backward`. d_states_n is (dh_n,), (N, H).

        Returns:
            dx (T, N, D), (dh_0,) (N, H), and the gradients of p.
        """
        x, (hs,), _ = cache
        (dh_n,) = d_states_n
        dz = np.empty((lengths.sum(), self.hidden_size), self.dtype)  # (R, H)
        dh_next = dh_n.copy()  # (N, H): row n is used from the last step of sequence n backwards
        W_hh = np.asfortranarray(p["W_hh"])  # by columns: W_hh.T, a factor in every step, lies in one piece
        for t, live, packed in reversed(time_steps(lengths)):
            dh = d_output[t, live] + dh_next[live]  # (live, H): from the loss at t, and from later losses, Eq. (3)
            dz[packed], dh_next[live] = step_backward(dh, hs[t + 1, live], W_hh, self.nonlinearity)
        dW_xh = pack(x, lengths).T @ dz  # (D, H) = sum over t of x_t^T dz_t, Eq. (6)
        dW_hh = pack(hs[:-1], lengths).T @ dz  # (H, H) = sum over t of h_{t-1}^T dz_t, Eq. (7)
        db_xh = dz.sum(axis=0)  # (H,), Eq. (8)
        db_hh = db_xh.copy()  # (H,), the same sum, Eq. (8)
        dx = unpack(dz @ p["W_xh"].T, lengths, len(x))  # (T, N, D), Eq. (9)
        dh_0 = dh_next  # (N, H): what comes back from the first step
        return dx, (dh_0,), {"W_xh": dW_xh, "W_hh": dW_hh, "b_xh": db_xh, "b_hh": db_hh}
