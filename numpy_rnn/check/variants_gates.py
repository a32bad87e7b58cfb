"""The known bugs of all gates: wrong derivatives, exchanged columns, a missing transpose. See variants."""

from collections.abc import Callable, Iterator

import numpy as np

from numpy_rnn.check.backward import Backward, written
from numpy_rnn.types import Array


class Slope(Backward):
    """Of some gates another derivative."""

    def __init__(self, gates: str, formula: Callable[[Array, Array], Array], words: str, target: str):
        self.gates, self.formula, self.target = gates, formula, target
        self.id = "tanh-derivative" if gates == "c" else "gate-derivative"
        self.text = f"of {', '.join(gates)}: {words}."

    def slope(self, name: str, value: Array, z: Array) -> Array:
        return self.formula(value, z) if name in self.gates else super().slope(name, value, z)


NONE: tuple[tuple[Callable[[Array, Array], Array], str], ...] = (
    (lambda v, z: np.ones_like(v), "the derivatives of all gates are left out"),
)
SIGMOIDS: tuple[tuple[Callable[[Array, Array], Array], str], ...] = (
    (lambda v, z: np.ones_like(v), "the sigmoid's derivative is left out"),
    (lambda v, z: 1 - v * v, "1 - s^2 is the derivative of tanh; the sigmoid's is s (1 - s)"),
    (lambda v, z: 1 - v, "the sigmoid's derivative is s (1 - s), not 1 - s"),
    (lambda v, z: v, "the sigmoid's derivative is s (1 - s), not s"),
    (lambda v, z: 1 / (1 + np.exp(-v)) * (1 - 1 / (1 + np.exp(-v))), "the sigmoid is applied a second time"),
    (lambda v, z: z * (1 - z), "s (1 - s) is formed with z, before the sigmoid"),
)
TANHS: tuple[tuple[Callable[[Array, Array], Array], str], ...] = (
    (lambda v, z: np.ones_like(v), "tanh' is left out"),
    (lambda v, z: v * (1 - v), "v (1 - v) is the sigmoid's derivative; that of tanh is 1 - v^2"),
    (lambda v, z: 1 - v, "tanh' is 1 - v^2, not 1 - v"),
    (lambda v, z: v, "tanh' is 1 - v^2, not v"),
    (lambda v, z: 1 - np.tanh(v) ** 2, "tanh is applied a second time, 1 - tanh(tanh(z))^2"),
    (lambda v, z: 1 - z * z, "1 - v^2 is formed with z, before tanh"),
)


def slopes(rule: type[Backward], targets: dict[str, str]) -> Iterator[Backward]:
    """`targets`: of one gate, or of several, the name of what the wrong line computes."""
    for gates, target in targets.items():
        formulas = NONE if gates in ("ifgo", "rzn") else SIGMOIDS if gates[0] in "iforz" else TANHS
        for formula, words in formulas:
            yield written(Slope, rule, gates, formula, words, target)


class SwappedGates(Backward):
    """The blocks of dz in another order."""

    id, target = "gates-swapped", "dz"

    def __init__(self, names: str, first: int, second: int):
        self.first, self.second = first, second
        self.text = f"the columns of the gates {names[first]} and {names[second]} are exchanged in the gradient."

    def _exchanged(self, gates: list[Array]) -> Array:
        gates = list(gates)
        gates[self.first], gates[self.second] = gates[self.second], gates[self.first]
        return np.concatenate(gates, axis=-1)

    def dz(self, gates: list[Array]) -> Array:
        return self._exchanged(gates)

    def da(self, gates: list[Array]) -> Array:
        return self._exchanged(gates)


class GateTransposeMissing(Backward):
    id, target = "transpose-missing", "dh_next"

    def __init__(self, names: str, gates: str):
        self.which = [gate in gates for gate in names]
        self.text = f"dh_next is multiplied by W_hh of {', '.join(gates)}, not by its transpose."

    def _product(self, dz: Array, W_hh: Array) -> Array:
        k = len(self.which)
        blocks = zip(self.which, np.split(dz, k, axis=-1), np.split(W_hh, k, axis=-1), strict=True)
        return sum((part @ (W if wrong else W.T) for wrong, part, W in blocks), np.zeros(1))
