"""What rounding does to the values of a function of arrays, and so to any derivative that is computed from them.

All of it is measured: the arguments are moved in their last digits, and the function is watched.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.types import Array, Params

Function = Callable[[Params], Any]

SAMPLES = 6  # arguments moved in the last digit, to see the rounding
SAFETY = 16  # the rounding may be so many times what the samples show
VARIES = 0.4  # a term of f may vary within eps^0.4 of the numbers' size, 5e-7 in float64, as sin(1e6 x) does
LOST = 1000  # a gradient misses something where f moves so many times as far as expected


def value_of(f: Function, arrays: Params) -> complex:
    """f(arrays). ValueError if that is not one finite number."""
    value = f(arrays)
    number = isinstance(value, (int, float, complex, np.number, np.ndarray)) and np.ndim(value) == 0
    number = number and np.asarray(value).dtype.kind in "iufc"
    kind = "" if number else f" ({type(value).__module__}.{type(value).__name__})"
    expect(number and bool(np.isfinite(value)), "f", "a finite number as its value", f"{value!r:.80}{kind}")
    return complex(value)


def value_or_nan(f: Function, arrays: Params, name: str, move: Array) -> float:
    """f so far away may be out of its domain."""
    try:
        return value_of(f, arrays | {name: (arrays[name] + move).astype(arrays[name].dtype)}).real
    except (ValueError, ArithmeticError):
        return np.nan


def nudged(arrays: Params, rng: np.random.Generator) -> Params:
    """Every number one unit in the last place up or down, or as it is."""
    return {
        name: (a * (1 + np.finfo(a.dtype).eps * rng.integers(-1, 2, a.shape))).astype(a.dtype)
        for name, a in arrays.items()
    }


def rounding_of_value(f: Function, arrays: Params, rng: np.random.Generator) -> float:
    """How far f moves where its arguments move in the last digit: about the rounding error of a value of f."""
    return float(np.ptp([value_of(f, arrays).real, *(value_of(f, nudged(arrays, rng)).real for _ in range(SAMPLES))]))


def rounding_of_derivative(derivative: Callable[[Params], float], arrays: Params, rng: np.random.Generator) -> float:
    """The same of a derivative, on the safe side: float64 can't know it any better."""
    return SAFETY * float(np.ptp([derivative(arrays), *(derivative(nudged(arrays, rng)) for _ in range(SAMPLES))]))


def expected_move(f: Function, arrays: Params, gradients: Params, share: float) -> float:
    """How far f may move by its own rounding, and where all its arguments move by this share of their size."""
    eps = float(np.finfo(next(iter(arrays.values())).dtype).eps)
    moves = [float(np.abs(g).max() * np.abs(arrays[name]).sum()) for name, g in gradients.items()]
    return eps * abs(value_of(f, arrays)) + share * sum(moves)


def moves(f: Function, arrays: Params, name: str, rng: np.random.Generator) -> list[tuple[float, float]]:
    """|f(a + v) - f(a - v)| where arrays[name] moves by a share of itself, from its last digits on; share and move."""
    a, found = arrays[name], []
    for share in 2.0 ** np.arange(np.log2(np.finfo(a.dtype).eps), -7, 4):
        v = (share * a * rng.normal(size=a.shape)).astype(a.dtype)
        found.append((float(share), abs(value_or_nan(f, arrays, name, v) - value_or_nan(f, arrays, name, -v))))
    return found


class LastDigit(NamedTuple):
    move: float  # the smallest one of f that float64 shows, on the safe side; infinite where none is seen
    misses: bool  # f moves far more than all gradients say: there is something that they do not see

    def hides(self, a: Array, v: Array) -> float:
        """The largest derivative along v that f's values cannot show: `move` divided by the size of the numbers."""
        return self.move / (float(np.abs(a[v != 0]).max()) or float(np.abs(a).max()) or 1.0)


def last_digit(f: Function, arrays: Params, name: str, gradients: Params, rng: np.random.Generator) -> LastDigit:
    """What f's rounding alone hides of its derivative in arrays[name]: none is seen in a saturated tanh."""
    seen = moves(f, arrays, name, rng)
    misses = any(move > LOST * expected_move(f, arrays, gradients, share) for share, move in seen)
    eps = float(np.finfo(arrays[name].dtype).eps)
    smallest = next((move for _, move in seen if move > 0), np.inf)
    return LastDigit(float(SAFETY * max(expected_move(f, arrays, gradients, eps), smallest)), misses)


def unseen(f: Function, arrays: Params, name: str) -> float:
    """The largest derivative that can hide in f's last digit, where f is the same whatever stands in arrays[name]."""
    a = arrays[name]
    return float(SAFETY * np.finfo(a.dtype).eps ** (1 - VARIES) * abs(value_of(f, arrays)) / max(np.abs(a).max(), 1))
