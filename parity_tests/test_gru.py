"""numpy_rnn/gru.py: values and every gradient against torch.nn.GRU and autograd."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import GRU
from parity_tests.problems import SCALES, Problem, problems
from parity_tests.support import check


@pytest.mark.parametrize("scale", SCALES)
@given(data=st.data())
def test_every_gradient_equals_autograd(scale: str, data: st.DataObject) -> None:
    check(data.draw(problems(["GRU"], scale=scale)))


@given(problems(["GRU"], dtype="float32"))
def test_every_gradient_equals_autograd_in_float32(problem: Problem) -> None:
    check(problem)


def test_which_gate_is_which() -> None:
    """Gates held open (1) or shut (0) by their biases: what then becomes of the state is plain without any formula."""
    layer = GRU(1, 1, dtype=np.float64)
    for p in layer.params.values():
        p[...] = 0
    layer.params["b_hh_l0"][2] = 0.4  # the state's part of the new state, here a constant
    x, h_0 = np.zeros((1, 1, 1)), np.full((1, 1, 1), 0.7)

    def state(r: float, z: float, n: float) -> float:
        layer.params["b_xh_l0"][:] = [1000 * r, 1000 * z, n]
        return layer.forward(x, h_0)[1].item()

    assert state(r=1, z=1, n=9) == pytest.approx(0.7)  # keeps the old state
    assert state(r=1, z=-1, n=0.1) == pytest.approx(np.tanh(0.5))  # the new state, of both parts
    assert state(r=-1, z=-1, n=0.1) == pytest.approx(np.tanh(0.1))  # the new state, of the input's part alone


@given(problems(["GRU"], bidirectional=False))
def test_the_cache_holds_every_state_and_gate(problem: Problem) -> None:
    output, _, cache = problem.layer.forward(problem.x, problem.h_0)
    (hs,) = cache.layers[-1].states
    _, z, n, _ = cache.layers[-1].gates.swapaxes(0, 1)
    np.testing.assert_array_equal(hs[1:], output)
    np.testing.assert_array_equal(hs[1:], (1 - z) * n + z * hs[:-1])
