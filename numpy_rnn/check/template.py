"""Files to fill in, with the numbers of the equations in docs/derivation.md."""

RNN = '''"""My RNN. Check it by: python -m numpy_rnn.check FILE"""

import numpy as np


def forward(x, h_0, W_xh, W_hh, b_h):
    """x (T, N, D), h_0 (N, H), W_xh (D, H), W_hh (H, H), b_h (H,) -> hs (T + 1, N, H), and hs[0] is h_0."""
    T, N, D = x.shape
    hs = np.zeros((T + 1, *h_0.shape))
    hs[0] = h_0
    for t in range(T):
        hs[t + 1] = ...  # equation (1), (2): h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)
    return hs


def backward(d_hs, x, hs, W_xh, W_hh, b_h):
    """d_hs (T, N, H): d_hs[t] is the gradient of the loss of this step, for the state hs[t + 1]."""
    T, N, D = x.shape
    dx, dW_xh, dW_hh, db_h = np.zeros_like(x), np.zeros_like(W_xh), np.zeros_like(W_hh), np.zeros_like(b_h)
    dh_next = np.zeros_like(hs[0])  # what the step after sends back: nothing after the last one
    for t in reversed(range(T)):
        dh = ...  # equation (3): from the loss of this step, and from later losses
        dz = ...  # equation (4): through tanh
        dW_xh += ...  # equation (6)
        dW_hh += ...  # equation (7)
        db_h += ...  # equation (8)
        dx[t] = ...  # equation (9)
        dh_next = ...  # equation (5)
    return dict(dx=dx, dh_0=dh_next, dW_xh=dW_xh, dW_hh=dW_hh, db_h=db_h)


# Do you truncate on purpose? TRUNCATION = (k1, k2)
# Are your arrays (N, T, D)? LAYOUT = "cs231n". Columns (D, N, T), W_hh @ h? LAYOUT = "columns"
'''
TEMPLATES = {"rnn": RNN}
