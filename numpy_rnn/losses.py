"""Softmax cross-entropy, one loss per item, and the ONE place where losses become a single number."""

from __future__ import annotations

import numpy as np

from numpy_rnn.checks import check_array, check_float_array, check_whole_numbers, expect


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """log softmax(z)_c = z_c - log sum_k exp(z_k), over the last axis; less the maximum, nothing overflows."""
    z = logits - logits.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """loss = -log softmax(logits)[label]. logits (..., C), labels (...) in 0..C-1 -> losses (...), one per item; cache.

    Raises ValueError for a label outside the classes or of another shape than the items.
    """
    check_float_array("logits", logits)
    expect(logits.ndim >= 1 and logits.size > 0, "logits", "shape (..., C), not empty", logits.shape)
    labels = check_whole_numbers("labels", labels, logits.shape[:-1], 0, logits.shape[-1] - 1)
    log_p = log_softmax(logits)  # (..., C)
    losses = -np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]  # (...)
    return losses, (log_p, labels)


def cross_entropy_backward(d_losses: np.ndarray, cache: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """dloss/dlogits = softmax(logits) - onehot(label), times what arrives: d_losses (...) -> d_logits (..., C)."""
    log_p, labels = cache
    check_array("d_losses", d_losses, labels.shape, log_p.dtype)
    onehot = labels[..., None] == np.arange(log_p.shape[-1])  # (..., C)
    return (np.exp(log_p) - onehot) * d_losses[..., None]  # (..., C)


def mean(losses: np.ndarray) -> tuple[float, np.ndarray]:
    """L = (1/N) sum of the N losses, of any shape -> L and dL/dlosses of that shape, which is 1/N everywhere."""
    check_float_array("losses", losses)
    expect(losses.size > 0, "losses", "at least one", losses.shape)
    return float(losses.mean()), np.full_like(losses, 1 / losses.size)
