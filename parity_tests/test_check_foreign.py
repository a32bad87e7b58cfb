"""numpy_rnn/check on networks in styles of other hands (parity_tests/foreign), right ones and wrong ones.

They were written from docs/check.md and docs/derivation.md alone, without a look at the checker.
"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from numpy_rnn.check import template
from numpy_rnn.check.calls import call, check_settings, defined, results_of
from numpy_rnn.check.judge import compared, gradients
from numpy_rnn.check.problems import problems
from numpy_rnn.check.report import Verdict, verdict
from numpy_rnn.check.runner import Run
from parity_tests.check_styles import RIGHT

FOREIGN = {file.stem: file.read_text() for file in sorted((Path(__file__).parent / "foreign").glob("*.py"))}
BUGS = json.loads((Path(__file__).parent / "foreign" / "bugs.json").read_text())  # style, id, what is replaced by what
ALL = FOREIGN | RIGHT | {f"template {pair}": source for pair, source in template.FILLED.items()}
NO_REPRODUCTION = ("zero", "not-finite", "float32")


def defined_by(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "mine.py", "exec"), names)
    return names


def judged(source: str) -> Verdict:
    """As the command, but in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a wrong network may divide by zero
        quiet: Callable[[str, int], None] = lambda what, total: None  # noqa: E731
        return verdict(Run(results_of(defined_by(source), "mine.py", quiet), "", ""))


@pytest.mark.parametrize("style", ALL)
def test_a_right_one_is_right_on_a_thousand_problems(style: str) -> None:
    names = defined_by(ALL[style])
    settings = check_settings(names)
    truncation = tuple(settings["truncation"]) if settings["truncation"] else None
    (pair,) = defined(names)
    number, seed = 0, 0
    while number < 1000:
        seed += 1  # seed 0 has the problems of the command
        drawn, results = problems(pair, seed), {}
        for k, problem in enumerate(drawn):
            for name, a in call(pair, problem, names, settings["layout"], "mine.py").items():
                results[f"{pair.name}/{k}/{name}"] = a
        cases = compared(pair, results, truncation, settings["layout"], drawn)
        wrong = {name: gradient for name, gradient in gradients(pair, cases).items() if not gradient.right}
        assert not wrong, (seed, wrong)
        number += len(drawn)


@pytest.mark.parametrize("style", FOREIGN)
def test_a_bug_has_the_same_first_cause_in_every_style(style: str) -> None:
    bugs = [(cause, changes) for base, cause, changes in BUGS if base == style]
    assert bugs
    for cause, changes in bugs:
        source = FOREIGN[style]
        for old, new in changes:
            assert source.count(old) == 1, old
            source = source.replace(old, new)
        found = judged(source)
        assert (found.verdict, found.causes[0].id) == ("wrong", cause), changes
        assert found.causes[0].reproduced or cause in NO_REPRODUCTION, changes


def test_there_are_bugs_of_every_kind() -> None:
    assert len(BUGS) > 400
    assert {style.partition("_")[0] for style, _, _ in BUGS} == {"rnn", "network", "lstm", "gru"}
    assert len({cause for _, cause, _ in BUGS}) >= 18
