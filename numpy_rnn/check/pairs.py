"""What a file may define: pairs of functions, and the layouts in which their arrays may lie."""

from typing import NamedTuple

import numpy as np

from numpy_rnn.types import Array

Arrays = dict[str, Array]


class Pair(NamedTuple):
    """A forward and a backward function. Each array has a letter for each axis: S is T + 1, the others are sizes."""

    name: str
    forward: str  # the name of the function
    backward: str
    arguments: dict[str, str]  # of forward, in their order
    states: dict[str, str]  # what forward returns
    gradients: dict[str, str]  # the keys that backward has to give
    more: dict[str, str]  # keys that it may give, and that are compared, too

    def backward_arguments(self) -> dict[str, str]:
        """d_hs first, then x and the states, then the parameters."""
        arrays = {"d_hs": "TNH", "x": "TND"} | self.states | self.arguments
        return {name: axes for name, axes in arrays.items() if not name.endswith("_0")}


RNN = Pair(
    "rnn",
    "forward",
    "backward",
    {"x": "TND", "h_0": "NH", "W_xh": "DH", "W_hh": "HH", "b_h": "H"},
    {"hs": "SNH"},
    {"dx": "TND", "dh_0": "NH", "dW_xh": "DH", "dW_hh": "HH", "db_h": "H"},
    {"dz": "TNH", "dh": "TNH"},
)
PAIRS = (RNN,)
LAYOUTS = ("time first", "cs231n", "columns")


def shape(axes: str, sizes: dict[str, int]) -> tuple[int, ...]:
    return tuple(sizes["T"] + 1 if axis == "S" else sizes[axis] for axis in axes)


def to_layout(a: Array, axes: str, layout: str) -> Array:
    """A copy, as the reader's functions take it.

    Args:
        a: an array with time first, (T, N, D).
        axes: a letter for each of its axes.
        layout: "cs231n" has N before T; "columns" reverses all axes, and (H,) becomes (H, 1).
    """
    if layout == "columns":
        return a[:, None].copy() if len(axes) == 1 else np.ascontiguousarray(a.T)
    if layout == "cs231n" and len(axes) == 3:
        return np.ascontiguousarray(a.swapaxes(0, 1))
    return a.copy()


def from_layout(a: Array, axes: str, layout: str) -> Array:
    """The inverse of `to_layout`. A column (H, 1) may also be given as (H,)."""
    if layout == "columns":
        return a.reshape(-1) if len(axes) == 1 else a.T
    if layout == "cs231n" and len(axes) == 3:
        return a.swapaxes(0, 1)
    return a


def expected_shape(axes: str, sizes: dict[str, int], layout: str) -> tuple[int, ...]:
    """Of a result, in the reader's layout."""
    return to_layout(np.empty(shape(axes, sizes)), axes, layout).shape
