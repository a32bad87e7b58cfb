"""numpy_rnn/packing.py: by hand, and against PyTorch's packed sequences."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from numpy_rnn.packing import arrange, by_gate, flat, longest_first, pack, restore, reverse, time_steps, unpack

LENGTHS = np.array([4, 2, 2, 1])
A = np.arange(1.0, 4 * 4 * 3 + 1).reshape(4, 4, 3)  # (T, N, K)


def test_packed_as_in_pytorch() -> None:
    theirs = pack_padded_sequence(torch.tensor(A), torch.tensor(LENGTHS))
    np.testing.assert_array_equal(pack(A, LENGTHS), theirs.data)
    assert [packed.stop - packed.start for _, _, packed in time_steps(LENGTHS)] == theirs.batch_sizes.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lengths", [LENGTHS, np.full(4, 4)], ids=["unequal", "equal"])
def test_unpacked_with_zeros_in_the_pads(lengths: np.ndarray, dtype: str) -> None:
    back, real = unpack(pack(A.astype(dtype), lengths), lengths, 4), np.arange(4)[:, None] < lengths
    np.testing.assert_array_equal(back, np.where(real[..., None], A, 0))
    assert back.dtype == dtype


def test_without_pads_nothing_is_copied() -> None:
    assert np.shares_memory(pack(A, np.full(4, 4)), A)


def test_the_steps_by_hand() -> None:
    """The example of its docstring."""
    steps = [(t, (live.start, live.stop), (packed.start, packed.stop)) for t, live, packed in time_steps([3, 2, 2])]
    assert steps == [(0, (None, 3), (0, 3)), (1, (None, 3), (3, 6)), (2, (None, 1), (6, 7))]


def test_reversed_up_to_its_own_end() -> None:
    """And the pads stay where they are."""
    turned = reverse(A, LENGTHS)
    for n, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(turned[:length, n], A[:length, n][::-1])
        np.testing.assert_array_equal(turned[length:, n], A[length:, n])


def test_sorted_and_back() -> None:
    lengths, order = longest_first([2, 4, 1, 2], 4, 4)
    assert lengths.tolist() == [4, 2, 2, 1]
    assert order.tolist() == [1, 0, 3, 2]
    there = arrange(A, order)
    np.testing.assert_array_equal(there, A[:, order])
    back = restore(there, order)
    np.testing.assert_array_equal(back, A)
    assert there.flags.c_contiguous
    assert back.flags.c_contiguous
    assert longest_first([4, 2, 2, 1], 4, 4)[1] == longest_first(None, 4, 4)[1] == slice(None)


def test_the_gates_in_one_piece_each() -> None:
    side_by_side = np.arange(24.0).reshape(2, 12)
    gates = by_gate(side_by_side, 4)
    for gate, expected in zip(gates, np.split(side_by_side, 4, axis=1), strict=True):
        np.testing.assert_array_equal(gate, expected)
        assert gate.flags.c_contiguous
    np.testing.assert_array_equal(flat(A), A.reshape(16, 3))
