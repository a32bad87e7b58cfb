"""Calls a reader's functions on every problem. It runs in a process of its own, which `runner` starts and may stop.

    python -m numpy_rnn.check.worker FILE FOLDER CHECKER

CHECKER is the number of the process that waits for it.

It writes into FOLDER: results.npz, if every call could be made, or failure.json, with one sentence; and one byte into
progress for each problem.
"""

import inspect
import json
import linecache
import os
import re
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from numpy_rnn.check.pairs import LAYOUTS, PAIRS, Arrays, Pair, expected_shape, from_layout, to_layout
from numpy_rnn.check.problems import Problem, problems
from numpy_rnn.types import Array

MEMORY = 4 * 2**30  # bytes of address space, where the system can limit it
PROBLEM = "TNDH"  # the sizes that a message names
PROCESSOR = 60  # seconds of processor time: should the runner be killed, an endless loop ends all the same


class CannotJudge(Exception):
    """With one sentence for the reader."""


def main(file: str, folder: Path, checker: int) -> None:
    _limit()
    if hasattr(os, "killpg"):  # Windows has no such thing
        Thread(target=_end_with, args=(checker,), daemon=True).start()
    process = os.getpid()
    try:
        names = load(file)
        settings = check_settings(names)
        pairs = defined(names)
        settings["pairs"] = [pair.name for pair in pairs]
        results: dict[str, Any] = {"settings": json.dumps(settings)}
        (folder / "total").write_text(str(sum(len(problems(pair)) for pair in pairs)))
        with open(folder / "progress", "ab", buffering=0) as progress:
            for pair in pairs:
                for k, problem in enumerate(problems(pair)):
                    for name, a in call(pair, problem, names, settings["layout"], file).items():
                        results[f"{pair.name}/{k}/{name}"] = a
                    progress.write(b".")
        if os.getpid() != process:  # the file has called os.fork
            os._exit(0)
        with open(folder / "unfinished.npz", "wb") as stream:
            np.savez(stream, **results)
        (folder / "unfinished.npz").rename(folder / "results.npz")
    except CannotJudge as error:
        (folder / "failure.json").write_text(json.dumps(str(error)))


def _end_with(checker: int) -> None:
    """If the checker is killed, the worker has another parent, and ends with all that it started."""
    while os.getppid() == checker:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))


def load(file: str) -> dict[str, Any]:
    """The names that the file defines."""
    sys.path.insert(0, str(Path(file).resolve().parent))
    return guarded("the file", file, lambda: runpy.run_path(file))


def guarded(what: str, file: str, act: Callable[[], Any]) -> Any:
    """act(), or one sentence on what it raised, with the reader's own line."""
    try:
        return act()
    except SyntaxError as error:
        raise CannotJudge(f"{what}: line {error.lineno} is not Python: {error.msg}") from error
    except MemoryError as error:
        raise CannotJudge(f"{what}: it needs more memory than {MEMORY // 2**30} GiB") from error
    except BaseException as error:
        if gap := re.search(r"^.*= *\.\.\..*$", Path(file).read_text(errors="replace"), re.MULTILINE):
            number = gap.string[: gap.start()].count("\n") + 1
            raise CannotJudge(f"line {number} is not filled in yet: {gap[0].strip()}") from error
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        line = own[-1].lineno if own else None
        where = f" in line {line}: {linecache.getline(file, line).strip():.100}" if line else ""
        raise CannotJudge(f"{what}: {type(error).__name__}{_said(error)}{where}") from error


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
    where = f" at {', '.join(PROBLEM)} = {', '.join(str(problem.sizes[axis]) for axis in PROBLEM)}"
    check_arguments(names[pair.forward], pair.forward, tuple(given))
    states = guarded(pair.forward + where, file, lambda: names[pair.forward](*given.values()))
    states = states if isinstance(states, tuple) else (states,)
    if len(states) != len(pair.states):
        raise CannotJudge(f"{pair.forward}: expected {', '.join(pair.states)}, got {len(states)} results")
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
    same = all(_same(first[name], again[name]) for name in first)
    results: dict[str, Any] = {name: from_layout(before[name], pair.axes[name], layout) for name in made}
    return results | first | {"changed": np.array(sorted(set(changed)), dtype=str), "repeats": np.array(same)}


def check_arguments(function: Any, name: str, arguments: tuple[str, ...]) -> None:
    """Can it be called with so many arguments?"""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        theirs = ", ".join(inspect.signature(function).parameters)
        raise CannotJudge(f"{name}: expected the arguments {', '.join(arguments)}, got ({theirs})") from error
    except ValueError:  # it has no signature: the call will tell
        return


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
        raise CannotJudge(f"{pair.backward}: expected the keys {', '.join(pair.gradients)}, got no {missing[0]}")
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
    if array.dtype.kind not in "fiu":
        raise CannotJudge(f"{what}{where}: expected an array of real numbers, got dtype {array.dtype}")
    if array.shape != shape and not (len(shape) == 2 and shape[1] == 1 and array.shape == shape[:1]):
        others = [name for name in LAYOUTS if array.shape == expected_shape(axes, problem.sizes, name)]
        tip = f" (the shape of LAYOUT = {others[0]!r})" if others else ""
        raise CannotJudge(f"{what}{where}: expected shape {shape}, got {array.shape}{tip}")
    return array.reshape(shape).copy()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
