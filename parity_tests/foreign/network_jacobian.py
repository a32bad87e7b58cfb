"""log-sum-exp, and the whole Jacobian of the softmax, entry by entry."""
import numpy as np


def logsumexp(v):
    top = np.max(v)
    return top + np.log(np.sum(np.exp(v - top)))


def jacobian(p):
    K = len(p)
    J = np.zeros((K, K))
    for a in range(K):
        for b in range(K):
            J[a, b] = p[a] * ((1.0 if a == b else 0.0) - p[b])
    return J


def network_forward(x, y, h_0, Wx, Wh, Wy, bh, by):
    T, N, K = y.shape
    hs = [h_0]
    probs = np.zeros((T, N, K))
    E = np.zeros((T, N))
    for t in range(T):
        hs.append(np.tanh(x[t] @ Wx + hs[t] @ Wh + bh))
        for n in range(N):
            logits = hs[t + 1][n] @ Wy + by
            probs[t, n] = np.exp(logits - logsumexp(logits))
            E[t, n] = sum((probs[t, n, k] - y[t, n, k]) ** 2 for k in range(K)) / K
    return np.array(hs), probs, E


def network_backward(x, y, hs, probs, Wx, Wh, Wy, bh, by):
    T, N, K = y.shape
    d_logits = np.zeros((T, N, K))
    for t in range(T):
        for n in range(N):
            d_p = 2.0 * (probs[t, n] - y[t, n]) / K
            d_logits[t, n] = jacobian(probs[t, n]).T @ d_p
    gWx, gWh, gWy, gbh, gby = [np.zeros(w.shape) for w in (Wx, Wh, Wy, bh, by)]
    gx = np.zeros(x.shape)
    future = np.zeros(hs[0].shape)
    for t in range(T - 1, -1, -1):
        gWy += hs[t + 1].T @ d_logits[t]
        gby += d_logits[t].sum(axis=0)
        d_h = d_logits[t] @ Wy.T + future
        d_z = d_h * (1 - hs[t + 1] ** 2)
        gWx += x[t].T @ d_z
        gWh += hs[t].T @ d_z
        gbh += d_z.sum(axis=0)
        gx[t] = d_z @ Wx.T
        future = d_z @ Wh.T
    return dict(dx=gx, dh_0=future, dW_xh=gWx, dW_hh=gWh, dW_hy=gWy, db_h=gbh, db_y=gby)
