"""The problems that a reader's functions are run on: sizes, weights and arriving gradients, the same at every call."""

from typing import NamedTuple

import numpy as np

from numpy_rnn.check.pairs import Arrays, Pair, shape
from numpy_rnn.types import Array

# T, N, D, H: one step first, then more; one sequence and several; D and H differ, but for one
SIZES = (
    (1, 1, 2, 3),
    (1, 3, 4, 2),
    (2, 1, 3, 2),
    (2, 2, 2, 4),
    (3, 1, 1, 5),
    (4, 3, 3, 3),
    (5, 2, 4, 1),
    (6, 4, 3, 5),
    (8, 2, 5, 7),
    (7, 3, 2, 9),
)
ORDINARY, SMALL, SATURATED, LARGE = "ordinary", "small weights", "saturated", "large gradients"
WEIGHTS = {ORDINARY: 0.5, SMALL: 1e-3, SATURATED: 4.0, LARGE: 0.5}  # their standard deviation
ONE_LOSS = (5, 2, 3, 4)  # with the gradient of one E_t alone, for each t in turn


class Problem(NamedTuple):
    kind: str
    arguments: Arrays  # of the forward function
    d_hs: Array  # (T, N, H), dE_t/dh_t
    loss: int | None = None  # t, where only E_t has a gradient

    @property
    def sizes(self) -> dict[str, int]:
        T, N, D = self.arguments["x"].shape
        return {"T": T, "N": N, "D": D, "H": self.d_hs.shape[2]}


def problems(pair: Pair) -> list[Problem]:
    """Every size with weights of every kind; then one loss at a time."""
    drawn = [_draw(pair, kind, sizes, k) for kind in WEIGHTS for k, sizes in enumerate(SIZES)]
    alone = _draw(pair, ORDINARY, ONE_LOSS, len(SIZES))
    for t in range(ONE_LOSS[0]):
        d_hs = np.zeros_like(alone.d_hs)
        d_hs[t] = alone.d_hs[t]
        drawn.append(alone._replace(d_hs=d_hs, loss=t))
    return drawn


def _draw(pair: Pair, kind: str, sizes: tuple[int, int, int, int], number: int) -> Problem:
    rng = np.random.default_rng([number, *map(ord, kind[:2])])
    named = dict(zip("TNDH", sizes, strict=True))
    arguments = {
        name: rng.normal(size=shape(axes, named)) * (WEIGHTS[kind] if name[0] in "Wb" else 1)
        for name, axes in pair.arguments.items()
    }
    arguments = {name: np.tanh(a) if name.endswith("h_0") else a for name, a in arguments.items()}
    d_hs = rng.normal(size=shape("TNH", named)) * (100 if kind == LARGE else 1)
    return Problem(kind, arguments, d_hs)
