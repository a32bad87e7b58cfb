"""numpy_rnn/check/causes.py: which difference of the states is said and how large it may be; which cause is first."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from numpy_rnn.check import causes
from numpy_rnn.check.forward import Gates
from numpy_rnn.check.judge import TOLERANCE
from numpy_rnn.check.pairs import GRU, LSTM, NETWORK, RNN, Pair
from numpy_rnn.check.patterns import Cause
from numpy_rnn.check.template import right_line

JUDGED = "The gradients are judged at the file's own states."


def found(
    monkeypatch: pytest.MonkeyPatch,
    error: float,
    one_step: float = 0.0,
    float32: bool = False,
    pair: Pair = RNN,
    any_wrong: bool = False,
) -> list[Cause]:
    """The causes where the states differ by `error`, and by `one_step` in the problem of one step."""
    theirs = {name: np.zeros(1) for name in ("hs", "cs", "y_hat", "losses")}
    cases: Any = [SimpleNamespace(problem=SimpleNamespace(sizes={"T": T}), theirs=theirs) for T in (1, 3)]
    monkeypatch.setattr(causes, "forward_error", lambda some, name: one_step if len(some) == 1 else error)
    monkeypatch.setattr(causes, "is_float32", lambda some, names: float32)
    monkeypatch.setattr(causes, "_reset", lambda cases: "")
    return list(causes._of_the_states(pair, cases, any_wrong))


def said(*arguments: Any, **others: Any) -> list[tuple[str, str]]:
    return [(cause.id, cause.text) for cause in found(*arguments, **others)]


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


@pytest.mark.parametrize("any_wrong", [False, True])
@pytest.mark.parametrize(
    ("pair", "name", "equation", "target"),
    [
        (RNN, "hs", "(1), (2)", "hs[t + 1]"),
        (NETWORK, "hs", "(1), (2)", "hs[t + 1]"),
        (LSTM, "cs", "(10), (11)", ""),
        (GRU, "hs", "(18), (19)", ""),
    ],
)
def test_where_to_look(
    pair: Pair, name: str, equation: str, target: str, any_wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gates of LSTM and GRU are not seen, so a wrong gradient may have the same cause as a wrong state."""
    judged = JUDGED
    if any_wrong and pair in (LSTM, GRU):
        judged = "The gates are not among the states, so the gradients may be wrong for the same reason."
    text = f"{name}: the largest difference is 2.0e-01. {judged}"
    line = right_line(pair.name, target).text if target else ""
    assert found(monkeypatch, 0.2, 0.2, pair=pair, any_wrong=any_wrong) == [
        Cause("forward", (), text, equation, line, reproduced=False)
    ]


@pytest.mark.parametrize(
    ("gates", "text", "equation"),
    [
        (Gates("ifgo", "figo"), "gates in the order f, i, g, o. Here the order is i, f, g, o.", "(10), (11)"),
        (Gates("rzn", "zrn"), "gates in the order z, r, n. Here the order is r, z, n.", "(17), (18)"),
        (
            Gates("rzn", "zrn", z_exchanged=True),
            "gates in the order z, r, n, and z and 1 - z are exchanged. Here the order is r, z, n.",
            "(17), (18)",
        ),
    ],
)
def test_other_gates_are_said(gates: Gates, text: str, equation: str) -> None:
    """By the first problem, as they are the same in all. The gradients are judged with them."""
    cases: Any = [SimpleNamespace(gates=g, theirs={"changed": [], "repeats": True}) for g in (gates, None)]
    text = f"the states are those of {text} The gradients are judged with the file's own gates."
    expected = Cause("gates-swapped", (), text, equation, line="", reproduced=True)
    assert list(causes._of_calls(LSTM, cases, any_wrong=True)) == [expected]


@pytest.mark.parametrize(
    ("changed", "repeats", "expected"),
    [
        (([], []), (True, True), []),
        (
            (["x"], ["hs", "x"]),
            (True, True),
            [("argument-changed", "the functions write into hs, x, which belongs to the caller. Work on a copy.")],
        ),
        (
            ([], []),
            (True, False),
            [("not-repeatable", "two calls of backward with the same arguments give different results.")],
        ),
    ],
)
def test_what_is_said_of_the_calls(changed: Any, repeats: Any, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all problems."""
    monkeypatch.setattr(causes, "_of_the_states", lambda *_: ())
    cases: Any = [
        SimpleNamespace(gates=None, theirs={"changed": c, "repeats": r}) for c, r in zip(changed, repeats, strict=True)
    ]
    assert [(cause.id, cause.text) for cause in causes._of_calls(RNN, cases, any_wrong=True)] == expected


WRONG, OF_STATES = ("dW_hh", "dx"), Cause("forward", (), "")
PATTERN, KNOWN, ZERO = (Cause(name, WRONG, "") for name in ("pattern", "known", "zero"))


@pytest.mark.parametrize(
    ("answers", "pair", "truncation", "expected"),
    [
        ({}, RNN, None, [PATTERN]),
        ({"_known": KNOWN, "zero": ZERO, "float32": OF_STATES}, RNN, None, [KNOWN]),
        (
            {"_known": KNOWN, "zero": ZERO},
            RNN,
            (1, 2),
            [ZERO],
        ),  # a known bug may give zeros, too, if truncated
        ({"_known": KNOWN, "zero": ZERO._replace(gradients=("dx",))}, RNN, (1, 2), [KNOWN]),  # it explains a part
        ({"zero": ZERO, "float32": KNOWN}, RNN, None, [ZERO]),
        ({"zero": ZERO._replace(gradients=("dx",))}, RNN, (1, 2), [ZERO._replace(gradients=("dx",))]),
        ({"float32": KNOWN}, RNN, None, [KNOWN]),
        ({"not_finite": ZERO, "_known": KNOWN}, RNN, None, [ZERO]),
        ({"_of_calls": [OF_STATES]}, RNN, None, [OF_STATES, PATTERN]),
        ({"_of_calls": [OF_STATES]}, LSTM, None, [OF_STATES]),  # its gates are not among the states
        ({"_of_calls": [OF_STATES._replace(id="not-repeatable")]}, LSTM, None, [..., PATTERN]),
        ({"_of_calls": [OF_STATES], "_known": KNOWN}, LSTM, None, [OF_STATES, KNOWN]),
    ],
)
def test_the_most_likely_cause(
    answers: dict[str, Any], pair: Pair, truncation: Any, expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("not_finite", "zero", "_known", "float32"))
    for name, answer in (nothing | {"_of_calls": [], "_by_pattern": PATTERN} | answers).items():
        monkeypatch.setattr(causes, name, lambda *_, answer=answer: answer)
    verdicts: Any = {name: SimpleNamespace(right=name not in WRONG) for name in ("dW_hh", "dW_xh", "dx")}
    expected = [answers["_of_calls"][0] if cause is ... else cause for cause in expected]
    assert causes.causes(pair, [], verdicts, truncation) == expected
