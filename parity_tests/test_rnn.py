"""numpy_rnn/rnn.py: values and every gradient against torch.nn.RNN and autograd."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import RNN
from parity_tests.support import SCALES, Problem, assert_close, by_autograd, draw_weights, named, problems


def check(problem: Problem) -> None:
    reference = by_autograd(problem)
    output, h_n, grads = problem.run()
    assert_close("output", output, reference.output)
    assert_close("h_n", h_n, reference.h_n)
    for (name, ours), (_, theirs) in zip(named(grads), named(reference.grads), strict=True):
        assert_close(name, ours, theirs, reference.sizes[name])


@pytest.mark.parametrize("scale", SCALES)
@given(data=st.data())
def test_every_gradient_equals_autograd(scale: str, data: st.DataObject) -> None:
    check(data.draw(problems(scale=scale)))


@given(problems(dtype="float32"))
def test_every_gradient_equals_autograd_in_float32(problem: Problem) -> None:
    check(problem)


@pytest.mark.parametrize("sizes", list(itertools.product((1, 2), repeat=5)), ids=str)
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_edge_sizes(sizes: tuple[int, ...], nonlinearity: str) -> None:
    """T = 1, N = 1, D = 1, H = 1, one layer: each alone and all together."""
    T, N, D, H, L = sizes
    rng = np.random.default_rng(sizes)
    layer = RNN(D, H, L, nonlinearity, dtype=np.float64)
    draw_weights(rng, layer, "0.5")
    x, h_0 = rng.uniform(-1, 1, (T, N, D)), rng.uniform(-1, 1, (L, N, H))
    d_output, d_h_n = rng.normal(size=(T, N, H)), rng.normal(size=(L, N, H))
    check(Problem(layer, x, h_0, None, d_output, d_h_n))


@given(problems(lengths=True), st.sampled_from([np.nan, np.inf, 1e30]))
def test_whatever_stands_in_the_pads_changes_nothing(problem: Problem, rubbish: float) -> None:
    assert problem.lengths is not None
    clean = problem.run()
    pads = np.arange(len(problem.x))[:, None] >= problem.lengths
    problem.x[pads] = rubbish
    if problem.d_output is not None:
        problem.d_output[pads] = rubbish
    dirty = problem.run()
    assert not clean[0][pads].any()
    assert not clean[2].x[pads].any()
    for ours, theirs in zip([*dirty[:2], *dict(named(dirty[2])).values()],
                            [*clean[:2], *dict(named(clean[2])).values()], strict=True):  # fmt: skip
        np.testing.assert_array_equal(ours, theirs)


@given(problems(lengths=True))
def test_padded_equals_each_sequence_alone(problem: Problem) -> None:
    """Values and every gradient; the parameters' gradients are the sums over the sequences."""
    assert problem.lengths is not None
    output, h_n, grads = problem.run()
    sums = {name: np.zeros_like(g) for name, g in grads.params.items()}
    for n, length in enumerate(problem.lengths):
        one = slice(n, n + 1)
        alone = Problem(
            problem.layer,
            problem.x[:length, one],
            None if problem.h_0 is None else problem.h_0[:, one],
            None,
            None if problem.d_output is None else problem.d_output[:length, one],
            None if problem.d_h_n is None else problem.d_h_n[:, one],
        )
        output_alone, h_n_alone, grads_alone = alone.run()
        np.testing.assert_allclose(output[:length, one], output_alone, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(h_n[:, one], h_n_alone, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(grads.x[:length, one], grads_alone.x, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(grads.h_0[:, one], grads_alone.h_0, rtol=1e-9, atol=1e-14)
        sums = {name: total + grads_alone.params[name] for name, total in sums.items()}
    for name, total in sums.items():
        np.testing.assert_allclose(grads.params[name], total, rtol=1e-9, atol=1e-12)


@given(problems())
def test_backward_twice_gives_the_same_bits(problem: Problem) -> None:
    output, _, cache = problem.layer.forward(problem.x, problem.h_0, problem.lengths)
    first = problem.layer.backward(problem.d_output, problem.d_h_n, cache)
    output[...] = np.nan  # a result belongs to the caller
    for _, gradient in named(first):
        gradient[...] = np.nan
    second = problem.layer.backward(problem.d_output, problem.d_h_n, cache)
    third = problem.layer.backward(problem.d_output, problem.d_h_n, cache)
    for (_, a), (_, b) in zip(named(second), named(third), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_array_equal(a, b)


@given(problems())
def test_no_argument_is_changed(problem: Problem) -> None:
    before = copy.deepcopy(problem)
    problem.run()
    for name in ("x", "h_0", "lengths", "d_output", "d_h_n"):
        np.testing.assert_array_equal(getattr(problem, name), getattr(before, name))
    for name, p in problem.layer.params.items():
        np.testing.assert_array_equal(p, before.layer.params[name])


@given(problems())
def test_no_gradient_shares_memory_with_another(problem: Problem) -> None:
    """An optimizer that scales one of them in place must not scale a second one."""
    _, _, grads = problem.run()
    for (_, a), (_, b) in itertools.combinations(named(grads), 2):
        assert not np.shares_memory(a, b)


def test_relu_at_zero_has_derivative_zero() -> None:
    """As PyTorch has it: with all weights zero, every pre-activation is exactly 0."""
    layer = RNN(2, 3, nonlinearity="relu", dtype=np.float64)
    for p in layer.params.values():
        p[...] = 0
    x, d = np.ones((2, 1, 2)), np.ones((2, 1, 3))
    check(Problem(layer, x, None, None, d, None))


@given(problems())
def test_the_cache_holds_every_state(problem: Problem) -> None:
    """hs[0] is h_0, hs[t + 1] is output[t] of the top layer where there are no lengths."""
    output, _, cache = problem.layer.forward(problem.x, problem.h_0)
    np.testing.assert_array_equal(cache.layers[-1].hs[1:], output)
    if problem.h_0 is not None:
        np.testing.assert_array_equal(cache.layers[-1].hs[0], problem.h_0[-1])
