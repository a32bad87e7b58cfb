"""The right states of each pair, by the library's own time steps; and whose gates lie in another order."""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from numpy_rnn import gru, lstm, rnn
from numpy_rnn.check.pairs import Arrays, Pair
from numpy_rnn.layers import sigmoid
from numpy_rnn.losses import softmax, squared_error
from numpy_rnn.types import Array


def right_states(pair: Pair, a: Arrays) -> Arrays:
    """What forward should return, by name, of its arguments `a`."""
    if pair.name == "lstm":
        return _lstm(a)
    hs = [a["h_0"]]
    for x_t in a["x"]:
        if pair.name == "gru":
            hs.append(gru.step(x_t @ a["W_xh"] + a["b_xh"], hs[-1], a["W_hh"], a["b_hh"])[0])
        else:
            hs.append(rnn.step(x_t @ a["W_xh"] + a["b_h"], hs[-1], a["W_hh"], "tanh"))
    states = {"hs": np.array(hs)}
    if pair.name == "network":
        states["y_hat"] = softmax(states["hs"][1:] @ a["W_hy"] + a["b_y"])
        states["losses"] = squared_error(states["y_hat"], a["y"])[0]
    return states


def _lstm(a: Arrays) -> Arrays:
    hs, cs = [a["h_0"]], [a["c_0"]]
    for x_t in a["x"]:
        h, c, _ = lstm.step(x_t @ a["W_xh"] + a["b_xh"] + a["b_hh"], hs[-1], cs[-1], a["W_hh"])
        hs.append(h)
        cs.append(c)
    return {"hs": np.array(hs), "cs": np.array(cs)}


def reset_before(a: Arrays) -> Array:
    """hs of the other GRU, where n = tanh(a_n + (r * h_{t-1}) W_hn + b_hn): Cho et al. (2014), arXiv 1406.1078v3."""
    hs, H = [a["h_0"]], a["h_0"].shape[-1]
    for x_t in a["x"]:
        a_t, h = x_t @ a["W_xh"] + a["b_xh"] + a["b_hh"], hs[-1]
        r, z = np.split(sigmoid(a_t[:, : 2 * H] + h @ a["W_hh"][:, : 2 * H]), 2, axis=-1)
        n = np.tanh(a_t[:, 2 * H :] + (r * h) @ a["W_hh"][:, 2 * H :])
        hs.append((1 - z) * n + z * h)
    return np.array(hs)


class Gates(NamedTuple):
    """A network whose gates lie in another order: `order` names them as they lie. A GRU may also have z for 1 - z."""

    right: str
    order: str
    z_exchanged: bool = False

    def as_ours(self, a: Arrays) -> Arrays:
        """The reader's parameters with our order of columns; z exchanged with 1 - z is z of the negative columns."""
        moved = dict(a)
        for name in a:
            if name in ("W_xh", "W_hh", "b_xh", "b_hh"):
                blocks = dict(zip(self.order, np.split(a[name], len(self.order), axis=-1), strict=True))
                signs = {gate: -1.0 if self.z_exchanged and gate == "z" else 1.0 for gate in self.right}
                moved[name] = np.concatenate([signs[gate] * blocks[gate] for gate in self.right], axis=-1)
        return moved

    def as_theirs(self, gradients: Arrays) -> Arrays:
        """The gradients of the columns as the reader's lie."""
        there = Gates(self.order, self.right, self.z_exchanged)
        return {name: there.as_ours({name[1:]: gradient})[name[1:]] for name, gradient in gradients.items()}


def other_gates(pair: Pair) -> list[Gates]:
    """All orders, then for the GRU all orders with z and 1 - z exchanged; the right one is the first."""
    orders = ["".join(order) for order in permutations(pair.gates)]
    exchanged = (False, True) if pair.name == "gru" else (False,)
    return [Gates(pair.gates, order, z) for z in exchanged for order in orders] if pair.gates else []
