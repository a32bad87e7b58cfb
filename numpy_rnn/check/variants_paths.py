"""The known bugs of the ways back: the LSTM's through cell and state, the GRU's past its gates. See variants."""

import numpy as np

from numpy_rnn.check.backward import Backward
from numpy_rnn.check.gated import GRUBackward, LSTMBackward, Step
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.types import Array


class WithOwnLoss(Backward):
    """One line has d_hs[t], the gradient of E_t alone, in the place of dh."""

    id = "path-lost"

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        self.own = own
        return super().dh(own, after, t, T)


class CellPathLost(LSTMBackward):
    id, target = "path-lost", "dc"
    text = "dc gets nothing from the cell of step t + 1: dc_next is left out."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return super().dc(np.zeros_like(dc_next), dh, s)


class StatePathLost(LSTMBackward):
    id, target = "path-lost", "dh"
    text = (
        "dh gets nothing from the state of step t + 1: dh_next is left out. What the cell sends back, dc_next, stays."
    )

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own


class PathFromStateToCellLost(LSTMBackward):
    id, target = "path-lost", "dc"
    text = "dc gets nothing from h_t = o * tanh(c_t) of its own step."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return dc_next


class BothPathsLost(StatePathLost):
    id = "later-loss-lost"
    text = "dh and dc get the gradient of E_t alone: dh_next and dc_next are left out."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return super().dc(np.zeros_like(dc_next), dh, s)


class CellLineMissing(CellPathLost):
    target = "dc_next"
    text = "dc_next stays zero, and so does dc_0: its line is missing, or multiplies dc_next itself."

    def dc_prev(self, dc: Array, s: Step) -> Array:
        return np.zeros_like(dc)


class StateLineMissing(StatePathLost):
    text = "dh_next stays zero, and so does dh_0: its line is missing. (dc_next, from the cell, stays.)"

    def dh_0(self, after: Array) -> Array:
        return np.zeros_like(after)


class BothLinesMissing(BothPathsLost):
    text = "dh_next and dc_next stay zero, and so do dh_0 and dc_0: their lines are missing."

    def dh_0(self, after: Array) -> Array:
        return np.zeros_like(after)

    def dc_prev(self, dc: Array, s: Step) -> Array:
        return np.zeros_like(dc)


class CellAccumulated(LSTMBackward):
    id, target = "accumulated", "dc_next"
    text = "dc_next is added up over the steps: += where = belongs. So later losses count more than once."

    def through_time(self, a: Arrays) -> Arrays:
        self.total = np.zeros_like(a["cs"][0])
        return super().through_time(a)

    def dc_prev(self, dc: Array, s: Step) -> Array:
        self.total = self.total + super().dc_prev(dc, s)
        return self.total


class CellWithOwnLoss(WithOwnLoss, LSTMBackward):
    target = "dc"
    text = "dc is formed with d_hs[t], not with dh: what dh_next brings does not reach the cell."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return super().dc(dc_next, self.own, s)


class OutputGateWithOwnLoss(WithOwnLoss, LSTMBackward):
    target = "dz_o"
    text = "dz_o is formed with d_hs[t], not with dh: what dh_next brings does not reach the gate o."

    def dz_o(self, dh: Array, dc: Array, s: Step) -> Array:
        return super().dz_o(self.own, dc, s)


class CellSentFromTheStateAlone(LSTMBackward):
    id, target = "path-lost", "dc_next"
    text = "dc_next lacks what dc_next has brought: it is f times the path through h_t alone."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        self.through_state = dh * s.o * self.slope("c", s.tanh_c, s.c)
        return super().dc(dc_next, dh, s)

    def dc_prev(self, dc: Array, s: Step) -> Array:
        return self.through_state * s.f


class DirectPathLost(GRUBackward):
    id, target = "path-lost", "dh_next"
    text = "dh_next gets nothing of the direct path, h_t = ... + z * h_{t-1}: dh * z is left out."

    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return ds @ W_hh.T


class PathThroughTheGatesLost(GRUBackward):
    id, target = "path-lost", "dh_next"
    text = "dh_next gets nothing through the gates: ds @ W_hh.T is left out."

    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return dh * s.z


class DirectPathExchanged(GRUBackward):
    id, target = "gate-derivative", "dh_next"
    text = "the direct path is multiplied by 1 - z, not by z."

    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return dh * (1 - s.z) + ds @ W_hh.T


class DirectPathWithoutZ(DirectPathExchanged):
    text = "the direct path lacks its factor z: dh_next = dh + ..."

    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return dh + ds @ W_hh.T


class UpdateWithOwnLoss(WithOwnLoss, GRUBackward):
    target = "da_z"
    text = "da_z is formed with d_hs[t], not with dh: later losses do not reach the gate z."

    def da_z(self, dh: Array, s: Step) -> Array:
        return super().da_z(self.own, s)


class CandidateWithOwnLoss(WithOwnLoss, GRUBackward):
    target = "da_n"
    text = "da_n is formed with d_hs[t], not with dh: later losses do not reach n."

    def da_n(self, dh: Array, s: Step) -> Array:
        return super().da_n(self.own, s)


class DirectPathWithOwnLoss(WithOwnLoss, GRUBackward):
    target = "dh_next"
    text = "the direct path of dh_next is formed with d_hs[t], not with dh: later losses are lost on it."

    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return super().dh_prev(self.own, ds, s, W_hh)


class NextWithInputPart(GRUBackward):
    id, target = "gate-derivative", "dh_next"
    text = "dh_next is formed with da, the gradient of the input's part, not with ds: r is left out."

    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        ds_r, ds_z, ds_n = np.split(ds, 3, axis=-1)
        return super().dh_prev(dh, np.concatenate((ds_r, ds_z, ds_n / s.r), axis=-1), s, W_hh)
