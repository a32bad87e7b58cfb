"""Can f be differentiated by numbers at all? What `gradcheck` finds out before it compares anything."""

import warnings
from functools import partial

import numpy as np

from numpy_rnn.checks import check_callable, expect
from numpy_rnn.derivative import UNDERFLOW, central, complex_step
from numpy_rnn.rounding import (
    Function,
    last_digit,
    rounding_of_derivative,
    rounding_of_value,
    value_of,
    value_or_nan,
)
from numpy_rnn.types import Params


def check_function(f: Function, arrays: Params, rng: np.random.Generator) -> list[str]:
    """Raises ValueError for an f that can't be differentiated; the names of the arrays that it does not depend on."""
    check_callable("f", f)
    before = {name: a.copy() for name, a in arrays.items()}
    first, second = value_of(f, arrays), value_of(f, arrays)
    changed = [name for name, a in arrays.items() if not np.array_equal(a, before[name])]
    for name in changed:
        arrays[name][...] = before[name]
    expect(not changed, "f", "a function that leaves its arguments as they are", f"one that changes {changed}")
    expect(first == second, "f", "the same value for the same arguments", f"{first.real} and {second.real}")
    ignored = []
    for name, a in arrays.items():
        sizes = (1, np.finfo(a.dtype).max)
        moves = [sign * (size * rng.uniform(0.1, 0.2, a.shape)).astype(a.dtype) for size in sizes for sign in (1, -1)]
        with np.errstate(all="ignore"):
            if all(value_or_nan(f, arrays, name, move) == first for move in moves):
                ignored.append(name)
    expect(
        len(ignored) < len(arrays),
        "f",
        "a function of the arrays in the dict that it is given",
        "one whose value is the same whatever stands in them",
    )
    return ignored


def in_complex(f: Function, arrays: Params) -> float:
    """f at a real point, in complex arithmetic, which rounds in its own way: np.tanh's last digits are others."""
    return value_of(f, {name: a.astype(complex) for name, a in arrays.items()}).real


def check_complex(f: Function, arrays: Params, rng: np.random.Generator) -> None:
    """f takes complex arrays, and their imaginary parts survive: both methods agree, array by array."""
    advice = "a function that takes complex arrays for method='complex' (else give method='central')"
    for name, a in arrays.items():
        v = rng.normal(size=a.shape)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                by_complex_step = complex_step(f, arrays, name, v)
            except (TypeError, ValueError, np.exceptions.ComplexWarning) as error:
                raise ValueError(f"f: expected {advice}, got {type(error).__name__}: {error}") from error
            noise = rounding_of_value(f, arrays, rng)
            by_differences, uncertainty, hidden = central(f, arrays, name, v, noise)
            allowed = 1e-7 * abs(by_differences) + uncertainty + UNDERFLOW
            if abs(by_complex_step - by_differences) > allowed:  # or float64 does not know it any better
                known = {name: np.full(a.shape, max(abs(by_differences) - uncertainty, 0))}
                digit = last_digit(f, arrays, name, known, rng)
                allowed += np.inf if digit.misses else digit.hides(a, v) + hidden
                allowed += rounding_of_derivative(partial(complex_step, f, name=name, v=v), arrays, rng)
                by_differences, uncertainty, *_ = central(partial(in_complex, f), arrays, name, v, noise)
                allowed += uncertainty
        expect(
            abs(by_complex_step - by_differences) <= allowed,
            "f",
            advice,
            f"one that loses the imaginary part of {name}: abs, conj, a real buffer?",
        )
