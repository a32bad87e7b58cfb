"""The verdict on a gradient: by hand and numerically beside each other, array by array.

Each array is judged by its own scale, the largest entry of its gradient. There are three answers:

wrong        by hand and numerically differ, by more than the tolerance and the uncertainty of the numeric value
unresolved   not wrong, but float64 can't tell: the numeric value is not known to four digits of the largest entry
right        neither
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from numpy_rnn.types import Array

RESOLUTION = 1e-4  # of the largest entry: numeric values that are less certain are unresolved (or the tolerance)
VERDICTS = ("right", "unresolved", "wrong")


@dataclass(frozen=True)
class Comparison:
    """One array's gradient: every entry, in the array's shape, or derivatives along random directions (directions,)."""

    by_hand: Array
    numeric: Array
    uncertainty: Array  # of numeric; with complex steps it is known only where by hand is another value
    verdict: str  # "right", "wrong" or "unresolved"
    worst: tuple[int, ...]  # where the two differ most, beyond the uncertainty
    error: float  # |by_hand - numeric| there / the largest entry of both
    allowed: float  # the tolerance + the largest uncertainty / the largest entry


@dataclass(frozen=True)
class Report:
    """The worst entry of all, and every array. str(report) shows both gradients of each array beside each other."""

    array: str
    index: tuple[int, ...]  # empty for a random direction
    by_hand: float
    numeric: float
    error: float
    allowed: float
    compared: int  # entries, or directions, of all arrays
    arrays: dict[str, Comparison]

    @classmethod
    def of(cls, arrays: dict[str, Comparison], directions: bool) -> Self:
        """The worst array is a wrong one if there is one, else an unresolved one, the one with the largest error."""
        badness = {name: (VERDICTS.index(c.verdict), c.error) for name, c in arrays.items()}
        array = max(badness, key=lambda name: badness[name])
        c = arrays[array]
        compared = sum(c.by_hand.size for c in arrays.values())
        return cls(
            array,
            () if directions else c.worst,
            float(c.by_hand[c.worst]),
            float(c.numeric[c.worst]),
            c.error,
            c.allowed,
            compared,
            arrays,
        )

    def names(self, verdict: str) -> list[str]:
        return [name for name, c in self.arrays.items() if c.verdict == verdict]

    def __str__(self) -> str:
        lines = []
        for name, c in self.arrays.items():
            lines.append(f"{name}: {c.verdict}, error {c.error:.1e} of the largest entry, allowed {c.allowed:.1e}")
            for title, a in (("  by hand      ", c.by_hand), ("  numerically  ", c.numeric)):
                lines.append(title + np.array2string(a, 79, prefix=title, formatter={"float_kind": "{:.4e}".format}))
        return "\n".join(lines)

    def summary(self) -> str:
        """One line: the worst entry, and which arrays are wrong, unresolved and right."""
        where = f"{self.array}[{', '.join(map(str, self.index))}]" if self.index else self.array
        unresolved = f"unresolved: {', '.join(self.names('unresolved'))}; " if self.names("unresolved") else ""
        return (
            f"{where}: by hand {self.by_hand:.9g}, numerically {self.numeric:.9g}, error "
            f"{self.error:.1e} of the largest entry, allowed {self.allowed:.1e}; wrong: "
            f"{', '.join(self.names('wrong')) or 'none'}; {unresolved}right: "
            f"{', '.join(self.names('right')) or 'none'}"
        )


class WrongGradient(AssertionError):
    """Raised by `gradcheck`. .wrong, .unresolved and .right are names of arrays; .report has the numbers."""

    def __init__(self, report: Report):
        super().__init__(report.summary())
        self.report = report
        self.wrong, self.unresolved, self.right = map(report.names, ("wrong", "unresolved", "right"))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.report,)  # to another process: the arguments, not the message


class UnresolvedGradient(ValueError):
    """Raised by `gradcheck` where no gradient is wrong, but float64 can't tell that all are right. .report as above."""

    def __init__(self, report: Report, advice: str):
        super().__init__(f"f: expected gradients that stand out of its rounding, got {report.summary()} ({advice})")
        self.report, self.advice = report, advice

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.report, self.advice)


def judge(by_hand: Array, numeric: Array, uncertainty: Array, tolerance: float) -> Comparison:
    """One array's verdict."""
    scale = scale_of(by_hand, numeric)
    with np.errstate(invalid="ignore"):
        difference = np.where(np.isfinite(by_hand), np.abs(by_hand - numeric), np.inf)
        excess = difference - (tolerance * scale + uncertainty)  # a NaN here is wrong, too
    resolved = uncertainty.max() <= max(tolerance, RESOLUTION) * scale
    is_wrong = not excess.max() <= 0
    where = excess if is_wrong or resolved else uncertainty  # what is unresolved shows the least certain entry
    worst = tuple(int(i) for i in np.unravel_index(where.argmax(), where.shape))
    verdict = "wrong" if is_wrong else "right" if resolved else "unresolved"
    error = float(difference[worst] / scale) if scale else (0.0 if difference[worst] == 0 else np.inf)
    allowed = tolerance + (float(uncertainty.max() / scale) if scale else 0.0)
    return Comparison(by_hand, numeric, uncertainty, verdict, worst, error, allowed)


def scale_of(by_hand: Array, numeric: Array) -> float:
    """The largest entry of both; a NaN or an infinity by hand is no scale."""
    return float(max(np.abs(numeric).max(), np.abs(by_hand[np.isfinite(by_hand)]).max(initial=0)))


def differ(by_hand: Array, numeric: Array, tolerance: float) -> Array:
    """Where the two are further apart than the tolerance; of NaN and infinity there is no doubt."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(by_hand - numeric) > tolerance * scale_of(by_hand, numeric)
    return apart & np.isfinite(by_hand)
