"""The known bugs of the LSTM's ways back, through the cell and through the state. See variants."""

import numpy as np

from numpy_rnn.check.gated import LSTMBackward, Step
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.types import Array


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


class WithOwnLoss(LSTMBackward):
    """One line has d_hs[t], the gradient of E_t alone, in the place of dh."""

    id = "path-lost"

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        self.own = own
        return super().dh(own, after, t, T)


class CellWithOwnLoss(WithOwnLoss):
    target = "dc"
    text = "dc is formed with d_hs[t], not with dh: what dh_next brings does not reach the cell."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return super().dc(dc_next, self.own, s)


class OutputGateWithOwnLoss(WithOwnLoss):
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
