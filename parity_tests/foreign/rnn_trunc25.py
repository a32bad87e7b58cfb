"""Truncated on purpose: after every two steps, back through at most five."""
import numpy as np

TRUNCATION = (2, 5)
k1, k2 = TRUNCATION


def forward(x, h0, Wx, Wh, b):
    T = len(x)
    hs = np.zeros((T + 1,) + h0.shape)
    hs[0] = h0
    for t in range(1, T + 1):
        hs[t] = np.tanh(x[t - 1] @ Wx + hs[t - 1] @ Wh + b)
    return hs


def backward(d_hs, x, hs, Wx, Wh, b):
    T = len(x)
    dx = np.zeros_like(x)
    dh_0 = np.zeros_like(hs[0])
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    last_end = 0
    for t in range(1, T + 1):
        if t % k1 != 0 and t != T:
            continue
        # here t = k1, 2 k1, ... or the end: the losses last_end + 1, ..., t go back
        dh = np.zeros_like(hs[0])
        for s in range(t, max(t - k2, 0), -1):
            if s > last_end:
                dh = dh + d_hs[s - 1]
            dz = dh * (1 - hs[s] ** 2)
            dWx += x[s - 1].T @ dz
            dWh += hs[s - 1].T @ dz
            db += dz.sum(axis=0)
            dx[s - 1] += dz @ Wx.T
            dh = dz @ Wh.T
        if t <= k2:
            dh_0 += dh
        last_end = t
    return {"dx": dx, "dh_0": dh_0, "dW_xh": dWx, "dW_hh": dWh, "db_h": db}
