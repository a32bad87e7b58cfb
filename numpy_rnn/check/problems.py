"""The problems that a reader's functions are run on: sizes, weights and arriving gradients, the same at every call."""

from typing import NamedTuple

import numpy as np

from numpy_rnn.check.pairs import Arrays, Pair, shape
from numpy_rnn.types import Array

# T, N, D, H, C: one step first, then more; one sequence and several; D, H and C differ, but for one
SIZES = (
    (1, 1, 2, 3, 4),
    (1, 3, 4, 2, 3),
    (2, 1, 3, 2, 4),
    (2, 2, 2, 4, 3),
    (3, 1, 1, 5, 2),
    (4, 3, 3, 3, 3),
    (5, 1, 4, 1, 2),
    (6, 6, 3, 5, 6),
    (12, 2, 5, 7, 3),
    (7, 3, 2, 9, 5),
    (9, 1, 9, 4, 3),
)
ORDINARY, SMALL, SATURATED, LARGE = "ordinary", "small weights", "saturated", "large gradients"
ZEROS = "zeros"  # the initial states, the biases and one input are zero
WEIGHTS = {ORDINARY: 0.5, SMALL: 1e-3, SATURATED: 4.0, LARGE: 0.5}  # their standard deviation
MANY = (4, 300, 2, 3, 3)  # so many sequences that the gradients of the network's own losses are large
LONG = (20, 1, 2, 3, 2)
WITH_ZEROS = (4, 2, 3, 4, 3)
ONE_LOSS = (5, 2, 3, 4, 2)  # with the gradient of one E_t alone, for each t in turn


class Problem(NamedTuple):
    kind: str
    sizes: dict[str, int]  # T, N, D, H, C, and G where there are gates
    arguments: Arrays  # of the forward function
    arriving: Arrays  # d_hs (T, N, H), dE_t/dh_t; or d_losses (T, N), ones: dL/dE_t
    loss: int | None = None  # t, where only E_t has a gradient


def problems(pair: Pair, seed: int = 0) -> list[Problem]:
    """Every size with weights of every kind; a long one; one with zeros; one loss at a time, if d_hs is an argument."""
    arrives = "d_hs" in pair.passed
    kinds = [kind for kind in WEIGHTS if arrives or kind != LARGE]
    drawn = [_draw(pair, kind, sizes, (seed, k)) for kind in kinds for k, sizes in enumerate(SIZES)]
    drawn.append(_draw(pair, ORDINARY, LONG, (seed, len(SIZES) + 1)))
    drawn.append(_with_zeros(pair, _draw(pair, ORDINARY, WITH_ZEROS, (seed, len(SIZES) + 2))))
    if not arrives:
        drawn.append(_draw(pair, LARGE, MANY, (seed, len(SIZES))))
    else:
        alone = _draw(pair, ORDINARY, ONE_LOSS, (seed, len(SIZES)))
        for t in range(ONE_LOSS[0]):
            d_hs = np.zeros_like(alone.arriving["d_hs"])
            d_hs[t] = alone.arriving["d_hs"][t]
            drawn.append(alone._replace(arriving={"d_hs": d_hs}, loss=t))
    return drawn


def _draw(pair: Pair, kind: str, sizes: tuple[int, ...], seed: tuple[int, int]) -> Problem:
    rng = np.random.default_rng([*seed, *map(ord, kind[:2])])
    named = dict(zip("TNDHC", sizes, strict=True))
    named["G"] = len(pair.gates) * named["H"]
    arguments = {name: rng.normal(size=shape(pair.axes[name], named)) for name in pair.inputs}
    arguments |= {name: WEIGHTS[kind] * rng.normal(size=shape(axes, named)) for name, axes in pair.params.items()}
    arguments |= {name: np.tanh(arguments[name]) for name in ("h_0",)}
    if "y" in arguments:
        arguments["y"] = _one_hot(rng, arguments["y"])
    if "d_hs" in pair.passed:
        d_hs = rng.normal(size=shape("TNH", named)) * (100 if kind == LARGE else 1)
        return Problem(kind, named, arguments, {"d_hs": d_hs})
    return Problem(kind, named, arguments, {"d_losses": np.ones(shape("TN", named))})


def _with_zeros(pair: Pair, problem: Problem) -> Problem:
    """As a network starts: states and biases of zero. And the second input is a pad."""
    zero = [name for name in problem.arguments if name in ("h_0", "c_0") or len(pair.axes[name]) == 1]
    arguments = problem.arguments | {name: np.zeros_like(problem.arguments[name]) for name in zero}
    arguments["x"] = arguments["x"].copy()
    arguments["x"][1] = 0
    return problem._replace(kind=ZEROS, arguments=arguments)


def _one_hot(rng: np.random.Generator, like: Array) -> Array:
    return np.eye(like.shape[-1])[rng.integers(like.shape[-1], size=like.shape[:-1])]
