"""cs231n: gru_step_forward and gru_step_backward with a cache, a matrix for each gate."""
import numpy as np

LAYOUT = "cs231n"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_step_forward(x, prev_h, Wx, Wh, bx, bh):
    Wxr, Wxz, Wxn = np.split(Wx, 3, axis=1)
    Whr, Whz, Whn = np.split(Wh, 3, axis=1)
    bxr, bxz, bxn = np.split(bx, 3)
    bhr, bhz, bhn = np.split(bh, 3)
    r = sigmoid(x.dot(Wxr) + bxr + prev_h.dot(Whr) + bhr)
    z = sigmoid(x.dot(Wxz) + bxz + prev_h.dot(Whz) + bhz)
    hn = prev_h.dot(Whn) + bhn
    n = np.tanh(x.dot(Wxn) + bxn + r * hn)
    next_h = (1 - z) * n + z * prev_h
    return next_h, (x, prev_h, Wx, Wh, r, z, hn, n)


def gru_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, r, z, hn, n = cache
    Whr, Whz, Whn = np.split(Wh, 3, axis=1)
    dn = dnext_h * (1 - z)
    dz = dnext_h * (prev_h - n)
    dprev_h = dnext_h * z
    dan = dn * (1 - n * n)
    dr = dan * hn
    dhn = dan * r
    daz = dz * z * (1 - z)
    dar = dr * r * (1 - r)
    dprev_h += dhn.dot(Whn.T)
    dprev_h += daz.dot(Whz.T)
    dprev_h += dar.dot(Whr.T)
    dax = np.hstack((dar, daz, dan))
    dah = np.hstack((dar, daz, dhn))
    dx = dax.dot(Wx.T)
    return dx, dprev_h, x.T.dot(dax), prev_h.T.dot(dah), dax.sum(axis=0), dah.sum(axis=0)


def gru_forward(x, h0, Wx, Wh, bx, bh):
    N, T, D = x.shape
    h = np.zeros((N, T + 1, h0.shape[1]))
    h[:, 0, :] = h0
    for t in range(T):
        h[:, t + 1, :], _ = gru_step_forward(x[:, t, :], h[:, t, :], Wx, Wh, bx, bh)
    return h


def gru_backward(dh, x, h, Wx, Wh, bx, bh):
    N, T, D = x.shape
    cache = [gru_step_forward(x[:, t, :], h[:, t, :], Wx, Wh, bx, bh)[1] for t in range(T)]
    dx = np.zeros_like(x)
    dWx, dWh, dbx, dbh = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(bx), np.zeros_like(bh)
    dprev_h = np.zeros_like(h[:, 0, :])
    for t in range(T - 1, -1, -1):
        dx[:, t, :], dprev_h, dWx_t, dWh_t, dbx_t, dbh_t = gru_step_backward(dh[:, t, :] + dprev_h, cache[t])
        dWx += dWx_t
        dWh += dWh_t
        dbx += dbx_t
        dbh += dbh_t
    return {"dx": dx, "dh_0": dprev_h, "dW_xh": dWx, "dW_hh": dWh, "db_xh": dbx, "db_hh": dbh}
