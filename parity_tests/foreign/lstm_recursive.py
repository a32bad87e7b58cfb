"""Step t calls step t + 1: no loop over time, forward nor backward. The way back is the return of the calls."""
import numpy as np


def S(v):
    return np.exp(-np.logaddexp(0, -v))


def gate_values(xt, h, p):
    A, B, b1, b2 = p
    a = xt.dot(A) + h.dot(B) + (b1 + b2)
    H = h.shape[1]
    return S(a[:, 0:H]), S(a[:, H:H + H]), np.tanh(a[:, 2 * H:3 * H]), S(a[:, 3 * H:4 * H])


def lstm_forward(x, h, c, *p):
    if len(x) == 0:
        return h[None], c[None]
    i, f, g, o = gate_values(x[0], h, p)
    c1 = f * c + i * g
    rest_h, rest_c = lstm_forward(x[1:], o * np.tanh(c1), c1, *p)
    return np.concatenate([h[None], rest_h]), np.concatenate([c[None], rest_c])


def go(t, d_hs, x, hs, cs, p):
    """The gradients of the losses from step t on: (dx of those steps, dh, dc, sums of the weights)."""
    A, B, b1, b2 = p
    if t == len(x):
        return [], np.zeros(hs[0].shape), np.zeros(cs[0].shape), np.zeros(A.shape), np.zeros(B.shape), np.zeros(b1.shape)
    later_x, dh, dc, dA, dB, db = go(t + 1, d_hs, x, hs, cs, p)
    i, f, g, o = gate_values(x[t], hs[t], p)
    y = np.tanh(cs[t + 1])
    dh = dh + d_hs[t]
    dc = dc + dh * o * (1 - y * y)
    dzi = dc * g * i * (1 - i)
    dzf = dc * cs[t] * f * (1 - f)
    dzg = dc * i * (1 - g * g)
    dzo = dh * y * o * (1 - o)
    dz = np.hstack([dzi, dzf, dzg, dzo])
    return [dz.dot(A.T)] + later_x, dz.dot(B.T), dc * f, dA + x[t].T.dot(dz), dB + hs[t].T.dot(dz), db + dz.sum(0)


def lstm_backward(d_hs, x, hs, cs, A, B, b1, b2):
    dx, dh, dc, dA, dB, db = go(0, d_hs, x, hs, cs, (A, B, b1, b2))
    return {"dx": np.array(dx), "dh_0": dh, "dc_0": dc, "dW_xh": dA, "dW_hh": dB, "db_xh": db, "db_hh": 1 * db}
