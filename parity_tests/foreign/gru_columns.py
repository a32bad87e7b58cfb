"""Columns."""
import numpy as np

LAYOUT = "columns"


def sg(v):
    return 1 / (1 + np.exp(-v))


def run(x, h, W, U, b, c):
    p = np.split(W @ x + b, 3)
    q = np.split(U @ h + c, 3)
    r, z = sg(p[0] + q[0]), sg(p[1] + q[1])
    return r, z, np.tanh(p[2] + r * q[2]), q[2]


def gru_forward(X, h0, W, U, b, c):
    hist = [h0]
    for t in range(X.shape[2]):
        r, z, n, _ = run(X[:, :, t], hist[t], W, U, b, c)
        hist.append((1 - z) * n + z * hist[t])
    return np.stack(hist, axis=2)


def gru_backward(dS, X, S, W, U, b, c):
    dX, dW, dU, db, dc = map(np.zeros_like, (X, W, U, b, c))
    e = np.zeros_like(S[:, :, 0])
    t = X.shape[2]
    while t > 0:
        t -= 1
        x, h = X[:, :, t], S[:, :, t]
        r, z, n, q = run(x, h, W, U, b, c)
        e = e + dS[:, :, t]
        en = (1 - z) * e * (1 - n * n)
        ez = (h - n) * e * z * (1 - z)
        er = en * q * r * (1 - r)
        P = np.concatenate((er, ez, en))
        Q = np.concatenate((er, ez, en * r))
        dW += P @ x.T
        dU += Q @ h.T
        db += P.sum(1, keepdims=True)
        dc += Q.sum(1, keepdims=True)
        dX[:, :, t] = W.T @ P
        e = e * z + U.T @ Q
    return {"dx": dX, "dh_0": e, "dW_xh": dW, "dW_hh": dU, "db_xh": db, "db_hh": dc}
