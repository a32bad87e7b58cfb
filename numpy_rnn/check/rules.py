"""For each pair the right rule, and the known bugs, the most likely first."""

from collections.abc import Iterator

from numpy_rnn.check.backward import (
    Backward,
    NetworkBackward,
    Otherwise,
    RNNBackward,
    Rounded,
    Truncated,
    TruncatedThenProducts,
    written,
)
from numpy_rnn.check.gated import GRUBackward, LSTMBackward
from numpy_rnn.check.pairs import GRU, LSTM, NETWORK, PAIRS, RNN
from numpy_rnn.check.variants_gru import of_the_gru
from numpy_rnn.check.variants_lstm import of_the_lstm
from numpy_rnn.check.variants_network import of_the_network
from numpy_rnn.check.variants_rnn import of_the_rnn
from numpy_rnn.check.variants_truncated import of_truncation

RIGHT: dict[str, type[Backward]] = {
    RNN.name: RNNBackward,
    NETWORK.name: NetworkBackward,
    LSTM.name: LSTMBackward,
    GRU.name: GRUBackward,
}
NAMES = {pair.name: tuple(f"d{name}" for name in pair.params) for pair in PAIRS}  # of the parameters' gradients
BUGS: dict[str, list[Backward]] = {
    RNN.name: list(of_the_rnn(RNNBackward, NAMES[RNN.name])),
    NETWORK.name: list(of_the_network(NAMES[NETWORK.name])),
    LSTM.name: list(of_the_lstm(NAMES[LSTM.name])),
    GRU.name: list(of_the_gru(NAMES[GRU.name])),
}


def known_bugs(name: str, truncation: tuple[int, int] | None) -> Iterator[tuple[Backward, Backward]]:
    """Each bug of the pair, and the gradients that it gives in a file that truncates so."""
    yield from ((bug, truncated(bug, truncation)) for bug in BUGS[name])
    if truncation:
        yield from of_truncation(RIGHT[name], NAMES[name], *truncation)
        of_sums = (bug for bug in BUGS[name] if not isinstance(bug, Truncated))
        yield from ((bug, TruncatedThenProducts(*truncation, bug)) for bug in of_sums)


def right(name: str, truncation: tuple[int, int] | None) -> Backward:
    """Of the pair of this name."""
    return truncated(RIGHT[name](), truncation)


def right_otherwise(name: str, truncation: tuple[int, int] | None, same_states: bool) -> list[Backward]:
    """As right implementations may be. Of z nothing can be formed if the reader's states are other ones."""
    ways = (Rounded, Otherwise) if same_states else (Rounded,)
    return [truncated(written(way, RIGHT[name]), truncation) for way in ways]


def truncated(rule: Backward, truncation: tuple[int, int] | None) -> Backward:
    """As the reader truncates on purpose; a rule that is truncated already stays as it is."""
    return Truncated(*truncation, rule) if truncation and not isinstance(rule, Truncated) else rule
