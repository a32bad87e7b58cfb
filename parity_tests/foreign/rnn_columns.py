"""Textbook columns: a = U x + W h + b."""
import numpy as np

LAYOUT = "columns"


def forward(X, h0, U, W, b):
    D, N, T = X.shape
    H = np.zeros(h0.shape + (T + 1,))
    H[..., 0] = h0
    for tau in range(1, T + 1):
        H[..., tau] = np.tanh(U @ X[..., tau - 1] + W @ H[..., tau - 1] + b)
    return H


def backward(dH, X, H, U, W, b):
    D, N, T = X.shape
    dU, dW, db = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b)
    dX = np.empty_like(X)
    r = np.zeros_like(H[..., 0])
    for tau in range(T, 0, -1):
        h, h_old, x = H[..., tau], H[..., tau - 1], X[..., tau - 1]
        q = r + dH[..., tau - 1]
        p = (1 - h * h) * q
        dU += p @ x.T
        dW += p @ h_old.T
        db += p.sum(axis=1, keepdims=True)
        dX[..., tau - 1] = U.T @ p
        r = W.T @ p
    return {"dx": dX, "dh_0": r, "dW_xh": dU, "dW_hh": dW, "db_h": db}
