"""All sums as einsum, the weights' gradients after the loop."""
from numpy import einsum, tanh, empty, zeros


def forward(X, s0, A, B, b):
    S = empty((X.shape[0] + 1, s0.shape[0], s0.shape[1]))
    S[0] = s0
    drive = einsum("tnd,dh->tnh", X, A) + b
    for k, a in enumerate(drive):
        S[k + 1] = tanh(a + einsum("ni,ij->nj", S[k], B))
    return S


def backward(G, X, S, A, B, b):
    L = X.shape[0]
    delta = empty(G.shape)
    total = empty(G.shape)
    back = zeros(S[0].shape)
    for k in range(L)[::-1]:
        total[k] = G[k] + back
        slope = 1 - S[k + 1] * S[k + 1]
        delta[k] = einsum("nj,nj->nj", total[k], slope)
        back = einsum("nj,ij->ni", delta[k], B)
    return dict(
        dx=einsum("tnj,dj->tnd", delta, A),
        dh_0=back,
        dW_xh=einsum("tnd,tnj->dj", X, delta),
        dW_hh=einsum("tni,tnj->ij", S[:-1], delta),
        db_h=einsum("tnj->j", delta),
        dz=delta,
        dh=total,
    )
