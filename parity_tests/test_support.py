"""parity_tests/support.py: the comparison that every gradient goes through would notice."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from parity_tests.support import TALLIES, assert_close

RIGHT = np.random.default_rng(0).normal(size=(3, 4))


@pytest.fixture(autouse=True)
def _no_trace_in_the_summary() -> Iterator[None]:
    yield
    for key in [key for key in TALLIES if key[0] == "trial"]:
        del TALLIES[key]


@pytest.mark.parametrize(
    "wrong",
    [
        RIGHT * (1 + 2e-12),
        RIGHT + 1e-11 * np.eye(3, 4),
        RIGHT[:2],
        RIGHT.astype(np.float32),
        np.where(RIGHT.max() == RIGHT, np.nan, RIGHT),
        RIGHT * np.inf,
        RIGHT * 0,
    ],
    ids=["scaled", "one entry", "shape", "dtype", "NaN", "infinite", "zero"],
)
def test_a_wrong_array_fails(wrong: Any) -> None:
    with pytest.raises(AssertionError, match="trial"):
        assert_close("trial", wrong, RIGHT)


def test_a_right_array_passes_and_is_noted() -> None:
    assert_close("trial", RIGHT * (1 + 1e-14), RIGHT)
    assert_close("trial", RIGHT.copy(), RIGHT)
    tally = TALLIES["trial", "float64"]
    assert tally.examples == 2
    assert tally.worst == pytest.approx(1e-14, rel=0.1)
    assert 1e-12 / 2 < tally.noticed < 2e-12


def test_a_nan_stays_in_the_summary() -> None:
    with pytest.raises(AssertionError):
        assert_close("trial", RIGHT * np.nan, RIGHT)
    assert_close("trial", RIGHT, RIGHT)
    assert np.isnan(TALLIES["trial", "float64"].worst)


def test_what_the_size_lets_pass_shows_in_the_summary() -> None:
    """Measured against a size a thousand times its norm, an error has to be a thousand times larger."""
    assert_close("trial", RIGHT * (1 + 1e-10), RIGHT, size=1e3 * float(np.linalg.norm(RIGHT)))
    assert TALLIES["trial", "float64"].noticed == pytest.approx(1e-9, rel=0.8)
    assert_close("trial", RIGHT * 0, RIGHT * 0)  # nothing can be planted into zeros
    assert TALLIES["trial", "float64"].noticed == pytest.approx(1e-9, rel=0.8)
