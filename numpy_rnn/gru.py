"""The GRU: one step forward, the same step backward, and the loop over time. Eq. numbers: docs/derivation.md."""

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.layers import sigmoid
from numpy_rnn.packing import by_gate, pack, time_steps, unpack
from numpy_rnn.truncation import LayerCache
from numpy_rnn.types import Array, Params, States


def step(a: Array, h_prev: Array, W_hh: Array, b_hh: Array | float) -> tuple[Array, tuple[Array, ...]]:
    """One time step.

    Args:
        a: (N, 3 H), a_t = x_t W_xh + b_xh.
        h_prev: (N, H), h_{t-1}.
        W_hh: (H, 3 H).
        b_hh: (3 H,), or 0.0 without biases.

    Returns:
        h_t (N, H), and for `step_backward` (r, z, n, s_n), (N, H) each; s_n = h_{t-1} W_hn + b_hn.
    """
    a_r, a_z, a_n = by_gate(a, 3)  # each (N, H): the input's part of r, z and n, Eq. (17)
    s_r, s_z, s_n = by_gate(h_prev @ W_hh + b_hh, 3)  # each (N, H): the state's part, Eq. (17)
    r = sigmoid(a_r + s_r)  # the reset gate, Eq. (18)
    z = sigmoid(a_z + s_z)  # the update gate, Eq. (18)
    n = np.tanh(a_n + r * s_n)  # the candidate state; r acts after the matrix product, Eq. (18)
    h = (1 - z) * n + z * h_prev  # (N, H), Eq. (19)
    return h, (r, z, n, s_n)


def step_backward(dh: Array, gates: Array, h_prev: Array, W_hh: Array) -> tuple[Array, Array, Array]:
    """The same step backward.

    Args:
        dh: (N, H), dL/dh_t over all paths.
        gates: r, z, n, s_n, (N, H) each.
        h_prev: (N, H), h_{t-1}.
        W_hh: (H, 3 H).

    Returns:
        da and ds (N, 3 H), the gradients of the input's and the state's part of the gates, and the part of
        dL/dh_{t-1} that goes through this step (N, H).
    """
    r, z, n, s_n = gates
    da_n = dh * (1 - z) * (1 - n * n)  # (N, H), Eq. (20)
    da_z = dh * (h_prev - n) * z * (1 - z)  # (N, H), Eq. (20)
    da_r = da_n * s_n * r * (1 - r)  # (N, H), Eq. (20)
    da = np.concatenate((da_r, da_z, da_n), axis=-1)  # (N, 3 H), Eq. (21)
    ds = np.concatenate((da_r, da_z, da_n * r), axis=-1)  # (N, 3 H): r multiplies the state's part of n, Eq. (21)
    dh_prev = dh * z + ds @ W_hh.T  # (N, H): through z * h_{t-1}, and through all three products, Eq. (22)
    return da, ds, dh_prev


class GRU(RNNBase):
    """torch.nn.GRU by hand, time first. `forward` and `backward` are described in `RNNBase`.

    The columns of W_xh, W_hh and the biases are the gates r, z, n, a third each.

    r, z = sigmoid of their thirds of x_t W_xh + b_xh + h_{t-1} W_hh + b_hh
    n = tanh(x_t W_xn + b_xn + r * (h_{t-1} W_hn + b_hn))
    h_t = (1 - z) * n + z * h_{t-1}

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
        Cho et al. (2014), in the variant that applies r after the matrix product; see docs/derivation.md.
    """

    num_gates = 3
    num_kept = 4  # r, z, n, s_n

    def layer_forward(self, lengths: Array, p: Params, cache: LayerCache) -> None:
        """See `RNNBase.layer_forward`. It fills the states hs (T + 1, N, H), and r, z, n, s_n (T, 4, N, H)."""
        x, (hs,), gates = cache
        a = pack(x, lengths) @ p["W_xh"]  # (R, 3 H), R = sum of the lengths: every a_t in one product, Eq. (17)
        if self.bias:
            a += p["b_xh"]  # Eq. (17)
        b_hh = p["b_hh"] if self.bias else 0.0
        for t, live, packed in time_steps(lengths):  # live: the sequences with a step t; packed: their rows of a
            hs[t + 1, live], gates[t, :, live] = step(a[packed], hs[t, live], p["W_hh"], b_hh)

    def layer_backward(
        self, d_output: Array, lengths: Array, p: Params, cache: LayerCache, d_states_n: States
    ) -> tuple[Array, States, Params]:
        """See `RNNBase.layer_backward`. d_states_n is (dh_n,), (N, H).

        Returns:
            dx (T, N, D), (dh_0,) (N, H), and the gradients of p.
        """
        x, (hs,), gates = cache
        (dh_n,) = d_states_n
        da, ds = np.empty((2, lengths.sum(), 3 * self.hidden_size), self.dtype)  # (R, 3 H) each
        dh_next = dh_n.copy()  # (N, H): row n is first used at the last step of sequence n
        W_hh = np.asfortranarray(p["W_hh"])  # by columns: W_hh.T, a factor in every step, lies in one piece
        for t, live, packed in reversed(time_steps(lengths)):
            dh = d_output[t, live] + dh_next[live]  # (live, H): from the loss at t, and from later losses, Eq. (3)
            da[packed], ds[packed], dh_next[live] = step_backward(dh, gates[t, :, live], hs[t, live], W_hh)
        dW_xh = pack(x, lengths).T @ da  # (D, 3 H) = sum over t of x_t^T da_t, Eq. (6)
        dW_hh = pack(hs[:-1], lengths).T @ ds  # (H, 3 H) = sum over t of h_{t-1}^T ds_t, Eq. (7)
        db_xh = da.sum(axis=0)  # (3 H,), Eq. (8)
        db_hh = ds.sum(axis=0)  # (3 H,), Eq. (8)
        dx = unpack(da @ p["W_xh"].T, lengths, len(x))  # (T, N, D), Eq. (9)
        return dx, (dh_next,), {"W_xh": dW_xh, "W_hh": dW_hh, "b_xh": db_xh, "b_hh": db_hh}
