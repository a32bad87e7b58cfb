"""numpy_rnn/rnn.py: values and every gradient against torch.nn.RNN and autograd."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import RNN
from numpy_rnn.rnn import derivative
from parity_tests.problems import SCALES, Problem, problems
from parity_tests.support import check

CELLS = ("tanh", "relu")


@pytest.mark.parametrize("scale", SCALES)
@given(data=st.data())
def test_every_gradient_equals_autograd(scale: str, data: st.DataObject) -> None:
    check(data.draw(problems(CELLS, scale=scale)))


@given(problems(CELLS, dtype="float32"))
def test_every_gradient_equals_autograd_in_float32(problem: Problem) -> None:
    check(problem)


def test_relu_at_zero_has_derivative_zero() -> None:
    """As PyTorch has it: with all weights zero, every pre-activation is exactly 0."""
    layer = RNN(2, 3, nonlinearity="relu", dtype=np.float64)
    for p in layer.params.values():
        p[...] = 0
    x, d = np.ones((2, 1, 2)), np.ones((2, 1, 3))
    check(Problem(layer, x, None, None, d, None))


@given(problems(CELLS, bidirectional=False))
def test_the_cache_holds_every_state(problem: Problem) -> None:
    """states[0] is hs: hs[0] is h_0, hs[t + 1] is output[t] of the top layer where there are no lengths."""
    output, _, cache = problem.layer.forward(problem.x, problem.h_0)
    np.testing.assert_array_equal(cache.layers[-1].states[0][1:], output)
    if problem.h_0 is not None:
        np.testing.assert_array_equal(cache.layers[-1].states[0][0], problem.h_0[-1])


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_derivative_keeps_the_dtype(nonlinearity: str, dtype: type) -> None:
    assert derivative(np.array([-1.0, 0.0, 1.0], dtype), nonlinearity).dtype == dtype
