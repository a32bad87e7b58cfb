"""N before T; the derivatives by the values of the two uses."""
import numpy as np

LAYOUT = "cs231n"


def gate(a):
    return 0.5 + 0.5 * np.tanh(0.5 * a)


def parts(x, h, Wx, Wh, bx, bh):
    H = h.shape[1]
    left, right = x @ Wx + bx, h @ Wh + bh
    reset = gate(left[:, :H] + right[:, :H])
    update = gate(left[:, H:2 * H] + right[:, H:2 * H])
    inner = right[:, 2 * H:]
    cand = np.tanh(left[:, 2 * H:] + reset * inner)
    return reset, update, inner, cand


def gru_forward(x, h0, Wx, Wh, bx, bh):
    N, T, D = x.shape
    h = np.zeros((N, T + 1, h0.shape[1]))
    h[:, 0] = h0
    for t in range(T):
        reset, update, inner, cand = parts(x[:, t], h[:, t], Wx, Wh, bx, bh)
        h[:, t + 1] = (1 - update) * cand + update * h[:, t]
    return h


def gru_backward(dh, x, h, Wx, Wh, bx, bh):
    N, T, D = x.shape
    H = h.shape[2]
    dx = np.zeros_like(x)
    dWx, dWh = np.zeros_like(Wx), np.zeros_like(Wh)
    dbx, dbh = np.zeros_like(bx), np.zeros_like(bh)
    dprev = np.zeros((N, H))
    for t in reversed(range(T)):
        reset, update, inner, cand = parts(x[:, t], h[:, t], Wx, Wh, bx, bh)
        dnew = dh[:, t] + dprev
        dcand = dnew * (1 - update)
        dupdate = dnew * (h[:, t] - cand)
        dpre = dcand * (1 - cand * cand)
        dreset = dpre * inner
        dleft = np.zeros((N, 3 * H))
        dleft[:, :H] = dreset * reset * (1 - reset)
        dleft[:, H:2 * H] = dupdate * update * (1 - update)
        dleft[:, 2 * H:] = dpre
        dright = dleft.copy()
        dright[:, 2 * H:] *= reset
        dx[:, t] = dleft @ Wx.T
        dWx += x[:, t].T @ dleft
        dWh += h[:, t].T @ dright
        dbx += dleft.sum(axis=0)
        dbh += dright.sum(axis=0)
        dprev = dright @ Wh.T
        dprev += dnew * update
    return dict(dx=dx, dh_0=dprev, dW_xh=dWx, dW_hh=dWh, db_xh=dbx, db_hh=dbh)
