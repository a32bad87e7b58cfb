"""The numbers of the page, by the shipped layers; those of a planted bug by the check's known bugs."""

import math
from typing import Any

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.check.backward import RNNBackward, written
from numpy_rnn.check.variants import LaterLossLost
from numpy_rnn.check.variants_rnn import TanhNoSquare, TransposeMissing
from numpy_rnn.check.variants_sums import NextStateInWhh
from numpy_rnn.split import jacobians, single_losses
from numpy_rnn.types import Array
from numpy_rnn.walk.task import Sequence

GATES = {"rnn": (), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n", "s_n")}
BUGS = {  # of the RNN: its name, the known bug, the moment it changes, the wrong formula, and which parts are wrong
    "dropped": ("dh_next dropped", LaterLossLost, "arrives", "dh_{t} = ∂E_{t}/∂h_{t}, and dh_next is dropped",
                "The diagonal stays right: there the gradient comes from the loss of the same step, not from dh_next."),
    "transpose": ("transpose missing", TransposeMissing, "sends", "dh_next = dz_{t} W_hh, without the transpose",
                  "The diagonal stays right: from E_t to step t no gradient has gone back through W_hh."),
    "state": ("h_{t} for h_{t-1}", NextStateInWhh, "adds", "dW_hh += h_{t}^T dz_{t}, with h_{t} for h_{t-1}",
              "Every part is wrong, but dh and dz are right: the gradient goes back rightly, and is then "
              "multiplied with the wrong state."),
    "tanh": ("wrong tanh'", TanhNoSquare, "through", "dz_{t} = dh_{t} ⊙ (1 - h_{t}), without the square",
             "Every part is wrong: each has gone through at least one tanh."),
}  # fmt: skip


def run(cell: str, layer: RNNBase, sequence: Sequence) -> dict[str, Any]:
    """All numbers of one network and one sequence, without the axis N.

    Arrays with two leading axes (T, T) are of the loss of step t at step k: G what it adds to dW_hh, dz (of the GRU da
    and ds) and, of an LSTM, dc what arrives at step k, sent (and dc_sent) what goes on to step k - 1.
    """
    x, h_0, d_output, T = sequence.x, sequence.h_0, sequence.d_output, len(sequence.x)
    pair = len(layer.state_names) > 1
    _, _, cache = layer.forward(x, h_0)
    found: dict[str, Any] = {"cell": cell, "x": x[:, 0], "d_output": d_output[:, 0]}
    for name, states in zip(layer.state_names, cache.layers[0].states, strict=True):
        found |= {f"{name}_0": states[0, 0], f"{name}s": states[:, 0]}
    found["gates"] = {name: cache.layers[0].gates[:, i, 0] for i, name in enumerate(GATES[cell])}
    found["params"] = layer.params
    arrays = {"G": "W_hh_l0"} | ({"da": "b_xh_l0", "ds": "b_hh_l0"} if cell == "gru" else {"dz": "b_xh_l0"})
    parts = {name: np.zeros((T, T, *layer.params[param].shape)) for name, param in arrays.items()}
    parts |= {name: np.zeros((T, T, layer.hidden_size)) for name in ("sent", *(("dc", "dc_sent") if pair else ()))}
    for t, k, grads in single_losses(layer, x, d_output, h_0):  # with N = 1 the gradient of a bias is dz of the step
        for name, param in arrays.items():
            parts[name][t, k] = grads.params[param]
        if pair:
            parts["sent"][t, k], parts["dc_sent"][t, k] = (d[0, 0] for d in grads.h_0)
            parts["dc"][t, k] = parts["dc_sent"][t, k] / found["gates"]["f"][k]  # equation (16) is dc_sent = dc * f
        else:
            parts["sent"][t, k] = grads.h_0[0, 0]
    norms = {name: jacobians(layer, x, h_0, name) for name in layer.state_names}
    found["jacobian"] = {name: np.linalg.norm(J, 2, axis=(1, 2)) for name, J in norms.items()}
    found |= {"symbols": sequence.symbols, "labels": sequence.labels, "losses": sequence.losses}
    found["p_right"] = [math.exp(-E) for E in sequence.losses]  # E_t = -log p of the right symbol
    return found | parts | {"bugs": {name: bug(name, found) for name in BUGS} if cell == "rnn" else {}}


def bug(name: str, right: dict[str, Any]) -> dict[str, Any]:
    """What the run is with a planted bug: G, dz and sent for the loss of step t at step k."""
    title, known, moment, formula, why = BUGS[name]
    rule, p, T = written(known, RNNBackward), right["params"], len(right["x"])
    W_hh, hs = p["W_hh_l0"], right["hs"][:, None]
    a = {"x": right["x"][:, None], "hs": hs, "W_xh": p["W_xh_l0"], "W_hh": W_hh, "b_h": p["b_xh_l0"] + p["b_hh_l0"]}
    G, dz = np.zeros((T, T, *W_hh.shape)), np.zeros((T, *right["d_output"].shape))
    sent = dz.copy()
    for t in range(T):
        one = np.zeros((T, 1, len(W_hh)))
        one[t] = right["d_output"][t]  # the loss of step t alone
        dz[t] = rule.through_time(a | {"d_hs": one})["dz"][:, 0]
        for k in range(t + 1):
            at_k: Array = np.zeros_like(one)
            at_k[k] = dz[t, k]  # dW_hh is linear in dz: so much of it comes from step k
            G[t, k], sent[t, k] = rule.dW_hh(hs, at_k), rule.dh_prev(dz[t, k], W_hh)
    text: dict[str, Any] = {"name": title, "moment": moment, "formula": formula, "why": why}
    if name == "state":
        text["operands"] = [["h_{t} ✗", "h"], ["dz_{t}", "dz"]]
    return {"G": G, "dz": dz, "sent": sent, "dropped": name == "dropped"} | text
