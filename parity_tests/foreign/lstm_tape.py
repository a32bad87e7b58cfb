"""Time first; caches in a list, zip in reverse, dx appended and turned round at the end."""
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, W, U, b1, b2):
    a = x @ W + h @ U + b1 + b2
    ai, af, ag, ao = np.split(a, 4, axis=1)
    i, f, g, o = sigmoid(ai), sigmoid(af), np.tanh(ag), sigmoid(ao)
    c_new = f * c + i * g
    return o * np.tanh(c_new), c_new, (x, h, c, i, f, g, o, c_new)


def lstm_forward(x, h, c, W, U, b1, b2):
    hs, cs = [h], [c]
    for x_t in x:
        h, c, _ = lstm_step(x_t, h, c, W, U, b1, b2)
        hs.append(h)
        cs.append(c)
    return np.stack(hs), np.stack(cs)


def lstm_backward(d_hs, x, hs, cs, W, U, b1, b2):
    T = len(x)
    caches = [lstm_step(x[t], hs[t], cs[t], W, U, b1, b2)[2] for t in range(T)]
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b1)
    dh, dc = np.zeros_like(hs[0]), np.zeros_like(cs[0])
    dxs = []
    for d_h, cache in zip(reversed(d_hs), reversed(caches)):
        x_t, h_prev, c_prev, i, f, g, o, c = cache
        dh = dh + d_h
        tc = np.tanh(c)
        do = dh * tc
        dc = dc + dh * o * (1 - tc**2)
        di, df, dg = dc * g, dc * c_prev, dc * i
        da = np.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)], axis=1)
        dW += x_t.T @ da
        dU += h_prev.T @ da
        db += da.sum(axis=0)
        dxs.append(da @ W.T)
        dh = da @ U.T
        dc = dc * f
    return dict(dx=np.stack(dxs[::-1]), dh_0=dh, dc_0=dc, dW_xh=dW, dW_hh=dU, db_xh=db, db_hh=db.copy())
