"""numpy_rnn/gradcheck.py and derivative.py: no false verdict, whatever the function. Drawn functions: functions.py.

A right gradient is never called wrong, and a wrong one never right. "Unresolved" stands only where 800 digits show
that float64 can't tell: that even with the best step of all the values of f hold less than nine digits of a gradient.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from numpy_rnn import UnresolvedGradient, WrongGradient, gradcheck
from numpy_rnn.derivative import central
from numpy_rnn.rounding import unseen
from numpy_rnn.types import Array
from numpy_rnn.verdict import Report
from parity_tests.found import FOUND
from parity_tests.functions import EXACT, Drawn, functions

# a check of a drawn function takes as long as twenty others: fewer of them, but in the thorough profile 2,000
EXAMPLES = 60 if settings.default.max_examples < 2000 else settings.default.max_examples


def report_of(drawn: Drawn, gradients: dict[str, Array], method: str) -> Report:
    try:
        return gradcheck(drawn.f, drawn.arrays, gradients, method)
    except (WrongGradient, UnresolvedGradient) as error:
        return error.report
    except ValueError as error:  # the checker gives no verdict, and says why: a large constant swallows all of f, or
        # in complex numbers f is beyond float64
        swallowed = "whose value is the same whatever stands in them" in str(error)
        if swallowed or (method == "complex" and "expected a finite number as its value" in str(error)):
            reject()
        raise


def right_gradient(drawn: Drawn) -> dict[str, Array]:
    """By autograd, where f and all of it are finite numbers, not all of them zero."""
    with np.errstate(all="ignore"):
        assume(np.isfinite(drawn.f(drawn.arrays)))
    gradients = drawn.by_autograd()
    assume(all(np.isfinite(g).all() for g in gradients.values()) and any(g.any() for g in gradients.values()))
    return gradients


def can_be_told(drawn: Drawn, name: str, index: tuple[int, ...], bound: float) -> bool:
    """Do the values of f in float64 hold the derivative of this entry to within `bound`? In 800 digits.

    They do if the derivative itself moves less where the arguments move in the last digit; and if there is an h, up to
    four times the number that is moved and up to 4, with which the error of a central difference and f's rounding by h
    are less, together. A larger h does not count: nearer by, f's rounding may hide a term. With every smaller h the
    error of the difference has to be less, too: a coarse step that is right by chance, with a peak of f between, can't
    be told from one that is wrong. f's rounding is what moves of the arguments in their last digit show, and what its
    values at these steps h really are off by.
    """
    rng = np.random.default_rng(0)
    exact = drawn.exact_derivative(drawn.arrays, name, index)
    value, noise = drawn.exact(drawn.arrays), EXACT.mpf(0)
    for k in range(6):
        near = {n: a * (1 + 2.0**-52 * rng.integers(-1, 2, a.shape)) for n, a in drawn.arrays.items()}
        noise = max(noise, abs(drawn.exact(near) - value), abs(EXACT.mpf(float(drawn.f(near))) - drawn.exact(near)))
        if k < 3 and abs(drawn.exact_derivative(near, name, index) - exact) > bound:
            return False
    largest = int(np.log2(4 * min(abs(drawn.arrays[name][index]) or 1, 1)))
    for h in 2.0 ** np.arange(-60, largest + 1, 2):
        values = [drawn.at(name, index, move) for move in (h, -h)]
        if not np.isfinite(values).all():
            return False
        up, down = (drawn.exact(drawn.arrays, name, index, move) for move in (h, -h))
        noise = max(noise, abs(values[0] - up), abs(values[1] - down))
        error = abs((up - down) / (2 * h) - exact)
        if error > bound:
            return False
        if error + noise / h <= bound:
            return True
    return False


def check_unresolved(drawn: Drawn, report: Report, right: dict[str, Array]) -> None:
    for name in report.names("unresolved"):
        uncertainty, scale = report.arrays[name].uncertainty, np.abs(right[name]).max()
        worst = tuple(int(i) for i in np.unravel_index(uncertainty.argmax(), uncertainty.shape))
        if scale > 0:  # no digit of a zero is known
            assert not can_be_told(drawn, name, worst, 1e-9 * scale), (name, worst)


def falsely_wrong(drawn: Drawn, report: Report, right: dict[str, Array]) -> list[str]:
    """The arrays that are called wrong though autograd's gradient, which they were given, is right in seven digits.

    Where a tanh is saturated, 1 - tanh^2 is a difference of equal numbers: autograd's own rounding makes it wrong.
    """
    return [name for name in report.names("wrong") if off(drawn, name, right[name]) < 1e-7]


def off(drawn: Drawn, name: str, gradient: Array) -> float:
    """How far it is from that of 800 digits, of its largest entry."""
    exact = [drawn.exact_derivative(drawn.arrays, name, i) for i in np.ndindex(gradient.shape)]
    error = max(abs(g - e) for g, e in zip(gradient.ravel().tolist(), exact, strict=True))
    return float(error / max(map(abs, exact))) if error else 0.0


@given(functions(), st.sampled_from(["central", "complex"]))
@settings(max_examples=EXAMPLES)
def test_a_right_gradient_is_never_wrong(drawn: Drawn, method: str) -> None:
    right = right_gradient(drawn)
    report = report_of(drawn, right, method)
    assert falsely_wrong(drawn, report, right) == []
    check_unresolved(drawn, report, right)


def depends_on(drawn: Drawn, name: str) -> bool:
    """Does f in float64, whatever the step? If not, no check can tell its gradient from 0: see docs/gradcheck.md."""
    steps = 2.0 ** np.arange(-60, 40)
    return any(
        drawn.at(name, i, h) != drawn.f(drawn.arrays) for i in np.ndindex(drawn.arrays[name].shape) for h in steps
    )


def sign(g: Array) -> None:
    g *= -1


def factor(g: Array) -> None:
    g *= 1 + 1e-3


def one_entry(g: Array) -> None:
    g.flat[-1] += 1e-3 * np.abs(g).max()


def swapped(g: Array) -> None:
    g.flat[:] = g.flat[::-1].copy()


def zeroed(g: Array) -> None:
    g *= 0


@given(
    functions(), st.sampled_from(["central", "complex"]), st.sampled_from([sign, factor, one_entry, swapped, zeroed])
)
@settings(max_examples=EXAMPLES)
def test_a_wrong_gradient_is_never_right(drawn: Drawn, method: str, change: Any) -> None:
    right = right_gradient(drawn)
    name = max(right, key=lambda name: np.abs(right[name]).max() > 0)
    gradients = {n: g.copy() for n, g in right.items()}
    change(gradients[name])
    assume(np.abs(gradients[name] - right[name]).max() > 1e-4 * np.abs(right[name]).max())
    report = report_of(drawn, gradients, method)
    assert report.arrays[name].verdict != "right" or (not gradients[name].any() and not depends_on(drawn, name))
    assert {*falsely_wrong(drawn, report, right)} <= {name}
    check_unresolved(drawn, report, right)


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("drawn", FOUND.values(), ids=FOUND)
def test_what_random_draws_have_found(drawn: Drawn, method: str) -> None:
    right = drawn.by_autograd()
    report = report_of(drawn, right, method)
    assert falsely_wrong(drawn, report, right) == []
    check_unresolved(drawn, report, right)
    for name, gradient in right.items():
        for wrong in (-gradient, 1.001 * gradient) if gradient.any() else ():
            report = report_of(drawn, right | {name: wrong}, method)
            assert report.arrays[name].verdict != "right"
            assert {*falsely_wrong(drawn, report, right)} <= {name}
            check_unresolved(drawn, report, right)


def test_how_much_can_hide_in_the_last_digit() -> None:
    """16 eps^0.6 |f| / the largest |a|, which counts as 1 if it is less."""
    eps = 2.0**-52
    for size, by in ((0.5, 1), (4.0, 4)):
        expected = 16 * eps**0.6 * 3 / by
        assert unseen(lambda a: -3.0, {"x": np.array([size, -0.1])}, "x") == pytest.approx(expected, rel=1e-12)


def test_a_report_is_at_most_79_columns_wide() -> None:
    def f(arrays: dict[str, Array]) -> Any:
        return (arrays["x"] ** 2).sum()

    x = np.linspace(-2, -1, 30)
    lines = str(gradcheck(f, {"x": x}, {"x": 2 * x})).splitlines()
    assert 76 <= max(map(len, lines)) <= 79
    assert [line.count("e+00") for line in lines[1:]] == [5] * 12


def test_a_step_of_a_staircase_is_not_taken_for_the_whole() -> None:
    """1e8 swallows x's last digits: between two of its steps f is 3 x alone, which fine steps see, and no more."""

    def f(arrays: dict[str, Array]) -> Any:
        return (np.sin(1e8 + arrays["x"]) + 3 * arrays["x"]).sum()

    arrays = {"x": np.array([0.3])}
    for gradient in (3 + np.cos(1e8 + 0.3), 3.0):
        with pytest.raises(UnresolvedGradient):
            gradcheck(f, arrays, {"x": np.array([gradient])})


@pytest.mark.parametrize("x", [10.0, 12.0, 16.0])
def test_a_saturated_function_whose_complex_values_round_otherwise(x: float) -> None:
    """1 - tanh(x) has few digits left, and not the same ones where NumPy's complex tanh computes it."""
    arrays = {"x": np.array([x])}
    with pytest.raises(UnresolvedGradient):
        gradcheck(lambda a: np.log(1 - np.tanh(a["x"])).sum(), arrays, {"x": -1 - np.tanh(arrays["x"])}, "complex")


def test_a_complex_step_that_underflows() -> None:
    """1e-100 times a gradient of 1e-250 is nothing: that gradient is unresolved, not wrong."""
    arrays = {"x": np.array([0.5, 2.0])}
    with pytest.raises(UnresolvedGradient):
        gradcheck(lambda a: (1e-250 * a["x"] ** 2).sum(), arrays, {"x": 2e-250 * arrays["x"]}, "complex")


@pytest.mark.parametrize("x", [0.3, 1.0, 2.0])
def test_how_well_a_derivative_is_known(x: float) -> None:
    """Of sin and exp, to twelve digits, and the uncertainty says no less than ten."""
    for f, derivative in ((np.sin, np.cos), (np.exp, np.exp)):
        arrays, size = {"x": np.array([x])}, abs(f(x)) + abs(derivative(x))
        value, uncertainty, *_ = central(lambda arrays, f=f: f(arrays["x"]).sum(), arrays, "x", np.ones(1), 1e-16)
        assert abs(value - derivative(x)) < min(1e-12 * size, uncertainty)
        assert uncertainty < 1e-11 * size


def test_large_steps_tell_what_the_last_digit_hides() -> None:
    """50,000 leaves no digit of 1e-8; but a step of 1 shows the derivative, and so a complex step is believed."""
    arrays = {"x": np.array([1e-8, 2e-8])}
    with pytest.raises(WrongGradient):
        gradcheck(lambda a: 5e4 + a["x"].sum(), arrays, {"x": np.full(2, 1.001)}, "complex")


def test_complex_steps_of_what_a_large_constant_swallows() -> None:
    """No real step moves f. Complex steps show x's gradient, but 1 - tanh^2 has three digits: that is no mistake."""
    arrays = {"x": np.array([16.0, 17.0]), "y": np.array([1.0])}
    right = {"x": 1e-12 * (1 - np.tanh(arrays["x"]) ** 2), "y": np.array([1e9])}
    with pytest.raises(UnresolvedGradient):
        gradcheck(lambda a: 1e9 * a["y"].sum() + 1e-12 * np.tanh(a["x"]).sum(), arrays, right, "complex")
