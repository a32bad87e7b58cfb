"""Real-time recurrent learning: the gradient of BPTT, computed FORWARD in time. Eq. numbers: docs/derivation.md."""

import numpy as np

from numpy_rnn.checks import check_array, expect, shown
from numpy_rnn.rnn import RNN, derivative
from numpy_rnn.types import Array, Params


def step(P_prev: Array, u: Array, h: Array, W_hh: Array, nonlinearity: str) -> Array:
    """P_t from P_{t-1}, where P_t[n, j, m, i] = dh_t[n, j] / dW[m, i].

    W (M, H) is W_xh, W_hh and the bias below each other, so that z_t = u_t W with u_t = [x_t, h_{t-1}, 1].

    Args:
        P_prev: (N, H, M, H), P_{t-1}.
        u: (N, M), u_t.
        h: (N, H), h_t.
        W_hh: (H, H).
        nonlinearity: "tanh" or "relu".

    Returns:
        P_t (N, H, M, H).
    """
    N, H, M, _ = P_prev.shape
    Q = (W_hh.T @ P_prev.reshape(N, H, M * H)).reshape(N, H, M, H)  # by h_{t-1}: sum_k W_hh[k, j] P[n, k], Eq. (23)
    j = np.arange(H)
    Q[:, j, :, j] += u  # directly: z[n, j] contains u[n, m] W[m, j], Eq. (23)
    return derivative(h, nonlinearity)[:, :, None, None] * Q  # Eq. (24)


def rtrl(layer: RNN, x: Array, d_output: Array, h_0: Array | None = None) -> Params:
    """The gradient of every parameter of an RNN with one layer and one direction, without a backward pass.

    From earlier steps it keeps only P, with N H (D + H + 1) H numbers for every T. It needs d_output[t] at step t only,
    so a network can learn while its input is still coming in. A step costs N H^3 (D + H + 1) multiplications. In BPTT
    it costs about 2 N H (D + H).

    Args:
        layer: the RNN.
        x: (T, N, D), the inputs.
        d_output: (T, N, H), dE_t/dh_t, where E_t is the loss of step t alone.
        h_0: (1, N, H), the initial state; None is zeros.

    Returns:
        The gradients by name, as in `layer.params`.

    Raises:
        ValueError: for another kind of layer, and for wrong shapes.

    Source:
        Williams & Zipser (1989), "A learning algorithm for continually running fully recurrent neural networks",
        Neural Computation 1.
    """
    plain = isinstance(layer, RNN) and layer.num_layers == layer.directions == 1
    expect(plain, "layer", "an RNN of one layer in one direction", shown(layer))
    check_array("x", x, ("T", "N", layer.input_size), layer.dtype)
    (T, N, D), H = x.shape, layer.hidden_size
    check_array("d_output", d_output, (T, N, H), layer.dtype)
    dW = np.zeros((D + H + 1, H), layer.dtype)  # (M, H)
    P = np.zeros((N, H, D + H + 1, H), layer.dtype)  # (N, H, M, H): h_0 depends on no weight
    h_prev = np.zeros((1, N, H), layer.dtype) if h_0 is None else h_0
    for t in range(T):
        _, h, _ = layer.forward(x[t : t + 1], h_prev)  # (1, N, H)
        u = np.concatenate((x[t], h_prev[0], np.ones((N, 1), layer.dtype)), axis=1)  # (N, M)
        P = step(P, u, h[0], layer.params["W_hh_l0"], layer.nonlinearity)
        dW += np.tensordot(d_output[t], P, axes=2)  # (M, H): sum over n and j of dE_t/dh_t[n, j] P_t[n, j], Eq. (25)
        h_prev = h
    named = {"W_xh_l0": dW[:D], "W_hh_l0": dW[D : D + H], "b_xh_l0": dW[-1], "b_hh_l0": dW[-1].copy()}
    return {name: named[name] for name in layer.params}
