"""The LSTM: one step forward, the same step backward, and the loop over time. Eq. numbers: docs/derivation.md."""

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.layers import sigmoid
from numpy_rnn.packing import by_gate, pack, time_steps, unpack
from numpy_rnn.truncation import LayerCache
from numpy_rnn.types import Array, Params, States


def step(a: Array, h_prev: Array, c_prev: Array, W_hh: Array) -> tuple[Array, Array, tuple[Array, ...]]:
    """One time step.

    Args:
        a: (N, 4 H), a_t = x_t W_xh + b_xh + b_hh.
        h_prev: (N, H), h_{t-1}.
        c_prev: (N, H), c_{t-1}.
        W_hh: (H, 4 H).

    Returns:
        h_t, c_t and the gates (i, f, g, o), (N, H) each.
    """
    z_i, z_f, z_g, z_o = by_gate(a + h_prev @ W_hh, 4)  # each (N, H), Eq. (10)
    i = sigmoid(z_i)  # the input gate, Eq. (10)
    f = sigmoid(z_f)  # the forget gate, Eq. (10)
    g = np.tanh(z_g)  # the new values for the cell, Eq. (10)
    o = sigmoid(z_o)  # the output gate, Eq. (10)
    c = f * c_prev + i * g  # (N, H), Eq. (11)
    h = o * np.tanh(c)  # (N, H), Eq. (12)
    return h, c, (i, f, g, o)


def step_backward(
    dh: Array, dc_next: Array, gates: Array, c_prev: Array, c: Array, W_hh: Array
) -> tuple[Array, Array, Array]:
    """The same step backward.

    Args:
        dh: (N, H), dL/dh_t over all paths.
        dc_next: (N, H), the part of dL/dc_t that comes from step t + 1.
        gates: i, f, g, o, (N, H) each.
        c_prev: (N, H), c_{t-1}.
        c: (N, H), c_t.
        W_hh: (H, 4 H).

    Returns:
        dz (N, 4 H), and the parts of dL/dh_{t-1} and dL/dc_{t-1} that go through this step, (N, H) each.
    """
    i, f, g, o = gates
    tanh_c = np.tanh(c)  # in Eq. (13)
    dc = dc_next + dh * o * (1 - tanh_c * tanh_c)  # (N, H): both paths of c_t, to c_{t+1} and to h_t, Eq. (13)
    dz_i = dc * g * i * (1 - i)  # (N, H), Eq. (14)
    dz_f = dc * c_prev * f * (1 - f)  # (N, H), Eq. (14)
    dz_g = dc * i * (1 - g * g)  # (N, H), Eq. (14)
    dz_o = dh * tanh_c * o * (1 - o)  # (N, H), Eq. (14)
    dz = np.concatenate((dz_i, dz_f, dz_g, dz_o), axis=-1)  # (N, 4 H), Eq. (14)
    dh_prev = dz @ W_hh.T  # (N, H) = (N, 4 H) (4 H, H), Eq. (15)
    dc_prev = dc * f  # Eq. (16)
    return dz, dh_prev, dc_prev


class LSTM(RNNBase):
    """torch.nn.LSTM by hand, time first. `forward` and `backward` are described in `RNNBase`.

    The columns of W_xh, W_hh and the biases are the gates i, f, g, o, a quarter each.

    z = x_t W_xh + b_xh + h_{t-1} W_hh + b_hh
    i, f, o = sigmoid of their quarters of z
    g = tanh of its quarter of z
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)

    States and their gradients are pairs (h, c).

    Args:
        input_size: D, the number of inputs at a step.
        hidden_size: H, the number of hidden units of one layer in one direction.
        num_layers: the number of layers.
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
        Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000), without peepholes.
    """

    num_gates = 4
    num_kept = 4  # i, f, g, o
    state_names = ("h", "c")

    def layer_forward(self, lengths: Array, p: Params, cache: LayerCache) -> None:
        """See `RNNBase.layer_forward`. It fills the states hs and cs (T + 1, N, H), and i, f, g, o (T, 4, N, H)."""
        x, (hs, cs), gates = cache
        a = pack(x, lengths) @ p["W_xh"]  # (R, 4 H), R = sum of the lengths: every a_t in one product, Eq. (1)
        if self.bias:
            a += p["b_xh"] + p["b_hh"]  # Eq. (1)
        for t, live, packed in time_steps(lengths):  # live: the sequences with a step t; packed: their rows of a
            hs[t + 1, live], cs[t + 1, live], gates[t, :, live] = step(a[packed], hs[t, live], cs[t, live], p["W_hh"])

    def layer_backward(
        self, d_output: Array, lengths: Array, p: Params, cache: LayerCache, d_states_n: States
    ) -> tuple[Array, States, Params]:
        """See `RNNBase.layer_backward`. d_states_n is (dh_n, dc_n), (N, H) each.

        Returns:
            dx (T, N, D), (dh_0, dc_0) (N, H) each, and the gradients of p.
        """
        x, (hs, cs), gates = cache
        dh_n, dc_n = d_states_n
        dz = np.empty((lengths.sum(), 4 * self.hidden_size), self.dtype)  # (R, 4 H)
        dh_next, dc_next = dh_n.copy(), dc_n.copy()  # (N, H): row n is first used at the last step of sequence n
        W_hh = np.asfortranarray(p["W_hh"])  # by columns: W_hh.T, a factor in every step, lies in one piece
        for t, live, packed in reversed(time_steps(lengths)):
            dh = d_output[t, live] + dh_next[live]  # (live, H): from the loss at t, and from later losses, Eq. (3)
            dz[packed], dh_next[live], dc_next[live] = step_backward(
                dh, dc_next[live], gates[t, :, live], cs[t, live], cs[t + 1, live], W_hh
            )
        dW_xh = pack(x, lengths).T @ dz  # (D, 4 H) = sum over t of x_t^T dz_t, Eq. (6)
        dW_hh = pack(hs[:-1], lengths).T @ dz  # (H, 4 H) = sum over t of h_{t-1}^T dz_t, Eq. (7)
        db_xh = dz.sum(axis=0)  # (4 H,), Eq. (8)
        db_hh = db_xh.copy()  # (4 H,), the same sum, Eq. (8)
        dx = unpack(dz @ p["W_xh"].T, lengths, len(x))  # (T, N, D), Eq. (9)
        return dx, (dh_next, dc_next), {"W_xh": dW_xh, "W_hh": dW_hh, "b_xh": db_xh, "b_hh": db_hh}
