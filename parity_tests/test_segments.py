"""numpy_rnn/segments.py: the segments of a batch, and results over several of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import GRU, LSTM, RNN
from numpy_rnn.segments import Segment, segments
from parity_tests.problems import draw_problem
from parity_tests.support import check


def test_the_segments_of_two_sequences() -> None:
    lengths = np.array([5, 3])
    found = segments(lengths, 2)
    assert found == [Segment(0, 2, slice(2)), Segment(2, 4, slice(2)), Segment(4, 5, slice(1))]
    assert [segment.part_of(lengths).tolist() for segment in found] == [[2, 2], [2, 1], [1]]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 10))
def test_every_step_is_in_one_segment(lengths: list[int], S: int) -> None:
    falling = np.array(sorted(lengths, reverse=True))
    steps = np.zeros((9, len(lengths)), int)
    for segment in segments(falling, S):
        assert 1 <= segment.end - segment.start <= S
        for n, length in enumerate(segment.part_of(falling)):
            assert length >= 1
            steps[segment.start : segment.start + length, n] += 1
    np.testing.assert_array_equal(steps, np.arange(9)[:, None] < falling)


@pytest.mark.parametrize("S", [0, -1, 1.5, "64", None])
def test_a_wrong_segment_length(S: Any) -> None:
    layer = RNN(2, 3)
    layer.segment_length = S
    with pytest.raises(ValueError, match="segment_length: expected a whole number >= 1, got"):
        layer.forward(np.zeros((2, 1, 2), np.float32))


@pytest.mark.parametrize("layer_type", [RNN, LSTM, GRU])
@pytest.mark.parametrize("both", [False, True])
def test_three_segments_against_autograd(layer_type: Any, both: bool) -> None:
    """More steps than a segment has by default."""
    layer = layer_type(2, 3, num_layers=2, bidirectional=both, dtype=np.float64)
    problem = draw_problem(np.random.default_rng(0), layer, T=2 * layer.segment_length + 3, N=4, with_lengths=True)
    problem.lengths = np.array([64, 131, 2, 65])  # at a segment's end, the last one's, in the first, one step after it
    check(problem)
