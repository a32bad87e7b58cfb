"""scripts/common/bugs.py: each bug can be planted, in exactly one place. scripts/plant_bugs.py plants them."""

from pathlib import Path

from common.bugs import BUGS

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug[0])
def test_the_line_is_there_once(bug: tuple[str, str, str, str]) -> None:
    description, file, right, wrong = bug
    assert (ROOT / file).read_text().count(right) == 1, description
    assert wrong != right


def test_no_two_bugs_have_one_name() -> None:
    assert len({bug[0] for bug in BUGS}) == len(BUGS)
