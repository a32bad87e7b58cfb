"""A class that keeps what each step needs."""
import numpy as np


class Cell:
    def __init__(self, Wx, Wh, bx, bh):
        self.Wx, self.Wh, self.bx, self.bh = Wx, Wh, bx, bh
        self.saved = []
        self.gWx, self.gWh = np.zeros(Wx.shape), np.zeros(Wh.shape)
        self.gbx, self.gbh = np.zeros(bx.shape), np.zeros(bh.shape)

    @staticmethod
    def sigma(v):
        return np.reciprocal(1 + np.exp(np.negative(v)))

    def step(self, x, h):
        u = np.hsplit(x @ self.Wx + self.bx, 3)
        v = np.hsplit(h @ self.Wh + self.bh, 3)
        r = self.sigma(u[0] + v[0])
        z = self.sigma(u[1] + v[1])
        n = np.tanh(u[2] + r * v[2])
        self.saved.append(dict(x=x, h=h, r=r, z=z, n=n, v=v[2]))
        return z * h + (1 - z) * n

    def back(self, dout):
        s = self.saved.pop()
        x, h, r, z, n, v = s["x"], s["h"], s["r"], s["z"], s["n"], s["v"]
        d_keep = dout * z
        d_n = dout * (1 - z)
        d_z = dout * h - dout * n
        d_pre_n = d_n * (1 - n ** 2)
        d_r = d_pre_n * v
        d_v = d_pre_n * r
        d_pre_r = d_r * r * (1 - r)
        d_pre_z = d_z * z * (1 - z)
        du = np.hstack((d_pre_r, d_pre_z, d_pre_n))
        dv = np.hstack((d_pre_r, d_pre_z, d_v))
        self.gWx += x.T @ du
        self.gWh += h.T @ dv
        self.gbx += np.sum(du, axis=0)
        self.gbh += np.sum(dv, axis=0)
        return du @ self.Wx.T, d_keep + dv @ self.Wh.T


def gru_forward(x, h, Wx, Wh, bx, bh):
    cell = Cell(Wx, Wh, bx, bh)
    return np.array([h] + [h := cell.step(x_t, h) for x_t in x])


def gru_backward(d_hs, x, hs, Wx, Wh, bx, bh):
    cell = Cell(Wx, Wh, bx, bh)
    for x_t, h in zip(x, hs):
        cell.step(x_t, h)
    dx = np.zeros_like(x)
    dh = np.zeros_like(hs[0])
    for t in range(len(x))[::-1]:
        dx[t], dh = cell.back(dh + d_hs[t])
    return dict(dx=dx, dh_0=dh, dW_xh=cell.gWx, dW_hh=cell.gWh, db_xh=cell.gbx, db_hh=cell.gbh)
