"""sigmoid(z) = (1 + tanh(z / 2)) / 2, its derivative by tanh, too; gradients in one tensordot after the loop."""
import numpy as np


def half(z):
    return 0.5 * (1 + np.tanh(z / 2))


def lstm_forward(x, h, c, Wx, Wh, bx, bh):
    H = h.shape[-1]
    all_h, all_c = [h], [c]
    for xt in x:
        z = (xt @ Wx + bx + h @ Wh + bh).reshape(len(h), 4, H)
        i, f, g, o = half(z[:, 0]), half(z[:, 1]), np.tanh(z[:, 2]), half(z[:, 3])
        c = f * c + i * g
        h = o * np.tanh(c)
        all_h += [h]
        all_c += [c]
    return np.stack(all_h), np.stack(all_c)


def lstm_backward(d_hs, x, hs, cs, Wx, Wh, bx, bh):
    T, N, D = x.shape
    H = hs.shape[2]
    Z = (x @ Wx + bx + hs[:-1] @ Wh + bh).reshape(T, N, 4, H)
    I, F, G, O = half(Z[:, :, 0]), half(Z[:, :, 1]), np.tanh(Z[:, :, 2]), half(Z[:, :, 3])
    slope_I, slope_F, slope_O = [(1 - np.tanh(Z[:, :, k] / 2) ** 2) / 4 for k in (0, 1, 3)]
    slope_G = 1 - G ** 2
    TC = np.tanh(cs[1:])
    dZ = np.zeros((T, N, 4, H))
    h_back = np.zeros((N, H))
    c_back = np.zeros((N, H))
    for t in reversed(range(T)):
        dh = d_hs[t] + h_back
        dc = c_back + dh * O[t] * (1 - TC[t] ** 2)
        dZ[t, :, 0] = dc * G[t] * slope_I[t]
        dZ[t, :, 1] = dc * cs[t] * slope_F[t]
        dZ[t, :, 2] = dc * I[t] * slope_G[t]
        dZ[t, :, 3] = dh * TC[t] * slope_O[t]
        h_back = dZ[t].reshape(N, 4 * H) @ Wh.T
        c_back = dc * F[t]
    dZ = dZ.reshape(T, N, 4 * H)
    dWx = np.tensordot(x, dZ, [[0, 1], [0, 1]])
    dWh = np.tensordot(hs[:-1], dZ, [[0, 1], [0, 1]])
    dbx = dZ.sum((0, 1))
    dbh = dZ.sum((0, 1))
    return dict(dx=dZ @ Wx.T, dh_0=h_back, dc_0=c_back, dW_xh=dWx, dW_hh=dWh, db_xh=dbx, db_hh=dbh)
