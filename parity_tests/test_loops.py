"""torch_rnn/loops.py: the loop for a GPU computes what the loop over PyTorch's cell does. test_cuda.py has it there."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from torch_rnn.loops import CellLoop, FusedLoop

CELLS: list[tuple[Any, dict[str, str]]] = [
    (nn.RNNCell, {}),
    (nn.RNNCell, {"nonlinearity": "relu"}),
    (nn.LSTMCell, {}),
    (nn.GRUCell, {}),
]


@pytest.mark.parametrize(("kind", "options"), CELLS)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(1, 7))
def test_states_and_every_gradient(
    kind: Any, options: dict[str, str], seed: int, T: int, N: int, D: int, H: int
) -> None:
    torch.manual_seed(seed)
    cell = kind(D, H, dtype=torch.float64, **options)
    x = torch.randn(T, N, D, dtype=torch.float64, requires_grad=True)
    d_output = torch.randn(T, N, H, dtype=torch.float64)
    leaves = [x, *cell.parameters()]
    (h, grads), (fused_h, fused_grads) = (
        (loop(x), torch.autograd.grad(loop(x), leaves, d_output)) for loop in (CellLoop(cell), FusedLoop(cell))
    )
    torch.testing.assert_close(fused_h, h, rtol=1e-12, atol=1e-14)
    for ours, theirs in zip(fused_grads, grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
