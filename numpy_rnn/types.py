"""The types that signatures use. An array's shape stands in the docstring or beside the line."""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray
Params = dict[str, Array]  # by name: "W_hh_l0" -> the array
States = tuple[Array, ...]  # (h,), of an LSTM (h, c)


class Grads(NamedTuple):
    """Gradients of the loss. Each has the shape of the array that it belongs to.

    Attributes:
        x: (T, N, D), the gradient of the inputs.
        h_0: (K, N, H), that of the initial states; of an LSTM the pair (dh_0, dc_0); of an ElmanNetwork (N, H).
        params: those of the parameters, by name.
    """

    x: Array
    h_0: Any
    params: Params


class ElmanCache(NamedTuple):
    """What `ElmanNetwork.forward` keeps for `backward`."""

    made_by: object  # the network
    x: Array  # (T, N, D)
    h: Array  # (T + 1, N, H): h[0] = h_0, and h[t + 1] comes after x[t]
    y_hat: Array  # (T, N, C)
    loss_cache: Any  # of the loss function
