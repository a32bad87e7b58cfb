"""Losses, one for each item or step, and `reduce`, the ONE place where they become a single number.

Eq. numbers: docs/derivation.md.
"""

import numpy as np

from numpy_rnn.checks import check_array, check_float_array, check_whole_numbers, expect
from numpy_rnn.types import Array


def log_softmax(logits: Array) -> Array:
    """log softmax(o)_c = o_c - log sum_k exp(o_k), over the last axis of the logits o (..., C).

    The maximum is subtracted from o first. This changes no result, and then exp cannot overflow.
    """
    o = logits - logits.max(axis=-1, keepdims=True)  # Eq. (27)
    return o - np.log(np.exp(o).sum(axis=-1, keepdims=True))  # Eq. (27)


def cross_entropy(logits: Array, labels: Array) -> tuple[Array, tuple[Array, Array]]:
    """The cross-entropy of each item.

    loss = -log softmax(logits)[label]

    Args:
        logits: (..., C).
        labels: (...), whole numbers in 0..C-1.

    Returns:
        The losses (...), one for each item, and the cache for `cross_entropy_backward`.

    Raises:
        ValueError: for a label outside 0..C-1, and for labels of another shape than the items.
    """
    check_float_array("logits", logits)
    expect(logits.ndim >= 1 and logits.size > 0, "logits", "shape (..., C), not empty", logits.shape)
    labels = check_whole_numbers("labels", labels, logits.shape[:-1], 0, logits.shape[-1] - 1)
    log_p = log_softmax(logits)  # (..., C)
    losses = -np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]  # (...), Eq. (31)
    return losses, (log_p, labels.copy())


def cross_entropy_backward(d_losses: Array, cache: tuple[Array, Array]) -> Array:
    """The gradient of the logits.

    d_logits = (softmax(logits) - onehot(label)) d_loss

    Args:
        d_losses: (...), dL/dloss.
        cache: what `cross_entropy` returned.

    Returns:
        d_logits (..., C).

    Raises:
        ValueError: for d_losses of another shape or dtype than the losses.
    """
    fits = isinstance(cache, tuple) and len(cache) == 2 and all(isinstance(array, np.ndarray) for array in cache)
    expect(fits, "cache", "what cross_entropy returned", type(cache).__name__)
    log_p, labels = cache
    check_array("d_losses", d_losses, labels.shape, log_p.dtype)
    onehot = labels[..., None] == np.arange(log_p.shape[-1])  # (..., C)
    return (np.exp(log_p) - onehot) * d_losses[..., None]  # (..., C), Eq. (32)


def softmax(logits: Array) -> Array:
    """p_c = exp(o_c) / sum_k exp(o_k), over the last axis of the logits o (..., C)."""
    return np.exp(log_softmax(logits))  # Eq. (27)


def softmax_backward(dp: Array, p: Array) -> Array:
    """The gradient of the logits o of a softmax, with the whole Jacobian: every p depends on every o.

    do = (diag(p) - p p^T) dp

    Args:
        dp: (..., C), dL/dp.
        p: (..., C), what `softmax` returned.

    Returns:
        do (..., C).
    """
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))  # Eq. (30)


def squared_error(y_hat: Array, y: Array) -> tuple[Array, Array]:
    """The mean squared error of each item.

    loss = (1/C) sum_c (y^_c - y_c)^2

    Args:
        y_hat: (..., C), the predicted distributions.
        y: (..., C), the target distributions, such as one-hot rows.

    Returns:
        The losses (...), one for each item, and the cache for `squared_error_backward`, y_hat - y.

    Raises:
        ValueError: for a y of another shape than y_hat, and for a y that is no distribution: with a negative entry,
            or a sum that is not 1 within 1e-6. (The sum of a softmax in float32 is off by up to 6e-7.)
    """
    check_float_array("y_hat", y_hat)
    expect(y_hat.ndim >= 1 and y_hat.size > 0, "y_hat", "shape (..., C), not empty", y_hat.shape)
    check_float_array("y", y)
    expect(y.shape == y_hat.shape, "y", f"the shape of y_hat, {y_hat.shape}", y.shape)
    sums = y.sum(axis=-1, dtype=np.result_type(y, np.float64))  # in float32 the sum itself may be off by 1e-3
    expect(bool((y >= 0).all()), "y", "distributions, with no entry below 0", y.min())
    expect(bool(np.isclose(sums, 1, rtol=0, atol=1e-6).all()), "y", "distributions, each with the sum 1", sums.ravel())
    error = y_hat - y.astype(y_hat.dtype)  # (..., C)
    return (error * error).mean(axis=-1), error  # Eq. (28)


def squared_error_backward(d_losses: Array, error: Array) -> Array:
    """The gradient of the predictions.

    dy^ = (2/C) (y^ - y) d_loss

    Args:
        d_losses: (...), dL/dloss.
        error: (..., C), the cache of `squared_error`, y^ - y.

    Returns:
        dy_hat (..., C).

    Raises:
        ValueError: for d_losses of another shape or dtype than the losses.
    """
    check_float_array("error", error)
    check_array("d_losses", d_losses, error.shape[:-1], error.dtype)
    return 2 / error.shape[-1] * error * d_losses[..., None]  # Eq. (29)


def reduce(losses: Array, weights: Array | None = None) -> tuple[float, Array]:
    """The weighted sum of the losses over the steps, and its mean over the sequences.

    L = (1/N) sum_n sum_t w[t, n] losses[t, n]
    dL/dlosses = w / N

    Args:
        losses: (T, N), or (N,) without time.
        weights: a number for each loss, or a mask (bool); None is 1 everywhere. A loss with weight 0 adds nothing to
            L, even if it is not finite.

    Returns:
        L and dL/dlosses, which has the shape of the losses.

    Raises:
        ValueError: for weights of another shape than the losses, or of a dtype that is neither theirs nor bool.
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
