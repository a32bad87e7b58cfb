"""Columns; first all gates of all steps, then the way back, then all dX at once."""
import numpy as np

LAYOUT = "columns"


def sigma(a):
    return 1.0 / (1.0 + np.exp(-a))


def cut(M):
    H = len(M) // 3
    return M[:H], M[H:2 * H], M[2 * H:]


def gates(x, h, Wx, Wh, bx, bh):
    Wxr, Wxz, Wxn = cut(Wx)
    Whr, Whz, Whn = cut(Wh)
    bxr, bxz, bxn = cut(bx)
    bhr, bhz, bhn = cut(bh)
    r = sigma(Wxr @ x + bxr + Whr @ h + bhr)
    z = sigma(Wxz @ x + bxz + Whz @ h + bhz)
    a = Whn @ h + bhn
    return r, z, np.tanh(Wxn @ x + bxn + r * a), a


def gru_forward(X, h0, Wx, Wh, bx, bh):
    H, N = h0.shape
    T = X.shape[2]
    hs = np.zeros((H, N, T + 1))
    hs[:, :, 0] = h0
    for t in range(1, T + 1):
        r, z, n, a = gates(X[:, :, t - 1], hs[:, :, t - 1], Wx, Wh, bx, bh)
        hs[:, :, t] = z * hs[:, :, t - 1] + (1 - z) * n
    return hs


def gru_backward(dhs, X, hs, Wx, Wh, bx, bh):
    H, N, _ = hs.shape
    D, N, T = X.shape
    Wxr, Wxz, Wxn = cut(Wx)
    Whr, Whz, Whn = cut(Wh)
    delta_r, delta_z, delta_n, delta_a = (np.zeros((H, N, T)) for _ in range(4))
    dX = np.zeros((D, N, T))
    dh = np.zeros((H, N))
    for t in range(T, 0, -1):
        h_prev = hs[:, :, t - 1]
        r, z, n, a = gates(X[:, :, t - 1], h_prev, Wx, Wh, bx, bh)
        dh = dh + dhs[:, :, t - 1]
        dn = dh * (1 - z) * (1 - n ** 2)
        dz = dh * (h_prev - n) * z * (1 - z)
        dr = dn * a * r * (1 - r)
        da = dn * r
        delta_r[:, :, t - 1], delta_z[:, :, t - 1], delta_n[:, :, t - 1], delta_a[:, :, t - 1] = dr, dz, dn, da
        dX[:, :, t - 1] = Wxr.T @ dr + Wxz.T @ dz + Wxn.T @ dn
        dh = dh * z + Whr.T @ dr + Whz.T @ dz + Whn.T @ da
    dax = np.concatenate([delta_r, delta_z, delta_n])
    dah = np.concatenate([delta_r, delta_z, delta_a])
    dWx = np.einsum("gnt,dnt->gd", dax, X)
    dWh = np.einsum("gnt,hnt->gh", dah, hs[:, :, :-1])
    dbx = dax.sum(axis=(1, 2)).reshape(-1, 1)
    dbh = dah.sum(axis=(1, 2)).reshape(-1, 1)
    return {"dx": dX, "dh_0": dh, "dW_xh": dWx, "dW_hh": dWh, "db_xh": dbx, "db_hh": dbh}
