"""Truncated on purpose: chunks of three steps, one loop, the carry is set to zero at the border of a chunk."""
import numpy as np

TRUNCATION = (3, 3)
CHUNK = 3


def forward(x, h, W_in, W_rec, bias):
    hs = [h]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W_in + hs[t] @ W_rec + bias))
    return np.stack(hs)


def backward(d_hs, x, hs, W_in, W_rec, bias):
    T = len(x)
    dx = np.zeros_like(x)
    dW_in, dW_rec, dbias = np.zeros_like(W_in), np.zeros_like(W_rec), np.zeros_like(bias)
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        if t % CHUNK == CHUNK - 1:
            dh_next = np.zeros_like(hs[0])  # detached
        dh = d_hs[t] + dh_next
        da = dh * (1 - hs[t + 1] ** 2)
        dW_in += x[t].T @ da
        dW_rec += hs[t].T @ da
        dbias += da.sum(axis=0)
        dx[t] = da @ W_in.T
        dh_next = da @ W_rec.T
    return {"dx": dx, "dh_0": dh_next, "dW_xh": dW_in, "dW_hh": dW_rec, "db_h": dbias}
