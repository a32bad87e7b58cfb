"""Four gates with weights of their own, cut out of W and put together again."""
import numpy as np

GATES = ("i", "f", "g", "o")


def squash(v):
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-v))


def blocks(M):
    H = M.shape[-1] // 4
    return {k: M[..., j * H:(j + 1) * H] for j, k in enumerate(GATES)}


def act(x, h, Wx, Wh, bx, bh):
    pre = {k: x @ Wx[k] + bx[k] + h @ Wh[k] + bh[k] for k in GATES}
    return {k: np.tanh(v) if k == "g" else squash(v) for k, v in pre.items()}


def lstm_forward(x, h0, c0, Wx, Wh, bx, bh):
    Wx, Wh, bx, bh = blocks(Wx), blocks(Wh), blocks(bx), blocks(bh)
    hs, cs = [h0], [c0]
    for row in x:
        a = act(row, hs[-1], Wx, Wh, bx, bh)
        cs.append(a["f"] * cs[-1] + a["i"] * a["g"])
        hs.append(a["o"] * np.tanh(cs[-1]))
    return np.array(hs), np.array(cs)


def lstm_backward(dh_out, x, hs, cs, Wx, Wh, bx, bh):
    Wx, Wh, bx, bh = blocks(Wx), blocks(Wh), blocks(bx), blocks(bh)
    zero = lambda B: {k: np.zeros(B[k].shape) for k in GATES}
    gWx, gWh, gbx, gbh = zero(Wx), zero(Wh), zero(bx), zero(bh)
    dx = np.zeros(x.shape)
    dh_later, dc_later = np.zeros(hs[0].shape), np.zeros(cs[0].shape)
    for t in range(len(x) - 1, -1, -1):
        a = act(x[t], hs[t], Wx, Wh, bx, bh)
        i, f, g, o = (a[k] for k in GATES)
        tc = np.tanh(cs[t + 1])
        dh = dh_out[t] + dh_later
        dc = dh * o * (1 - tc ** 2) + dc_later
        d = {}
        d["i"] = dc * g * i * (1 - i)
        d["f"] = dc * cs[t] * f * (1 - f)
        d["g"] = dc * i * (1 - g ** 2)
        d["o"] = dh * tc * o * (1 - o)
        dh_later = np.zeros(hs[0].shape)
        for k in GATES:
            gWx[k] += x[t].T @ d[k]
            gWh[k] += hs[t].T @ d[k]
            gbx[k] += d[k].sum(axis=0)
            gbh[k] += d[k].sum(axis=0)
            dx[t] += d[k] @ Wx[k].T
            dh_later += d[k] @ Wh[k].T
        dc_later = dc * f
    join = lambda B: np.concatenate([B[k] for k in GATES], axis=-1)
    return dict(dx=dx, dh_0=dh_later, dc_0=dc_later, dW_xh=join(gWx), dW_hh=join(gWh), db_xh=join(gbx), db_hh=join(gbh))
