"""Calls a reader's functions on every problem, and refuses what cannot be judged in one sentence."""

import ast
import inspect
import json
import linecache
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from numpy_rnn.check.pairs import LAYOUTS, PAIRS, Arrays, Pair, expected_shape, from_layout, to_layout
from numpy_rnn.check.problems import Problem, problems
from numpy_rnn.types import Array

MEMORY = 4 * 2**30  # bytes of address space at most, where the system can limit it
NAMED = "TNDH"  # the sizes that a message names
REPEATED = 1e-12  # of the largest entry: two calls may round otherwise, if their arrays lie otherwise in memory


class CannotJudge(Exception):
    """With one sentence for the reader."""


def results_of(names: dict[str, Any], file: str, note: Callable[[str, int], None]) -> dict[str, Any]:
    """The settings, and all states and gradients by "pair/number of the problem/name".

    Args:
        names: what the file defines.
        file: its name, for messages.
        note: is called before each problem, with what is called and with the number of problems in all.
    """
    settings, pairs = check_settings(names), defined(names)
    settings["pairs"] = [pair.name for pair in pairs]
    results: dict[str, Any] = {"settings": json.dumps(settings)}
    total = sum(len(problems(pair)) for pair in pairs)
    for pair in pairs:
        for k, problem in enumerate(problems(pair)):
            note(f"{pair.forward} or {pair.backward}{at(problem)}", total)
            for name, a in call(pair, problem, names, settings["layout"], file).items():
                results[f"{pair.name}/{k}/{name}"] = a
    return results


def at(problem: Problem) -> str:
    return f" at {', '.join(NAMED)} = {', '.join(str(problem.sizes[axis]) for axis in NAMED)}"


def guarded(what: str, file: str, act: Callable[[], Any]) -> Any:
    """act(), or one sentence on what it raised, with the reader's own line."""
    try:
        return act()
    except SyntaxError as error:
        where = f"line {error.lineno}" if error.lineno else "it"
        raise CannotJudge(f"{what}: {where} is not Python: {error.msg}") from error
    except MemoryError as error:
        limit = at_most("RLIMIT_AS", MEMORY) / 2**30
        raise CannotJudge(f"{what}: it needs more memory than {limit:.1f} GiB") from error
    except BaseException as error:
        if gap := _first_gap(linecache.getlines(file)):
            raise CannotJudge(f"line {gap} is not filled in yet: {linecache.getline(file, gap).strip()}") from error
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        line = own[-1].lineno if own else None
        where = f" in line {line}: {linecache.getline(file, line).strip().split('  # ')[0]:.100}" if line else ""
        raise CannotJudge(f"{what}: {type(error).__name__}{_said(error)}{where}") from error


def at_most(kind: str, most: int) -> int:
    """This limit, or the system's own, such as RLIMIT_AS, where that is lower. It cannot be raised."""
    with suppress(ImportError):  # Windows has no such limits
        import resource

        limits = resource.getrlimit(getattr(resource, kind))  # the soft one, and the hard one
        return min([most, *(limit for limit in limits if limit != resource.RLIM_INFINITY)])
    return most


def _first_gap(lines: list[str]) -> int | None:
    """The number of the first line that assigns `...`, as the template does where a reader is to write."""
    with suppress(SyntaxError, ValueError):  # there may be no file that Python reads
        nodes = ast.walk(ast.parse("".join(lines)))
        values = [(n.lineno, n.value) for n in nodes if isinstance(n, (ast.Assign, ast.AnnAssign, ast.AugAssign))]
        return min((line for line, v in values if isinstance(v, ast.Constant) and v.value is ...), default=None)
    return None


def _said(error: BaseException) -> str:
    try:
        return f": {' '.join(str(error).split()):.200}"
    except Exception:  # it is the reader's own class
        return ""


def check_settings(names: dict[str, Any]) -> dict[str, Any]:
    layout = names.get("LAYOUT", LAYOUTS[0])
    if layout not in LAYOUTS:
        raise CannotJudge(f"LAYOUT: expected one of {', '.join(map(repr, LAYOUTS))}, got {layout!r:.80}")
    truncation = names.get("TRUNCATION")
    if truncation is not None:
        whole = isinstance(truncation, (tuple, list)) and len(truncation) == 2
        if not whole or not all(type(k) is int and k >= 1 for k in truncation) or truncation[1] < truncation[0]:
            raise CannotJudge(f"TRUNCATION: expected (k1, k2) with 1 <= k1 <= k2, got {truncation!r:.80}")
        truncation = list(truncation)
    return {"layout": layout, "truncation": truncation}


def defined(names: dict[str, Any]) -> list[Pair]:
    """The pairs of which the file has both functions."""
    found = []
    for pair in PAIRS:
        has = [callable(names.get(name)) for name in (pair.forward, pair.backward)]
        if any(has) and not all(has):
            missing = pair.backward if has[0] else pair.forward
            raise CannotJudge(f"{missing}: expected a function of this name in the file, got none")
        if all(has):
            found.append(pair)
    if not found:
        others = ", ".join(f"{pair.name}_..." for pair in PAIRS[1:])
        raise CannotJudge(
            f"the file: expected the functions {PAIRS[0].forward} and {PAIRS[0].backward}, or those of a pair "
            f"{others}; got none (--template prints a file to fill in)"
        )
    return found


def call(pair: Pair, problem: Problem, names: dict[str, Any], layout: str, file: str) -> dict[str, Any]:
    """The states and gradients of one problem, time first; which arguments were changed; what the second call gave."""
    given = {name: to_layout(a, pair.axes[name], layout) for name, a in problem.arguments.items()}
    before = {name: a.copy() for name, a in given.items()}
    where = at(problem)
    check_arguments(names[pair.forward], pair.forward, tuple(given))
    states = guarded(pair.forward + where, file, lambda: names[pair.forward](*given.values()))
    several = isinstance(states, tuple) or (isinstance(states, list) and len(pair.states) > 1)
    states = states if several else (states,)
    if len(states) != len(pair.states):
        got = f"{len(states)} result{'s' * (len(states) != 1)}"
        raise CannotJudge(f"{pair.forward}: expected {', '.join(pair.states)}, got {got}")
    made = {
        name: check_array(f"{pair.forward}: {name}", a, pair.axes[name], problem, layout, where)
        for name, a in zip(pair.states, states, strict=True)
    }
    if "d_hs" in pair.passed:
        given["d_hs"] = to_layout(problem.arriving["d_hs"], pair.axes["d_hs"], layout)
    given |= made
    before |= {name: a.copy() for name, a in given.items() if name not in before}
    changed = [name for name, a in given.items() if not _same(a, before[name])]
    first = backward(pair, problem, names, layout, file, where, given)
    changed += [name for name, a in given.items() if not _same(a, before[name])]
    again = backward(pair, problem, names, layout, file, where, {name: a.copy() for name, a in before.items()})
    same = bool(changed) or all(_near(first[name], again[name]) for name in first)
    results: dict[str, Any] = {name: from_layout(before[name], pair.axes[name], layout) for name in made}
    return results | first | {"changed": np.array(sorted(set(changed)), dtype=str), "repeats": np.array(same)}


def check_arguments(function: Any, name: str, arguments: tuple[str, ...]) -> None:
    """Can it be called with so many arguments?"""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        theirs = ", ".join(inspect.signature(function).parameters)
        wanted = f"{', '.join(arguments)}, given by position"
        raise CannotJudge(f"{name}: expected the arguments {wanted}, got ({theirs})") from error
    except ValueError:  # it has no signature: the call will tell
        return


def _near(a: Array, b: Array) -> bool:
    largest = np.abs(a[np.isfinite(a)]).max(initial=0)
    return np.allclose(a, b, rtol=0, atol=REPEATED * float(largest), equal_nan=True)


def _same(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def backward(
    pair: Pair, problem: Problem, names: dict[str, Any], layout: str, file: str, where: str, given: Arrays
) -> Arrays:
    """The gradients, time first."""
    arguments = {name: given[name] for name in (*pair.passed, *pair.params)}
    check_arguments(names[pair.backward], pair.backward, tuple(arguments))
    gradients = guarded(pair.backward + where, file, lambda: names[pair.backward](*arguments.values()))
    if not isinstance(gradients, dict):
        raise CannotJudge(f"{pair.backward}: expected a dict, got {type(gradients).__name__}")
    if missing := [name for name in pair.gradients if name not in gradients]:
        others = [str(name) for name in gradients if name not in (*pair.gradients, *pair.more)]
        but = f" but {', '.join(others):.80}" if others else ""
        raise CannotJudge(f"{pair.backward}: expected the keys {', '.join(pair.gradients)}, got no {missing[0]}{but}")
    results = {}
    for name in (*pair.gradients, *pair.more):
        if name in gradients:
            a = check_array(f"{pair.backward}: {name}", gradients[name], pair.axes[name], problem, layout, where)
            results[name] = from_layout(a, pair.axes[name], layout)
    return results


def check_array(what: str, a: Any, axes: str, problem: Problem, layout: str, where: str) -> Array:
    """As an array of real numbers, float32 as it is; a column may be given flat."""
    shape = expected_shape(axes, problem.sizes, layout)
    try:
        array = np.asarray(a)
    except Exception as error:
        raise CannotJudge(f"{what}{where}: expected an array of shape {shape}, got {type(a).__name__}") from error
    if a is None:
        raise CannotJudge(f"{what}{where}: expected an array of shape {shape}, got None (is a return missing?)")
    if array.dtype.kind not in "fiu":
        raise CannotJudge(f"{what}{where}: expected an array of real numbers, got dtype {array.dtype}")
    if array.shape != shape and not (len(shape) == 2 and shape[1] == 1 and array.shape == shape[:1]):
        others = [name for name in LAYOUTS if array.shape == expected_shape(axes, problem.sizes, name)]
        tip = f" (the shape of LAYOUT = {others[0]!r})" if others else ""
        if len(shape) == 2 and shape[::-1] == array.shape and axes[0] not in "NS":
            tip = " (transposed?)"
        raise CannotJudge(f"{what}{where}: expected shape {shape}, got {array.shape}{tip}")
    return array.reshape(shape).copy()
