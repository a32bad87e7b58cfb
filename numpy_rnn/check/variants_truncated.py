"""The known bugs of truncation itself: how the groups of losses are added up. See variants."""

from collections.abc import Iterator

import numpy as np

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


class WindowFromTheFirstLoss(Truncated):
    target = "loop"

    def __init__(self, k1: int, k2: int, within: Backward):
        super().__init__(k1, k2, within)
        self.text = f"a window goes back k2 = {k2} steps from the first of its losses, not from the last one."

    def start(self, first: int, end: int) -> int:
        return max(first - self.k2, 0)


class LastChunkTooLong(Truncated):
    target = "loop"

    def __init__(self, k1: int, k2: int, within: Backward):
        super().__init__(k1, k2, within)
        self.text = (
            f"with k1 = k2 the windows do not overlap: the last chunk is shorter than {k2} steps, and starts later."
        )

    def start(self, first: int, end: int) -> int:
        return max(end - self.k2, 0)


class EveryLossInEachWindow(Truncated):
    id = "accumulated"

    def __init__(self, k1: int, k2: int, within: Backward):
        super().__init__(k1, k2, within)
        self.text = (
            f"a window's losses are all those of its steps, so some count twice; only the last k1 = {k1} belong to it."
        )

    def first_loss(self, start: int, first: int) -> int:
        return start


class StepsOverwritten(Truncated):
    id, target = "overwritten", "dx[t]"
    text = "dx: the part of a later window replaces that of an earlier one, where a sum belongs."

    def __call__(self, a: Arrays) -> Arrays:
        every, dx = super().__call__(a), np.zeros_like(a["x"])
        T = len(dx)
        for first, group in zip(range(0, T, self.k1), self.groups(a), strict=True):
            end = min(first + self.k1, T)
            start = self.start(first, end)
            dx[start:end] = group["dx"][start:end]
        return every | {"dx": dx}


class EveryWindowReachesH0(Truncated):
    id, target = "truncated", "dh_next"
    text = "dh_0 gets what every window sends back; only windows that start at the first step reach h_0."

    def before_window(self, d_state: Array) -> Array:
        return d_state


class LastWindowInH0(Truncated):
    id, target = "overwritten", "dh_next"
    text = (
        "dh_0 is what the last window sends back. Only windows that start at the first step reach h_0, and they add up."
    )

    def __call__(self, a: Arrays) -> Arrays:
        *_, last = EveryWindowReachesH0(self.k1, self.k2, self.within).groups(a)
        return super().__call__(a) | {name: last[name] for name in ("dh_0", "dc_0") if name in last}


WHOLE: tuple[type[Truncated], ...] = (
    WindowFromTheFirstLoss,
    LastChunkTooLong,
    EveryLossInEachWindow,
    StepsOverwritten,
    EveryWindowReachesH0,
    LastWindowInH0,
)


def of_truncation(rule: type[Backward], names: tuple[str, ...], k1: int, k2: int) -> Bugs:
    """Each bug, and the gradients that it gives."""
    for some in together(names):
        for within in (rule(), Overwritten(rule(), some, 0, None)):
            bug = LastGroupKept(k1, k2, within, some)
            yield bug, bug
    lost = written(LaterLossLostWithinTheGroup, rule)
    yield lost, Truncated(k1, k2, lost)
    for kind in WHOLE:
        of_windows = kind(k1, k2, rule())
        of_windows.text = kind.text or of_windows.text
        yield of_windows, of_windows
