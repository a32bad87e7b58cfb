"""numpy_rnn/lstm.py: values and every gradient against torch.nn.LSTM and autograd."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import LSTM
from parity_tests.problems import SCALES, Problem, problems
from parity_tests.support import check


@pytest.mark.parametrize("scale", SCALES)
@given(data=st.data())
def test_every_gradient_equals_autograd(scale: str, data: st.DataObject) -> None:
    check(data.draw(problems(["LSTM"], scale=scale)))


@given(problems(["LSTM"], dtype="float32"))
def test_every_gradient_equals_autograd_in_float32(problem: Problem) -> None:
    check(problem)


def test_which_gate_is_which() -> None:
    """Gates held open (1) or shut (0) by their biases: what then becomes of the cell is plain without any formula."""
    layer = LSTM(1, 1, dtype=np.float64)
    for p in layer.params.values():
        p[...] = 0
    x, h_0, c_0 = np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), np.full((1, 1, 1), 0.7)

    def cell_and_output(i: float, f: float, g: float, o: float) -> tuple[float, float]:
        layer.params["b_xh_l0"][:] = 1000 * np.array([i, f, 0, o]) + [0, 0, g, 0]
        output, (_, c_n), _ = layer.forward(x, (h_0, c_0))
        return c_n.item(), output.item()

    assert cell_and_output(i=-1, f=1, g=9, o=1) == pytest.approx((0.7, np.tanh(0.7)))  # keeps, and shows it
    assert cell_and_output(i=-1, f=1, g=9, o=-1) == pytest.approx((0.7, 0))  # keeps, and hides it
    assert cell_and_output(i=-1, f=-1, g=9, o=1) == pytest.approx((0, 0))  # forgets
    assert cell_and_output(i=1, f=-1, g=0.5, o=1) == pytest.approx((np.tanh(0.5), np.tanh(np.tanh(0.5))))  # overwrites


@given(problems(["LSTM"], bidirectional=False))
def test_the_cache_holds_every_state_and_gate(problem: Problem) -> None:
    output, _, cache = problem.layer.forward(problem.x, problem.h_0)
    hs, cs = cache.layers[-1].states
    i, f, g, o = cache.layers[-1].gates.swapaxes(0, 1)
    np.testing.assert_array_equal(hs[1:], output)
    np.testing.assert_array_equal(cs[1:], f * cs[:-1] + i * g)
    np.testing.assert_array_equal(hs[1:], o * np.tanh(cs[1:]))
