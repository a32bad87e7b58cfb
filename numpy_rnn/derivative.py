"""The derivative of a function of arrays along a direction v, from its values alone, and how far it can be trusted.

central   (f(a + h v) - f(a - h v)) / 2h   takes every f. A large h leaves out curvature, a small one drowns in
                                           rounding: many h are tried, extrapolated to h = 0, and the best one is taken
complex   Im f(a + i h v) / h              no difference of near numbers, so h may be 1e-100; but f has to be made of
                                           what takes complex numbers: + * @ exp tanh, not abs or float()

Sources: Ridders (1982), "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4; Press et
al., "Numerical Recipes", section 5.7; Squire & Trapp (1998), "Using complex variables to estimate derivatives of real
functions", SIAM Review 40.
"""

from typing import NamedTuple

import numpy as np

from numpy_rnn.rounding import SAFETY, VARIES, Function, value_of, value_or_nan
from numpy_rnn.types import Array, Params

COMPLEX_STEP = 1e-100
UNDERFLOW = float(np.finfo(float).tiny) / COMPLEX_STEP  # a smaller derivative leaves no complex step a full number
RATIO = 4  # of one step h to the next
COLUMNS = 4  # of R[k, j]: errors of h^2, h^4, h^6 are taken out one after the other
FINEST = 8  # as many of the steps that move f show f's rounding by themselves
TERM = 0.1  # what a term of f has to move to vary, if rounding hides it: a tenth of the numbers' size, or 0.1


class Derivative(NamedTuple):
    value: float
    uncertainty: float  # |value - the true derivative| is at most this, as far as the values of f can tell
    hidden: float = 0.0  # the derivative of a term of f that is not larger than f's rounding: see TERM, rounding.VARIES


def complex_step(f: Function, arrays: Params, name: str, v: Array) -> float:
    """Im f(a + i h v) / h, v being a direction of arrays[name]."""
    return (
        value_of(f, {n: a + 1j * COMPLEX_STEP * v if n == name else a.astype(complex) for n, a in arrays.items()}).imag
        / COMPLEX_STEP
    )


def central(f: Function, arrays: Params, name: str, v: Array, noise: float) -> Derivative:
    """Central differences with many steps h, extrapolated to h = 0 (Ridders' method).

    R[k, 0] = (f(a + h v) - f(a - h v)) / 2h at h = h_k = h_0 / 4^k        its error is a series in h^2, h^4, ...
    R[k, j] = R[k, j-1] + (R[k, j-1] - R[k-1, j-1]) / (16^j - 1)           which is without its first j terms

    The uncertainty e of R[k, j] is 4 times its distance to the two that it was made of, plus f's rounding by h. The R
    with the smallest e is taken, under two conditions: all finer steps agree with it (a coarse step may miss a fast
    oscillation), and f is smooth there, see `_smooth_from`. If only the finest steps agree, they may have seen one
    step of a staircase, see `_doubt`. And what f's rounding may hide is known: a term whose derivative is `hidden`.

    Args:
        f, arrays: the function and where its derivative is taken.
        name, v: the direction v of arrays[name].
        noise: how far f moves by rounding, see `rounding_of_value`.
    """
    a, eps = arrays[name][v != 0], float(np.finfo(v.dtype).eps)
    h, size = _steps(a), float(np.abs(a).max()) or 1.0  # (S,): S steps
    here = value_or_nan(f, arrays, name, 0 * v)
    plus, minus = (np.array([value_or_nan(f, arrays, name, s * v) for s in sign * h]) - here for sign in (1, -1))
    with np.errstate(all="ignore"):
        D = (plus - minus) / (2 * h)  # (S,)
        finest = _moving(plus, minus) & (h < eps**0.5 * size)  # (S,)
        rounding = _rounding(here, plus, minus, finest, noise, eps)  # (S,)
        R, e, k = _extrapolated(D, rounding / h)
        best = _best(R, e, k, len(h), _smooth_from(plus + minus, rounding))
        far = h[k[best]] > 8 * eps**0.5 * size
        doubt = 0.0 if far else _doubt(D, rounding / h, R, e, k, best)
        uncertainty = max(float(e[best]), doubt)
        flat = not (np.abs([plus, minus]) > rounding).any()
        largest = float(np.abs(arrays[name]).max()) or 1.0
        hidden = float(rounding[-1]) / (eps**VARIES * largest if flat else TERM * min(largest, 1))
        return Derivative(float(R[best]), uncertainty, hidden)


def _moving(plus: Array, minus: Array) -> Array:
    """(S,): the FINEST finest steps that move f. Still finer ones may be lost in a sum inside f."""
    moves = np.flatnonzero((plus != 0) | (minus != 0))
    return np.arange(len(plus)) > moves.max(initial=0) - FINEST


def _rounding(here: float, plus: Array, minus: Array, finest: Array, noise: float, eps: float) -> Array:
    """(S,): how far rounding may move f(a + h v) - f(a - h v), on the safe side.

    noise is what changes of the arguments in their last digit have shown. f(a + h v) + f(a - h v) - 2 f(a) shows it,
    too: at the finest steps it is 0 but for rounding, as there is no curvature.
    """
    size = np.maximum(np.abs(here + plus), np.abs(here + minus))
    seen = np.abs(plus + minus)[finest].max(initial=0)
    return SAFETY * (np.fmax(noise, seen) + eps * size)


def _smooth_from(even: Array, rounding: Array) -> int:
    """The first step k from which on f is smooth, as far as its values stand out of their rounding.

    Where f is smooth, even = f(a + h v) + f(a - h v) - 2 f(a) is a series in h^2, h^4, ... So from one step to the
    next, h being a fourth, it is 16 times less. It is not if f oscillates, or if it bends between a and a + h v, such
    as a tanh that is flat on both sides. A step bends, too, if it exceeds half the rounding and one of the two steps
    before it does: rounding alone rarely does this. No step is smooth that is coarser than one that leaves f's domain.
    """
    rises = np.abs(even[1:]) - np.abs(even[:-1]) / 8  # (S - 1,)
    bends, twice = rises > rounding[1:], rises > rounding[1:] / 2
    bends[2:] |= twice[2:] & (twice[1:-1] | twice[:-2])
    bends |= np.isnan(even[1:])
    return min(int((np.flatnonzero(bends) + 2).max(initial=0)), len(even) - 1)


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


def _best(R: Array, e: Array, k: Array, S: int, smooth_from: int) -> int:
    """The least uncertain of those that agree with all finer steps, and stand where f is smooth. S: all steps."""
    first = np.arange(S - 1)  # where the first column stands in R, at the steps k = 1, 2, ..., S - 1
    agrees = np.abs(R[:, None] - R[first]) <= e[:, None] + e[first]  # (candidates, S - 1)
    agrees |= (k[first] <= k[:, None]) | np.isinf(e[first])
    trusted = agrees.all(axis=1) & (k >= smooth_from)
    return int(np.where(trusted, e, np.inf).argmin())


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
    sizes = np.abs(moved[moved != 0])
    high = float(sizes.max(initial=1))
    low = max(float(sizes.min(initial=high)), 2**-40 * high)
    top, bottom = np.log2(16 * high), np.log2(16 * low * np.finfo(moved.dtype).eps)
    return 2.0 ** np.arange(np.ceil(top), np.floor(bottom) - 1, -np.log2(RATIO))
