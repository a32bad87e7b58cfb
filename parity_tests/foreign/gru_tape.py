"""A list of caches; dx is appended step by step and turned round at the end."""
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_step(x, h, Wx, Wh, bx, bh):
    ax = x @ Wx + bx
    ah = h @ Wh + bh
    H = h.shape[1]
    r = sigmoid(ax[:, :H] + ah[:, :H])
    z = sigmoid(ax[:, H:2*H] + ah[:, H:2*H])
    hn = ah[:, 2*H:]
    n = np.tanh(ax[:, 2*H:] + r * hn)
    return (1 - z) * n + z * h, (x, h, r, z, hn, n)


def gru_step_back(dh, cache):
    x, h, r, z, hn, n = cache
    dz = dh * (h - n)
    dn = dh * (1 - z)
    dan = dn * (1 - n**2)
    dar = dan * hn * r * (1 - r)
    daz = dz * z * (1 - z)
    dax = np.concatenate([dar, daz, dan], axis=1)
    dah = np.concatenate([dar, daz, dan * r], axis=1)
    return dax, dah, dh * z


def gru_forward(x, h_0, Wx, Wh, bx, bh):
    h = h_0
    out = [h]
    for t in range(x.shape[0]):
        h, _ = gru_step(x[t], h, Wx, Wh, bx, bh)
        out.append(h)
    return np.stack(out)


def gru_backward(d_hs, x, hs, Wx, Wh, bx, bh):
    caches = [gru_step(x_t, h, Wx, Wh, bx, bh)[1] for x_t, h in zip(x, hs[:-1])]
    grads = {"dW_xh": np.zeros_like(Wx), "dW_hh": np.zeros_like(Wh),
             "db_xh": np.zeros_like(bx), "db_hh": np.zeros_like(bh)}
    dxs = []
    dh_next = np.zeros_like(hs[0])
    for d_h, cache in zip(d_hs[::-1], caches[::-1]):
        dh = d_h + dh_next
        dax, dah, direct = gru_step_back(dh, cache)
        grads["dW_xh"] += cache[0].T @ dax
        grads["dW_hh"] += cache[1].T @ dah
        grads["db_xh"] += dax.sum(axis=0)
        grads["db_hh"] += dah.sum(axis=0)
        dxs.append(dax @ Wx.T)
        dh_next = direct + dah @ Wh.T
    dxs.reverse()
    grads["dx"] = np.stack(dxs)
    grads["dh_0"] = dh_next
    return grads
