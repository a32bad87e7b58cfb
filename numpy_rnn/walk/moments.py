"""The moments of a step: which equation it is, what goes in, what comes out, and the line of source that computes it.

The page shows them in this order: all steps forward, then all steps backward. Names in braces stand for the numbers of
steps: h_{t} is h_9 at step 9, h_{t-1} is h_8. The equations are those of docs/derivation.md.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy_rnn


class Moment(NamedTuple):
    id: str  # the name of its sentence on the page
    phase: str  # forward or backward
    equation: str
    formula: str
    operands: tuple[tuple[str, str], ...]  # the label, and the name of the array in the page
    results: tuple[tuple[str, str], ...]
    file: str
    line: str  # the beginning of the line of source


READ = (("x_{t}", "x"), ("W_xh", "W_xh"), ("b_xh", "b_xh"), ("h_{t-1}", "h_prev"), ("W_hh", "W_hh"), ("b_hh", "b_hh"))
OWN = ("∂E_{t}/∂h_{t}", "d_output")
PART = (("what step {t} adds to dW_hh", "part"),)
SENT = (("dh_next, to step {t-1}", "sent"),)


def _arrives(file: str) -> Moment:
    """Equation (3) is the same for all cells."""
    operands, results = (OWN, ("dh_next, from step {t+1}", "next")), (("dh_{t}", "dh"),)
    formula = "dh_{t} = ∂E_{t}/∂h_{t} + dh_next"
    return Moment("arrives", "backward", "(3)", formula, operands, results, file, "dh = d_output[t, live]")


def _adds(file: str, d: str) -> Moment:
    """Equation (7), too. `d` is dz, of the GRU ds."""
    operands = (("h_{t-1}", "h_prev"), (f"{d}_{{t}}", d))
    formula = f"dW_hh += h_{{t-1}}^T {d}_{{t}}"
    return Moment("adds", "backward", "(7)", formula, operands, PART, file, "dW_hh = pack(hs[:-1]")


MOMENTS = {
    "rnn": (
        Moment("state", "forward", "(1), (2)", "h_{t} = tanh(x_{t} W_xh + b_xh + h_{t-1} W_hh + b_hh)", READ,
               (("h_{t}", "h"),), "rnn.py", "return np.tanh(z)"),
        _arrives("rnn.py"),
        Moment("through", "backward", "(4)", "dz_{t} = dh_{t} ⊙ (1 - h_{t} ⊙ h_{t})",
               (("dh_{t}", "dh"), ("h_{t}", "h")), (("dz_{t}", "dz"),), "rnn.py", "dz = dh * derivative"),
        _adds("rnn.py", "dz"),
        Moment("sends", "backward", "(5)", "dh_next = dz_{t} W_hh^T", (("dz_{t}", "dz"), ("W_hh", "W_hh")), SENT,
               "rnn.py", "dh_prev = dz @ W_hh.T"),
    ),
    "lstm": (
        Moment("gates", "forward", "(10)",
               "i, f, o = sigmoid(z), g = tanh(z), z = x_{t} W_xh + b_xh + h_{t-1} W_hh + b_hh", READ,
               (("i", "i"), ("f", "f"), ("g", "g"), ("o", "o")), "lstm.py", "z_i, z_f, z_g, z_o = by_gate(a + h_prev"),
        Moment("cell", "forward", "(11)", "c_{t} = f ⊙ c_{t-1} + i ⊙ g",
               (("f", "f"), ("c_{t-1}", "c_prev"), ("i", "i"), ("g", "g")), (("c_{t}", "c"),), "lstm.py",
               "c = f * c_prev"),
        Moment("output", "forward", "(12)", "h_{t} = o ⊙ tanh(c_{t})", (("o", "o"), ("c_{t}", "c")), (("h_{t}", "h"),),
               "lstm.py", "h = o * np.tanh(c)"),
        _arrives("lstm.py"),
        Moment("into_cell", "backward", "(13)", "dc_{t} = dc_next + dh_{t} ⊙ o ⊙ (1 - tanh(c_{t})²)",
               (("dc_next, from step {t+1}", "dc_next"), ("dh_{t}", "dh"), ("o", "o"), ("c_{t}", "c")),
               (("dc_{t}", "dc"),), "lstm.py", "dc = dc_next"),
        Moment("through_gates", "backward", "(14)",
               "dz_{t} = (dc ⊙ g ⊙ i(1 - i), dc ⊙ c_{t-1} ⊙ f(1 - f), dc ⊙ i ⊙ (1 - g²), dh ⊙ tanh(c_{t}) ⊙ o(1 - o))",
               (("dc_{t}", "dc"), ("dh_{t}", "dh"), ("i", "i"), ("f", "f"), ("g", "g"), ("o", "o"),
                ("c_{t-1}", "c_prev"), ("c_{t}", "c")), (("dz_{t}", "dz"),), "lstm.py", "dz = np.concatenate"),
        _adds("lstm.py", "dz"),
        Moment("sends", "backward", "(15)", "dh_next = dz_{t} W_hh^T", (("dz_{t}", "dz"), ("W_hh", "W_hh")), SENT,
               "lstm.py", "dh_prev = dz @ W_hh.T"),
        Moment("sends_cell", "backward", "(16)", "dc_next = dc_{t} ⊙ f", (("dc_{t}", "dc"), ("f", "f")),
               (("dc_next, to step {t-1}", "dc_sent"),), "lstm.py", "dc_prev = dc * f"),
    ),
    "gru": (
        Moment("gates", "forward", "(17), (18)",
               "r, z = sigmoid(a + s), n = tanh(a + r ⊙ s), a = x_{t} W_xh + b_xh, s = h_{t-1} W_hh + b_hh", READ,
               (("r", "r"), ("z", "z"), ("n", "n")), "gru.py", "n = np.tanh(a_n + r * s_n)"),
        Moment("mixes", "forward", "(19)", "h_{t} = (1 - z) ⊙ n + z ⊙ h_{t-1}",
               (("z", "z"), ("n", "n"), ("h_{t-1}", "h_prev")), (("h_{t}", "h"),), "gru.py", "h = (1 - z) * n"),
        _arrives("gru.py"),
        Moment("through_gates", "backward", "(20)",
               "da_{t} = (da_n ⊙ s_n ⊙ r(1 - r), dh ⊙ (h_{t-1} - n) ⊙ z(1 - z), da_n), da_n = dh ⊙ (1 - z) ⊙ (1 - n²)",
               (("dh_{t}", "dh"), ("r", "r"), ("z", "z"), ("n", "n"), ("s_n", "s_n"), ("h_{t-1}", "h_prev")),
               (("da_{t}", "da"),), "gru.py", "da_n = dh * (1 - z)"),
        Moment("reset", "backward", "(21)", "ds_{t} = da_{t}, its third part ⊙ r", (("da_{t}", "da"), ("r", "r")),
               (("ds_{t}", "ds"),), "gru.py", "ds = np.concatenate"),
        _adds("gru.py", "ds"),
        Moment("sends", "backward", "(22)", "dh_next = dh_{t} ⊙ z + ds_{t} W_hh^T",
               (("dh_{t}", "dh"), ("z", "z"), ("ds_{t}", "ds"), ("W_hh", "W_hh")), SENT, "gru.py",
               "dh_prev = dh * z"),
    ),
}  # fmt: skip


def as_data(cell: str) -> list[dict[str, Any]]:
    """The moments of a cell for the page, with the number and the text of their line in the installed source."""
    source = Path(numpy_rnn.__file__).parent
    found = []
    for moment in MOMENTS[cell]:
        lines = (source / moment.file).read_text().splitlines()
        (number,) = [k for k, line in enumerate(lines, 1) if line.strip().startswith(moment.line)]
        where = {"file": f"numpy_rnn/{moment.file}", "line": number, "text": lines[number - 1].strip()}
        found.append(moment._asdict() | where)
    return found
