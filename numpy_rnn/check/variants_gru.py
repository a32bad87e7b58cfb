"""The known bugs of the GRU's backward pass. See variants."""

from collections.abc import Callable, Iterator

import numpy as np

from numpy_rnn.check.backward import Backward, written
from numpy_rnn.check.gated import GRUBackward, Step
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.check.variants import of_every_cell
from numpy_rnn.check.variants_gates import GateLeftOut, GateTransposeMissing, SwappedGates, slopes, some_of, swapped
from numpy_rnn.check.variants_paths import (
    CandidateWithOwnLoss,
    DirectPathExchanged,
    DirectPathLost,
    DirectPathWithoutZ,
    DirectPathWithOwnLoss,
    NextWithInputPart,
    PathThroughTheGatesLost,
    UpdateWithOwnLoss,
)
from numpy_rnn.check.variants_sums import TransposedBlock
from numpy_rnn.types import Array


class SwappedGRU(SwappedGates):
    target = "da"


class GRUGateLeftOut(GateLeftOut):
    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return dh * s.z + self._product(ds, W_hh)


class GRUTransposeMissing(GateTransposeMissing):
    def dh_prev(self, dh: Array, ds: Array, s: Step, W_hh: Array) -> Array:
        return dh * s.z + self._product(ds, W_hh)


class ResetLeftOut(GRUBackward):
    id, target = "gate-derivative", "ds_n"
    text = "the factor r is left out in the state's part of n: ds_n = da_n."

    def ds_n(self, da_n: Array, s: Step) -> Array:
        return da_n


class ResetByAnother(ResetLeftOut):
    def __init__(self, words: str, factor: Callable[[Step], Array]):
        self.factor, self.text = factor, f"ds_n is da_n times r, not times {words}."

    def ds_n(self, da_n: Array, s: Step) -> Array:
        return da_n * self.factor(s)


class StateGatesExchanged(GRUBackward):
    id, target = "gates-swapped", "ds"
    text = "in ds, the gradient of the state's part, the parts of r and z are exchanged; in da they are right."

    def through_time(self, a: Arrays) -> Arrays:
        self.calls = 0
        return super().through_time(a)

    def da(self, gates: list[Array]) -> Array:
        self.calls += 1  # of each step the first is da, the second ds
        r, z, n = gates
        return super().da([z, r, n] if self.calls % 2 == 0 else gates)


class CandidateWithZ(GRUBackward):
    id, target = "gate-derivative", "da_n"
    text = "da_n is multiplied by z, not by 1 - z."

    def one_minus_z(self, s: Step) -> Array:
        return s.z


class UpdateSign(GRUBackward):
    id, target = "gate-derivative", "da_z"
    text = "da_z has the other sign: the derivative of (1 - z) * n + z * h_{t-1} by z is h_{t-1} - n."

    def da_z(self, dh: Array, s: Step) -> Array:
        return -super().da_z(dh, s)


class UpdateWithoutFactor(UpdateSign):
    text = "the factor h_{t-1} - n is left out in da_z."

    def da_z(self, dh: Array, s: Step) -> Array:
        return dh * self.slope("z", s.z, s.z_z)


class UpdateOfTheCandidateAlone(UpdateSign):
    text = "da_z lacks the term of z * h_{t-1}: the factor is h_{t-1} - n, not -n."

    def da_z(self, dh: Array, s: Step) -> Array:
        return -dh * s.n * self.slope("z", s.z, s.z_z)


class UpdateWithoutCandidate(UpdateSign):
    text = "da_z lacks the term of (1 - z) * n: the factor is h_{t-1} - n, not h_{t-1}."

    def da_z(self, dh: Array, s: Step) -> Array:
        return dh * s.h_prev * self.slope("z", s.z, s.z_z)


class ResetWithState(GRUBackward):
    id, target = "gate-derivative", "da_r"
    text = "da_r is formed with h_{t-1}, not with s_n: r multiplies the product h_{t-1} W_hn + b_hn."

    def da_r(self, da_n: Array, s: Step) -> Array:
        return da_n * s.h_prev * self.slope("r", s.r, s.z_r)


class ResetWithoutProduct(ResetWithState):
    text = "the factor s_n is left out in da_r: r multiplies the product h_{t-1} W_hn + b_hn."

    def da_r(self, da_n: Array, s: Step) -> Array:
        return da_n * self.slope("r", s.r, s.z_r)


class CandidateWithoutZ(CandidateWithZ):
    text = "the factor 1 - z is left out in da_n."

    def one_minus_z(self, s: Step) -> Array:
        return np.ones_like(s.z)


class ParametersWithOtherPart(GRUBackward):
    """The gradients of some parameters with da for ds, or the other way round."""

    id = "gate-derivative"

    def __init__(self, names: tuple[str, ...], part: str):
        self.names, self.part, self.target = names, part, "dx[t]" if names == ("dx",) else names[0]
        others = "da, the gradient of the input's part, not with ds" if part == "da" else "ds, not with da"
        self.text = f"{', '.join(names)}: formed with {others}."

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        wrong = super().products(a, {"da": arrived[self.part], "ds": arrived[self.part]})
        return super().products(a, arrived) | {name: wrong[name] for name in self.names}


class BiasesExchanged(GRUBackward):
    id, target = "gate-derivative", "db_hh"
    text = "db_xh and db_hh are exchanged: b_xh belongs to the input's part, da, and b_hh to the state's, ds."

    def products(self, a: Arrays, arrived: Arrays) -> Arrays:
        every = super().products(a, arrived)
        return every | {"db_xh": every["db_hh"], "db_hh": every["db_xh"]}


def of_the_gru(names: tuple[str, ...]) -> Iterator[Backward]:
    for bug in (
        DirectPathLost,
        PathThroughTheGatesLost,
        DirectPathExchanged,
        ResetLeftOut,
        CandidateWithZ,
        UpdateSign,
        UpdateWithoutCandidate,
        UpdateWithoutFactor,
        UpdateOfTheCandidateAlone,
        DirectPathWithoutZ,
        ResetWithState,
        ResetWithoutProduct,
        CandidateWithoutZ,
        NextWithInputPart,
        BiasesExchanged,
        StateGatesExchanged,
        UpdateWithOwnLoss,
        CandidateWithOwnLoss,
        DirectPathWithOwnLoss,
    ):
        yield bug()
    yield ResetByAnother("z", lambda s: s.z)
    yield ResetByAnother("1 - r", lambda s: 1 - s.r)
    yield ResetByAnother("r (1 - r)", lambda s: s.r * (1 - s.r))
    for some, part in (
        (("dW_hh", "db_hh"), "da"),
        (("dW_hh",), "da"),
        (("db_hh",), "da"),
        (("dW_xh", "db_xh"), "ds"),
        (("dW_xh",), "ds"),
        (("db_xh",), "ds"),
        (("dx",), "ds"),
    ):
        yield ParametersWithOtherPart(some, part)
    yield from slopes(GRUBackward, {"rzn": "da_n", "rz": "da_r", "r": "da_r", "z": "da_z", "n": "da_n"})
    yield from swapped(SwappedGRU, GRUBackward, "rzn")
    for gate in "rzn":
        yield written(TransposedBlock, GRUBackward, "rzn", gate)
        yield from (written(GRUGateLeftOut, GRUBackward, "rzn", kept) for kept in ("rzn".replace(gate, ""), gate))
    yield from (written(GRUTransposeMissing, GRUBackward, "rzn", gates) for gates in some_of("rzn"))
    yield from of_every_cell(GRUBackward, names)
