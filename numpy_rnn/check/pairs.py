"""What a file may define: pairs of functions, and the layouts in which their arrays may lie."""

from typing import NamedTuple

import numpy as np

from numpy_rnn.types import Array

Arrays = dict[str, Array]
# A letter for each axis. S is T + 1, G the gates' columns (4 H or 3 H); T, N, D, H, C are sizes.
AXES = {
    "x": "TND", "y": "TNC", "h_0": "NH", "c_0": "NH", "hs": "SNH", "cs": "SNH", "y_hat": "TNC", "losses": "TN",
    "d_hs": "TNH", "dz": "TNH", "dh": "TNH",
}  # fmt: skip
PLAIN = {"W_xh": "DH", "W_hh": "HH", "b_h": "H"}
OUTPUT = {"W_xh": "DH", "W_hh": "HH", "W_hy": "HC", "b_h": "H", "b_y": "C"}
GATED = {"W_xh": "DG", "W_hh": "HG", "b_xh": "G", "b_hh": "G"}


class Pair(NamedTuple):
    """A forward and a backward function."""

    name: str
    forward: str  # the name of the function
    backward: str
    inputs: tuple[str, ...]  # of forward: the data and the initial states; the parameters follow
    states: tuple[str, ...]  # what forward returns
    passed: tuple[str, ...]  # to backward: gradients, data and states; the parameters follow
    params: dict[str, str]  # with their axes
    more: tuple[str, ...] = ()  # keys that backward may give, and that are compared, too
    gates: str = ""  # in the order of their columns

    @property
    def axes(self) -> dict[str, str]:
        """Of every array: a gradient's are those of its array."""
        axes = AXES | self.params
        return axes | {f"d{name}": letters for name, letters in axes.items() if name in (*self.inputs, *self.params)}

    @property
    def gradients(self) -> tuple[str, ...]:
        """The keys that backward has to give: of everything that forward takes, but for the targets."""
        return tuple(f"d{name}" for name in (*self.inputs, *self.params) if name != "y")


RNN = Pair("rnn", "forward", "backward", ("x", "h_0"), ("hs",), ("d_hs", "x", "hs"), PLAIN, ("dz", "dh"))
NETWORK = Pair(
    "network",
    "network_forward",
    "network_backward",
    ("x", "y", "h_0"),
    ("hs", "y_hat", "losses"),
    ("x", "y", "hs", "y_hat"),
    OUTPUT,
    ("dz", "dh"),
)
LSTM = Pair(
    "lstm",
    "lstm_forward",
    "lstm_backward",
    ("x", "h_0", "c_0"),
    ("hs", "cs"),
    ("d_hs", "x", "hs", "cs"),
    GATED,
    gates="ifgo",
)
GRU = Pair("gru", "gru_forward", "gru_backward", ("x", "h_0"), ("hs",), ("d_hs", "x", "hs"), GATED, gates="rzn")
PAIRS = (RNN, NETWORK, LSTM, GRU)
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
    if layout == "cs231n" and axes[0] in "TS":
        return np.ascontiguousarray(a.swapaxes(0, 1))
    return a.copy()


def from_layout(a: Array, axes: str, layout: str) -> Array:
    """The inverse of `to_layout`. A column (H, 1) may also be given as (H,)."""
    if layout == "columns":
        return a.reshape(-1) if len(axes) == 1 else a.T
    if layout == "cs231n" and axes[0] in "TS":
        return a.swapaxes(0, 1)
    return a


def expected_shape(axes: str, sizes: dict[str, int], layout: str) -> tuple[int, ...]:
    """Of a result, in the reader's layout."""
    return to_layout(np.empty(shape(axes, sizes)), axes, layout).shape
