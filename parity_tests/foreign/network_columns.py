"""Columns: o = V h + c, a = U x + W h + b; class Net for one step."""
import numpy as np

LAYOUT = "columns"


def soft(o):
    w = np.exp(o - o.max(0))
    return w / w.sum(0)


def network_forward(X, Y, s0, U, W, V, b, c):
    T = X.shape[2]
    S = np.zeros((s0.shape[0], s0.shape[1], T + 1))
    P = np.zeros(Y.shape)
    S[:, :, 0] = s0
    for t in range(T):
        S[:, :, t + 1] = np.tanh(U @ X[:, :, t] + W @ S[:, :, t] + b)
        P[:, :, t] = soft(V @ S[:, :, t + 1] + c)
    E = np.mean((P - Y) ** 2, axis=0)
    return S, P, E


def network_backward(X, Y, S, P, U, W, V, b, c):
    K, N, T = Y.shape
    dU, dW, dV = U * 0, W * 0, V * 0
    db, dc = b * 0, c * 0
    dX = X * 0
    future = S[:, :, 0] * 0
    for t in range(T - 1, -1, -1):
        p, s, s_old = P[:, :, t], S[:, :, t + 1], S[:, :, t]
        err = (p - Y[:, :, t]) * 2 / K
        do = p * (err - np.sum(p * err, axis=0))
        dV += do @ s.T
        dc += do.sum(1)[:, None]
        ds = V.T @ do + future
        da = ds * (1 - s * s)
        dU += da @ X[:, :, t].T
        dW += da @ s_old.T
        db += da.sum(1)[:, None]
        dX[:, :, t] = U.T @ da
        future = W.T @ da
    return {"dx": dX, "dh_0": future, "dW_xh": dU, "dW_hh": dW, "dW_hy": dV, "db_h": db, "db_y": dc}
