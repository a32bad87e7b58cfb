"""numpy_rnn/truncation.py: truncated backpropagation against autograd on graphs that are detached the same way."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import numpy_rnn
from numpy_rnn.truncation import LayerCache, Window, windows
from parity_tests.problems import Problem, draw_problem, draw_weights, make_layer, problems, state, states
from parity_tests.support import by_autograd, check_gradients, named

PAIRS = [(k1, k2) for k1, k2 in itertools.product(range(1, 9), repeat=2) if k1 <= k2]


def truncated_forward(k1: int, k2: int) -> Any:
    """PyTorch's way: each group of k1 losses is run again, from a state that was detached k2 steps before its end."""

    def forward(problem: Problem, module: torch.nn.Module, x: torch.Tensor, h_0: Any) -> tuple[torch.Tensor, Any]:
        outputs, h_n = [], None
        for first in range(0, len(x), k1):
            end = min(first + k1, len(x))
            start = first if k1 == k2 else max(end - k2, 0)
            before = h_0
            if start > 0:
                with torch.no_grad():
                    _, before = module(x[:start], h_0)
            output, h_n = module(x[start:end], before)
            outputs.append(output[first - start :])
        return torch.cat(outputs), h_n

    return forward


def chunks_forward(k: int) -> Any:
    """The training habit: chunks of k steps, the state detached at each chunk's start. h_0 itself is not."""

    def forward(problem: Problem, module: torch.nn.Module, x: torch.Tensor, h: Any) -> tuple[torch.Tensor, Any]:
        outputs = []
        for chunk in x.split(k):
            h = state([s.detach() for s in states(h)]) if outputs else h
            output, h = module(chunk, h)
            outputs.append(output)
        return torch.cat(outputs), h

    return forward


def check_truncated(problem: Problem, k1: int, k2: int, forward: Any) -> None:
    _, _, cache = problem.layer.forward(problem.x, problem.h_0, problem.lengths)
    grads = problem.layer.backward(problem.d_output, problem.d_h_n, cache, k1, k2)
    check_gradients(f"{type(problem.layer).__name__}, truncated,", grads, by_autograd(problem, forward))


@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_every_k1_and_k2(cell: str, num_layers: int) -> None:
    """All k1 <= k2 <= T = 8, with losses at all steps, and at some of them."""
    rng = np.random.default_rng(num_layers)
    layer = make_layer(cell, 3, 4, num_layers, dtype=np.float64)
    draw_weights(rng, layer, "0.5")
    problem = draw_problem(rng, layer, T=8, N=2)
    some = problem.d_output * (rng.random((8, 1, 1)) < 0.5)
    for (k1, k2), d_output in itertools.product(PAIRS, (problem.d_output, some)):
        check_truncated(replace(problem, d_output=d_output), k1, k2, truncated_forward(k1, k2))


@given(problems(lengths=False, bidirectional=False), st.sampled_from(PAIRS))
def test_every_gradient_equals_detached_autograd(problem: Problem, pair: tuple[int, int]) -> None:
    check_truncated(problem, *pair, truncated_forward(*pair))


@given(problems(lengths=False, bidirectional=False), st.integers(1, 9))
def test_k1_equal_to_k2_is_chunks_with_a_detached_state(problem: Problem, k: int) -> None:
    check_truncated(problem, k, k, chunks_forward(k))


@given(problems(bidirectional=False), st.integers(1, 9))
def test_k2_of_all_steps_is_full_backpropagation(problem: Problem, k1: int) -> None:
    """To the last bit, for every k1."""
    _, _, cache = problem.layer.forward(problem.x, problem.h_0, problem.lengths)
    full = problem.layer.backward(problem.d_output, problem.d_h_n, cache)
    T = len(problem.x)
    for k2 in (None, max(T, k1), T + k1):
        grads = problem.layer.backward(problem.d_output, problem.d_h_n, cache, k1, k2)
        for (_, ours), (_, whole) in zip(named(grads), named(full), strict=True):
            np.testing.assert_array_equal(ours, whole)


@given(problems(lengths=False, bidirectional=False, dropout=0.4), st.sampled_from(PAIRS))
def test_truncated_is_the_sum_of_what_its_windows_give_alone(problem: Problem, pair: tuple[int, int]) -> None:
    """With dropout between layers: each window run forwards again from the state before it, with its part of masks."""
    layer, x, (T, N, _), (k1, k2) = problem.layer, problem.x, problem.x.shape, pair
    masks = layer.dropout_masks(T, N, np.random.default_rng(T))
    if problem.d_output is None:
        problem.d_output = np.ones((T, N, layer.hidden_size))
    _, _, cache = layer.forward(x, problem.h_0, masks=masks)
    grads = layer.backward(problem.d_output, None, cache, k1, k2)
    dx, sums = np.zeros_like(grads.x), {name: np.zeros_like(g) for name, g in grads.params.items()}
    for first in range(0, T, k1):
        end = min(first + k1, T)
        start = first if k1 == k2 else max(end - k2, 0)
        before = state(
            [np.stack([part.states[i][start] for part in cache.layers]) for i in range(len(layer.state_names))]
        )
        _, _, part_cache = layer.forward(x[start:end], before, masks=[mask[start:end] for mask in masks])
        d_output = problem.d_output[start:end] * (np.arange(start, end) >= first)[:, None, None]
        part = layer.backward(d_output, None, part_cache)
        dx[start:end] += part.x
        sums = {name: total + part.params[name] for name, total in sums.items()}
    np.testing.assert_allclose(grads.x, dx, rtol=1e-9, atol=1e-13)
    for name, total in sums.items():
        np.testing.assert_allclose(grads.params[name], total, rtol=1e-9, atol=1e-12)


@given(problems(lengths=True, bidirectional=False), st.sampled_from(PAIRS))
def test_padded_and_truncated_equals_each_sequence_alone(problem: Problem, pair: tuple[int, int]) -> None:
    assert problem.lengths is not None
    _, _, cache = problem.layer.forward(problem.x, problem.h_0, problem.lengths)
    grads = problem.layer.backward(problem.d_output, problem.d_h_n, cache, *pair)
    sums = {name: np.zeros_like(g) for name, g in grads.params.items()}
    for n, length in enumerate(problem.lengths):
        alone = problem.alone(n, length)
        _, _, cache = alone.layer.forward(alone.x, alone.h_0)
        one = alone.layer.backward(alone.d_output, alone.d_h_n, cache, *pair)
        np.testing.assert_allclose(grads.x[:length, n : n + 1], one.x, rtol=1e-9, atol=1e-14)
        for ours, its in zip(states(grads.h_0), states(one.h_0), strict=True):
            np.testing.assert_allclose(ours[:, n : n + 1], its, rtol=1e-9, atol=1e-14)
        sums = {name: total + one.params[name] for name, total in sums.items()}
    for name, total in sums.items():
        np.testing.assert_allclose(grads.params[name], total, rtol=1e-9, atol=1e-12)


def listed(lengths: list[int], k1: int | None = None, k2: int | None = None) -> list[tuple[int, int, int, int, int]]:
    """start, first, end, and the first and the last sequence of every window."""
    found = windows(np.array(lengths), max(lengths), k1, k2)
    return [(*window, n.start, n.stop - 1) for window, n in found]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.sampled_from(PAIRS))
def test_every_loss_stands_in_one_window(lengths: list[int], pair: tuple[int, int]) -> None:
    """And goes back at most k2 steps, at least to its group's first one."""
    k1, k2 = pair
    lengths = sorted(lengths, reverse=True)
    seen = []
    for start, first, end, n, last in listed(lengths, k1, k2):
        for sequence in range(n, last + 1):
            stop = min(end, lengths[sequence])
            assert 0 <= start <= first < stop
            assert stop - start <= k2
            seen += [(sequence, t) for t in range(first, stop)]
    assert sorted(seen) == [(n, t) for n, length in enumerate(lengths) for t in range(length)]


def test_windows_by_hand() -> None:
    assert listed([8], 3, 3) == [(0, 0, 3, 0, 0), (3, 3, 6, 0, 0), (6, 6, 8, 0, 0)]  # chunks, the last one short
    assert listed([5], 1, 2) == [(0, 0, 1, 0, 0), (0, 1, 2, 0, 0), (1, 2, 3, 0, 0), (2, 3, 4, 0, 0), (3, 4, 5, 0, 0)]
    assert listed([5], 2, 3) == [(0, 0, 2, 0, 0), (1, 2, 4, 0, 0), (2, 4, 5, 0, 0)]
    assert listed([5], 2, 5) == listed([5], 2) == listed([5]) == [(0, 0, 5, 0, 0)]  # full
    assert listed([3], 1, 1) == [(0, 0, 1, 0, 0), (1, 1, 2, 0, 0), (2, 2, 3, 0, 0)]  # no recurrence
    assert listed([6, 5, 2], 2, 3) == [(0, 0, 2, 0, 2), (1, 2, 4, 0, 1), (3, 4, 6, 0, 0), (2, 4, 6, 1, 1)]


def test_the_cache_of_a_window_is_that_of_a_run_over_it() -> None:
    """Of the same layer, with the same arrays as a forward pass from the state before the window has."""
    rng = np.random.default_rng(0)
    layer = numpy_rnn.GRU(3, 4, num_layers=2)
    x, masks = rng.normal(size=(7, 3, 3)).astype(np.float32), [rng.random((7, 3, 4)).astype(np.float32)]
    _, _, whole = layer.forward(x, None, np.array([7, 5, 2]), masks)
    cut = whole.cut(Window(2, 3, 6), slice(0, 2))
    before = np.stack([part.states[0][2, :2] for part in whole.layers])
    _, _, alone = layer.forward(x[2:6, :2], before, np.array([4, 3]), [masks[0][2:6, :2]])
    assert (cut.made_by, cut.order) == (layer, whole.order)
    np.testing.assert_array_equal(cut.lengths, alone.lengths)
    np.testing.assert_array_equal(cut.masks[0], alone.masks[0])
    for part, expected in zip(cut.layers, alone.layers, strict=True):
        for ours, theirs in ((part.x, expected.x), (part.states[0], expected.states[0]), (part.gates, expected.gates)):
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


LAYER = numpy_rnn.RNN(3, 4)
BOTH = numpy_rnn.RNN(3, 4, bidirectional=True)


@pytest.mark.parametrize(
    ("layer", "k1", "k2", "message"),
    [
        (LAYER, 0, 2, "k1: expected a whole number >= 1, got 0"),
        (LAYER, 1, 0, "k2: expected a whole number >= 1, got 0"),
        (LAYER, 1.5, 2, "k1: expected a whole number >= 1, got 1.5"),
        (LAYER, 3, 2, "k2: expected at least k1 = 3, or losses would be lost, got 2"),
        (LAYER, None, 2, "k2: expected at least k1 = 5, or losses would be lost, got 2"),
        (BOTH, 1, None, r"k1, k2: expected None where there are both directions, got \(1, None\)"),
        (BOTH, None, 5, r"k1, k2: expected None where there are both directions, got \(None, 5\)"),
        (BOTH, 1, 2, r"k1, k2: expected None where there are both directions, got \(1, 2\)"),
    ],
)
def test_bad_truncation(layer: Any, k1: Any, k2: Any, message: str) -> None:
    _, _, cache = layer.forward(np.zeros((5, 2, 3), np.float32))
    with pytest.raises(ValueError, match=message):
        layer.backward(None, None, cache, k1, k2)


@pytest.mark.parametrize(("num_kept", "shape"), [(0, None), (4, (3, 4, 2, 6))])
def test_a_cache_before_the_forward_pass(num_kept: int, shape: Any) -> None:
    x, states_0 = np.ones((3, 2, 5), np.float32), (np.ones((2, 6), np.float32), np.full((2, 6), 2, np.float32))
    cache = LayerCache.zeros(x, states_0, num_kept)
    assert cache.x is x
    for s, s_0 in zip(cache.states, states_0, strict=True):
        assert (s.shape, s.dtype) == ((4, 2, 6), np.float32)
        np.testing.assert_array_equal(s[0], s_0)
        assert not s[1:].any()
    assert (None if cache.gates is None else cache.gates.shape) == shape
    if cache.gates is not None:
        assert cache.gates.dtype == np.float32
        assert not cache.gates.any()
