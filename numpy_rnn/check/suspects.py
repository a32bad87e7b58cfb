"""Which line to look at, where no known bug gives the results: by what is wrong with one step (T = 1) already."""

from typing import NamedTuple

import numpy as np

from numpy_rnn.check.judge import Case
from numpy_rnn.check.pairs import Pair


class Suspect(NamedTuple):
    target: str  # what the line computes, see template.py; "" if it may be more than one
    text: str


LSTM = {"i": "dz_i", "f": "dz_f", "g": "dz_g", "o": "dz_o", "ifg": "dc"}
GRU = {("r", "r"): "da_r", ("z", "z"): "da_z", ("rn", "rn"): "da_n", ("", "n"): "ds_n"}  # in da, in ds


def suspect(pair: Pair, cases: list[Case]) -> Suspect | None:
    """From the arrays that are wrong, and the parts of the gates in them, back to the line that all of them share."""
    one_step = [case for case in cases if case.problem.sizes["T"] == 1]
    wrong = {name for name in pair.gradients if any(case.wrong(name).any() for case in one_step)}
    if pair.name == "network":
        return _network(wrong)
    if not pair.gates:
        return None
    at = {name: _gates(pair, one_step, name) for name in ("dW_xh", "db_xh", "dW_hh", "db_hh")}
    of_input, of_state = at["dW_xh"] + at["db_xh"], at["dW_hh"] + at["db_hh"]
    both = ("".join(gate for gate in pair.gates if gate in some) for some in (of_input, of_state))
    in_da, in_ds = both
    if pair.name == "gru":
        target = GRU.get((in_da, in_ds), "ds" if in_ds and not in_da else "da" if in_da and not in_ds else "")
    else:
        target = LSTM.get(in_da, "") if in_da == in_ds else ""
    parts = in_da or in_ds
    if not parts or parts == pair.gates:
        return None
    named = f"{'parts' if len(parts) > 1 else 'part'} of {', '.join(parts)} {'are' if len(parts) > 1 else 'is'} wrong"
    alone = "" if in_da == in_ds else f", in {'dW_hh and db_hh' if in_ds else 'dW_xh and db_xh'} alone"
    return Suspect(target, f"With one step (T = 1) only the {named}{alone}.")


def _network(wrong: set[str]) -> Suspect | None:
    output = {"dW_hy", "db_y"}
    if output <= wrong:
        return Suspect("do", "dW_hy and db_y are wrong, too, so begin with dy_hat and do: equations (29), (30).")
    if not output & wrong and {"db_h", "dW_xh", "dW_hh"} <= wrong:
        return Suspect("dh", "dW_hy and db_y are right, so do is right: look at dh and dz.")
    return None


def _gates(pair: Pair, cases: list[Case], name: str) -> str:
    """The gates of which a part of this array is wrong, as the reader's columns lie."""
    found = set()
    for case in cases:
        order = case.gates.order if case.gates else pair.gates
        blocks = np.split(case.wrong(name), len(order), axis=-1)
        found |= {gate for gate, block in zip(order, blocks, strict=True) if block.any()}
    return "".join(found)
