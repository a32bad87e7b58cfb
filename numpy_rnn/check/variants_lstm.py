"""The known bugs of the LSTM's backward pass: its gates, and all others together. See variants."""

from collections.abc import Iterator

import numpy as np

from numpy_rnn.check.backward import Backward, written
from numpy_rnn.check.gated import LSTMBackward, Step
from numpy_rnn.check.variants import LaterLossLost, LaterLossLostInDx, of_every_cell
from numpy_rnn.check.variants_gates import GateLeftOut, GateTransposeMissing, SwappedGates, slopes, some_of, swapped
from numpy_rnn.check.variants_paths import (
    BothLinesMissing,
    BothPathsLost,
    CellAccumulated,
    CellLineMissing,
    CellPathLost,
    CellSentFromTheStateAlone,
    CellWithOwnLoss,
    OutputGateWithOwnLoss,
    PathFromStateToCellLost,
    StateLineMissing,
    StatePathLost,
)
from numpy_rnn.check.variants_sums import TransposedBlock
from numpy_rnn.types import Array


class OutputGateLeftOut(LSTMBackward):
    id, target = "gate-derivative", "dc"
    text = "the factor o is left out in dc."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return dc_next + dh * self.slope("c", s.tanh_c, s.c)


class TanhOnBothPaths(LSTMBackward):
    id, target = "gate-derivative", "dc"
    text = "tanh' multiplies dc_next, too: it belongs to the path through h_t alone."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return (dc_next + dh * s.o) * self.slope("c", s.tanh_c, s.c)


class ForgetGateExchanged(LSTMBackward):
    id, target = "gate-derivative", "dc_next"
    text = "dc_next is multiplied by 1 - f, not by f."

    def dc_prev(self, dc: Array, s: Step) -> Array:
        return dc * (1 - s.f)


class ForgetGateLeftOut(LSTMBackward):
    id, target = "gate-derivative", "dc_next"
    text = "the factor f is left out in what the cell sends back to step t - 1."

    def dc_prev(self, dc: Array, s: Step) -> Array:
        return dc


class CellAfterInForgetGate(LSTMBackward):
    id, target = "h-off-by-one", "dz_f"
    text = "dz_f is formed with c_t, not with c_{t-1}, the cell that f has multiplied."

    def dz_f(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * s.c * self.slope("f", s.f, s.z_f)


class CellBeforeInOutputGate(LSTMBackward):
    id, target = "h-off-by-one", "dz_o"
    text = "dz_o is formed with c_{t-1}, not with c_t."

    def dz_o(self, dh: Array, dc: Array, s: Step) -> Array:
        return dh * np.tanh(s.c_prev) * self.slope("o", s.o, s.z_o)


class CellBeforeInTanh(LSTMBackward):
    id, target = "h-off-by-one", "dc"
    text = "tanh' in dc is formed with c_{t-1}, not with c_t."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return dc_next + dh * s.o * (1 - np.tanh(s.c_prev) ** 2)


class OutputGateWithoutCell(LSTMBackward):
    id, target = "gate-derivative", "dz_o"
    text = "the factor tanh(c) is left out in dz_o."

    def dz_o(self, dh: Array, dc: Array, s: Step) -> Array:
        return dh * self.slope("o", s.o, s.z_o)


class InputGateWithoutG(LSTMBackward):
    id, target = "gate-derivative", "dz_i"
    text = "the factor g is left out in dz_i."

    def dz_i(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * self.slope("i", s.i, s.z_i)


class ForgetGateWithoutCell(LSTMBackward):
    id, target = "gate-derivative", "dz_f"
    text = "the factor c_{t-1} is left out in dz_f."

    def dz_f(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * self.slope("f", s.f, s.z_f)


class CandidateWithoutI(LSTMBackward):
    id, target = "gate-derivative", "dz_g"
    text = "the factor i is left out in dz_g."

    def dz_g(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * self.slope("g", s.g, s.z_g)


class CellBeforeInBoth(LSTMBackward):
    id, target = "h-off-by-one", "dc"
    text = "tanh(c) is formed with c_{t-1}, not with c_t, in dc and in dz_o."

    def dc(self, dc_next: Array, dh: Array, s: Step) -> Array:
        return dc_next + dh * s.o * (1 - np.tanh(s.c_prev) ** 2)

    def dz_o(self, dh: Array, dc: Array, s: Step) -> Array:
        return dh * np.tanh(s.c_prev) * self.slope("o", s.o, s.z_o)


class InputGateOnTheWayBack(LSTMBackward):
    id, target = "gate-derivative", "dc_next"
    text = "dc_next is formed with i, not with f."

    def dc_prev(self, dc: Array, s: Step) -> Array:
        return dc * s.i


class OutputGateFromCell(LSTMBackward):
    id, target = "gate-derivative", "dz_o"
    text = "dz_o is formed with dc, not with dh: o stands in h_t = o * tanh(c_t), not in c_t."

    def dz_o(self, dh: Array, dc: Array, s: Step) -> Array:
        return dc * s.tanh_c * self.slope("o", s.o, s.z_o)


class TanhLeftOutInOutputGate(LSTMBackward):
    id, target = "tanh-derivative", "dz_o"
    text = "dz_o is formed with c, not with tanh(c)."

    def dz_o(self, dh: Array, dc: Array, s: Step) -> Array:
        return dh * s.c * self.slope("o", s.o, s.z_o)


class LSTMGateLeftOut(GateLeftOut):
    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return self._product(dz, W_hh)


class LSTMTransposeMissing(GateTransposeMissing):
    def dh_prev(self, dz: Array, W_hh: Array) -> Array:
        return self._product(dz, W_hh)


def of_the_lstm(names: tuple[str, ...]) -> Iterator[Backward]:
    lost = BothPathsLost()
    yield lost
    for bug in (
        CellLineMissing,
        StateLineMissing,
        BothLinesMissing,
        CellPathLost,
        StatePathLost,
        PathFromStateToCellLost,
        CellAccumulated,
        TanhOnBothPaths,
        CellWithOwnLoss,
        OutputGateWithOwnLoss,
        CellSentFromTheStateAlone,
        ForgetGateExchanged,
        OutputGateLeftOut,
        ForgetGateLeftOut,
        CellAfterInForgetGate,
        CellBeforeInOutputGate,
        CellBeforeInTanh,
        OutputGateWithoutCell,
        InputGateOnTheWayBack,
        OutputGateFromCell,
        InputGateWithoutG,
        ForgetGateWithoutCell,
        CandidateWithoutI,
        CellBeforeInBoth,
        TanhLeftOutInOutputGate,
    ):
        yield bug()
    yield from slopes(
        LSTMBackward, {"ifgo": "dz_i", "ifo": "dz_i", "i": "dz_i", "f": "dz_f", "o": "dz_o", "g": "dz_g", "c": "dc"}
    )
    yield from swapped(SwappedGates, LSTMBackward, "ifgo")
    for gate in "ifgo":
        yield written(TransposedBlock, LSTMBackward, "ifgo", gate)
        yield from (written(LSTMGateLeftOut, LSTMBackward, "ifgo", kept) for kept in ("ifgo".replace(gate, ""), gate))
    yield from (written(LSTMTransposeMissing, LSTMBackward, "ifgo", gates) for gates in some_of("ifgo"))
    yield LaterLossLostInDx(LSTMBackward(), lost)
    for known in of_every_cell(LSTMBackward, names):
        if not isinstance(known, LaterLossLost | LaterLossLostInDx):  # the LSTM's own ones lose the cell's path, too
            yield known
