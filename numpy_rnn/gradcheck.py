"""Is this gradient right? Checks one that was derived by hand, of any function of arrays, without autograd.

central   (f(a + h) - f(a - h)) / 2h      takes every f; half of the digits are lost: errors near 1e-10
complex   Im f(a + ih) / h                no difference of near numbers, so h may be 1e-20: errors near 1e-16; but f has
                                          to be made of what takes complex numbers: + * @ exp tanh, not abs or float()

Sources: Press et al., "Numerical Recipes", section 5.7; Squire & Trapp (1998), "Using complex variables to estimate
derivatives of real functions", SIAM Review 40.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from numpy_rnn.checks import check_choice, check_generator, check_number, check_size, expect
from numpy_rnn.layers import Params

COMPLEX_STEP = 1e-20
# of the largest entry of an array's gradient; float32 has too few digits for more
TOLERANCE = {("central", "float64"): 1e-6, ("complex", "float64"): 1e-12, ("central", "float32"): 1e-2}


@dataclass(frozen=True)
class Report:
    """The worst entry. Of a random direction `index` is empty, and the two values are derivatives along it."""

    array: str
    index: tuple[int, ...]
    by_hand: float
    numeric: float
    error: float  # |by_hand - numeric| / the largest entry of that array's two gradients
    allowed: float
    compared: int  # entries, or directions, of all arrays


class WrongGradient(AssertionError):
    """Raised by `gradcheck`; .report has the worst entry of all, .wrong and .right the names of the arrays."""

    def __init__(self, report: Report, wrong: list[str], right: list[str]):
        where = f"{report.array}[{', '.join(map(str, report.index))}]" if report.index else f"{report.array}, direction"
        super().__init__(f"{where}: by hand {report.by_hand:.9g}, numerically {report.numeric:.9g}, error "
                         f"{report.error:.1e} of the largest entry, allowed {report.allowed:.1e}; "
                         f"wrong: {', '.join(wrong)}; right: {', '.join(right) or 'none'}")  # fmt: skip
        self.report, self.wrong, self.right = report, wrong, right


def gradcheck(f: Callable[[Params], Any], arrays: Params, gradients: Params, method: str = "central", *,
              directions: int | None = None, tolerance: float | None = None, float32: bool = False,
              rng: np.random.Generator | None = None) -> Report:  # fmt: skip
    """Compares every entry of every gradient with a numeric one. Returns the worst; WrongGradient if one is wrong.

    f(arrays) -> a number; gradients have the names and shapes of arrays. method: "central" or "complex", see above.
    directions: for big arrays; instead of all entries that many derivatives along random directions for each array.
    tolerance: of the largest entry of an array's gradient (central 1e-6, complex 1e-12), on top of what rounding does.
    float32: True admits float32 arrays, with central differences and 1e-2. rng: of the directions.
    Raises ValueError for names or shapes that don't match, empty arrays, float32, and for an f whose value is not a
    finite number, changes from call to call, changes its arguments, is so large that its rounding hides the gradient
    or, with complex steps, loses the imaginary part.
    """
    check_choice("method", method, ("central", "complex"))
    dtype = _check_arrays(arrays, gradients, float32)
    expect(dtype == np.float64 or method == "central", "method", "'central' with float32", repr(method))
    allowed = TOLERANCE[method, str(dtype)] if tolerance is None else check_number("tolerance", tolerance, 0, np.inf)
    compared = sum(a.size if directions is None else check_size("directions", directions) for a in arrays.values())
    rng = check_generator(rng)
    _check_function(f, arrays)
    if method == "complex":
        _check_complex(f, arrays, rng)
    eps = float(np.finfo(dtype).eps)
    largest = float(max(np.abs(g[np.isfinite(g)]).max(initial=0) for g in gradients.values()))
    zero = 100 * eps * largest  # by hand, what is no larger is zero but for rounding
    reports: dict[str, Report] = {}
    wrong, unresolved = [], []
    with tqdm(total=compared, desc=f"gradcheck, {method}", leave=False, disable=None) as bar:
        for name, gradient in gradients.items():
            indices, rows = [], []
            for index, v, by_hand in _directions(arrays[name], gradient, directions, rng):
                indices.append(index)
                rows.append((by_hand, *_derivative(f, arrays, {name: v}, method)))
                bar.update()
            by_hand, numeric, rounding = np.array(rows).T
            entries = (by_hand, numeric, rounding, largest, zero)
            reports[name], is_wrong = _worst(name, indices, *entries, allowed, compared)
            if is_wrong:
                wrong.append(name)
            elif not _is_resolved(reports[name], *entries):
                unresolved.append(name)
    if wrong:
        worst = max((reports[name] for name in wrong), key=lambda report: report.error)
        raise WrongGradient(worst, wrong, [name for name in gradients if name not in wrong + unresolved])
    expect(not unresolved, "f", "gradients that stand out of its rounding",
           f"none for {unresolved} (subtract a constant from f, or give method='complex')")  # fmt: skip
    return max(reports.values(), key=lambda report: report.error)


def numeric_gradients(f: Callable[[Params], Any], arrays: Params, method: str = "central") -> Params:
    """The gradient of f for every entry of every array, by either method, without any comparison; see `gradcheck`."""
    check_choice("method", method, ("central", "complex"))
    _check_arrays(arrays, arrays, float32=False)
    gradients = {name: np.empty_like(a) for name, a in arrays.items()}
    for name, a in arrays.items():
        for index, v, _ in _directions(a, a, None, check_generator(None)):
            gradients[name][index], _ = _derivative(f, arrays, {name: v}, method)
    return gradients


def _directions(a: np.ndarray, gradient: np.ndarray, directions: int | None,
                rng: np.random.Generator) -> Iterator[tuple[tuple[int, ...], np.ndarray, float]]:  # fmt: skip
    """Index, direction v, and what the gradient says of the derivative along v: all unit vectors, or random ones."""
    if directions is None:
        for index in np.ndindex(a.shape):
            v = np.zeros_like(a)
            v[index] = 1
            yield index, v, float(gradient[index])
    else:
        for _ in range(directions):
            v = rng.normal(size=a.shape).astype(a.dtype)
            yield (), v, float(np.vdot(gradient, v))


def _derivative(f: Callable[[Params], Any], arrays: Params, v: Params, method: str) -> tuple[float, float]:
    """The derivative of f along v, and how much of it may be rounding."""
    if method == "complex":
        step = {name: a + 1j * COMPLEX_STEP * v[name] if name in v else a.astype(complex) for name, a in arrays.items()}
        value = _finite(f(step))
        return value.imag / COMPLEX_STEP, 0.0  # it is computed beside the value, not as a difference of values
    eps = float(np.finfo(next(iter(v.values())).dtype).eps)
    size = max(float(np.abs(arrays[name][v[name] != 0]).max(initial=1)) for name in v)
    h = eps ** (1 / 3) * size
    plus, minus = (_finite(f(arrays | {name: (arrays[name] + s * v[name]).astype(v[name].dtype) for name in v}))
                   for s in (h, -h))  # fmt: skip
    return (plus - minus).real / (2 * h), 10 * eps * max(abs(plus), abs(minus)) / h


def _worst(name: str, indices: list[tuple[int, ...]], by_hand: np.ndarray, numeric: np.ndarray, rounding: np.ndarray,
           largest: float, zero: float, allowed: float, compared: int) -> tuple[Report, bool]:  # fmt: skip
    """The worst entry, and whether it is wrong."""
    finite = np.isfinite(by_hand)
    scale = float(max(np.abs(numeric).max(), np.abs(by_hand[finite]).max(initial=0)))
    difference = np.where(finite, np.abs(np.where(finite, by_hand, 0) - numeric), np.inf)
    is_zero = finite.all() and np.abs(by_hand).max() <= zero  # it is measured beside the other gradients
    excess = difference - (allowed * scale + rounding + zero * is_zero)
    i = int(excess.argmax())
    beside = max(scale, largest) if is_zero else scale
    error = float(difference[i] / beside) if beside else (0.0 if difference[i] == 0 else np.inf)
    report = Report(name, indices[i], float(by_hand[i]), float(numeric[i]), error, allowed, compared)
    return report, not excess[i] <= 0


def _is_resolved(report: Report, by_hand: np.ndarray, numeric: np.ndarray, rounding: np.ndarray, largest: float,
                 zero: float) -> bool:  # fmt: skip
    """What passes with the help of rounding passes only as a zero: for f = 1e12 + |x|^2 any gradient would do.

    At least three digits have to stand out of the noise, or by hand it is zero (beside the largest of all gradients).
    """
    noise, scale = rounding.max(), max(np.abs(by_hand).max(), np.abs(numeric).max())
    is_zero = np.abs(by_hand).max() <= zero and noise <= report.allowed * largest
    return bool(noise <= 1e-3 * scale or is_zero)


def _finite(value: Any) -> complex:
    number = np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iufc"
    expect(number and bool(np.isfinite(value)), "f", "a finite number as its value", repr(value)[:80])
    return complex(value)


def _check_arrays(arrays: Params, gradients: Params, float32: bool) -> np.dtype:
    expect(len(arrays) > 0, "arrays", "at least one", arrays)
    expect(gradients.keys() == arrays.keys(), "gradients", f"the names {sorted(arrays)}", sorted(gradients))
    dtype = getattr(next(iter(arrays.values())), "dtype", None)
    for name, a in arrays.items():
        fits = isinstance(a, np.ndarray) and a.dtype in (np.float32, np.float64) and a.dtype == dtype
        expect(fits, f"arrays[{name!r}]", "a float64 array, as all of them", getattr(a, "dtype", type(a).__name__))
        expect(a.size > 0, f"arrays[{name!r}]", "at least one entry", a.shape)
        g = gradients[name]
        expect(isinstance(g, np.ndarray) and g.shape == a.shape, f"gradients[{name!r}]", f"an array of shape {a.shape}",
               getattr(g, "shape", type(g).__name__))  # fmt: skip
        expect(g.dtype == a.dtype, f"gradients[{name!r}]", f"dtype {a.dtype}", g.dtype)
    expect(dtype == np.float64 or float32, "arrays", "float64, as float32 leaves three digits (or float32=True)", dtype)
    return np.dtype(dtype)


def _check_function(f: Callable[[Params], Any], arrays: Params) -> None:
    before = {name: a.copy() for name, a in arrays.items()}
    first, second = _finite(f(arrays)), _finite(f(arrays))
    changed = [name for name, a in arrays.items() if not np.array_equal(a, before[name], equal_nan=True)]
    expect(not changed, "f", "a function that leaves its arguments as they are", f"one that changes {changed}")
    expect(first == second, "f", "the same value for the same arguments", f"{first.real} and {second.real}")


def _check_complex(f: Callable[[Params], Any], arrays: Params, rng: np.random.Generator) -> None:
    """f takes complex arrays, and their imaginary parts survive: both methods agree roughly, array by array."""
    advice = "a function that takes complex arrays for method='complex' (else give method='central')"
    for name, a in arrays.items():
        v = {name: rng.normal(size=a.shape)}
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                by_complex_step, _ = _derivative(f, arrays, v, "complex")
            except (TypeError, ValueError, np.exceptions.ComplexWarning) as error:
                raise ValueError(f"f: expected {advice}, got {type(error).__name__}: {error}") from error
        central, noise = _derivative(f, arrays, v, "central")
        agree = abs(by_complex_step - central) <= 1e-5 * abs(central) + noise
        expect(agree, "f", advice, f"one that loses the imaginary part of {name}: abs, conj, a real buffer?")
