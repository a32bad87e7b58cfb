"""The known bugs of all gates: wrong derivatives, exchanged columns, a missing transpose. See variants."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations

import numpy as np

from numpy_rnn.check.backward import Backward, written
from numpy_rnn.check.pairs import Arrays
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
    (lambda v, z: v * (1 + v), "the sigmoid's derivative is s (1 - s), not s (1 + s)"),
    (lambda v, z: 1 / (1 + np.exp(-v)) * (1 - 1 / (1 + np.exp(-v))), "the sigmoid is applied a second time"),
    (lambda v, z: z * (1 - z), "s (1 - s) is formed with what stands before the sigmoid"),
)
TANHS: tuple[tuple[Callable[[Array, Array], Array], str], ...] = (
    (lambda v, z: np.ones_like(v), "tanh' is left out"),
    (lambda v, z: v * (1 - v), "v (1 - v) is the sigmoid's derivative; that of tanh is 1 - v^2"),
    (lambda v, z: 1 - v, "tanh' is 1 - v^2, not 1 - v"),
    (lambda v, z: (1 - v) ** 2, "tanh' is 1 - v^2, not (1 - v)^2"),
    (lambda v, z: v, "tanh' is 1 - v^2, not v"),
    (lambda v, z: 1 + v * v, "tanh' is 1 - v^2, not 1 + v^2"),
    (lambda v, z: 1 - np.tanh(v) ** 2, "tanh is applied a second time, 1 - tanh(tanh(z))^2"),
    (lambda v, z: 1 - z * z, "1 - v^2 is formed with what stands before tanh, not with v = tanh of it"),
)


def slopes(rule: type[Backward], targets: dict[str, str]) -> Iterator[Backward]:
    """`targets`: of one gate, or of several, the name of what the wrong line computes."""
    for gates, target in targets.items():
        formulas = NONE if gates in ("ifgo", "rzn") else SIGMOIDS if gates[0] in "iforz" else TANHS
        for formula, words in formulas:
            yield written(Slope, rule, gates, formula, words, target)


RESULTS: tuple[tuple[str, ...], ...] = (
    (),
    ("dW_xh", "dW_hh", "db_xh", "db_hh"),
    ("dW_xh", "dW_hh"),
    ("db_xh", "db_hh"),
    ("dW_xh",),
    ("dW_hh",),
)


class SwappedGates(Backward):
    """The blocks of dz in another order: in the whole backward pass, or in the parameters' gradients alone."""

    id, target = "gates-swapped", "dz"

    def __init__(self, names: str, order: str, results: tuple[str, ...]):
        self.order, self.results = [names.index(gate) for gate in order], results
        where = f"of {', '.join(results)}" if results else "of the gradient"
        self.text = f"the columns {where} are the gates {', '.join(order)}. The order is {', '.join(names)}."

    def dz(self, gates: list[Array]) -> Array:
        return np.concatenate(gates if self.results else [gates[k] for k in self.order], axis=-1)

    def da(self, gates: list[Array]) -> Array:
        return self.dz(gates)

    def __call__(self, a: Arrays) -> Arrays:
        every = super().__call__(a)
        for name in self.results:
            blocks = np.split(every[name], len(self.order), axis=-1)
            every[name] = np.concatenate([blocks[k] for k in self.order], axis=-1)
        return every


def swapped(bug: type[SwappedGates], rule: type[Backward], names: str) -> Iterator[Backward]:
    for order in list(permutations(names))[1:]:
        yield from (written(bug, rule, names, "".join(order), results) for results in RESULTS)


class GateLeftOut(Backward):
    """dh_next of some gates alone: one is left out, or one is kept, as by = in a sum over the gates."""

    id, target = "path-lost", "dh_next"

    def __init__(self, names: str, kept: str):
        self.kept = [gate in kept for gate in names]
        self.text = f"what goes back through W_hh: only that of {', '.join(kept)} is kept, not of {', '.join(names)}."

    def _product(self, dz: Array, W_hh: Array) -> Array:
        k = len(self.kept)
        blocks = zip(self.kept, np.split(dz, k, axis=-1), np.split(W_hh, k, axis=-1), strict=True)
        return sum((part @ W.T for kept, part, W in blocks if kept), np.zeros(1))


def some_of(names: str) -> Iterator[str]:
    """All gates, then one, two, and so on."""
    yield names
    for number in range(1, len(names)):
        yield from map("".join, combinations(names, number))


class GateTransposeMissing(Backward):
    id, target = "transpose-missing", "dh_next"

    def __init__(self, names: str, gates: str):
        self.which = [gate in gates for gate in names]
        self.text = f"dh_next is multiplied by W_hh of {', '.join(gates)}, not by its transpose."

    def _product(self, dz: Array, W_hh: Array) -> Array:
        k = len(self.which)
        blocks = zip(self.which, np.split(dz, k, axis=-1), np.split(W_hh, k, axis=-1), strict=True)
        return sum((part @ (W if wrong else W.T) for wrong, part, W in blocks), np.zeros(1))
