"""A file to fill in for each pair, made of a right one; and the right lines, which the causes quote.

A line with "# equation (n)" is one that a reader writes: its right-hand side becomes "...". The numbers are those of
docs/derivation.md.
"""

import re
from typing import NamedTuple

RNN = '''"""My RNN. Check it by: python -m numpy_rnn.check FILE"""

import numpy as np


def forward(x, h_0, W_xh, W_hh, b_h):
    """x (T, N, D), h_0 (N, H), W_xh (D, H), W_hh (H, H), b_h (H,) -> hs (T + 1, N, H), and hs[0] is h_0."""
    T, N, D = x.shape
    hs = np.zeros((T + 1, *h_0.shape))
    hs[0] = h_0
    for t in range(T):  # hs[t] is the state before step t, hs[t + 1] the one that it makes
        hs[t + 1] = np.tanh(x[t] @ W_xh + hs[t] @ W_hh + b_h)  # equation (1), (2)
    return hs


def backward(d_hs, x, hs, W_xh, W_hh, b_h):
    """d_hs (T, N, H): d_hs[t] is the gradient of the loss of this step, for the state hs[t + 1]."""
    T, N, D = x.shape
    dx, dW_xh, dW_hh, db_h = np.zeros_like(x), np.zeros_like(W_xh), np.zeros_like(W_hh), np.zeros_like(b_h)
    dh_next = np.zeros_like(hs[0])  # what the step after sends back: nothing after the last one
    for t in reversed(range(T)):
        dh = d_hs[t] + dh_next  # equation (3): from the loss of this step, and from later losses
        dz = dh * (1 - hs[t + 1] ** 2)  # equation (4): through tanh
        dW_xh += x[t].T @ dz  # equation (6)
        dW_hh += hs[t].T @ dz  # equation (7)
        db_h += dz.sum(axis=0)  # equation (8)
        dx[t] = dz @ W_xh.T  # equation (9)
        dh_next = dz @ W_hh.T  # equation (5)
    return dict(dx=dx, dh_0=dh_next, dW_xh=dW_xh, dW_hh=dW_hh, db_h=db_h)
'''

NETWORK = '''"""My RNN with its outputs and losses. Check it by: python -m numpy_rnn.check FILE"""

import numpy as np


def network_forward(x, y, h_0, W_xh, W_hh, W_hy, b_h, b_y):
    """x (T, N, D), y (T, N, C) one-hot, h_0 (N, H), W_xh (D, H), W_hh (H, H), W_hy (H, C), b_h (H,), b_y (C,)
    -> hs (T + 1, N, H), y_hat (T, N, C) and the losses E_t (T, N)."""
    T, N, D = x.shape
    hs, y_hat, losses = np.zeros((T + 1, *h_0.shape)), np.zeros(y.shape), np.zeros((T, N))
    hs[0] = h_0
    for t in range(T):  # hs[t] is the state before step t, hs[t + 1] the one that it makes
        hs[t + 1] = np.tanh(x[t] @ W_xh + hs[t] @ W_hh + b_h)  # equation (1), (2)
        o_t = hs[t + 1] @ W_hy + b_y  # equation (26)
        e = np.exp(o_t - o_t.max(axis=-1, keepdims=True))
        y_hat[t] = e / e.sum(axis=-1, keepdims=True)  # equation (27): the softmax
        losses[t] = ((y_hat[t] - y[t]) ** 2).mean(axis=-1)  # equation (28): a mean over the outputs
    return hs, y_hat, losses


def network_backward(x, y, hs, y_hat, W_xh, W_hh, W_hy, b_h, b_y):
    """The gradients of the sum of all losses."""
    T, N, D = x.shape
    dx, dW_xh, dW_hh, dW_hy = np.zeros_like(x), np.zeros_like(W_xh), np.zeros_like(W_hh), np.zeros_like(W_hy)
    db_h, db_y = np.zeros_like(b_h), np.zeros_like(b_y)
    dh_next = np.zeros_like(hs[0])  # what the step after sends back: nothing after the last one
    for t in reversed(range(T)):
        dy_hat = 2 / y.shape[-1] * (y_hat[t] - y[t])  # equation (29): of the loss
        do = y_hat[t] * (dy_hat - (y_hat[t] * dy_hat).sum(axis=-1, keepdims=True))  # equation (30): through the softmax
        dW_hy += hs[t + 1].T @ do  # equation (36)
        db_y += do.sum(axis=0)  # equation (37)
        dh = do @ W_hy.T + dh_next  # equation (3), (35): from the loss of this step, and from later losses
        dz = dh * (1 - hs[t + 1] ** 2)  # equation (4): through tanh
        dW_xh += x[t].T @ dz  # equation (6)
        dW_hh += hs[t].T @ dz  # equation (7)
        db_h += dz.sum(axis=0)  # equation (8)
        dx[t] = dz @ W_xh.T  # equation (9)
        dh_next = dz @ W_hh.T  # equation (5)
    return dict(dx=dx, dh_0=dh_next, dW_xh=dW_xh, dW_hh=dW_hh, dW_hy=dW_hy, db_h=db_h, db_y=db_y)
'''

LSTM = '''"""My LSTM. Check it by: python -m numpy_rnn.check FILE"""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_gates(x_t, h_prev, W_xh, W_hh, b_xh, b_hh):
    """i, f, g, o, (N, H) each. The columns of the weights are these gates, a quarter each."""
    z = x_t @ W_xh + b_xh + h_prev @ W_hh + b_hh  # equation (10)
    z_i, z_f, z_g, z_o = np.split(z, 4, axis=-1)
    return sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)


def lstm_forward(x, h_0, c_0, W_xh, W_hh, b_xh, b_hh):
    """x (T, N, D), h_0, c_0 (N, H), W_xh (D, 4 H), W_hh (H, 4 H), b_xh, b_hh (4 H,) -> hs, cs (T + 1, N, H)."""
    T, N, D = x.shape
    hs, cs = np.zeros((T + 1, *h_0.shape)), np.zeros((T + 1, *c_0.shape))
    hs[0], cs[0] = h_0, c_0
    for t in range(T):  # cs[t] is the cell before step t, cs[t + 1] the one that it makes
        i, f, g, o = lstm_gates(x[t], hs[t], W_xh, W_hh, b_xh, b_hh)
        cs[t + 1] = f * cs[t] + i * g  # equation (11)
        hs[t + 1] = o * np.tanh(cs[t + 1])  # equation (12)
    return hs, cs


def lstm_backward(d_hs, x, hs, cs, W_xh, W_hh, b_xh, b_hh):
    """d_hs (T, N, H): d_hs[t] is the gradient of the loss of this step, for the state hs[t + 1]."""
    T, N, D = x.shape
    dx, dW_xh, dW_hh = np.zeros_like(x), np.zeros_like(W_xh), np.zeros_like(W_hh)
    db_xh, db_hh = np.zeros_like(b_xh), np.zeros_like(b_hh)
    dh_next, dc_next = np.zeros_like(hs[0]), np.zeros_like(cs[0])  # what the step after sends back
    for t in reversed(range(T)):
        i, f, g, o = lstm_gates(x[t], hs[t], W_xh, W_hh, b_xh, b_hh)
        tanh_c = np.tanh(cs[t + 1])
        dh = d_hs[t] + dh_next  # equation (3): from the loss of this step, and from later losses
        dc = dc_next + dh * o * (1 - tanh_c**2)  # equation (13): from both paths of the cell
        dz_i = dc * g * i * (1 - i)  # equation (14)
        dz_f = dc * cs[t] * f * (1 - f)  # equation (14)
        dz_g = dc * i * (1 - g**2)  # equation (14)
        dz_o = dh * tanh_c * o * (1 - o)  # equation (14)
        dz = np.concatenate((dz_i, dz_f, dz_g, dz_o), axis=-1)
        dW_xh += x[t].T @ dz  # equation (6)
        dW_hh += hs[t].T @ dz  # equation (7)
        db_xh += dz.sum(axis=0)  # equation (8)
        db_hh += dz.sum(axis=0)  # equation (8)
        dx[t] = dz @ W_xh.T  # equation (9)
        dh_next = dz @ W_hh.T  # equation (15)
        dc_next = dc * f  # equation (16)
    return dict(dx=dx, dh_0=dh_next, dc_0=dc_next, dW_xh=dW_xh, dW_hh=dW_hh, db_xh=db_xh, db_hh=db_hh)
'''

GRU = '''"""My GRU. Check it by: python -m numpy_rnn.check FILE"""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gru_gates(x_t, h_prev, W_xh, W_hh, b_xh, b_hh):
    """r, z, n and s_n, (N, H) each. The columns of the weights are r, z, n, a third each."""
    a_r, a_z, a_n = np.split(x_t @ W_xh + b_xh, 3, axis=-1)
    s_r, s_z, s_n = np.split(h_prev @ W_hh + b_hh, 3, axis=-1)
    r = sigmoid(a_r + s_r)  # equation (18)
    z = sigmoid(a_z + s_z)  # equation (18)
    n = np.tanh(a_n + r * s_n)  # equation (18): r acts after the matrix product
    return r, z, n, s_n


def gru_forward(x, h_0, W_xh, W_hh, b_xh, b_hh):
    """x (T, N, D), h_0 (N, H), W_xh (D, 3 H), W_hh (H, 3 H), b_xh, b_hh (3 H,) -> hs (T + 1, N, H)."""
    T, N, D = x.shape
    hs = np.zeros((T + 1, *h_0.shape))
    hs[0] = h_0
    for t in range(T):  # hs[t] is the state before step t, hs[t + 1] the one that it makes
        r, z, n, s_n = gru_gates(x[t], hs[t], W_xh, W_hh, b_xh, b_hh)
        hs[t + 1] = (1 - z) * n + z * hs[t]  # equation (19)
    return hs


def gru_backward(d_hs, x, hs, W_xh, W_hh, b_xh, b_hh):
    """d_hs (T, N, H): d_hs[t] is the gradient of the loss of this step, for the state hs[t + 1]."""
    T, N, D = x.shape
    dx, dW_xh, dW_hh = np.zeros_like(x), np.zeros_like(W_xh), np.zeros_like(W_hh)
    db_xh, db_hh = np.zeros_like(b_xh), np.zeros_like(b_hh)
    dh_next = np.zeros_like(hs[0])  # what the step after sends back: nothing after the last one
    for t in reversed(range(T)):
        r, z, n, s_n = gru_gates(x[t], hs[t], W_xh, W_hh, b_xh, b_hh)
        dh = d_hs[t] + dh_next  # equation (3): from the loss of this step, and from later losses
        da_n = dh * (1 - z) * (1 - n**2)  # equation (20)
        da_z = dh * (hs[t] - n) * z * (1 - z)  # equation (20)
        da_r = da_n * s_n * r * (1 - r)  # equation (20)
        ds_n = da_n * r  # equation (21): r multiplies the state's part of n
        da = np.concatenate((da_r, da_z, da_n), axis=-1)  # of the input's part of the gates
        ds = np.concatenate((da_r, da_z, ds_n), axis=-1)  # of the state's part
        dW_xh += x[t].T @ da  # equation (6)
        dW_hh += hs[t].T @ ds  # equation (7)
        db_xh += da.sum(axis=0)  # equation (8)
        db_hh += ds.sum(axis=0)  # equation (8)
        dx[t] = da @ W_xh.T  # equation (9)
        dh_next = dh * z + ds @ W_hh.T  # equation (22)
    return dict(dx=dx, dh_0=dh_next, dW_xh=dW_xh, dW_hh=dW_hh, db_xh=db_xh, db_hh=db_hh)
'''
SETTINGS = """

# Do you truncate on purpose? TRUNCATION = (k1, k2)
# Are your arrays (N, T, D)? LAYOUT = "cs231n". Columns (D, N, T), W_hh @ h? LAYOUT = "columns"
"""
FILLED = {"rnn": RNN, "network": NETWORK, "lstm": LSTM, "gru": GRU}
TO_FILL_IN = re.compile(r"^( +)(\S.*?)( \+?= )(.+?)  # equation ([(), \d]+\))(.*)$", re.MULTILINE)


class Line(NamedTuple):
    equation: str
    text: str


def template(pair: str) -> str:
    """The file to fill in."""
    return TO_FILL_IN.sub(r"\1\2\3...  # equation \5\6", FILLED[pair]) + SETTINGS


def right_line(pair: str, target: str) -> Line:
    """The line that computes `target`, such as dh_next or hs[t + 1], or the loop. A given line has no equation."""
    if target == "loop":
        return Line("", "for t in reversed(range(T)):")
    for _, left, sign, value, equation, _ in TO_FILL_IN.findall(FILLED[pair]):
        if left == target:
            return Line(equation, left + sign + value)
    (given,) = re.findall(rf"^ +({re.escape(target)} = .+?)(?:  #.*)?$", FILLED[pair], re.MULTILINE)
    return Line("", given)
