"""The steps of a layer in segments: what only a segment needs, such as dL/dz of its steps, then takes little memory."""

from typing import NamedTuple

import numpy as np

from numpy_rnn.checks import check_size
from numpy_rnn.types import Array


class Segment(NamedTuple):
    """The steps start <= t < end, counted from 0, and the sequences n that have a step `start`.

    These are the first ones, as the longest come first. A sequence may end before `end`.
    """

    start: int
    end: int
    n: slice

    def part_of(self, lengths: Array) -> Array:
        """How many steps each of its sequences has in it. `lengths` (N,) are those of all sequences."""
        return np.minimum(lengths[self.n], self.end) - self.start


def segments(lengths: Array, S: int) -> list[Segment]:
    """All steps, in segments of S steps. The last one may be short. For lengths (5, 3) and S = 2:

        start = 0    end = 2    n = 0:2
        start = 2    end = 4    n = 0:2
        start = 4    end = 5    n = 0:1

    Args:
        lengths: (N,), of the sequences, in falling order.
        S: the number of steps in a segment.

    Raises:
        ValueError: for an S, a `segment_length`, that is not a whole number of at least 1.
    """
    T, S = int(lengths[0]), check_size("segment_length", S)
    starts = range(0, T, S)
    return [Segment(start, min(start + S, T), slice(int((lengths > start).sum()))) for start in starts]
