"""numpy_rnn/losses.py against torch.nn.functional.cross_entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy as torch_cross_entropy

from numpy_rnn import cross_entropy, cross_entropy_backward, mean
from parity_tests.support import assert_close


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 5), st.sampled_from([1e-3, 1.0, 30.0]),
       st.sampled_from(["float32", "float64"]))  # fmt: skip
def test_cross_entropy_and_its_mean(seed: int, N: int, C: int, scale: float, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = (scale * rng.normal(size=(N, C))).astype(dtype), rng.integers(0, C, N)
    losses, cache = cross_entropy(logits, labels)
    loss, d_losses = mean(losses)
    d_logits = cross_entropy_backward(d_losses, cache)
    theirs = torch.tensor(logits, requires_grad=True)
    per_item = torch_cross_entropy(theirs, torch.tensor(labels), reduction="none")
    total = torch_cross_entropy(theirs, torch.tensor(labels))
    total.backward()
    assert_close("cross-entropy, per item", losses, per_item.detach().numpy(), np.linalg.norm(logits))
    assert_close("cross-entropy, mean", np.array(loss, dtype), total.detach().numpy(), float(np.abs(logits).max()))
    assert_close("cross-entropy dlogits", d_logits, theirs.grad.numpy(), 1 / np.sqrt(N))


@given(st.integers(0, 2**32 - 1))
def test_losses_per_step(seed: int) -> None:
    """(T, N, C) logits give (T, N) losses, each weighted on the way back by what arrives for it."""
    rng = np.random.default_rng(seed)
    logits, labels, d = rng.normal(size=(3, 2, 4)), rng.integers(0, 4, (3, 2)), rng.normal(size=(3, 2))
    losses, cache = cross_entropy(logits, labels)
    theirs = torch.tensor(logits, requires_grad=True)
    per_item = torch_cross_entropy(theirs.movedim(-1, 1), torch.tensor(labels), reduction="none")
    per_item.backward(torch.tensor(d))
    assert_close("cross-entropy, per step", losses, per_item.detach().numpy())
    assert_close("cross-entropy dlogits", cross_entropy_backward(d, cache), theirs.grad.numpy())


def test_the_mean_is_over_all_losses_of_any_shape() -> None:
    loss, d_losses = mean(np.array([[1.0, 2.0], [3.0, 6.0]]))
    assert loss == 3
    np.testing.assert_array_equal(d_losses, np.full((2, 2), 0.25))


def test_huge_logits_do_not_overflow() -> None:
    losses, cache = cross_entropy(np.array([[1000.0, -1000.0], [1000.0, -1000.0]]), np.array([0, 1]))
    np.testing.assert_array_equal(losses, [0, 2000])
    np.testing.assert_array_equal(cross_entropy_backward(np.ones(2), cache), [[0, 0], [1, -1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cross_entropy(np.zeros((2, 3)), np.array([0, 3])), r"labels: expected whole numbers in 0..2 .* got 3"),
        (lambda: cross_entropy(np.zeros((2, 3)), np.array([0])), r"labels: .* shape \(2,\), got int64 \(1,\)"),
        (lambda: cross_entropy(np.zeros((2, 3)), np.array([0.0, 1.0])), "labels: .* got float64"),
        (lambda: cross_entropy([[1.0, 2.0]], np.array([0])), "logits: expected a float32 or float64 array, got list"),
        (lambda: cross_entropy(np.array(1.0), np.array(0)), r"logits: expected shape \(..., C\)"),
        (lambda: cross_entropy(np.zeros((1, 0)), np.array([0])), r"logits: expected shape \(..., C\)"),
        (lambda: mean([1.0]), "losses: expected a float32 or float64 array, got list"),
        (lambda: mean(np.zeros(0)), "losses: expected at least one"),
        (lambda: cross_entropy_backward(np.ones(3), cross_entropy(np.zeros((2, 3)), np.array([0, 1]))[1]), "d_losses:"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
