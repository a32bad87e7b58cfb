"""What the reader's results look like: not finite, zero, float32, scaled, clipped, wrong in some entries or sizes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from numpy_rnn.check.judge import Case
from numpy_rnn.check.problems import LARGE, SATURATED, ZEROS
from numpy_rnn.types import Array

SAME = 1e-10  # relative in norm: then two results are the same


class Cause(NamedTuple):
    id: str
    gradients: tuple[str, ...]
    text: str
    equation: str = ""
    line: str = ""  # the right one
    reproduced: bool = False


def is_float32(cases: list[Case], names: tuple[str, ...]) -> bool:
    """Are these arrays float32, or rounded to it?"""
    with np.errstate(all="ignore"):
        arrays = [case.theirs[name] for case in cases for name in names]
        return all(np.array_equal(a, a.astype(np.float32)) for a in arrays)


def not_finite(cases: list[Case], wrong: tuple[str, ...]) -> Cause | None:
    bad = tuple(name for name in wrong if not all(np.isfinite(case.theirs[name]).all() for case in cases))
    return Cause("not-finite", bad, f"{', '.join(bad)}: NaN or infinity in some entries.") if bad else None


def float32(cases: list[Case], wrong: tuple[str, ...]) -> Cause | None:
    """Right, but for digits that float32 does not have. tanh' of a saturated unit has none left."""
    small = all(case.error(name) < 1e-4 for case in calm(cases) for name in wrong)
    rounded = all(is_float32(cases, (name,)) for name in wrong) or is_float32(cases, ("hs",))
    if not (small and rounded):
        return None
    return Cause("float32", wrong, "the results have the digits of float32 only: an array made without dtype=float64?")


def calm(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case.problem.kind != SATURATED]


def saturated(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case.problem.kind == SATURATED]


def same(case: Case, name: str, expected: Array) -> bool:
    """Are the reader's results what is expected? In a saturated problem rounding decides, so it is compared loosely."""
    near = SAME * np.linalg.norm(expected) + 1e-300
    if case.problem.kind == SATURATED:
        near += 1e-3 * np.abs(expected).max() + 1e3 * case.allowed[name]
    return bool(np.linalg.norm(case.theirs[name] - expected) <= near)


FACTORS: tuple[tuple[str, Callable[[dict[str, int]], float]], ...] = (
    ("1 / N", lambda s: 1 / s["N"]),
    ("1 / T", lambda s: 1 / s["T"]),
    ("1 / (N T)", lambda s: 1 / (s["N"] * s["T"])),
    ("N", lambda s: s["N"]),
    ("T", lambda s: s["T"]),
    ("C", lambda s: s["C"]),
    ("C / 2", lambda s: s["C"] / 2),
)


def scaled(cases: list[Case], wrong: tuple[str, ...]) -> Cause | None:
    """Right but for one factor, which may depend on N and T."""
    factors = []  # one for each problem
    for case in calm(cases):
        ours, theirs = (np.concatenate([a[name].ravel() for name in wrong]) for a in (case.ours, case.theirs))
        if ours.any():
            factor = float(ours @ theirs / (ours @ ours))
            if np.linalg.norm(theirs - factor * ours) > SAME * np.linalg.norm(ours) * max(1, abs(factor)):
                return None
            factors.append((factor, case.problem.sizes))
    first = factors[0][0] if factors else 1.0
    if first == 0 or all(abs(factor - 1) < SAME for factor, _ in factors):  # wrong elsewhere
        return None
    if all(np.isclose(factor, first, rtol=1e-9, atol=0) for factor, _ in factors):
        if not all(same(case, name, first * case.ours[name]) for case in saturated(cases) for name in wrong):
            return None
        digits = 6 if abs(first - 1) > 1e-4 else 12
        return Cause("scaled", wrong, f"right, but times {first:.{digits}g} everywhere.", reproduced=True)
    for name, formula in FACTORS:
        if all(np.isclose(factor, formula(sizes), rtol=1e-9, atol=0) for factor, sizes in factors):
            others = ((c, n, formula(c.problem.sizes) * c.ours[n]) for c in saturated(cases) for n in wrong)
            if not all(same(*other) for other in others):
                return None
            mean = name.startswith("1")
            text = f"right, but times {name}" + (": a mean where a sum belongs." if mean else ".")
            return Cause("mean-for-sum" if mean else "scaled", wrong, text, reproduced=True)
    return None


def clipped(cases: list[Case], wrong: tuple[str, ...]) -> Cause | None:
    """Entries cut at the same number in all problems."""
    limit = max(float(np.abs(case.theirs[name]).max()) for case in calm(cases) for name in wrong)
    above = sum((np.abs(case.ours[name]) > limit * (1 + SAME)).sum() for case in calm(cases) for name in wrong)
    if above < 3:  # so few may be equal by chance
        return None
    if not all(same(case, name, np.clip(case.ours[name], -limit, limit)) for case in cases for name in wrong):
        return None
    text = f"right, but clipped to {limit:.6g}. Clip after the check, not in the derivation."
    return Cause("clipped", wrong, text, reproduced=True)


def clipped_by_norm(cases: list[Case], wrong: tuple[str, ...]) -> Cause | None:
    """All gradients of a problem times one factor, so that their norm is at most a limit."""
    pairs = [[np.concatenate([a[name].ravel() for name in wrong]) for a in (c.ours, c.theirs)] for c in calm(cases)]
    limit = max(float(np.linalg.norm(theirs)) for _, theirs in pairs)
    cut = 0
    for ours, theirs in pairs:
        norm = float(np.linalg.norm(ours))
        factor = min(1.0, limit / norm) if norm else 1.0
        if np.linalg.norm(theirs - factor * ours) > 1e-6 * factor * norm:  # some add 1e-6 to the norm
            return None
        cut += factor < 1 - 1e-6
    if cut < 3:
        return None
    text = f"right, but scaled to a norm of {limit:.6g} where it is larger. Clip after the check."
    return Cause("clipped", wrong, text, reproduced=True)


def zero(cases: list[Case], wrong: tuple[str, ...]) -> Cause | None:
    empty = tuple(name for name in wrong if not any(case.theirs[name].any() for case in cases))
    if not empty:
        return None
    others = "" if empty == wrong else f" Wrong, too: {', '.join(name for name in wrong if name not in empty)}."
    return Cause("zero", empty, f"{', '.join(empty)}: zero in all problems.{others}")


def pattern(cases: list[Case], wrong: tuple[str, ...]) -> Cause:
    """Where the reader may look, if nothing known gives the results."""
    errors = [case.error(name) for case in calm(cases) for name in wrong if case.wrong(name).any()]
    whole = [name for name in wrong if all(case.theirs[name].dtype.kind in "iu" for case in cases)]
    if whole:
        return Cause("entries", tuple(whole), f"{', '.join(whole)}: an array of whole numbers. Make it of floats.")
    of_saturated = max((case.error(name) for case in saturated(cases) for name in wrong), default=0)
    if errors and np.median(errors) > 1e-9 and max(errors) < 1e-5 and of_saturated < 1e-2:
        text = (
            "the errors are about 1e-7, the last digit of float32: is an array on the way made without dtype=float64, "
            "or is something rounded, or a small number added?"
        )
        return Cause("float32", wrong, text)
    bad = [case for case in cases if any(case.wrong(name).any() for name in wrong)]
    entries = sum(case.wrong(name).sum() for case in bad for name in wrong)
    some = [(c, name) for c in bad for name in wrong if c.wrong(name).any() and not c.wrong(name).all()]
    if some and entries < sum(case.wrong(name).size for case in bad for name in wrong) / 2:
        return Cause("entries", wrong, f"only some entries are wrong. {_where(*some[0])}")
    for kind, hint in KINDS.items():
        if all(case.problem.kind == kind for case in bad):
            return Cause("unknown", wrong, hint)
    if len(bad) == len(cases):
        return Cause("unknown", wrong, "wrong in all problems.")
    of = f"{len(bad)} of {len(cases)} problems"
    return Cause("unknown", wrong, f"wrong in {of}{_from(bad, cases, wrong)}.")


KINDS = {
    SATURATED: "wrong only where units are saturated, with large weights: look at the derivatives of tanh and sigmoid.",
    LARGE: "wrong only with large gradients: is something limited?",
    ZEROS: "wrong only where the initial states, the biases and an input x_t are zero.",
}


def _from(bad: list[Case], cases: list[Case], wrong: tuple[str, ...]) -> str:
    """From which T, N, D or H on they are wrong, if a size tells the wrong problems from the right ones."""
    found = []
    for axis in "TNDH":
        least = min(case.problem.sizes[axis] for case in bad)
        smaller = [case.problem.sizes[axis] for case in cases if case.problem.sizes[axis] < least]
        if smaller:
            beside = sum(case.problem.sizes[axis] >= least for case in cases) - len(bad)  # right ones of this size
            if beside == 0:
                look = "what goes back in time" if "dh_0" in wrong or len(wrong) > 5 else "the sum over the steps"
                look = "the step that it is written to" if wrong == ("dx",) else look
                back = f", so look at {look}" if axis == "T" and least == 2 else ""
                found.append(f"right up to {axis} = {max(smaller)}, wrong from {axis} = {least} on{back}")
    return f": {'; or: '.join(found)}" if found else ""


def _where(case: Case, name: str) -> str:
    """What the wrong entries of one array have in common."""
    there = case.as_theirs(name, case.wrong(name))
    at, size = np.argwhere(there), there.shape
    if len(at) == 1:
        return f"In {name} of shape {size} it is {tuple(map(int, at[0]))} alone."
    same = [axis for axis in range(at.shape[1]) if size[axis] > 1 and (at[:, axis] == at[0, axis]).all()]
    last = {axis: " (the last)" if at[0, axis] == size[axis] - 1 else "" for axis in same}
    common = [f"axis {axis} is {at[0, axis]}{last[axis]}" for axis in same]
    rest = f"; in all of them {' and '.join(common)}" if common else ""
    return f"In {name} of shape {size} the first is {tuple(map(int, at[0]))}{rest}."
