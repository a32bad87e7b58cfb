"""One sequence after the other, column vectors."""
import numpy as np


def col(v):
    return v.reshape(-1, 1)


def forward(inputs, start, U, V, bias):
    steps, batch, _ = inputs.shape
    out = np.empty((steps + 1,) + start.shape)
    out[0] = start
    for n in range(batch):
        s = col(start[n])
        for t in range(steps):
            s = np.tanh(U.T.dot(col(inputs[t, n])) + V.T.dot(s) + col(bias))
            out[t + 1, n] = s[:, 0]
    return out


def backward(grad_out, inputs, out, U, V, bias):
    steps, batch, _ = inputs.shape
    units = len(bias)
    gU = np.zeros(U.shape)
    gV = np.zeros(V.shape)
    gb = np.zeros(units)
    gx = np.zeros(inputs.shape)
    g0 = np.zeros((batch, units))
    for n in range(batch):
        carry = np.zeros((units, 1))
        for t in range(steps - 1, -1, -1):
            u = col(inputs[t, n])
            before = col(out[t, n])
            after = col(out[t + 1, n])
            total = col(grad_out[t, n]) + carry
            delta = total * (1.0 - after ** 2)
            gU += u.dot(delta.T)
            gV += before.dot(delta.T)
            gb += delta[:, 0]
            gx[t, n] = U.dot(delta)[:, 0]
            carry = V.dot(delta)
        g0[n] = carry[:, 0]
    return {"dx": gx, "dh_0": g0, "dW_xh": gU, "dW_hh": gV, "db_h": gb}
