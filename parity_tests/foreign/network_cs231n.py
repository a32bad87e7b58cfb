"""N before T; the output layer as a temporal affine layer and a temporal softmax."""
import numpy as np

LAYOUT = "cs231n"


def temporal_affine(h, w, b):
    N, T, H = h.shape
    return (h.reshape(N * T, H) @ w).reshape(N, T, -1) + b


def temporal_affine_backward(dout, h, w):
    N, T, M = dout.shape
    flat = dout.reshape(-1, M)
    dw = h.reshape(N * T, -1).T @ flat
    db = flat.sum(axis=0)
    dh = (flat @ w.T).reshape(h.shape)
    return dh, dw, db


def temporal_softmax(scores):
    e = np.exp(scores - scores.max(axis=2, keepdims=True))
    return e / e.sum(axis=2, keepdims=True)


def network_forward(x, y, h0, Wx, Wh, Wv, b, bv):
    N, T, D = x.shape
    h = np.zeros((N, T + 1, h0.shape[1]))
    h[:, 0] = h0
    for t in range(T):
        h[:, t + 1] = np.tanh(x[:, t] @ Wx + h[:, t] @ Wh + b)
    p = temporal_softmax(temporal_affine(h[:, 1:], Wv, bv))
    return h, p, ((p - y) ** 2).mean(axis=2)


def network_backward(x, y, h, p, Wx, Wh, Wv, b, bv):
    N, T, D = x.shape
    dp = 2 * (p - y) / y.shape[2]
    inner = (dp * p).sum(axis=2, keepdims=True)
    dscores = p * dp - p * inner
    dhid, dWv, dbv = temporal_affine_backward(dscores, h[:, 1:], Wv)
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dprev = 0
    for t in reversed(range(T)):
        dnext = dhid[:, t] + dprev
        da = dnext * (1 - h[:, t + 1] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += h[:, t].T @ da
        db += da.sum(axis=0)
        dprev = da @ Wh.T
    return {"dx": dx, "dh_0": dprev, "dW_xh": dWx, "dW_hh": dWh, "dW_hy": dWv, "db_h": db, "db_y": dbv}
