"""The derivative of a function of arrays along a direction v, from its values alone, and how far it can be trusted.

central   (f(a + h v) - f(a - h v)) / 2h   takes every f. A large h leaves out curvature, a small one drowns in
                                           rounding: many h are tried, extrapolated to h = 0, and the best one is taken
complex   Im f(a + i h v) / h              no difference of near numbers, so h may be 1e-200; but f has to be made of
                                           what takes complex numbers: + * @ exp tanh, not abs or float()

Sources: Ridders (1982), "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4; Press et
al., "Numerical Recipes", section 5.7; Squire & Trapp (1998), "Using complex variables to estimate derivatives of real
functions", SIAM Review 40.
"""

import warnings
from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.rounding import (
    SAFETY,
    Function,
    last_digit,
    rounding_of_derivative,
    rounding_of_value,
    value_of,
    value_or_nan,
)
from numpy_rnn.types import Array, Params

COMPLEX_STEP = 1e-200
RATIO = 4  # of one step h to the next
COLUMNS = 4  # of R[k, j]: errors of h^2, h^4, h^6 are taken out one after the other
FINEST = 5  # as many of the steps show f's rounding by themselves


class Derivative(NamedTuple):
    value: float
    uncertainty: float  # |value - the true derivative| is at most this, as far as the values of f can tell


def complex_step(f: Function, arrays: Params, name: str, v: Array) -> float:
    """Im f(a + i h v) / h, v being a direction of arrays[name]."""
    return (
        value_of(f, {n: a + 1j * COMPLEX_STEP * v if n == name else a.astype(complex) for n, a in arrays.items()}).imag
        / COMPLEX_STEP
    )


def central(f: Function, arrays: Params, name: str, v: Array, noise: float) -> Derivative:
    """The derivative of f along v, a direction of arrays[name]. noise: see `rounding_of_value`.

    R[k, 0] = (f(a + h v) - f(a - h v)) / 2h at h = h_k = h_0 / 4^k        its error is a series in h^2, h^4, ...
    R[k, j] = R[k, j-1] + (R[k, j-1] - R[k-1, j-1]) / (16^j - 1)           which is without its first j terms

    The uncertainty of R[k, j] is 4 times its distance to the two that it was made of, and f's rounding by h. The
    smallest counts, among those that every finer step bears out, and no finer step moves farther than a series in h^2
    may: a coarse one may have missed a fast oscillation. And where only the finest steps agree, they may have seen one
    step of a staircase: see `_doubt`. What no step shows is what stays below f's rounding at every h.
    """
    h = _steps(arrays[name][v != 0])  # (S,): S steps
    plus, minus = (np.array([value_or_nan(f, arrays, name, s * v) for s in sign * h]) for sign in (1, -1))
    with np.errstate(all="ignore"):
        D = (plus - minus) / (2 * h)  # (S,)
        seen = np.abs(np.diff(D[-FINEST:]) * h[1 - FINEST :]).max()  # so fine, there is no curvature left
        jumps = np.sort(np.abs(plus - minus)[plus != minus])
        eps = float(np.finfo(v.dtype).eps)
        size = np.maximum(np.abs(plus), np.abs(minus))
        if len(jumps) > 1 and jumps[1] <= 2 * jumps[0] <= 2e4 * eps * np.nanmin(size):
            seen = np.fmax(seen, jumps[0])  # a step 4 times as large moves f as little: by its last digit
        noises = SAFETY * (np.fmax(noise, seen) + eps * size) / h  # (S,)
        R, e, k = _extrapolated(D, noises)
        first = np.arange(len(h) - 1)  # where the first column stands in R, at the steps k = 1, 2, ...
        agrees = np.abs(R[:, None] - R[first]) <= e[:, None] + e[first]  # (candidates, S - 1)
        agrees |= (k[first] <= k[:, None]) | np.isinf(e[first])
        moved = np.abs(np.diff(D))  # (S - 1,): a series in h^2 moves less and less, 16 times less from step to step,
        grows = np.flatnonzero(moved[1:] > np.maximum(moved[:-1] / 2, noises[2:] / 8)) + 2
        trusted = agrees.all(axis=1) & (k > grows.max(initial=0))  # so before a step at which it does not
        best = int(np.where(trusted, e, np.inf).argmin())
        far = h[k[best]] > 8 * eps**0.5 * np.abs(arrays[name][v != 0]).max()
        doubt = 0.0 if far else _doubt(D, noises, R, e, k, best)
        return Derivative(float(R[best]), max(float(e[best]), doubt))


def _extrapolated(D: Array, noises: Array) -> tuple[Array, Array, Array]:
    """R[k, j], its uncertainty, and k, for all j >= 1 and k >= j: the first column, then the second, and so on."""
    column, parts = D, []
    for j in range(1, COLUMNS):
        finer, coarser = column[1:], column[:-1]
        column = finer + (finer - coarser) / (RATIO ** (2 * j) - 1)
        spread = np.maximum(np.abs(column - finer), np.abs(column - coarser))
        parts.append((column, np.nan_to_num(4 * spread + noises[j:], nan=np.inf), np.arange(j, len(D))))
    R, e, k = (np.concatenate(part) for part in zip(*parts, strict=True))
    return R, e, k


def _doubt(D: Array, noises: Array, R: Array, e: Array, k: Array, best: int) -> float:
    """Coarse steps may agree on another value than fine ones. How far it is, where we can't tell which one is right.

    Either f oscillates, and the fine steps are right; then D goes over from one to the other as h^2 does. Or f adds a
    large constant somewhere inside: then it is a staircase whose steps are too small to be seen by the coarse ones, and
    these are right; then D jumps.
    """
    gaps = np.abs(R - R[best])
    rivals = np.flatnonzero((k < k[best]) & (e < gaps / 10) & (gaps > e + e[best]))
    if not rivals.size:
        return 0.0
    rival = rivals[e[rivals].argmin()]
    between = slice(k[rival], k[best])
    distance = np.abs(D[between] - R[best])
    curved = ((distance > 10 * noises[between]) & (distance < gaps[rival] / 10)).sum() >= 2
    return 0.0 if curved else 2 * float(gaps[rival])  # the rival is not that certain, if f is a staircase


def _steps(moved: Array) -> Array:
    """h_0 > h_1 > ..., powers of two, from beyond the size of the numbers, or 1, down to their last digits."""
    sizes = np.abs(moved[moved != 0], dtype=np.float64)
    high = max(float(sizes.max(initial=0)), 1.0)
    low = max(float(sizes.min(initial=high)), 2**-40 * high)
    top, bottom = np.log2(16 * high), np.log2(16 * low * np.finfo(moved.dtype).eps)
    return 2.0 ** np.arange(np.ceil(top), np.floor(bottom) - 1, -np.log2(RATIO))


def check_function(f: Function, arrays: Params, rng: np.random.Generator) -> list[str]:
    """Raises ValueError for an f that can't be differentiated; the names of the arrays that it does not depend on."""
    before = {name: a.copy() for name, a in arrays.items()}
    first, second = value_of(f, arrays), value_of(f, arrays)
    changed = [name for name, a in arrays.items() if not np.array_equal(a, before[name])]
    for name in changed:
        arrays[name][...] = before[name]
    expect(not changed, "f", "a function that leaves its arguments as they are", f"one that changes {changed}")
    expect(first == second, "f", "the same value for the same arguments", f"{first.real} and {second.real}")
    ignored = []
    for name, a in arrays.items():
        huge = (np.finfo(a.dtype).max * rng.uniform(0.1, 0.2, a.shape)).astype(a.dtype)
        with np.errstate(all="ignore"):
            if all(value_or_nan(f, arrays, name, move) == first for move in (huge, -huge)):
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
            by_differences, uncertainty = central(f, arrays, name, v, noise)
            allowed = 1e-7 * abs(by_differences) + uncertainty
            if abs(by_complex_step - by_differences) > allowed:  # or float64 does not know it any better
                known = {name: np.full(a.shape, max(abs(by_differences) - uncertainty, 0))}
                digit = last_digit(f, arrays, name, known, rng)
                allowed += np.inf if digit.misses else digit.hides(a, v)
                allowed += rounding_of_derivative(partial(complex_step, f, name=name, v=v), arrays, rng)
                by_differences, uncertainty = central(partial(in_complex, f), arrays, name, v, noise)
                allowed += uncertainty
        expect(
            abs(by_complex_step - by_differences) <= allowed,
            "f",
            advice,
            f"one that loses the imaginary part of {name}: abs, conj, a real buffer?",
        )
