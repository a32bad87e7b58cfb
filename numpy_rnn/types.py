"""The words of the signatures. An array's shape stands in the docstring or beside the line."""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
Params = dict[str, Array]  # by name: "W_hh_l0" -> the array
States = tuple[Array, ...]  # (h,), of an LSTM (h, c)


class Grads(NamedTuple):
    """Gradients of the loss, each of the shape of what it is taken for."""

    x: Array  # (T, N, D)
    h_0: Any  # (K, N, H), of an LSTM the pair (dh_0, dc_0); (N, H) of an ElmanNetwork
    params: Params
