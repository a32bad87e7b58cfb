"""Every public function, with thousands of wrong arguments: it works, or it says in one error what is wrong with which.

Only ValueError and TypeError may be raised, and the message has to name an argument of the function. Nothing else may
happen to a caller's mistake: no IndexError from the depths, no answer from a masked array, no crash.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpy_rnn.checks import shown
from parity_tests.bad_input import Call, calls, wrong_values

FOLDER = Path(tempfile.mkdtemp())
CALLS = calls(FOLDER)
WRONG = wrong_values()
ARRAYS = hnp.arrays(
    st.one_of(hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.complex_number_dtypes(), hnp.boolean_dtypes()),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # a text may be taken for the name of a file


def check(call: Call, changed: dict[str, Any]) -> None:
    """The function works, or names an argument, or an entry of one."""
    names = {*call.arguments} | {name for value in call.arguments.values() if isinstance(value, dict) for name in value}
    with np.errstate(all="ignore"):
        try:
            call.function(**call.arguments | changed)
            return
        except ValueError as error:
            message = str(error)
        except TypeError:  # Python's own, as for a list that is no dictionary key
            return
    names |= {"checkpoint"} if "file" in names else set()  # so the scripts call it
    names |= {"h_0"} if "h" in names else set()  # the layer's name for it
    form = rf"(.*\W)?({'|'.join(map(re.escape, names))})\b.*: expected .+, got .+"
    assert re.fullmatch(form, message, re.DOTALL)
    assert len(message) < 1000
    assert not message.endswith("got None") or any(value is None for value in changed.values())


@pytest.mark.filterwarnings("ignore")  # of NaN, of infinity and of complex numbers where they are allowed
@pytest.mark.parametrize("name", sorted(CALLS))
def test_each_argument_with_each_wrong_value(name: str) -> None:
    new = calls(FOLDER)
    for argument in new[name].arguments:
        for value in WRONG.values():
            if not (callable(value) and callable(new[name].arguments[argument])):  # the caller's own function fails
                check(new[name], {argument: value})


@pytest.mark.filterwarnings("ignore")
@given(st.sampled_from(sorted(CALLS)), st.data())
def test_several_arguments_at_once(name: str, data: st.DataObject) -> None:
    call = CALLS[name]
    plain = [argument for argument, value in call.arguments.items() if not callable(value)]
    if plain:
        values = st.one_of(st.sampled_from(sorted(WRONG)).map(WRONG.get), ARRAYS, st.integers(-3, 9), st.floats())
        check(call, data.draw(st.dictionaries(st.sampled_from(plain), values, min_size=1, max_size=3)))


def test_what_came_is_shown_in_a_line() -> None:
    assert shown(np.ones((3, 2), np.float32)) == "float32 (3, 2)"
    assert shown("a" * 5) == "'aaaaa'"
    assert shown([0] * 1000) == f"[{'0, ' * 66}0 ..."
