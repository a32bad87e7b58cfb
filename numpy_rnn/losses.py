"""Losses, one per item or per step, and `reduce`, the ONE place where they become a single number.

Eq. numbers: docs/derivation.md.
"""

import numpy as np

from numpy_rnn.checks import check_array, check_float_array, check_whole_numbers, expect
from numpy_rnn.types import Array


def log_softmax(logits: Array) -> Array:
    """log softmax(z)_c = z_c - log sum_k exp(z_k), over the last axis; less the maximum, nothing overflows."""
    z = logits - logits.max(axis=-1, keepdims=True)  # Eq. (27)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))  # Eq. (27)


def cross_entropy(logits: Array, labels: Array) -> tuple[Array, tuple[Array, Array]]:
    """loss = -log softmax(logits)[label]. logits (..., C), labels (...) in 0..C-1 -> losses (...), one per item; cache.

    Raises ValueError for a label outside the classes or of another shape than the items.
    """
    check_float_array("logits", logits)
    expect(logits.ndim >= 1 and logits.size > 0, "logits", "shape (..., C), not empty", logits.shape)
    labels = check_whole_numbers("labels", labels, logits.shape[:-1], 0, logits.shape[-1] - 1)
    log_p = log_softmax(logits)  # (..., C)
    losses = -np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]  # (...), Eq. (31)
    return losses, (log_p, labels.copy())


def cross_entropy_backward(d_losses: Array, cache: tuple[Array, Array]) -> Array:
    """dloss/dlogits = softmax(logits) - onehot(label), times what arrives: d_losses (...) -> d_logits (..., C)."""
    log_p, labels = cache
    check_array("d_losses", d_losses, labels.shape, log_p.dtype)
    onehot = labels[..., None] == np.arange(log_p.shape[-1])  # (..., C)
    return (np.exp(log_p) - onehot) * d_losses[..., None]  # (..., C), Eq. (32)


def softmax(logits: Array) -> Array:
    """p_c = exp(z_c) / sum_k exp(z_k), over the last axis. Any shape (..., C)."""
    return np.exp(log_softmax(logits))  # Eq. (27)


def softmax_backward(dp: Array, p: Array) -> Array:
    """dz = (diag(p) - p p^T) dp, the whole Jacobian: every p depends on every z. dp, p (..., C) -> dz (..., C)."""
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))  # Eq. (30)


def squared_error(y_hat: Array, y: Array) -> tuple[Array, Array]:
    """loss = (1/C) sum_c (y^_c - y_c)^2. y_hat, y (..., C) -> losses (...), one per item; cache.

    Raises ValueError for a y of another shape than y_hat, or whose (C,) are no distributions: negative, or of another
    sum than 1, by more than 1e-6: a softmax in float32 is off by up to 6e-7. One-hot targets are distributions.
    """
    check_float_array("y_hat", y_hat)
    expect(y_hat.ndim >= 1 and y_hat.size > 0, "y_hat", "shape (..., C), not empty", y_hat.shape)
    check_float_array("y", y)
    expect(y.shape == y_hat.shape, "y", f"the shape of y_hat, {y_hat.shape}", y.shape)
    sums = y.sum(axis=-1, dtype=np.result_type(y, np.float64))  # in float32 the sum itself may be off by 1e-3
    expect(bool((y >= 0).all()), "y", "distributions, none of it below 0", y.min())
    expect(bool(np.isclose(sums, 1, rtol=0, atol=1e-6).all()), "y", "distributions, each with the sum 1", sums.ravel())
    error = y_hat - y.astype(y_hat.dtype)  # (..., C)
    return (error * error).mean(axis=-1), error  # Eq. (28)


def squared_error_backward(d_losses: Array, error: Array) -> Array:
    """dloss/dy^ = (2/C) (y^ - y), times what arrives: d_losses (...) -> dy_hat (..., C)."""
    check_array("d_losses", d_losses, error.shape[:-1], error.dtype)
    return 2 / error.shape[-1] * error * d_losses[..., None]  # Eq. (29)


def reduce(losses: Array, weights: Array | None = None) -> tuple[float, Array]:
    """L = (1/N) sum_n sum_t w[t, n] losses[t, n] -> L and dL/dlosses = w / N. Losses (T, N), or (N,) without time.

    weights: a number for each loss, or a mask (bool); None is 1 everywhere. What has weight 0 adds nothing to L,
    even if it is not finite. Raises ValueError for weights of another shape or dtype than the losses.
    """
    check_float_array("losses", losses)
    expect(losses.ndim in (1, 2) and losses.size > 0, "losses", "shape (T, N) or (N,), not empty", losses.shape)
    if weights is None:
        weights = np.ones_like(losses)
    mask = isinstance(weights, np.ndarray) and weights.dtype == bool
    check_array("weights", weights, losses.shape, np.dtype(bool) if mask else losses.dtype)
    N = losses.shape[-1]
    loss = (weights * np.where(weights == 0, 0, losses)).sum() / N  # Eq. (33)
    return loss.item(), weights.astype(losses.dtype) / losses.dtype.type(N)  # Eq. (34)
