"""Why a gradient is wrong: by reproduction, then by pattern."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from numpy_rnn.check.judge import TOLERANCE, Case, Gradient, backward, forward_error, with_truncation
from numpy_rnn.check.problems import LARGE, SATURATED
from numpy_rnn.check.variants import BUGS

SAME = 1e-10  # relative in norm: then a known bug gives the reader's results


class Cause(NamedTuple):
    id: str
    gradients: tuple[str, ...]
    text: str
    equation: str = ""
    line: str = ""  # the right one
    reproduced: bool = False


def causes(cases: list[Case], verdicts: dict[str, Gradient], truncation: tuple[int, int] | None) -> list[Cause]:
    """What is wrong, the most likely first. Nothing where all is right."""
    wrong = tuple(name for name, verdict in verdicts.items() if not verdict.right)
    found = list(_of_calls(cases))
    if not wrong or not all(np.isfinite(case.theirs["hs"]).all() for case in cases):
        return found
    for look in (_not_finite, _zero, _float32, _known, _scaled, _clipped):
        cause = look(cases, wrong, truncation)
        if cause:
            return [*found, cause]
    return [*found, _pattern(cases, wrong)]


def _of_calls(cases: list[Case]) -> Iterator[Cause]:
    """What can be said before any gradient is looked at."""
    error = forward_error(cases)
    if error > (1e-5 if _is_float32(cases, ("hs",)) else TOLERANCE):
        text = f"the states differ by up to {error:.1e}. The gradients are judged at the file's own states."
        yield Cause("forward", (), text, "(1), (2)", "h_t = np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)")
    changed = sorted({str(name) for case in cases for name in case.theirs["changed"]})
    if changed:
        text = f"the functions write into {', '.join(changed)}, which belongs to the caller. Work on a copy."
        yield Cause("argument-changed", (), text)
    if not all(case.theirs["repeats"] for case in cases):
        yield Cause("not-repeatable", (), "two calls of backward with the same arguments give different results.")


def _is_float32(cases: list[Case], names: tuple[str, ...]) -> bool:
    """Are these arrays float32, or rounded to it?"""
    with np.errstate(all="ignore"):
        arrays = [case.theirs[name] for case in cases for name in names]
        return all(np.array_equal(a, a.astype(np.float32)) for a in arrays)


def _not_finite(cases: list[Case], wrong: tuple[str, ...], truncation: tuple[int, int] | None) -> Cause | None:
    bad = tuple(name for name in wrong if not all(np.isfinite(case.theirs[name]).all() for case in cases))
    return Cause("not-finite", bad, f"{', '.join(bad)}: NaN or infinity in some entries.") if bad else None


def _float32(cases: list[Case], wrong: tuple[str, ...], truncation: tuple[int, int] | None) -> Cause | None:
    """Right, but for digits that float32 does not have. tanh' of a saturated unit has none left."""
    calm = [case for case in cases if case.problem.kind != SATURATED]
    small = all(case.error(name) < 1e-4 for case in calm for name in wrong)
    rounded = any(_is_float32(cases, (name,)) for name in wrong) or _is_float32(cases, ("hs",))
    if not (small and rounded):
        return None
    return Cause("float32", wrong, "the results have the digits of float32 only: an array made without dtype=float64?")


def _known(cases: list[Case], wrong: tuple[str, ...], truncation: tuple[int, int] | None) -> Cause | None:
    """The known bug that gives the same results on every problem that is not saturated."""
    for bug in BUGS:
        rule = with_truncation(bug, truncation)
        if all(_gives(backward(rule, case.problem, case.theirs["hs"]), case) for case in _calm(cases)):
            return Cause(bug.id, wrong, bug.text, bug.equation, bug.line, True)
    return None


def _calm(cases: list[Case]) -> list[Case]:
    return [case for case in cases if case.problem.kind != SATURATED]


def _gives(arrays: dict[str, np.ndarray], case: Case) -> bool:
    """Are these the reader's gradients? dz and dh are not asked for: with a bug each may mean something else."""
    return all(
        np.linalg.norm(case.theirs[name] - a) <= SAME * np.linalg.norm(a) + 1e-300
        for name, a in arrays.items()
        if name not in ("dz", "dh")
    )


FACTORS: tuple[tuple[str, Callable[[dict[str, int]], float]], ...] = (
    ("1 / N", lambda s: 1 / s["N"]),
    ("1 / T", lambda s: 1 / s["T"]),
    ("1 / (N T)", lambda s: 1 / (s["N"] * s["T"])),
    ("N", lambda s: s["N"]),
    ("T", lambda s: s["T"]),
)


def _scaled(cases: list[Case], wrong: tuple[str, ...], truncation: tuple[int, int] | None) -> Cause | None:
    """Right but for one factor, which may depend on N and T."""
    factors = []  # one for each problem
    for case in _calm(cases):
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
        return Cause("scaled", wrong, f"right, but times {first:.6g} everywhere.", reproduced=True)
    for name, formula in FACTORS:
        if all(np.isclose(factor, formula(sizes), rtol=1e-9, atol=0) for factor, sizes in factors):
            mean = name.startswith("1")
            text = f"right, but times {name}" + (": a mean where a sum belongs." if mean else ".")
            return Cause("mean-for-sum" if mean else "scaled", wrong, text, reproduced=True)
    return None


def _clipped(cases: list[Case], wrong: tuple[str, ...], truncation: tuple[int, int] | None) -> Cause | None:
    """Entries cut at the same number in all problems."""
    limit = max(float(np.abs(case.theirs[name]).max()) for case in _calm(cases) for name in wrong)
    if all(np.abs(case.ours[name]).max() <= limit for case in _calm(cases) for name in wrong):  # nothing is cut
        return None
    for case in _calm(cases):
        for name in wrong:
            cut = np.clip(case.ours[name], -limit, limit)
            if np.linalg.norm(case.theirs[name] - cut) > SAME * np.linalg.norm(cut):
                return None
    text = f"right, but clipped to {limit:.6g}. Clip after the check, not in the derivation."
    return Cause("clipped", wrong, text, reproduced=True)


def _zero(cases: list[Case], wrong: tuple[str, ...], truncation: tuple[int, int] | None) -> Cause | None:
    empty = tuple(name for name in wrong if not any(case.theirs[name].any() for case in cases))
    if not empty:
        return None
    others = "" if empty == wrong else f" {', '.join(n for n in wrong if n not in empty)} is wrong for another reason."
    return Cause("zero", empty, f"{', '.join(empty)}: zero in all problems.{others}")


def _pattern(cases: list[Case], wrong: tuple[str, ...]) -> Cause:
    """Where the reader may look, if nothing known gives the results."""
    bad = [case for case in cases if any(case.wrong(name).any() for name in wrong)]
    entries = sum(case.wrong(name).sum() for case in bad for name in wrong)
    if entries < sum(case.wrong(name).size for case in bad for name in wrong) / 2:
        first = next(name for name in wrong if bad[0].wrong(name).any())
        return Cause("entries", wrong, f"only some entries are wrong. {_where(bad[0], first)}")
    for kind, hint in KINDS.items():
        if all(case.problem.kind == kind for case in bad):
            return Cause("unknown", wrong, hint)
    if len(bad) == len(cases):
        return Cause("unknown", wrong, "wrong in all problems.")
    return Cause("unknown", wrong, f"wrong in {len(bad)} of {len(cases)} problems{_from(bad, cases)}.")


KINDS = {
    SATURATED: "wrong only where tanh is saturated, with large weights: look at dz = dh * (1 - h * h), Eq. (4).",
    LARGE: "wrong only with large gradients: is something limited?",
}


def _from(bad: list[Case], cases: list[Case]) -> str:
    """From which T, N, D or H on they are wrong: the size that tells the wrong problems from the right ones best."""
    found = []
    for axis in "TNDH":
        least = min(case.problem.sizes[axis] for case in bad)
        smaller = [case.problem.sizes[axis] for case in cases if case.problem.sizes[axis] < least]
        if smaller:
            beside = sum(case.problem.sizes[axis] >= least for case in cases) - len(bad)  # right ones of this size
            found.append((beside, f": right up to {axis} = {max(smaller)}, wrong from {axis} = {least} on"))
    return min(found)[1] if found else ""


def _where(case: Case, name: str) -> str:
    """What the wrong entries of one array have in common."""
    at, size = np.argwhere(case.wrong(name)), case.ours[name].shape
    if len(at) == 1:
        return f"In {name} of shape {size} it is {tuple(map(int, at[0]))} alone."
    same = [f"axis {axis} is {at[0, axis]}" for axis in range(at.shape[1]) if (at[:, axis] == at[0, axis]).all()]
    common = f"; in all of them {' and '.join(same)}" if same else ""
    return f"In {name} of shape {size} the first is {tuple(map(int, at[0]))}{common}."
