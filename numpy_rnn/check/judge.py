"""Right or wrong, gradient by gradient: the reader's results beside those of the right backward pass."""

from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.check.backward import Backward
from numpy_rnn.check.forward import Gates, other_gates, right_states
from numpy_rnn.check.pairs import LAYOUTS, Arrays, Pair, to_layout
from numpy_rnn.check.problems import ORDINARY, Problem, problems
from numpy_rnn.check.rules import right, right_otherwise
from numpy_rnn.types import Array

TOLERANCE = 1e-9  # of the largest entry of an array


class Case(NamedTuple):
    """One problem, with the reader's results and ours."""

    problem: Problem
    theirs: dict[str, Any]  # the states, the gradients, "changed" and "repeats"
    states: Arrays  # the right ones
    ours: Arrays  # the right gradients at the reader's own states
    allowed: dict[str, float]  # how far two right implementations may differ
    gates: Gates | None  # their order in the reader's columns, if it is another one
    axes: dict[str, str]  # of every array, a letter for each axis
    layout: str

    def as_theirs(self, name: str, a: Array) -> Array:
        """An array of this name as the reader's lies."""
        return to_layout(a, self.axes[name], self.layout)

    def wrong(self, name: str) -> Array:
        """Which entries of a gradient are wrong."""
        difference = np.abs(self.theirs[name] - self.ours[name])
        return ~(difference <= self.allowed[name])  # a NaN is wrong, too

    def error(self, name: str) -> float:
        """The largest difference, of the largest entry."""
        largest = np.abs(self.ours[name]).max()
        difference = np.abs(self.theirs[name] - self.ours[name]).max()
        return float(difference / largest) if largest else float(difference)


class Gradient(NamedTuple):
    """The verdict on one array; the entry is the first that differs, in the reader's layout, or of a right one [0]."""

    right: bool
    error: float  # the largest of all problems
    at: tuple[int, ...]
    theirs: float
    ours: float
    sizes: dict[str, int]  # of the first problem that is wrong
    wrong_cases: int


def backward(rule: Backward, problem: Problem, states: Arrays, gates: Gates | None = None) -> Arrays:
    """The gradients by a right or a wrong rule, at these states."""
    a = problem.arguments | problem.arriving | {name: array.astype(float) for name, array in states.items()}
    with np.errstate(all="ignore"):  # the reader's states may be anything
        return gates.as_theirs(rule(gates.as_ours(a))) if gates else rule(a)


def compared(
    pair: Pair,
    results: dict[str, Any],
    truncation: tuple[int, int] | None = None,
    layout: str = LAYOUTS[0],
    drawn: list[Problem] | None = None,
) -> list[Case]:
    """All problems of a pair; other ones than the usual, if they are given."""
    drawn = problems(pair) if drawn is None else drawn
    theirs = []
    for k in range(len(drawn)):
        prefix = f"{pair.name}/{k}/"
        theirs.append({name.removeprefix(prefix): a for name, a in results.items() if name.startswith(prefix)})
    gates = _gates(pair, drawn, theirs)
    return [_case(pair, problem, each, truncation, gates, layout) for problem, each in zip(drawn, theirs, strict=True)]


def _case(
    pair: Pair,
    problem: Problem,
    theirs: dict[str, Any],
    truncation: tuple[int, int] | None,
    gates: Gates | None,
    layout: str,
) -> Case:
    given = {name: theirs[name] for name in pair.states}
    states = right_states(pair, problem.arguments)
    reached = right_states(pair, gates.as_ours(problem.arguments)) if gates else states
    ours = backward(right(pair.name, truncation), problem, given, gates)
    same = all(np.abs(given[name] - reached[name]).max() <= TOLERANCE for name in pair.states)
    others = [backward(rule, problem, given, gates) for rule in right_otherwise(pair.name, truncation, same)]
    spread = {name: 10 * max(np.abs(ours[name] - other[name]).max() for other in others) for name in ours}
    allowed = {name: TOLERANCE * np.abs(ours[name]).max() + spread[name] for name in ours}
    return Case(problem, theirs, states, ours, allowed, gates, pair.axes, layout)


def _gates(pair: Pair, drawn: list[Problem], theirs: list[dict[str, Any]]) -> Gates | None:
    """The order of the gates that gives the reader's states, if it is not the right one."""
    calm = [(p, t) for p, t in zip(drawn, theirs, strict=True) if p.kind == ORDINARY]

    def gives(gates: Gates) -> bool:
        pairs = ((right_states(pair, gates.as_ours(p.arguments)), t) for p, t in calm)
        return all(np.abs(ours[name] - t[name]).max() <= TOLERANCE for ours, t in pairs for name in pair.states)

    order = next((gates for gates in other_gates(pair) if gives(gates)), None)
    return order if order and (order.order != pair.gates or order.z_exchanged) else None


def forward_error(cases: list[Case], name: str) -> float:
    """The largest difference of these states, at most 1 or by the size of the array."""
    errors = []
    for case in cases:
        scale = max(1.0, float(np.abs(case.states[name]).max()))
        errors.append(float(np.nan_to_num(np.abs(case.theirs[name] - case.states[name]).max(), nan=np.inf)) / scale)
    return max(errors)


def gradients(pair: Pair, cases: list[Case]) -> dict[str, Gradient]:
    """Of every array. None, where the states are not finite."""
    found: dict[str, Gradient] = {}
    if not all(np.isfinite(case.theirs[name]).all() for case in cases for name in pair.states):
        return found
    for name in (*pair.gradients, *pair.more):
        if name in cases[0].theirs:
            wrong = [case for case in cases if case.wrong(name).any()]
            case = (wrong or cases)[0]
            theirs, ours, there = (
                case.as_theirs(name, a) for a in (case.theirs[name], case.ours[name], case.wrong(name))
            )
            at = tuple(int(i) for i in np.argwhere(there)[0]) if wrong else (0,) * there.ndim
            error = max(case.error(name) for case in wrong or cases)
            sizes = {axis: case.problem.sizes[axis] for axis in ("TNDHC" if pair.name == "network" else "TNDH")}
            found[name] = Gradient(not wrong, error, at, float(theirs[at]), float(ours[at]), sizes, len(wrong))
    return found


def reach(cases: list[Case]) -> list[list[bool]]:
    """[t][k]: does the gradient of E_t alone reach step k rightly, by dx_k? Each step by its own scale.

    The network has no such table: its losses cannot be given apart.
    """
    table = []
    for case in cases:
        if case.problem.loss is not None:
            ours, theirs = case.ours["dx"], case.theirs["dx"]
            near = [
                bool(np.abs(theirs[k] - ours[k]).max() <= 1e-6 * np.abs(ours[k]).max() + 1e-15)
                for k in range(len(ours))
            ]
            table.append(near)
    return table
