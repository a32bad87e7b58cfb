"""The known bugs of truncation itself: how the groups of losses are added up. See variants."""

from collections.abc import Iterator

from numpy_rnn.check.backward import Backward, Truncated, written
from numpy_rnn.check.pairs import Arrays
from numpy_rnn.check.variants import LaterLossLost
from numpy_rnn.check.variants_sums import Overwritten, together
from numpy_rnn.types import Array

Bugs = Iterator[tuple[Backward, Backward]]


class LastGroupKept(Truncated):
    """`=` for `+=` over the groups: of some gradients only the part of the last k1 losses is left."""

    id = "overwritten"

    def __init__(self, k1: int, k2: int, within: Backward, names: tuple[str, ...]):
        super().__init__(k1, k2, within)
        self.names, self.target = names, names[0]
        self.text = f"{', '.join(names)}: only what the last group of losses adds is kept, where a sum belongs."

    def __call__(self, a: Arrays) -> Arrays:
        *_, last = self.groups(a)
        return super().__call__(a) | {name: last[name] for name in self.names}


class LaterLossLostWithinTheGroup(LaterLossLost):
    """dh_next is used only before the first loss of the group, where nothing else arrives."""

    def through_time(self, a: Arrays) -> Arrays:
        self.first = int(a["first"])
        return super().through_time(a)

    def dh(self, own: Array, after: Array, t: int, T: int) -> Array:
        return own if t >= self.first else after


def of_truncation(rule: type[Backward], names: tuple[str, ...], k1: int, k2: int) -> Bugs:
    """Each bug, and the gradients that it gives."""
    for some in together(names):
        for within in (rule(), Overwritten(rule(), some, 0, None)):
            bug = LastGroupKept(k1, k2, within, some)
            yield bug, bug
    lost = written(LaterLossLostWithinTheGroup, rule)
    yield lost, Truncated(k1, k2, lost)
