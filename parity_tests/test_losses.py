"""numpy_rnn/losses.py against torch.nn.functional.cross_entropy."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy as torch_cross_entropy

from numpy_rnn import cross_entropy, cross_entropy_backward, reduce, squared_error, squared_error_backward
from numpy_rnn.losses import softmax, softmax_backward
from parity_tests.support import assert_close


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(2, 5),
    st.sampled_from([1e-3, 1.0, 30.0]),
    st.sampled_from(["float32", "float64"]),
)
def test_cross_entropy_and_its_mean(seed: int, N: int, C: int, scale: float, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = (scale * rng.normal(size=(N, C))).astype(dtype), rng.integers(0, C, N)
    losses, cache = cross_entropy(logits, labels)
    loss, d_losses = reduce(losses)
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


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from([1e-3, 1.0, 10.0]),
    st.sampled_from(["float32", "float64"]),
)
def test_squared_error_on_softmax_outputs(seed: int, T: int, N: int, C: int, scale: float, dtype: str) -> None:
    """The whole Jacobian: for C = 2 and one-hot targets a wrong, diagonal one is off by a factor alone."""
    rng = np.random.default_rng(seed)
    logits, d = (scale * rng.normal(size=(T, N, C))).astype(dtype), rng.normal(size=(T, N)).astype(dtype)
    y = np.eye(C)[rng.integers(0, C, (T, N))] if seed % 2 else rng.dirichlet(np.ones(C), (T, N))
    y = y.astype(dtype)
    y_hat = softmax(logits)
    losses, cache = squared_error(y_hat, y)
    dy_hat = squared_error_backward(d, cache)
    d_logits = softmax_backward(dy_hat, y_hat)
    z = torch.tensor(logits, requires_grad=True)
    theirs = z.softmax(dim=-1)
    theirs.retain_grad()
    per_item = torch.nn.functional.mse_loss(theirs, torch.tensor(y), reduction="none").mean(dim=-1)
    per_item.backward(torch.tensor(d))
    size = float(np.linalg.norm(d)) / C
    assert_close("softmax", y_hat, theirs.detach().numpy())
    assert_close("squared error, per item", losses, per_item.detach().numpy(), 1e-2)
    assert_close("squared error, dy_hat", dy_hat, theirs.grad.numpy(), size)
    assert_close("squared error, dlogits", d_logits, z.grad.numpy(), size)


def test_squared_error_by_hand() -> None:
    """The mean over the classes, as nn.MSELoss has it."""
    losses, cache = squared_error(np.array([[0.2, 0.3, 0.5]]), np.array([[0.0, 1.0, 0.0]]))
    assert losses == pytest.approx([(0.04 + 0.49 + 0.25) / 3])
    np.testing.assert_allclose(squared_error_backward(np.array([6.0]), cache), [[0.8, -2.8, 2.0]])


def test_the_caches_keep_labels_and_targets_of_their_own() -> None:
    logits, labels, d = np.random.default_rng(0).normal(size=(3, 4)), np.array([0, 3, 1]), np.ones(3)
    y, y_hat = np.eye(4)[labels], softmax(logits)
    _, cache = cross_entropy(logits, labels)
    _, its_cache = squared_error(y_hat, y)
    before, its_before = cross_entropy_backward(d, cache), squared_error_backward(d, its_cache)
    logits[:], labels[:], y[:], y_hat[:] = 0, 2, 0, 0
    np.testing.assert_array_equal(cross_entropy_backward(d, cache), before)
    np.testing.assert_array_equal(squared_error_backward(d, its_cache), its_before)


def test_targets_of_another_dtype_leave_the_results_theirs() -> None:
    y_hat, y = np.full((2, 4), 0.25, np.float32), np.eye(4)[[1, 3]]
    losses, cache = squared_error(y_hat, y)
    assert (losses.dtype, squared_error_backward(losses, cache).dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("off", [0.9e-6, -0.9e-6, 1.1e-6, -1.1e-6])
def test_what_is_a_distribution(off: float) -> None:
    """Its sum is 1, or off by at most 1e-6."""
    y = np.array([[0.25, 0.75 + off]])
    if abs(off) < 1e-6:
        squared_error(ONES[:1, :2], y)
    else:
        with pytest.raises(ValueError, match="y: expected distributions, each with the sum 1"):
            squared_error(ONES[:1, :2], y)


@pytest.mark.parametrize("C", [10, 100_000])
def test_float32_distributions_of_many_classes(C: int) -> None:
    """Their sum in float32 may be off by 1e-3, one number after the other; in float64 no rounding of a sum counts."""
    rng = np.random.default_rng(0)
    for y in (np.full((2, C), 1 / C, np.float32), softmax(rng.normal(size=(2, C)).astype(np.float32))):
        for layout in ("C", "F"):
            losses, _ = squared_error(y, np.array(y, order=layout))
            assert not losses.any()


def test_the_reduction_sums_over_time_and_averages_over_the_batch() -> None:
    losses = np.array([[1.0, 2.0], [3.0, 6.0]])
    loss, d_losses = reduce(losses)
    assert loss == 6
    assert type(reduce(losses.astype(np.float32))[0]) is float
    np.testing.assert_array_equal(d_losses, np.full((2, 2), 0.5))
    loss, d_losses = reduce(losses[0])
    assert loss == 1.5
    np.testing.assert_array_equal(d_losses, [0.5, 0.5])


def test_weights_and_masks() -> None:
    losses = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    loss, d_losses = reduce(losses, np.array([[0.5, 0], [2, 1]], np.float32))
    assert loss == (0.5 + 6 + 6) / 2
    np.testing.assert_array_equal(d_losses, np.array([[0.25, 0], [1, 0.5]], np.float32))
    losses[0, 1] = np.nan  # masked: whatever stands there
    loss, d_losses = reduce(losses, np.array([[True, False], [False, True]]))
    assert loss == 3.5
    np.testing.assert_array_equal(d_losses, np.array([[0.5, 0], [0, 0.5]], np.float32))
    assert d_losses.dtype == np.float32


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_the_reductions_gradient_is_its_own(seed: int, mask: bool) -> None:
    """L is linear in the losses: L = sum of dL/dlosses * losses."""
    rng = np.random.default_rng(seed)
    losses, weights = rng.normal(size=(3, 4)), rng.random((3, 4)) < 0.5 if mask else rng.normal(size=(3, 4))
    loss, d_losses = reduce(losses, weights)
    assert loss == pytest.approx((d_losses * losses).sum(), rel=1e-12, abs=1e-14)
    assert loss == pytest.approx(sum((weights[:, n] * losses[:, n]).sum() for n in range(4)) / 4, rel=1e-12, abs=1e-14)


def test_one_distribution_alone() -> None:
    """Without axes for steps and sequences."""
    loss, cache = cross_entropy(np.array([0.0, np.log(3.0)]), np.array(1))
    np.testing.assert_allclose(loss, np.log(4 / 3))
    np.testing.assert_allclose(cross_entropy_backward(np.array(1.0), cache), [0.25, -0.25])


def test_huge_logits_do_not_overflow() -> None:
    losses, cache = cross_entropy(np.array([[1000.0, -1000.0], [1000.0, -1000.0]]), np.array([0, 1]))
    np.testing.assert_array_equal(losses, [0, 2000])
    np.testing.assert_array_equal(cross_entropy_backward(np.ones(2), cache), [[0, 0], [1, -1]])


ONES = np.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cross_entropy(np.zeros((2, 3)), np.array([0, 3])), r"labels: expected whole numbers in 0..2 .* got 3"),
        (lambda: cross_entropy(np.zeros((2, 3)), np.array([-1, 0])), "labels: .* got -1 among them"),
        (lambda: cross_entropy(np.zeros((2, 3)), np.array([0])), r"labels: .* shape \(2,\), got int64 \(1,\)"),
        (lambda: cross_entropy(np.zeros((2, 3)), np.array([0.0, 1.0])), "labels: .* got float64"),
        (lambda: cross_entropy([[1.0, 2.0]], np.array([0])), "logits: expected a float32 or float64 array, got list"),
        (lambda: cross_entropy(np.array(1.0), np.array(0)), r"logits: expected shape \(..., C\)"),
        (lambda: cross_entropy(np.zeros((1, 0)), np.array([0])), r"logits: expected shape \(..., C\)"),
        (lambda: reduce([1.0]), "losses: expected a float32 or float64 array, got list"),
        (lambda: reduce(np.zeros(0)), r"losses: expected shape \(T, N\) or \(N,\), not empty, got \(0,\)"),
        (lambda: reduce(np.zeros((2, 3, 4))), r"losses: expected shape \(T, N\) or \(N,\), .* got \(2, 3, 4\)"),
        (lambda: reduce(ONES, np.ones((3, 2))), r"weights: .* shape \(2, 3\), got float64 \(3, 2\)"),
        (lambda: reduce(ONES, ONES[0] > 0), r"weights: expected a bool array of shape \(2, 3\), got bool"),
        (lambda: reduce(ONES, ONES.astype(int)), "weights: expected a float64 array .* got int64"),
        (lambda: reduce(ONES, ONES.tolist()), "weights: expected a float64 array .* got list"),
        (lambda: squared_error([[1.0]], np.ones((1, 1))), "y_hat: expected a float32 or float64 array, got list"),
        (lambda: squared_error(ONES, ONES.T), r"y: expected the shape of y_hat, \(2, 3\), got"),
        (lambda: squared_error(ONES, 0.4 * ONES), "y: expected distributions, each with the sum 1, got "),
        (
            lambda: squared_error(ONES[:, :2], np.array([[1, 0], [1.5, -0.5]])),
            "y: expected distributions, with no entry .* -0.5",
        ),
        (lambda: squared_error(ONES[:, 0], np.array([np.nan, 1])), "y: expected distributions"),
        (lambda: squared_error(ONES[:, 0], np.array([0, 1])), "y: expected a float32 or float64 array, got int64"),
        (lambda: squared_error(ONES[:0], ONES[:0]), r"y_hat: expected shape \(..., C\), not empty"),
        (lambda: squared_error_backward(np.ones(3), ONES), r"d_losses: expected a float64 array of shape \(2,\)"),
        (lambda: squared_error_backward(np.ones(2, np.float32), ONES), "d_losses: .* got float32"),
        (
            lambda: cross_entropy_backward(np.ones(1, np.float32), cross_entropy(ONES[:1], np.array([0]))[1]),
            "d_losses: .* got float32",
        ),
        (lambda: cross_entropy_backward(np.ones(3), cross_entropy(np.zeros((2, 3)), np.array([0, 1]))[1]), "d_losses:"),
        (lambda: cross_entropy_backward(np.ones(3), [ONES]), "^cache: expected what cross_entropy returned, got list$"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_complex_targets_are_summed_as_they_are() -> None:
    """For complex steps: their imaginary part is not dropped (NumPy would warn)."""
    y_hat, y = np.full((2, 4), 0.25 + 0j), np.full((2, 4), 0.25 + 0j)
    losses, _ = squared_error(y_hat, y)
    assert losses.dtype == np.complex128
    np.testing.assert_array_equal(losses, 0)
