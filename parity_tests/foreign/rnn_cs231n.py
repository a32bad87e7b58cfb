"""In the manner of an assignment: step functions with caches, N before T."""
import numpy as np

LAYOUT = "cs231n"


def step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h


def step_backward(dnext_h, cache):
    x, prev_h, next_h, Wx, Wh = cache
    da = dnext_h * (1 - next_h**2)
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(0)
    return dx, dprev_h, dWx, dWh, db


def forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T + 1, h0.shape[1]))
    h[:, 0] = h0
    for t in range(T):
        h[:, t + 1] = step_forward(x[:, t], h[:, t], Wx, Wh, b)
    return h


def backward(dh, x, h, Wx, Wh, b):
    N, T, D = x.shape
    dx = np.zeros(x.shape)
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(b.shape)
    dprev = np.zeros((N, dh.shape[2]))
    for t in reversed(range(T)):
        cache = x[:, t], h[:, t], h[:, t + 1], Wx, Wh
        dcur = dh[:, t] + dprev
        dx[:, t], dprev, gWx, gWh, gb = step_backward(dcur, cache)
        dWx += gWx
        dWh += gWh
        db += gb
    return dict(dx=dx, dh_0=dprev, dW_xh=dWx, dW_hh=dWh, db_h=db)
