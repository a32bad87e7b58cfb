"""numpy_rnn/rtrl.py: forward in time, the gradient that BPTT finds backwards."""

import gc
import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import GRU, RNN
from numpy_rnn.rtrl import rtrl, step
from parity_tests.problems import SCALES, Problem, problems
from parity_tests.support import assert_close, by_autograd


@pytest.mark.parametrize("scale", SCALES)
@given(data=st.data())
def test_every_gradient_equals_autograd(scale: str, data: st.DataObject) -> None:
    check(data.draw(single_layers(scale)))


def single_layers(scale: str | None = None, dtype: str = "float64") -> st.SearchStrategy[Problem]:
    plain = {"lengths": False, "bidirectional": False, "most_layers": 1}
    return problems(["tanh", "relu"], scale=scale, dtype=dtype, **plain)


def check(problem: Problem) -> None:
    problem.d_h_n = None
    if problem.d_output is None:
        problem.d_output = np.ones((*problem.x.shape[:2], problem.layer.hidden_size), problem.layer.dtype)
    reference = by_autograd(problem)
    gradients = rtrl(problem.layer, problem.x, problem.d_output, problem.h_0)
    assert gradients.keys() == problem.layer.params.keys()
    for name, gradient in gradients.items():
        what = f"d{name.removesuffix('_l0')}"
        assert_close(f"RTRL {what}", gradient, reference.grads.params[name], reference.sizes[f"d{name}"])


@given(single_layers())
def test_no_gradient_shares_memory_with_another(problem: Problem) -> None:
    """An optimizer that scales one of them in place must not scale a second one."""
    layer, (T, N, _) = problem.layer, problem.x.shape
    gradients = rtrl(layer, problem.x, np.ones((T, N, layer.hidden_size)))
    for (name, a), (its_name, b) in itertools.combinations(gradients.items(), 2):
        assert not np.shares_memory(a, b), (name, its_name)


@given(single_layers(dtype="float32"))
def test_every_gradient_equals_autograd_in_float32(problem: Problem) -> None:
    check(problem)


def test_float32_stays_float32() -> None:
    x, d_output = np.ones((3, 2, 3), np.float32), np.ones((3, 2, 4), np.float32)
    assert {g.dtype for g in rtrl(RNN(3, 4), x, d_output).values()} == {np.dtype(np.float32)}


def test_what_is_carried_is_the_derivative_of_the_state() -> None:
    """P[n, j, k, i] = dh[n, j] / dW[k, i], by a complex step in one weight after the other, at every step."""
    rng = np.random.default_rng(0)
    D, H, N = 2, 3, 2
    layer, x = RNN(D, H, dtype=np.float64), rng.normal(size=(4, N, D))
    states = [h[None] for h in layer.forward(x)[0]]
    P = np.zeros((N, H, D + H + 1, H))
    for t in range(4):
        h_prev = states[t - 1] if t else np.zeros((1, N, H))
        u = np.concatenate((x[t], h_prev[0], np.ones((N, 1))), axis=1)
        P = step(P, u, states[t][0], layer.params["W_hh_l0"], "tanh")
        for k, i in np.ndindex(D + H + 1, H):
            params = {name: p.astype(complex) for name, p in layer.params.items()}
            name, row = ("W_xh_l0", k) if k < D else ("W_hh_l0", k - D) if k < D + H else ("b_xh_l0", None)
            params[name][(i,) if row is None else (row, i)] += 1e-20j
            h = layer.with_params(params).forward(x[: t + 1].astype(complex))[0][t]
            np.testing.assert_allclose(P[:, :, k, i], h.imag / 1e-20, rtol=1e-12, atol=1e-15)


def test_memory_does_not_grow_with_the_sequence() -> None:
    """Beyond the arguments, which are there before, and by far less than kept states would need."""
    layer = RNN(4, 16, dtype=np.float64)
    peaks = []
    for T in (20, 2000):
        x, d_output = np.ones((T, 2, 4)), np.ones((T, 2, 16))
        gc.collect()
        tracemalloc.start()
        rtrl(layer, x, d_output)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    kept_states = 2000 * 2 * 16 * 8  # bytes
    assert peaks[1] - peaks[0] < kept_states / 2


X = np.zeros((5, 2, 3), np.float32)
D_OUTPUT = np.zeros((5, 2, 4), np.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": GRU(3, 4)}, "layer: expected an RNN of one layer in one direction, got"),
        ({"layer": RNN(3, 4, 2)}, "layer: expected an RNN of one layer in one direction, got"),
        ({"layer": RNN(3, 4, bidirectional=True)}, "layer: expected an RNN of one layer in one direction, got"),
        ({"x": X[0]}, r"x: expected a float32 array of shape \(T, N, 3\), got float32 \(2, 3\)"),
        ({"d_output": X}, r"d_output: expected a float32 array of shape \(5, 2, 4\), got float32 \(5, 2, 3\)"),
        ({"h_0": D_OUTPUT}, r"h_0: expected a float32 array of shape \(1, 2, 4\), got float32 \(5, 2, 4\)"),
    ],
)
def test_bad_input(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rtrl(**{"layer": RNN(3, 4), "x": X, "d_output": D_OUTPUT} | arguments)
