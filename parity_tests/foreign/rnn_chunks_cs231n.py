"""Truncated on purpose, N before T: a full backward pass for each chunk of three steps, as after a training loop."""
import numpy as np

LAYOUT = "cs231n"
TRUNCATION = (3, 3)


def rnn_step_backward(dnext_h, x, prev_h, next_h, Wx, Wh):
    dtanh = dnext_h * (1 - next_h**2)
    dx = dtanh.dot(Wx.T)
    dprev_h = dtanh.dot(Wh.T)
    dWx = x.T.dot(dtanh)
    dWh = prev_h.T.dot(dtanh)
    db = dtanh.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T + 1, h0.shape[1]))
    h[:, 0] = h0
    for t in range(T):
        h[:, t + 1] = np.tanh(x[:, t].dot(Wx) + h[:, t].dot(Wh) + b)
    return h


def chunk_backward(dh, x, h, Wx, Wh, b):
    N, T, D = x.shape
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dprev_h = np.zeros_like(h[:, 0])
    for t in reversed(range(T)):
        dx[:, t], dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dprev_h, x[:, t], h[:, t], h[:, t + 1], Wx, Wh)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dprev_h, dWx, dWh, db


def backward(dh, x, h, Wx, Wh, b):
    T = x.shape[1]
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for start in range(0, T, 3):
        end = min(start + 3, T)
        dx[:, start:end], dstart, gWx, gWh, gb = chunk_backward(dh[:, start:end], x[:, start:end], h[:, start:end + 1], Wx, Wh, b)
        if start == 0:
            dh_0 = dstart
        dWx += gWx
        dWh += gWh
        db += gb
    return {"dx": dx, "dh_0": dh_0, "dW_xh": dWx, "dW_hh": dWh, "db_h": db}
