"""Blocks Wr, Wz, Wn and Ur, Uz, Un of their own."""
import numpy as np


def sgm(v):
    return 1 / (1 + np.exp(-v))


def three(M):
    k = M.shape[-1] // 3
    return M[..., :k], M[..., k:2 * k], M[..., 2 * k:]


def gru_forward(x, h, W, U, b, c):
    (Wr, Wz, Wn), (Ur, Uz, Un), (br, bz, bn), (cr, cz, cn) = three(W), three(U), three(b), three(c)
    hs = [h]
    for t in range(len(x)):
        r = sgm(x[t] @ Wr + br + h @ Ur + cr)
        z = sgm(x[t] @ Wz + bz + h @ Uz + cz)
        n = np.tanh(x[t] @ Wn + bn + r * (h @ Un + cn))
        h = n + z * (h - n)
        hs.append(h)
    return np.array(hs)


def gru_backward(d_hs, x, hs, W, U, b, c):
    (Wr, Wz, Wn), (Ur, Uz, Un), (br, bz, bn), (cr, cz, cn) = three(W), three(U), three(b), three(c)
    dWr, dWz, dWn = np.zeros_like(Wr), np.zeros_like(Wz), np.zeros_like(Wn)
    dUr, dUz, dUn = np.zeros_like(Ur), np.zeros_like(Uz), np.zeros_like(Un)
    dbr, dbz, dbn = np.zeros_like(br), np.zeros_like(bz), np.zeros_like(bn)
    dcr, dcz, dcn = np.zeros_like(cr), np.zeros_like(cz), np.zeros_like(cn)
    dx = np.zeros_like(x)
    g = np.zeros_like(hs[0])
    for t in range(len(x) - 1, -1, -1):
        xt, h = x[t], hs[t]
        r = sgm(xt @ Wr + br + h @ Ur + cr)
        z = sgm(xt @ Wz + bz + h @ Uz + cz)
        m = h @ Un + cn
        n = np.tanh(xt @ Wn + bn + r * m)
        g = g + d_hs[t]
        gn = g * (1 - z) * (1 - n ** 2)
        gz = g * (h - n) * z * (1 - z)
        gr = gn * m * r * (1 - r)
        gm = gn * r
        dWr += xt.T @ gr; dWz += xt.T @ gz; dWn += xt.T @ gn
        dUr += h.T @ gr; dUz += h.T @ gz; dUn += h.T @ gm
        dbr += gr.sum(0); dbz += gz.sum(0); dbn += gn.sum(0)
        dcr += gr.sum(0); dcz += gz.sum(0); dcn += gm.sum(0)
        dx[t] = gr @ Wr.T + gz @ Wz.T + gn @ Wn.T
        g = g * z + gr @ Ur.T + gz @ Uz.T + gm @ Un.T
    cat = lambda *a: np.concatenate(a, axis=-1)
    return dict(dx=dx, dh_0=g, dW_xh=cat(dWr, dWz, dWn), dW_hh=cat(dUr, dUz, dUn),
                db_xh=cat(dbr, dbz, dbn), db_hh=cat(dcr, dcz, dcn))
