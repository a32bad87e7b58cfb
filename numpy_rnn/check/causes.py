"""Why a gradient is wrong: by reproduction, then by pattern."""

from collections.abc import Iterator

import numpy as np

from numpy_rnn.check.backward import Backward, Truncated
from numpy_rnn.check.forward import Gates, reset_before
from numpy_rnn.check.judge import TOLERANCE, Case, Gradient, backward, forward_error
from numpy_rnn.check.pairs import Arrays, Pair
from numpy_rnn.check.patterns import (
    Cause,
    calm,
    clipped,
    clipped_by_norm,
    float32,
    is_float32,
    not_finite,
    pattern,
    same,
    saturated,
    scaled,
    zero,
)
from numpy_rnn.check.rules import RIGHT, known_bugs, truncated
from numpy_rnn.check.suspects import suspect
from numpy_rnn.check.template import right_line


def causes(
    pair: Pair, cases: list[Case], verdicts: dict[str, Gradient], truncation: tuple[int, int] | None
) -> list[Cause]:
    """What is wrong, the most likely first. Nothing where all is right."""
    wrong = tuple(name for name, verdict in verdicts.items() if not verdict.right)
    found = list(_of_calls(pair, cases, bool(wrong)))
    if not wrong:
        return found
    vanished = zero(cases, wrong) if truncation else None  # a bug may be nothing else in windows of one step
    vanished = vanished if vanished and vanished.gradients == wrong else None
    if cause := not_finite(cases, wrong) or vanished or _known(pair, cases, wrong, truncation):
        return [*found, cause]
    if cause := zero(cases, wrong) or float32(cases, wrong):
        return [*found, cause]
    if pair.gates and any(cause.id == "forward" for cause in found):
        return found  # the gates are not among the states: the gradients may be wrong for the same reason
    return [*found, _by_pattern(pair, cases, wrong)]


LAST_LINE = {"dh_0": "dh_next", "dc_0": "dc_next", "dx": "dx[t]"}  # what the line of an array computes


def _by_pattern(pair: Pair, cases: list[Case], wrong: tuple[str, ...]) -> Cause:
    """With the line to look at, if a single array is wrong, or a single one where there is one step alone (T = 1)."""
    first = tuple(name for name in wrong if any(c.wrong(name).any() for c in cases if c.problem.sizes["T"] == 1))
    cause = scaled(cases, wrong) or clipped(cases, wrong) or clipped_by_norm(cases, wrong)
    if cause and pair.name == "network" and len(wrong) >= len(pair.gradients):
        return _with_line(pair, cause, "dy_hat")
    found = suspect(pair, cases) if len(wrong) > 1 else None
    if not cause:
        cause = pattern(cases, wrong)
        if 0 < len(first) < len(wrong) and not found:
            verb = "is" if len(first) == 1 else "are"
            cause = _and(cause, f"With one step (T = 1) only {', '.join(first)} {verb} wrong.")
    if found and not cause.reproduced:
        cause = _and(cause, found.text)
        return _with_line(pair, cause, found.target) if found.target else cause
    alone = first if len(first) == 1 else wrong
    if alone == wrong and alone in (("dh_0",), ("dc_0",)):
        name = alone[0][:2]
        return cause._replace(
            text=f"{cause.text} {name}_0 is what the first step sends back: {name}_next, after the loop."
        )
    return _with_line(pair, cause, LAST_LINE.get(alone[0], alone[0])) if len(alone) == 1 else cause


def _and(cause: Cause, sentence: str) -> Cause:
    return cause._replace(text=f"{cause.text} {sentence}")


def _with_line(pair: Pair, cause: Cause, target: str) -> Cause:
    line = right_line(pair.name, target)
    return cause._replace(equation=line.equation, line=line.text)


FORWARD = {  # of the first state that differs: the equations, and the line if it can only be one
    "rnn hs": ("(1), (2)", "hs[t + 1]"),
    "network hs": ("(1), (2)", "hs[t + 1]"),
    "network y_hat": ("(26), (27)", ""),
    "network losses": ("(28)", "losses[t]"),
    "lstm cs": ("(10), (11)", ""),
    "lstm hs": ("(10), (12)", ""),
    "gru hs": ("(18), (19)", ""),
}


def _of_calls(pair: Pair, cases: list[Case], any_wrong: bool) -> Iterator[Cause]:
    """What can be said before any gradient is looked at."""
    if gates := cases[0].gates:
        text = "z and 1 - z are exchanged: the states are those of h_t = z * n + (1 - z) * h_prev."
        if gates.order != gates.right:
            exchanged = ", and z and 1 - z are exchanged" if gates.z_exchanged else ""
            text = f"the states are those of gates in the order {', '.join(gates.order)}{exchanged}. Here the order "
            text += f"is {', '.join(gates.right)}."
        text += " The gradients are judged with the file's own gates."
        yield Cause("gates-swapped", (), text, _equation(gates), reproduced=True)
    else:
        yield from _of_the_states(pair, cases, any_wrong)
    changed = sorted({str(name) for case in cases for name in case.theirs["changed"]})
    if changed:
        text = f"the functions write into {', '.join(changed)}, which belongs to the caller. Work on a copy."
        yield Cause("argument-changed", (), text)
    if not all(case.theirs["repeats"] for case in cases):
        yield Cause("not-repeatable", (), "two calls of backward with the same arguments give different results.")


def _equation(gates: Gates) -> str:
    """Where gates may have been exchanged. The LSTM's i and f also by (11), if f multiplies i's part."""
    if gates.right == "ifgo":
        return "(10), (11)" if gates.order == "figo" else "(10)"
    return "(19)" if gates.order == gates.right else "(17), (18)"


def _of_the_states(pair: Pair, cases: list[Case], any_wrong: bool) -> Iterator[Cause]:
    """The first one that differs, with one step alone (T = 1) if it does there: else the steps mix them up."""
    names = ("cs", "hs") if pair.name == "lstm" else pair.states
    for name in names:
        if not all(np.isfinite(case.theirs[name]).all() for case in cases):
            yield Cause("forward", (), f"{name} has NaN or infinity, so the gradients cannot be judged.")
            return
    one_step = [case for case in cases if case.problem.sizes["T"] == 1]
    for some, where in (
        (one_step, ""),
        (cases, " With one step (T = 1) it is right: look at what goes from step to step."),
    ):
        for name in names:
            if forward_error(some, name) > (1e-5 if is_float32(cases, (name,)) else TOLERANCE):
                judged = "The gradients are judged at the file's own states."
                if pair.gates and any_wrong:
                    judged = "The gates are not among the states, so the gradients may be wrong for the same reason."
                equation, target = FORWARD[f"{pair.name} {name}"]
                line = right_line(pair.name, target).text if target else ""
                text = f"{name}: the largest difference is {forward_error(cases, name):.1e}.{where} {judged}"
                text = f"{_reset(cases)} {judged}" if pair.name == "gru" and _reset(cases) else text
                yield Cause("forward", (), text, equation, line)
                return


def _reset(cases: list[Case]) -> str:
    """Are these the states of a GRU with the reset gate before the product?"""
    for exchanged, also in ((False, ""), (True, " And z and 1 - z are exchanged.")):
        gates = Gates("rzn", "rzn", exchanged)
        if all(
            np.abs(case.theirs["hs"] - reset_before(gates.as_ours(case.problem.arguments))).max() <= TOLERANCE
            for case in cases
        ):
            return f"the reset gate acts before the product, (r * h) @ W_hn; here it acts after it, r * s_n.{also}"
    return ""


def _known(pair: Pair, cases: list[Case], wrong: tuple[str, ...], truncation: tuple[int, int] | None) -> Cause | None:
    """The known bug that gives the same results on every problem; saturated ones are compared loosely."""
    if cases[0].gates and _reproduces(truncated(RIGHT[pair.name](), truncation), pair, cases, with_gates=False):
        order = ", ".join(pair.gates)
        text = f"the backward pass is that of the gates {order} as they are here, so it does not fit this forward pass."
        return Cause("gates-swapped", wrong, text, reproduced=True)
    if truncation and _reproduces(RIGHT[pair.name](), pair, cases):
        text = "the gradient is not truncated, though TRUNCATION says that it is."
        return Cause("truncated", wrong, text, reproduced=True)
    for bug, rule in known_bugs(pair.name, truncation):
        if _reproduces(rule, pair, cases):
            text = bug.text
            if truncation and type(bug) is Truncated:
                text = f"the gradient is that of TBPTT({bug.k1}, {bug.k2}); TRUNCATION says {truncation}."
            return Cause(bug.id, wrong, text, *right_line(pair.name, bug.target), True)
    return None


def _reproduces(rule: Backward, pair: Pair, cases: list[Case], with_gates: bool = True) -> bool:
    for case in [*calm(cases), *saturated(cases)]:
        states = {name: case.theirs[name] for name in pair.states}
        if not _gives(backward(rule, case.problem, states, case.gates if with_gates else None), pair, case):
            return False
    return True


def _gives(arrays: Arrays, pair: Pair, case: Case) -> bool:
    """Are these the reader's gradients? dz and dh are not asked for: with a bug each may mean something else."""
    return all(same(case, name, arrays[name]) for name in pair.gradients)
