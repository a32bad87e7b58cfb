"""N before T, step functions, gates sliced out of one activation matrix."""
import numpy as np

LAYOUT = "cs231n"


def sig(a):
    return np.where(a >= 0, 1 / (1 + np.exp(-np.abs(a))), np.exp(-np.abs(a)) / (1 + np.exp(-np.abs(a))))


def gates_of(x, h, Wx, Wh, b1, b2):
    H = h.shape[1]
    a = x @ Wx + h @ Wh + b1 + b2
    return sig(a[:, :H]), sig(a[:, H:2 * H]), np.tanh(a[:, 2 * H:3 * H]), sig(a[:, 3 * H:])


def lstm_step_backward(dnext_h, dnext_c, x, prev_h, prev_c, next_c, Wx, Wh, b1, b2):
    i, f, g, o = gates_of(x, prev_h, Wx, Wh, b1, b2)
    th = np.tanh(next_c)
    dcell = dnext_c + dnext_h * o * (1 - th * th)
    H = prev_h.shape[1]
    da = np.empty((x.shape[0], 4 * H))
    da[:, :H] = dcell * g * (i * (1 - i))
    da[:, H:2 * H] = dcell * prev_c * (f * (1 - f))
    da[:, 2 * H:3 * H] = dcell * i * (1 - g * g)
    da[:, 3 * H:] = dnext_h * th * (o * (1 - o))
    dprev_h = da @ Wh.T
    dprev_c = f * dcell
    return da @ Wx.T, dprev_h, dprev_c, x.T @ da, prev_h.T @ da, da.sum(0)


def lstm_forward(x, h0, c0, Wx, Wh, b1, b2):
    N, T, _ = x.shape
    h = np.zeros((N, T + 1, h0.shape[1]))
    c = np.zeros_like(h)
    h[:, 0, :], c[:, 0, :] = h0, c0
    for t in range(T):
        i, f, g, o = gates_of(x[:, t], h[:, t], Wx, Wh, b1, b2)
        c[:, t + 1] = f * c[:, t] + i * g
        h[:, t + 1] = o * np.tanh(c[:, t + 1])
    return h, c


def lstm_backward(dh, x, h, c, Wx, Wh, b1, b2):
    N, T, _ = x.shape
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b1)
    dph, dpc = np.zeros_like(h[:, 0]), np.zeros_like(c[:, 0])
    for t in reversed(range(T)):
        out = lstm_step_backward(dh[:, t] + dph, dpc, x[:, t], h[:, t], c[:, t], c[:, t + 1], Wx, Wh, b1, b2)
        dx[:, t], dph, dpc = out[:3]
        dWx += out[3]
        dWh += out[4]
        db += out[5]
    return dict(dx=dx, dh_0=dph, dc_0=dpc, dW_xh=dWx, dW_hh=dWh, db_xh=db, db_hh=db.copy())
