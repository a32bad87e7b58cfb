"""Right or wrong, gradient by gradient: the reader's results beside those of the right backward pass."""

from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.check.backward import ByCosh, RNNBackward, Truncated
from numpy_rnn.check.pairs import Arrays, Pair
from numpy_rnn.check.problems import Problem, problems
from numpy_rnn.types import Array

TOLERANCE = 1e-9  # of the largest entry of an array


class Case(NamedTuple):
    """One problem, with the reader's results and ours."""

    problem: Problem
    theirs: dict[str, Any]  # the states, the gradients, "changed" and "repeats"
    hs: Array  # the right states, (T + 1, N, H)
    ours: Arrays  # the right gradients at the reader's own states
    allowed: dict[str, float]  # how far two right implementations may differ

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
    """The verdict on one array; the entry is the first that differs, or of a right one the first of all."""

    right: bool
    error: float  # the largest of all problems
    at: tuple[int, ...]
    theirs: float
    ours: float
    sizes: dict[str, int]  # T, N, D, H of the first problem that is wrong
    wrong_cases: int


def rnn_states(arguments: Arrays) -> Array:
    """h_0 and h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h), Eq. (1) and (2), (T + 1, N, H)."""
    hs = [arguments["h_0"]]
    for x_t in arguments["x"]:
        hs.append(np.tanh(x_t @ arguments["W_xh"] + hs[-1] @ arguments["W_hh"] + arguments["b_h"]))
    return np.array(hs)


def backward(rule: RNNBackward, case: Problem, hs: Array) -> Arrays:
    """The gradients by a right or a wrong rule, at these states."""
    with np.errstate(all="ignore"):
        a = case.arguments
        return rule(case.d_hs, a["x"], hs.astype(float), a["W_xh"], a["W_hh"], a["b_h"])


def with_truncation(rule: RNNBackward, truncation: tuple[int, int] | None) -> RNNBackward:
    return Truncated(*truncation, rule) if truncation and not isinstance(rule, Truncated) else rule


def compared(pair: Pair, results: dict[str, Any], truncation: tuple[int, int] | None) -> list[Case]:
    """All problems of a pair."""
    cases = []
    for k, problem in enumerate(problems(pair)):
        prefix = f"{pair.name}/{k}/"
        theirs = {name.removeprefix(prefix): a for name, a in results.items() if name.startswith(prefix)}
        hs = rnn_states(problem.arguments)
        ours = backward(with_truncation(RNNBackward(), truncation), problem, theirs["hs"])
        otherwise = backward(with_truncation(ByCosh(), truncation), problem, theirs["hs"])
        same = np.abs(theirs["hs"] - hs).max() <= TOLERANCE  # else tanh' can't be formed of z
        spread = {name: 10 * np.abs(ours[name] - otherwise[name]).max() if same else 0.0 for name in ours}
        allowed = {name: TOLERANCE * np.abs(ours[name]).max() + spread[name] for name in ours}
        cases.append(Case(problem, theirs, hs, ours, allowed))
    return cases


def forward_error(cases: list[Case]) -> float:
    """The largest difference of the states; they are at most 1."""
    return max(float(np.nan_to_num(np.abs(case.theirs["hs"] - case.hs).max(), nan=np.inf)) for case in cases)


def gradients(pair: Pair, cases: list[Case]) -> dict[str, Gradient]:
    found = {}
    for name in pair.gradients | pair.more:
        if name in cases[0].theirs:
            wrong = [case for case in cases if case.wrong(name).any()]
            case = (wrong or cases)[0]
            at = tuple(int(i) for i in np.argwhere(case.wrong(name))[0]) if wrong else (0,) * case.ours[name].ndim
            error = max(case.error(name) for case in wrong or cases)
            theirs, ours = float(case.theirs[name][at]), float(case.ours[name][at])
            found[name] = Gradient(not wrong, error, at, theirs, ours, case.problem.sizes, len(wrong))
    return found


def reach(cases: list[Case]) -> list[list[bool]]:
    """[t][k]: does the gradient of E_t alone reach step k rightly, by dx_k? Each step by its own scale."""
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
