"""The verdict as text, at most 80 columns, and as JSON."""

import json
import textwrap
from typing import Any, NamedTuple

from numpy_rnn.check.causes import Cause, causes
from numpy_rnn.check.judge import Gradient, compared, gradients, reach
from numpy_rnn.check.pairs import PAIRS
from numpy_rnn.check.runner import Run

WIDTH = 80
STATUS = {"right": 0, "wrong": 1, "could not judge": 2}
RED, GREEN, PLAIN = "\x1b[1;38;2;213;94;0m", "\x1b[1;38;2;0;135;220m", "\x1b[0m"  # vermilion and blue


class Verdict(NamedTuple):
    verdict: str  # a key of STATUS
    failure: str  # why it could not be judged
    gradients: dict[str, Gradient]
    causes: list[Cause]
    reach: list[list[bool]]  # see judge.reach
    problems: int
    truncation: tuple[int, int] | None
    output: str  # what the file printed


def verdict(run: Run) -> Verdict:
    if run.results is None:
        return Verdict("could not judge", run.failure, {}, [], [], 0, None, run.output)
    k1_k2 = json.loads(str(run.results["settings"]))["truncation"]
    truncation = tuple(k1_k2) if k1_k2 else None
    (pair,) = PAIRS
    cases = compared(pair, run.results, truncation)
    found = gradients(pair, cases)
    why = causes(cases, found, truncation)
    return Verdict("wrong" if why else "right", "", found, why, reach(cases), len(cases), truncation, run.output)


def as_json(v: Verdict) -> dict[str, Any]:
    """Numbers that JSON has no word for, NaN and infinity, are strings."""
    result: dict[str, Any] = {
        "verdict": v.verdict,
        "gradients": {
            name: {
                "right": g.right,
                "error": _number(g.error),
                "index": list(g.at),
                "theirs": _number(g.theirs),
                "ours": _number(g.ours),
            }
            for name, g in v.gradients.items()
        },
        "causes": [cause._asdict() | {"gradients": list(cause.gradients)} for cause in v.causes],
        "problems": v.problems,
    }
    return result | ({"failure": v.failure} if v.failure else {})


def _number(x: float) -> float | str:
    return x if abs(x) < float("inf") else str(x)


def as_text(v: Verdict, colour: bool) -> str:
    """What the file printed stands first, apart from the verdict."""
    lines = ["--- the file printed:", v.output.rstrip("\n"), "---"] if v.output else []
    if v.verdict == "could not judge":
        return "\n".join([*lines, *_wrapped(f"could not judge. {v.failure}")])
    lines += [f"{'gradient':9}{'verdict':10}{'error':>9}  the first entry that differs (error: the largest)"]
    lines += [_line(name, g, colour) for name, g in v.gradients.items()]
    if v.causes:
        lines += ["", "Why, the most likely first:"]
        for number, cause in enumerate(v.causes, 1):
            lines += _cause(number, cause)
    if not all(map(all, v.reach)):
        lines += ["", *_reach(v.reach)]
    rule = f" The right gradient is that of TBPTT{v.truncation}, as TRUNCATION says." if v.truncation else ""
    wrong = [name for name, g in v.gradients.items() if not g.right]
    summary = f"Wrong: {', '.join(wrong)}." if wrong else "All gradients are right."
    return "\n".join([*lines, "", *_wrapped(f"{summary} {v.problems} problems.{rule}")])


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _line(name: str, g: Gradient, colour: bool) -> str:
    word = f"{'right' if g.right else 'wrong':10}"
    word = f"{GREEN if g.right else RED}{word}{PLAIN}" if colour else word
    if g.right:
        return f"{name:9}{word}{g.error:9.1e}"
    sizes = ", ".join(f"{axis} {size}" for axis, size in g.sizes.items())
    index = "[" + ", ".join(map(str, g.at)) + "]"
    digits = 6 if f"{g.theirs:.6g}" != f"{g.ours:.6g}" else 12
    entry = f"{index} is {g.theirs:.{digits}g}, should be {g.ours:.{digits}g}"
    first, *more = textwrap.wrap(entry, WIDTH - 30, break_on_hyphens=False)
    more.append(f"at {sizes}; wrong in {g.wrong_cases} problems")
    return "\n".join([f"{name:9}{word}{g.error:9.1e}  {first}", *(" " * 30 + line for line in more)])


def _cause(number: int, cause: Cause) -> list[str]:
    how = " (the known bug gives exactly these results)" if cause.reproduced else ""
    lines = [f"{number}. {cause.id}{how}", *_wrapped(cause.text, "   ")]
    if cause.line:
        lines += [f"   Eq. {cause.equation}: {cause.line}"]
    return lines


def _reach(table: list[list[bool]]) -> list[str]:
    """Rows: one loss alone; columns: the steps that its gradient goes back to."""
    T = len(table)
    lines = [
        "The gradient of which E_t reaches which step wrongly (X), by dx:",
        "      step " + " ".join(str(k + 1) for k in range(T)),
    ]
    for t, row in enumerate(table):
        lines.append(f"       E_{t + 1} " + " ".join("." if good else "X" for good in row).rstrip())
    return lines
