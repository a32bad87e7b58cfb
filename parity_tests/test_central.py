"""numpy_rnn/derivative.py's `central`, on functions that are tables: any values at the steps, to the last digit."""

from collections.abc import Callable

import numpy as np
import pytest

from numpy_rnn.derivative import TERM, Derivative, _steps, central
from numpy_rnn.rounding import SAFETY, VARIES, Function
from numpy_rnn.types import Array, Params

EPS = 2.0**-52
V = np.array([1.0, 0.0])  # moves the first of two numbers


def table(a: Array, values: Callable[[float], float]) -> Function:
    """f(a + h v) = values(h) at the steps h that `central` takes. One that is lost in a's digits gives values(0)."""
    steps = np.concatenate(([0.0], _steps(a[:1]), -_steps(a[:1])))
    at = {float(a[0] + s): values(float(s)) if a[0] + s != a[0] else values(0.0) for s in steps}
    return lambda arrays: at[float(arrays["a"][0])]


def of_table(a: list[float], values: Callable[[float], float], noise: float = 0.0) -> Derivative:
    arrays: Params = {"a": np.array(a)}
    return central(table(arrays["a"], values), arrays, "a", V, noise)


def odd(slope: Callable[[float], float]) -> Callable[[float], float]:
    """(f(a + h v) - f(a - h v)) / 2h is slope(h), exactly."""
    return lambda s: slope(abs(s)) * s


def coarse_above(h: float) -> Callable[[float], float]:
    """The slope is 3 at steps above h, and 1 at h and below: D jumps, as on a staircase. The best R has the step
    h / 4, as R[k, 1] is made of two steps.
    """
    return odd(lambda s: 3.0 if s > h else 1.0)


@pytest.mark.parametrize(
    ("a", "step", "doubted"),
    [
        (0.5, 2.0**-24, True),  # 8 sqrt(eps) of the number's size, not more
        (0.5, 2.0**-22, False),
        (0.48, 2.0**-24, False),  # a little more than 8 of it, not 9
        (0.0, 2.0**-24, True),  # where the number is 0, its size is taken for 1
        (0.0, 2.0**-22, False),
        (2.0**-10, 2.0**-34, True),
        (2.0**-10, 2.0**-32, False),
    ],
)
def test_the_finest_steps_are_doubted(a: float, step: float, doubted: bool) -> None:
    """They may stand on one step of a staircase; those above 8 sqrt(eps) of the number's size may not."""
    found = of_table([a, 7.0], coarse_above(4 * step))
    assert found.value == pytest.approx(1)
    assert found.uncertainty == pytest.approx(4 if doubted else 0, abs=1e-6)


def test_the_noise_of_a_step_tells_a_jump_from_a_curve() -> None:
    """D goes over from 3 to 1 in two steps, h and h / 4. It is a curve only where the noise of f by the step is less
    than a tenth of what D is still away from 1: 1 / 8 and 1 / 16.
    """
    h = 2.0**-22
    over = odd(lambda s: {h: 1 + 1 / 8, h / 4: 1 + 1 / 16}.get(s, 3.0 if s > h else 1.0))
    assert of_table([0.5, 7.0], over).uncertainty == pytest.approx(0, abs=1e-6)
    assert of_table([0.5, 7.0], over, noise=0.0055 * (h / 4) / SAFETY).uncertainty < 1
    assert of_table([0.5, 7.0], over, noise=0.0070 * (h / 4) / SAFETY).uncertainty == pytest.approx(4)


@pytest.mark.parametrize(
    ("a", "step", "seen"),
    [
        (0.5, 2.0**-26, False),  # not finer than sqrt(eps) of the number's size: 2^-27
        (0.5, 2.0**-28, True),
        (2.0, 2.0**-25, False),  # sqrt(eps) of its size is 2^-25
        (2.0, 2.0**-27, True),
    ],
)
def test_what_the_finest_steps_show_is_rounding(a: float, step: float, seen: bool) -> None:
    """f(a + h v) + f(a - h v) - 2 f(a) is 1 at one step: curvature where h is coarse, rounding where it is fine."""
    found = of_table([a, 0.0], lambda s: float(s == step))
    assert found.hidden == (pytest.approx(SAFETY / (EPS**VARIES * a)) if seen else 0)


@pytest.mark.parametrize(
    ("a", "largest"),
    [([0.5, -0.25], 0.5), ([0.25, -0.5], 0.5), ([0.0, 0.0], 1), ([3.0, 0.5], 3), ([0.5, 3.0], 3)],
)
def test_what_rounding_hides(a: list[float], largest: float) -> None:
    """The last rounding, by eps^VARIES of the largest number if f never moves by more than its rounding; by TERM of it,
    and of 1 at most, if f does so at one step.
    """
    noise, steps = 2.0**-30, _steps(np.array(a[:1])).tolist()
    flat = SAFETY * noise / (EPS**VARIES * largest)
    assert of_table(a, lambda s: 0.0, noise).hidden == pytest.approx(flat)
    assert of_table(a, lambda s: noise / EPS).hidden == pytest.approx(flat)  # a large number, which has a last digit
    term = TERM * min(largest, 1)
    for step in (steps[0], -steps[0]):
        at_one = {step: SAFETY * noise + 2.0**-50}
        assert of_table(a, lambda s, at=at_one: at.get(s, 0.0), noise).hidden == pytest.approx(SAFETY * noise / term)
    at_the_last = odd(lambda s: 1 / s if s == steps[-1] else 0.0)  # it moves f by 1, and so by its last digit
    assert of_table(a, at_the_last, 2.0**-52).hidden == pytest.approx(SAFETY * (2.0**-52 + EPS) / term, abs=0)


@pytest.mark.parametrize(("moved", "divisor"), [(1.0, EPS**VARIES), (1.0 + EPS, TERM)])
def test_an_f_that_moves_just_by_its_rounding_is_flat(moved: float, divisor: float) -> None:
    """Its rounding is SAFETY times the noise and its last digit: here 1, to the bit."""
    noise, top = 1 / SAFETY - EPS, float(_steps(np.array([0.5]))[0])
    found = of_table([0.5, 0.5], odd(lambda s: moved / top if s == top else 0.0), noise)
    assert found.hidden == pytest.approx(SAFETY * noise / (divisor * 0.5))


def test_values_beyond_every_number_are_no_warning() -> None:
    """Out there f(a + h v) - f(a - h v) overflows; near a the slope is 1."""
    found = of_table([0.5, 7.0], odd(lambda s: 1e307 if s > 10 else 1.0))
    assert found.value == pytest.approx(1)
