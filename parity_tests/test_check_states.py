"""numpy_rnn/check/causes.py: which difference of the states is said, and how large it may be."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from numpy_rnn.check import causes
from numpy_rnn.check.judge import TOLERANCE
from numpy_rnn.check.pairs import RNN

JUDGED = "The gradients are judged at the file's own states."


def said(
    monkeypatch: pytest.MonkeyPatch, error: float, one_step: float = 0.0, float32: bool = False
) -> list[tuple[str, str]]:
    """Id and text, where the states are so far off, and with one step alone so far."""
    cases: Any = [SimpleNamespace(problem=SimpleNamespace(sizes={"T": T}), theirs={"hs": np.zeros(1)}) for T in (1, 3)]
    monkeypatch.setattr(causes, "forward_error", lambda some, name: one_step if len(some) == 1 else error)
    monkeypatch.setattr(causes, "is_float32", lambda some, names: float32)
    return [(cause.id, cause.text) for cause in causes._of_the_states(RNN, cases, any_wrong=False)]


def test_a_difference_with_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"hs: the largest difference is 2.0e-01. {JUDGED}"
    assert said(monkeypatch, 0.2, one_step=0.1) == [("forward", text)]


def test_a_difference_with_several_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    where = "With one step (T = 1) it is right: look at what goes from step to step."
    assert said(monkeypatch, 0.2) == [("forward", f"hs: the largest difference is 2.0e-01. {where} {JUDGED}")]


@pytest.mark.parametrize(("float32", "allowed"), [(False, TOLERANCE), (True, 1e-5)])
def test_how_large_it_may_be(monkeypatch: pytest.MonkeyPatch, float32: bool, allowed: float) -> None:
    assert said(monkeypatch, allowed, float32=float32) == []
    assert len(said(monkeypatch, 1.01 * allowed, float32=float32)) == 1
