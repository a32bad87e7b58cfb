"""Columns: the gates lie below each other."""
import numpy as np

LAYOUT = "columns"


def logistic(u):
    return 1 / (1 + np.exp(-u))


def cellgates(x, h, U, W, b, c):
    a = np.split(U @ x + W @ h + b + c, 4, axis=0)
    return logistic(a[0]), logistic(a[1]), np.tanh(a[2]), logistic(a[3])


def lstm_forward(X, h0, C0, U, W, b, b2):
    T = X.shape[-1]
    Hs = np.repeat(h0[:, :, None], T + 1, axis=2)
    Cs = np.repeat(C0[:, :, None], T + 1, axis=2)
    for t in range(T):
        i, f, g, o = cellgates(X[:, :, t], Hs[:, :, t], U, W, b, b2)
        Cs[:, :, t + 1] = i * g + f * Cs[:, :, t]
        Hs[:, :, t + 1] = o * np.tanh(Cs[:, :, t + 1])
    return Hs, Cs


def lstm_backward(dHs, X, Hs, Cs, U, W, b, b2):
    T = X.shape[-1]
    dX, dU, dW, db = np.zeros_like(X), np.zeros_like(U), np.zeros_like(W), np.zeros_like(b)
    eh, ec = np.zeros_like(Hs[:, :, 0]), np.zeros_like(Hs[:, :, 0])
    for t in range(T - 1, -1, -1):
        x, h_old, c_old, c_new = X[:, :, t], Hs[:, :, t], Cs[:, :, t], Cs[:, :, t + 1]
        i, f, g, o = cellgates(x, h_old, U, W, b, b2)
        m = np.tanh(c_new)
        eh = eh + dHs[:, :, t]
        ec = ec + eh * o * (1 - m ** 2)
        ei = ec * g
        ef = ec * c_old
        eg = ec * i
        eo = eh * m
        stack = np.vstack([ei * i * (1 - i), ef * f * (1 - f), eg * (1 - g ** 2), eo * o * (1 - o)])
        dU += stack @ x.T
        dW += stack @ h_old.T
        db += stack.sum(axis=1, keepdims=True)
        dX[:, :, t] = U.T @ stack
        eh = W.T @ stack
        ec = ec * f
    return dict(dx=dX, dh_0=eh, dc_0=ec, dW_xh=dU, dW_hh=dW, db_xh=db, db_hh=db + 0)
