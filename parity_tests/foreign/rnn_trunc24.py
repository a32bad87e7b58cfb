"""Truncated on purpose: losses in pairs, four steps back. Each window is run again."""
import numpy as np

TRUNCATION = (2, 4)


def forward(x, h, Wx, Wh, b):
    trace = [h]
    for row in x:
        h = np.tanh(row @ Wx + h @ Wh + b)
        trace.append(h)
    return np.asarray(trace)


def one_window(x, h, first_loss, d_hs, Wx, Wh, b):
    """The gradient of the losses first_loss... of a window, as if it began the sequence."""
    trace = forward(x, h, Wx, Wh, b)
    g = np.zeros_like(h)
    gx, gWx, gWh, gb = [], np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for j in range(len(x) - 1, -1, -1):
        if j >= first_loss:
            g = g + d_hs[j]
        g = g * (1 - trace[j + 1] ** 2)
        gWx += x[j].T @ g
        gWh += trace[j].T @ g
        gb += g.sum(axis=0)
        gx.append(g @ Wx.T)
        g = g @ Wh.T
    return np.array(gx[::-1]), g, gWx, gWh, gb


def backward(d_hs, x, hs, Wx, Wh, b):
    T = len(x)
    dx, dh_0 = np.zeros_like(x), np.zeros_like(hs[0])
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for lo in range(0, T, 2):
        hi = min(lo + 2, T)
        begin = max(0, hi - 4)
        wx, w0, wWx, wWh, wb = one_window(x[begin:hi], hs[begin], lo - begin, d_hs[begin:hi], Wx, Wh, b)
        dx[begin:hi] += wx
        if begin == 0:
            dh_0 += w0
        dWx += wWx
        dWh += wWh
        db += wb
    return dict(dx=dx, dh_0=dh_0, dW_xh=dWx, dW_hh=dWh, db_h=db)
