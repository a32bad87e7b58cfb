"""Right RNNs in styles that are not this project's, as text: parity_tests/test_check.py runs the checker on them.

Some have a place for a bug: the tests replace one line by a wrong one.
"""

LOOPS = '''
import numpy as np

def forward(x, h_0, W_xh, W_hh, b_h):
    """Over t and n, with column vectors."""
    T, N, D = x.shape
    hs = np.zeros((T + 1,) + h_0.shape)
    hs[0] = h_0
    for n in range(N):
        state = h_0[n].reshape(-1, 1)
        for t in range(T):
            state = np.tanh(np.dot(W_xh.T, x[t, n].reshape(-1, 1)) + np.dot(W_hh.T, state) + b_h.reshape(-1, 1))
            hs[t + 1, n] = state[:, 0]
    return hs

def backward(d_hs, x, hs, W_xh, W_hh, b_h):
    T, N, D = x.shape
    gx, g0 = np.zeros(x.shape), np.zeros(hs[0].shape)
    gU, gW, gb = np.zeros(W_xh.shape), np.zeros(W_hh.shape), np.zeros(b_h.shape)
    for n in range(N):
        carry = np.zeros((len(b_h), 1))
        for t in range(T)[::-1]:
            total = d_hs[t, n].reshape(-1, 1) + carry
            s = hs[t + 1, n].reshape(-1, 1)
            delta = total * (1.0 - s ** 2)
            gU = gU + np.outer(x[t, n], delta)
            gW = gW + np.outer(hs[t, n], delta)
            gb = gb + delta[:, 0]
            gx[t, n] = np.dot(W_xh, delta)[:, 0]
            carry = np.dot(W_hh, delta)
        g0[n] = carry[:, 0]
    return {"dx": gx, "dh_0": g0, "dW_xh": gU, "dW_hh": gW, "db_h": gb}
'''

EINSUM = """
from numpy import array, cosh, einsum, stack, tanh, zeros_like

def pre(x_t, h, W_xh, W_hh, b_h):
    return einsum("nd,dh->nh", x_t, W_xh) + einsum("ni,ij->nj", h, W_hh) + b_h

def forward(x, h_0, W_xh, W_hh, b_h):
    caches = [h_0]
    for x_t in x:
        caches.append(tanh(pre(x_t, caches[-1], W_xh, W_hh, b_h)))
    return stack(caches)

def backward(d_hs, x, hs, W_xh, W_hh, b_h):
    deltas, from_later = [], 0 * hs[0]
    for x_t, h_prev, g in zip(x[::-1], hs[:-1][::-1], d_hs[::-1]):
        delta = (g + from_later) / cosh(pre(x_t, h_prev, W_xh, W_hh, b_h)) ** 2
        deltas.insert(0, delta)
        from_later = einsum("nj,ij->ni", delta, W_hh)
    deltas = array(deltas)
    return dict(dx=einsum("tnh,dh->tnd", deltas, W_xh), dh_0=from_later, dW_xh=einsum("tnd,tnh->dh", x, deltas),
                dW_hh=einsum("tni,tnj->ij", hs[:-1], deltas), db_h=einsum("tnh->h", deltas), dz=deltas)
"""

CS231N = """
import numpy as np
LAYOUT = "cs231n"

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)

def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dt = dnext_h * (1 - next_h * next_h)
    return dt.dot(Wx.T), dt.dot(Wh.T), x.T.dot(dt), prev_h.T.dot(dt), dt.sum(axis=0)

def forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T + 1, h0.shape[1]))
    h[:, 0] = h0
    for t in range(T):
        h[:, t + 1], _ = rnn_step_forward(x[:, t], h[:, t], Wx, Wh, b)
    return h

def backward(dh, x, h, Wx, Wh, b):
    N, T, D = x.shape
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dprev = np.zeros_like(h[:, 0])
    for i in range(T):
        t = T - 1 - i
        dx[:, t], dprev, dWxt, dWht, dbt = rnn_step_backward(dh[:, t] + dprev, (x[:, t], h[:, t], Wx, Wh, h[:, t + 1]))
        dWx += dWxt
        dWh += dWht
        db += dbt
    return {"dx": dx, "dh_0": dprev, "dW_xh": dWx, "dW_hh": dWh, "db_h": db}
"""

COLUMNS = """
import numpy as np
LAYOUT = "columns"

def forward(x, a0, Wax, Waa, ba):
    a = [a0]
    for t in range(x.shape[2]):
        a.append(np.tanh(Waa @ a[t] + Wax @ x[:, :, t] + ba))
    return np.stack(a, axis=2)

def backward(da, x, a, Wax, Waa, ba):
    dx = np.zeros(x.shape)
    dWax, dWaa, dba = np.zeros(Wax.shape), np.zeros(Waa.shape), np.zeros(ba.shape)
    da_prev = np.zeros(a[:, :, 0].shape)
    for t in reversed(range(x.shape[2])):
        dtanh = (1 - a[:, :, t + 1] ** 2) * (da[:, :, t] + da_prev)
        dx[:, :, t] = Wax.T @ dtanh
        dWax += dtanh @ x[:, :, t].T
        dWaa += dtanh @ a[:, :, t].T
        dba += np.sum(dtanh, axis=1, keepdims=True)
        da_prev = Waa.T @ dtanh
    return {"dx": dx, "dh_0": da_prev, "dW_xh": dWax, "dW_hh": dWaa, "db_h": dba}
"""

TRUNCATED = '''
import numpy as np
TRUNCATION = (1, 3)

def forward(x, h_0, W_xh, W_hh, b_h):
    hs = [h_0]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W_xh + hs[t] @ W_hh + b_h))
    return np.array(hs)

def backward(d_hs, x, hs, W_xh, W_hh, b_h):
    """Each loss back over three steps, one loss after the other."""
    out = dict(dx=np.zeros_like(x), dh_0=np.zeros_like(hs[0]), dW_xh=0 * W_xh, dW_hh=0 * W_hh, db_h=0 * b_h)
    for t in range(len(x)):
        g = d_hs[t]
        for k in range(t, max(t - 3, -1), -1):
            e = g * (1 - hs[k + 1] ** 2)
            out["dW_xh"] += x[k].T @ e
            out["dW_hh"] += hs[k].T @ e
            out["db_h"] += e.sum(0)
            out["dx"][k] += e @ W_xh.T
            g = e @ W_hh.T
            if k == 0:
                out["dh_0"] += g
    return out
'''

RIGHT = {"loops": LOOPS, "einsum": EINSUM, "cs231n": CS231N, "columns": COLUMNS, "truncated": TRUNCATED}

# style, what is replaced, by what, the id of the cause and the arrays that are wrong
ALL = ("dx", "dh_0", "dW_xh", "dW_hh", "db_h")
WRONG = [
    ("loops", "d_hs[t, n].reshape(-1, 1) + carry", "d_hs[t, n].reshape(-1, 1)", "later-loss-lost", ALL),
    ("cs231n", "rnn_step_backward(dh[:, t] + dprev,", "rnn_step_backward(dh[:, t],", "later-loss-lost", ALL),
    ("columns", "(da[:, :, t] + da_prev)", "da[:, :, t]", "later-loss-lost", ALL),
    ("einsum", 'dx=einsum("tnh,dh->tnd", deltas, W_xh)', "dx=(d_hs * (1 - hs[1:] ** 2)) @ W_xh.T",
     "later-loss-lost-in-dx", ("dx",)),
    ("loops", "d_hs[t, n].reshape(-1, 1) + carry", "(d_hs[t, n].reshape(-1, 1) if t == T - 1 else carry)",
     "earlier-losses-lost", ALL),
    ("loops", "np.dot(W_hh, delta)", "np.dot(W_hh.T, delta)", "transpose-missing", ALL),
    ("einsum", '"nj,ij->ni", delta', '"nj,ji->ni", delta', "transpose-missing", (*ALL, "dz")),
    ("cs231n", "dt.dot(Wh.T)", "dt.dot(Wh)", "transpose-missing", ALL),
    ("columns", "Waa.T @ dtanh", "Waa @ dtanh", "transpose-missing", ALL),
    ("loops", '"dW_hh": gW', '"dW_hh": gW.T', "transposed-result", ("dW_hh",)),
    ("columns", "dtanh @ a[:, :, t].T", "a[:, :, t] @ dtanh.T", "transposed-result", ("dW_hh",)),
    ("loops", "1.0 - s ** 2", "1.0 - s", "tanh-derivative", ALL),
    ("cs231n", "dnext_h * (1 - next_h * next_h)", "dnext_h", "tanh-derivative", ALL),
    ("columns", "1 - a[:, :, t + 1] ** 2", "1 - np.tanh(a[:, :, t + 1]) ** 2", "tanh-derivative", ALL),
    ("loops", "1.0 - s ** 2", "s * (1 - s)", "tanh-derivative", ALL),
    ("cs231n", "1 - next_h * next_h", "1 - prev_h * prev_h", "h-off-by-one", ALL),
    ("loops", "np.outer(hs[t, n], delta)", "np.outer(hs[t + 1, n], delta)", "h-off-by-one", ("dW_hh",)),
    ("einsum", '"tnd,tnh->dh", x, deltas', '"tnd,tnh->dh", x[:-1], deltas[1:]', "x-off-by-one", ("dW_xh",)),
    ("columns", "dtanh @ x[:, :, t].T", "dtanh @ x[:, :, t - 1].T", "x-off-by-one", ("dW_xh",)),
    ("loops", "np.outer(x[t, n], delta)", "np.outer(x[min(t + 1, T - 1), n], delta)", "x-off-by-one", ("dW_xh",)),
    ("columns", "dtanh @ a[:, :, t].T", "dtanh @ a[:, :, max(t - 1, 0)].T", "h-off-by-one", ("dW_hh",)),
    ("cs231n", "dWh += dWht", "dWh = dWht", "overwritten", ("dW_hh",)),
    ("columns", "dba += ", "dba = ", "overwritten", ("db_h",)),
    ("einsum", '"tnh->h", deltas', '"nh->h", deltas[-1]', "overwritten", ("db_h",)),
    ("cs231n", "dt.sum(axis=0)", "dt.mean(axis=0)", "mean-for-sum", ("db_h",)),
    ("einsum", '"tnh->h", deltas', '"tnh->h", -deltas', "scaled", ("db_h",)),
    ("einsum", '"tnh->h", deltas', '"tnh->h", deltas / len(deltas)', "mean-for-sum", ("db_h",)),
    ("columns", '"dW_hh": dWaa', '"dW_hh": np.clip(dWaa, -5, 5)', "clipped", ("dW_hh",)),
    ("cs231n", "np.zeros_like(Wh)", "np.zeros_like(Wh, np.float32)", "float32", ("dW_hh",)),
    ("loops", '"dW_xh": gU', '"dW_xh": 0 * gU', "zero", ("dW_xh",)),
    ("loops", '"dW_xh": gU', '"dW_xh": gU / 0', "not-finite", ("dW_xh",)),
]  # fmt: skip

TRUNCATED_BY_GROUPS = """
import numpy as np
TRUNCATION = (2, 5)

def forward(x, h_0, W_xh, W_hh, b_h):
    hs = [h_0]
    for t in range(len(x)):
        hs.append(np.tanh(x[t] @ W_xh + hs[t] @ W_hh + b_h))
    return np.array(hs)

def backward(d_hs, x, hs, W_xh, W_hh, b_h):
    k1, k2 = TRUNCATION
    dx, dh_0, dW_xh, dW_hh, db_h = np.zeros_like(x), np.zeros_like(hs[0]), 0 * W_xh, 0 * W_hh, 0 * b_h
    for first in range(0, len(x), k1):
        end = min(first + k1, len(x))
        start = first if k1 == k2 else max(end - k2, 0)
        dh_next = np.zeros_like(hs[0])
        for t in reversed(range(start, end)):
            dz = ((d_hs[t] if t >= first else 0) + dh_next) * (1 - hs[t + 1] ** 2)
            dW_xh += x[t].T @ dz
            dW_hh += hs[t].T @ dz
            db_h += dz.sum(axis=0)
            dx[t] += dz @ W_xh.T
            dh_next = dz @ W_hh.T
        if start == 0:
            dh_0 += dh_next
    return dict(dx=dx, dh_0=dh_0, dW_xh=dW_xh, dW_hh=dW_hh, db_h=db_h)
"""


def changed(source: str, *changes: tuple[str, str]) -> str:
    """With each text, which stands in it once, replaced by the other one."""
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source
