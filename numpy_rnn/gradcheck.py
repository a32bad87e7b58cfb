"""Is this gradient right? Checks one that was derived by hand, of any function of arrays, without autograd.

How a numeric derivative is taken, and how far it can be trusted: derivative.py. What is called wrong, right or
unresolved: verdict.py.
"""

from collections.abc import Callable, Iterator

import numpy as np
from tqdm import tqdm

from numpy_rnn.checks import check_choice, check_generator, check_number, check_size, expect
from numpy_rnn.derivative import Derivative, central, complex_step
from numpy_rnn.differentiable import check_complex, check_function
from numpy_rnn.rounding import Function, LastDigit, last_digit, rounding_of_derivative, rounding_of_value, unseen
from numpy_rnn.types import Array, Params
from numpy_rnn.verdict import RESOLUTION, Report, UnresolvedGradient, WrongGradient, differ, judge

# of the largest entry of an array's gradient; float32 has too few digits for more
TOLERANCE = {("central", "float64"): 1e-6, ("complex", "float64"): 1e-12, ("central", "float32"): 1e-2}
KINK = "at a kink of f, such as relu's at 0, move the arrays a little"
ADVICE = {
    ("central", "float64"): f"subtract a constant from f, give method='complex', or leave the array out; {KINK}",
    ("complex", "float64"): f"subtract a constant from f, or leave the array out; {KINK}",
    ("central", "float32"): "give float64 arrays",
}


def gradcheck(
    f: Function,
    arrays: Params,
    gradients: Params,
    method: str = "central",
    *,
    directions: int | None = None,
    tolerance: float | None = None,
    float32: bool = False,
    rng: np.random.Generator | None = None,
) -> Report:
    """Compares every entry of every gradient with a numeric one. Returns the report if all are right.

    f(arrays) -> a number; gradients have the names and shapes of arrays. method: "central" or "complex", see
    derivative.py. directions: for big arrays; instead of all entries that many derivatives along random directions for
    each array. tolerance: of the largest entry of an array's gradient (central 1e-6, complex 1e-12). float32: True
    admits float32 arrays, with central differences and 1e-2. rng: of the directions, and of the changes in the last
    digit that show f's rounding. print(report), or print(error.report), shows both gradients of every array.
    Raises WrongGradient; UnresolvedGradient, a ValueError, where float64 can't tell; and ValueError for names or shapes
    that don't match, empty arrays, float32, and for an f whose value is not a finite number, changes from call to call,
    changes its arguments, does not depend on them, or, with complex steps, loses the imaginary part.
    """
    dtype = _check_arrays(arrays, gradients, method, float32)
    limit = TOLERANCE[method, str(dtype)] if tolerance is None else check_number("tolerance", tolerance, 0, np.inf)
    if directions is not None:
        check_size("directions", directions)
    report = _compare(f, arrays, gradients, method, directions, limit, check_generator(rng))
    if report.names("wrong"):
        raise WrongGradient(report)
    if report.names("unresolved"):
        raise UnresolvedGradient(report, ADVICE[method, str(dtype)])
    return report


def numeric_gradients(f: Function, arrays: Params, method: str = "central") -> Params:
    """The gradient of f for every entry of every array, by either method.

    Raises what `gradcheck` raises, but for WrongGradient: nothing is compared.
    """
    dtype = _check_arrays(arrays, arrays, method, float32=False)
    report = _compare(f, arrays, None, method, None, RESOLUTION, check_generator(None))
    if report.names("unresolved"):
        raise UnresolvedGradient(report, ADVICE[method, str(dtype)])
    return {name: c.numeric for name, c in report.arrays.items()}


def _compare(
    f: Function,
    arrays: Params,
    gradients: Params | None,
    method: str,
    directions: int | None,
    tolerance: float,
    rng: np.random.Generator,
) -> Report:
    """Every array's comparison; without gradients the numeric ones are compared with themselves."""
    ignored = check_function(f, arrays, rng)
    if method == "complex":
        check_complex(f, arrays, rng)
    probes = {name: _probes(a, directions, rng) for name, a in arrays.items()}
    shapes = {name: a.shape if directions is None else (directions,) for name, a in arrays.items()}
    numeric, uncertainty, hidden, by_hand = (
        {name: np.zeros(shape) for name, shape in shapes.items()} for _ in range(4)
    )
    total = sum(a.size for a in numeric.values())
    with np.errstate(all="ignore"), tqdm(total=total, desc="gradcheck", leave=False, disable=None) as bar:
        noise = rounding_of_value(f, arrays, rng)
        for name in arrays:
            skip = name in ignored and method == "central"  # f is the same whatever stands in this array
            for i, v in probes[name]():
                found = Derivative(0.0, 0.0) if skip else _derivative(f, arrays, name, v, method, noise)
                numeric[name][i], uncertainty[name][i] = found.value, found.uncertainty
                hidden[name][i] = found.hidden
                by_hand[name][i] = found.value if gradients is None else _along(gradients[name], v)
                bar.update()
        known = {name: np.maximum(np.abs(numeric[name]) - uncertainty[name], 0) for name in arrays}
        for name in arrays:
            apart = differ(by_hand[name], numeric[name], tolerance)
            if name in ignored and not numeric[name].any():
                uncertainty[name][apart] = unseen(f, arrays, name) if method == "central" else 0
            elif apart.any():  # the cause may be float64
                uncertainty[name][apart] += hidden[name][apart]
                digit = last_digit(f, arrays, name, known, rng)
                for i, v in probes[name]():
                    if apart[i]:
                        uncertainty[name][i] += _rounding(f, arrays, name, v, method, noise, digit, rng)
    return Report.of(
        {name: judge(by_hand[name], numeric[name], uncertainty[name], tolerance) for name in arrays},
        directions is not None,
    )


def _derivative(f: Function, arrays: Params, name: str, v: Array, method: str, noise: float) -> Derivative:
    """By either method. The uncertainty of a complex step is known only where it is compared: see `_rounding`."""
    if method == "complex":
        return Derivative(complex_step(f, arrays, name, v), 0.0)
    return central(f, arrays, name, v, noise)


def _rounding(
    f: Function,
    arrays: Params,
    name: str,
    v: Array,
    method: str,
    noise: float,
    digit: LastDigit,
    rng: np.random.Generator,
) -> float:
    """How far float64's rounding may part a numeric derivative along v from a right one by hand; digit: `last_digit`.

    A central difference has f's rounding in its own uncertainty. Of a complex step, real steps say the same with
    theirs; and where the two are apart, NumPy's complex functions round in their own way.
    """
    moves = rounding_of_derivative(lambda point: _derivative(f, point, name, v, method, noise).value, arrays, rng)
    if method == "central" or digit.misses:
        return np.inf if digit.misses else moves
    real = central(f, arrays, name, v, noise)
    gap = abs(complex_step(f, arrays, name, v) - real.value)
    return (
        moves + min(digit.hides(arrays[name], v), gap + real.uncertainty) + (gap if gap > real.uncertainty / 4 else 0)
    )


def _probes(
    a: Array, directions: int | None, rng: np.random.Generator
) -> Callable[[], Iterator[tuple[tuple[int, ...], Array]]]:
    """Index and direction v, again and again: a unit vector for each entry of the array, or some random directions."""
    if directions is not None:
        random = rng.normal(size=(directions, *a.shape)).astype(a.dtype)
        return lambda: (((i,), v) for i, v in enumerate(random))

    def units() -> Iterator[tuple[tuple[int, ...], Array]]:
        for i in np.ndindex(a.shape):
            v = np.zeros_like(a)
            v[i] = 1
            yield i, v

    return units


def _along(gradient: Array, v: Array) -> float:
    """What a gradient says of the derivative along v: the sum of gradient times v where v is not 0."""
    return float(gradient[v != 0] @ v[v != 0])


def _check_arrays(arrays: Params, gradients: Params, method: str, float32: bool) -> np.dtype:
    """Raises ValueError for what can't be compared; the arrays' one dtype."""
    check_choice("method", method, ("central", "complex"))
    for argument, given in (("arrays", arrays), ("gradients", gradients)):
        expect(isinstance(given, dict), argument, "a dict, name -> NumPy array", type(given).__name__)
    expect(len(arrays) > 0, "arrays", "at least one", arrays)
    expect(gradients.keys() == arrays.keys(), "gradients", f"the names {[*arrays]}", [*gradients])
    dtype = getattr(next(iter(arrays.values())), "dtype", None)
    for name, a in arrays.items():
        fits = isinstance(a, np.ndarray) and a.dtype in (np.float32, np.float64) and a.dtype == dtype
        expect(fits, f"arrays[{name!r}]", "a float64 NumPy array, as all of them", _kind(a))
        expect(a.size > 0, f"arrays[{name!r}]", "at least one entry", a.shape)
        expect(bool(np.isfinite(a).all()), f"arrays[{name!r}]", "finite numbers", "NaN or infinity")
        g = gradients[name]
        fits = isinstance(g, np.ndarray) and g.shape == a.shape
        expect(fits, f"gradients[{name!r}]", f"a NumPy array of shape {a.shape}", _kind(g))
        expect(g.dtype == a.dtype, f"gradients[{name!r}]", f"dtype {a.dtype}", g.dtype)
    expect(dtype == np.float64 or float32, "arrays", "float64, as float32 leaves three digits (or float32=True)", dtype)
    expect(dtype == np.float64 or method == "central", "method", "'central' with float32", repr(method))
    return np.dtype(dtype)


def _kind(a: object) -> str:
    """What came instead of an array that fits."""
    if isinstance(a, np.ndarray):
        return f"{a.dtype} {a.shape}"
    is_tensor = type(a).__module__ == "torch"
    return f"{type(a).__module__}.{type(a).__name__}" + " (give t.detach().numpy())" * is_tensor
