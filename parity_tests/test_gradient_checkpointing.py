"""numpy_rnn/gradient_checkpointing.py: the bits of the same segments with everything kept, and little memory."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from numpy_rnn import GRU, LSTM, RNN
from numpy_rnn.gradient_checkpointing import backward, forward
from numpy_rnn.types import Array
from parity_tests.support import relative_error

LENGTHS = [None, np.array([4, 11, 1, 11, 6]), np.array([11, 9, 9, 3, 2])]


def problem(layer_type: Any, dtype: Any = np.float64, num_layers: int = 2) -> tuple[Any, Array, Any, Array, Any]:
    """A layer, x, h_0, d_output and d_h_n: 11 steps of 5 sequences."""
    rng = np.random.default_rng(1)
    layer = layer_type(3, 4, num_layers=num_layers, dtype=dtype, rng=rng)
    x, d_output = (rng.normal(size=(11, 5, K)).astype(dtype) for K in (3, 4))
    h_0, d_h_n = (tuple(rng.normal(size=(num_layers, 5, 4)).astype(dtype) for _ in layer.state_names) for _ in range(2))
    return layer, x, given(h_0), d_output, given(d_h_n)


def given(states: tuple[Array, ...]) -> Any:
    return states if len(states) > 1 else states[0]


def every(states: Any) -> tuple[Array, ...]:
    return states if isinstance(states, tuple) else (states,)


def everything_kept(layer: Any, x: Any, h_0: Any, lengths: Any, S: int, k: int, d_output: Any, d_h_n: Any) -> Any:
    """The same segments, with every cache kept: h_n and the gradients. A sequence that ends is left out from there."""
    lengths = np.full(x.shape[1], len(x)) if lengths is None else lengths
    state, caches = [s.copy() for s in every(h_0)], []
    for start in range(0, lengths.max(), S):
        on = np.argsort(-lengths, kind="stable")[: (lengths > start).sum()]
        of_segment = np.minimum(lengths[on] - start, min(S, len(x) - start))
        part = given(tuple(s[:, on] for s in state))
        _, after, cache = layer.forward(x[start : start + S, on], part, of_segment)
        for s, s_after in zip(state, every(after), strict=True):
            s[:, on] = s_after
        caches.append((start, on, cache))
    d_state, dx, params = [d.copy() for d in every(d_h_n)], np.zeros_like(x), {}
    for start, on, cache in reversed(caches):
        d_part = given(tuple(d[:, on] for d in d_state))
        grads = layer.backward(d_output[start : start + S, on], d_part, cache)
        dx[start : start + S, on] = grads.x
        params = {name: params.get(name, 0) + g for name, g in grads.params.items()}
        for d, d_before in zip(d_state, every(grads.h_0), strict=True):
            d[:, on] = 0 if start > 0 and start % k == 0 else d_before
    return given(tuple(state)), dx, given(tuple(d_state)), params


@pytest.mark.parametrize("layer_type", [RNN, LSTM, GRU])
@pytest.mark.parametrize("lengths", LENGTHS, ids=["full", "unsorted", "sorted"])
@pytest.mark.parametrize(("S", "k"), [(4, None), (1, None), (3, 6), (4, 4), (11, None), (20, None)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits_as_with_everything_kept(layer_type: Any, lengths: Any, S: Any, k: Any, dtype: Any) -> None:
    layer, x, h_0, d_output, d_h_n = problem(layer_type, dtype)
    h_n, kept = forward(layer, x, h_0, lengths, S, k)
    grads = backward(d_output, d_h_n, kept)
    expected = everything_kept(layer, x, h_0, lengths, S, k or 100, d_output, d_h_n)
    for ours, theirs in zip(every(h_n), every(expected[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(grads.x, expected[1])
    for ours, theirs in zip(every(grads.h_0), every(expected[2]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name, g in grads.params.items():
        np.testing.assert_array_equal(g, expected[3][name], err_msg=name)


@pytest.mark.parametrize("layer_type", [RNN, LSTM, GRU])
@pytest.mark.parametrize("lengths", LENGTHS, ids=["full", "unsorted", "sorted"])
@pytest.mark.parametrize(("S", "k"), [(4, None), (1, None), (2, 4), (3, 3), (5, None)])
def test_the_gradient_of_the_layer(layer_type: Any, lengths: Any, S: Any, k: Any) -> None:
    """Which autograd holds. Sums over t have another order, so the last digits differ."""
    layer, x, h_0, d_output, d_h_n = problem(layer_type)
    output, h_n, cache = layer.forward(x, h_0, lengths)
    whole = layer.backward(d_output, d_h_n, cache, k1=k, k2=k)
    seen = []

    def d_of_segment(start: int, part: Array) -> Array:
        seen.append(start)
        np.testing.assert_allclose(part, output[start : start + len(part)], rtol=0, atol=1e-14)
        return d_output[start : start + len(part)]

    ours, kept = forward(layer, x, h_0, lengths, S, k)
    for given_as in (d_output, d_of_segment):
        grads = backward(given_as, d_h_n, kept)
        pairs = [(grads.x, whole.x), *zip(every(grads.h_0), every(whole.h_0), strict=True)]
        pairs += [*zip(every(ours), every(h_n), strict=True)]
        pairs += [(grads.params[name], g) for name, g in whole.params.items()]
        for mine, its in pairs:
            assert relative_error(mine, its) < 1e-12
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == -(-11 // S)


@pytest.mark.parametrize("layer_type", [RNN, LSTM, GRU])
@pytest.mark.parametrize("lengths", LENGTHS, ids=["full", "unsorted", "sorted"])
@pytest.mark.parametrize("S", [1, 3, 4, 11])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits_as_full_backpropagation(layer_type: Any, lengths: Any, S: int, dtype: Any) -> None:
    """Where both sum over the same segments."""
    layer, x, h_0, d_output, d_h_n = problem(layer_type, dtype)
    layer.segment_length = S
    _, h_n, cache = layer.forward(x, h_0, lengths)
    whole = layer.backward(d_output, d_h_n, cache)
    ours, kept = forward(layer, x, h_0, lengths, S)
    grads = backward(d_output, d_h_n, kept)
    pairs = [("x", grads.x, whole.x), *((name, g, whole.params[name]) for name, g in grads.params.items())]
    pairs += [("h_0", *pair) for pair in zip(every(grads.h_0), every(whole.h_0), strict=True)]
    pairs += [("h_n", *pair) for pair in zip(every(ours), every(h_n), strict=True)]
    for name, mine, its in pairs:
        np.testing.assert_array_equal(mine, its, err_msg=name)


def test_the_segments_have_about_sqrt_T_steps() -> None:
    layer, x, _, _, _ = problem(RNN)
    _, kept = forward(layer, x)
    assert [segment.start for segment in kept.segments] == [0, 4, 8]


def test_no_gradient_given_is_zero() -> None:
    layer, x, _, _, _ = problem(LSTM)
    _, kept = forward(layer, x)
    grads = backward(None, None, kept)
    assert not any(a.any() for a in (grads.x, *every(grads.h_0), *grads.params.values()))


def test_nothing_is_changed() -> None:
    layer, x, h_0, d_output, d_h_n = problem(LSTM)
    arrays = [x, d_output, *h_0, *d_h_n, *layer.params.values()]
    before = [a.copy() for a in arrays]
    h_n, kept = forward(layer, x, h_0, LENGTHS[1])
    first, again = backward(d_output, d_h_n, kept), backward(d_output, d_h_n, kept)
    for a in h_n:
        a[...] = 9
    third = backward(d_output, d_h_n, kept)
    for a, was in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, was)
    for name, g in first.params.items():
        np.testing.assert_array_equal(g, again.params[name])
        np.testing.assert_array_equal(g, third.params[name])


def peak(layer: Any, T: int, S: int | None = None) -> int:
    """Of all that is allocated beyond x, in bytes."""
    x = np.ones((T, 8, 2), np.float32)
    tracemalloc.start()
    _, kept = forward(layer, x, S=S)
    backward(lambda start, output: output, None, kept)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("layer_type", [RNN, LSTM, GRU])
def test_memory_grows_by_the_square_root(layer_type: Any) -> None:
    layer = layer_type(2, 64)
    peak(layer, 4)
    exponent = np.log(peak(layer, 1600) / peak(layer, 100)) / np.log(1600 / 100)
    assert exponent <= 0.6


@pytest.mark.parametrize("layer_type", [RNN, LSTM, GRU])
def test_one_segment_is_in_memory_at_a_time(layer_type: Any) -> None:
    layer = layer_type(2, 64)
    peak(layer, 4)
    assert peak(layer, 300, S=100) <= 1.15 * peak(layer, 100, S=100)


X = np.zeros((4, 2, 3), np.float32)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: forward("layer", X), "layer: expected RNNBase, got str"),
        (lambda: forward(RNN(3, 4, bidirectional=True), X), "layer: expected one direction, got both"),
        (lambda: forward(RNN(3, 4), X[:, :, :2]), r"x: expected a float32 array of shape \(T, N, 3\)"),
        (lambda: forward(RNN(3, 4), X, X), r"h_0: expected a float32 array of shape \(1, 2, 4\)"),
        (lambda: forward(RNN(3, 4), X, None, [5, 1]), r"lengths: expected whole numbers in 1..4"),
        (lambda: forward(RNN(3, 4), X, S=0), "S: expected a whole number >= 1, got 0"),
        (lambda: forward(RNN(3, 4), X, S=2, k=3), "k: expected a multiple of S = 2, got 3"),
        (lambda: backward(X, None, forward(RNN(3, 4), X)[1]), r"d_output: expected a float32 array .*\(4, 2, 4\)"),
        (lambda: backward(None, X, forward(RNN(3, 4), X)[1]), r"d_h_n: expected a float32 array .*\(1, 2, 4\)"),
        (
            lambda: backward(lambda *_: X, None, forward(RNN(3, 4), X, S=2)[1]),
            r"d_output: .*\(2, 2, 4\), got .*\(4, 2, 3\)",
        ),
        (lambda: backward(None, None, "cache"), "kept: expected Kept, got str"),
    ],
)
def test_bad_input(act: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()
