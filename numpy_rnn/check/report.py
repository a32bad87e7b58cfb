"""The verdict as text, at most 80 columns, and as JSON."""

import json
import textwrap
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.check.causes import Cause, causes
from numpy_rnn.check.judge import Gradient, compared, gradients, reach
from numpy_rnn.check.pairs import LAYOUTS, PAIRS
from numpy_rnn.check.runner import Run

WIDTH = 80
STATUS = {"right": 0, "wrong": 1, "could not judge": 2}
RED, GREEN, NO_COLOUR = "\x1b[1;38;2;213;94;0m", "\x1b[1;38;2;0;135;220m", "\x1b[0m"  # vermilion and blue


class PairVerdict(NamedTuple):
    prefix: str  # of the gradients' names: "" for the first pair of a file, then "lstm." and so on
    layout: str
    gradients: dict[str, Gradient]
    causes: list[Cause]
    reach: list[list[bool]]  # see judge.reach


class Verdict(NamedTuple):
    verdict: str  # a key of STATUS
    failure: str  # why it could not be judged
    pairs: list[PairVerdict]
    problems: int
    truncation: tuple[int, int] | None
    output: str  # what the file printed

    @property
    def gradients(self) -> dict[str, Gradient]:
        """Of all pairs, by name."""
        return {pair.prefix + name: g for pair in self.pairs for name, g in pair.gradients.items()}

    @property
    def causes(self) -> list[Cause]:
        named = []
        for pair in self.pairs:
            for cause in pair.causes:
                named.append(cause._replace(gradients=tuple(pair.prefix + name for name in cause.gradients)))
        return named


def verdict(run: Run) -> Verdict:
    if run.results is None:
        return Verdict("could not judge", run.failure, [], 0, None, run.output)
    settings = json.loads(str(run.results["settings"]))
    truncation = tuple(settings["truncation"]) if settings["truncation"] else None
    found: list[PairVerdict] = []
    number = 0
    for pair in PAIRS:
        if pair.name in settings["pairs"]:
            prefix = f"{pair.name}." if found else ""
            with np.errstate(all="ignore"):  # the reader's numbers may be anything
                cases = compared(pair, run.results, truncation, settings["layout"])
                verdicts = gradients(pair, cases)
                why = causes(pair, cases, verdicts, truncation)
            found.append(PairVerdict(prefix, settings["layout"], verdicts, why, reach(cases)))
            number += len(cases)
    word = "wrong" if any(pair.causes for pair in found) else "right"
    return Verdict(word, "", found, number, truncation, run.output)


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
    printed = _printable(v.output).rstrip("\n")
    lines = ["--- the file printed:", printed, "---"] if v.output else []
    if v.verdict == "could not judge":
        return "\n".join([*lines, *_wrapped(f"could not judge. {_printable(v.failure)}")])
    for pair in v.pairs:
        lines += ["", *_pair(pair, colour)] if pair.prefix else _pair(pair, colour)
    rule = f" The right gradient is that of TBPTT{v.truncation}, as TRUNCATION says." if v.truncation else ""
    wrong = [name for name, g in v.gradients.items() if not g.right]
    forward = any(cause.id in ("forward", "gates-swapped") and not cause.gradients for cause in v.causes)
    summary = f"Wrong: {', '.join(['the forward pass'] * forward + wrong)}." if wrong or forward else ""
    if v.gradients and not wrong:  # there are none where the states are not finite
        at_theirs = " The gradients are those of the right formulas at these states."
        summary += at_theirs if forward else " All gradients are right."
        summary += " But see above." if v.causes and not forward else ""
    return "\n".join([*lines, "", *_wrapped(f"{summary.strip()} {v.problems} problems were tried.{rule}")])


def _printable(text: str) -> str:
    """Nothing that steers the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


def _pair(pair: PairVerdict, colour: bool) -> list[str]:
    width = max([10, *(len(pair.prefix + name) + 2 for name in pair.gradients)])
    more = " (error: the largest)" if width + 69 <= WIDTH else ""
    head = f"{'gradient':{width}}{'verdict':9}{'error':>8}  the first entry that differs{more}"
    lines = [head] if pair.gradients else []
    lines += [_line(f"{pair.prefix + name:{width}}", g, colour) for name, g in pair.gradients.items()]
    if pair.causes:
        lines += ["", "Why, the most likely first:" if len(pair.causes) > 1 else "Why:"]
        for number, cause in enumerate(pair.causes, 1):
            lines += _cause(number, cause, pair.layout)
    if not all(map(all, pair.reach)) and not all(g.right for g in pair.gradients.values()):
        lines += ["", *_reach(pair.reach)]
    return lines


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _line(name: str, g: Gradient, colour: bool) -> str:
    word = f"{'right' if g.right else 'wrong':9}"
    word = f"{GREEN if g.right else RED}{word}{NO_COLOUR}" if colour else word
    if g.right:
        return f"{name}{word}{g.error:8.1e}"
    indent = len(name) + 19
    sizes = ", ".join(f"{axis} {size}" for axis, size in g.sizes.items())
    index = "[" + ", ".join(map(str, g.at)) + "]"
    digits = 6 if f"{g.theirs:.6g}" != f"{g.ours:.6g}" else 12
    entry = f"{index} is {g.theirs:.{digits}g}, should be {g.ours:.{digits}g}"
    first, *more = textwrap.wrap(entry, WIDTH - indent, break_on_hyphens=False)
    more += textwrap.wrap(f"at {sizes}; wrong in {g.wrong_cases} problem{'s' * (g.wrong_cases > 1)}", WIDTH - indent)
    return "\n".join([f"{name}{word}{g.error:8.1e}  {first}", *(" " * indent + line for line in more)])


def _cause(number: int, cause: Cause, layout: str) -> list[str]:
    how = " (the known bug gives exactly these results)" if cause.reproduced else ""
    lines = [f"{number}. {cause.id}{how}", *_wrapped(cause.text, "   ")]
    line = f"{cause.line}  (in the layout and with the names of --template)" if layout != LAYOUTS[0] else cause.line
    if cause.line and cause.equation:
        lines += _wrapped(f"Eq. {cause.equation}: {line}", "   ")
    elif cause.line or cause.equation:
        lines += _wrapped(line if cause.line else f"Look at Eq. {cause.equation}.", "   ")
    return lines


def _reach(table: list[list[bool]]) -> list[str]:
    T = len(table)
    lines = [
        "The gradient of one loss alone. Row: the loss; column: the step; X: its dx is",
        "wrong there. (Gradients go back in time: above the diagonal all has to be 0.)",
        "      step " + " ".join(str(k + 1) for k in range(T)),
    ]
    for t, row in enumerate(table):
        lines.append(f"       E_{t + 1} " + " ".join("." if good else "X" for good in row).rstrip())
    return lines
