"""For each pair the right rule, and the known bugs, the most likely first."""

from numpy_rnn.check.backward import Backward, NetworkBackward, Otherwise, RNNBackward, Rounded, Truncated, written
from numpy_rnn.check.gated import GRUBackward, LSTMBackward
from numpy_rnn.check.pairs import GATED, GRU, LSTM, NETWORK, OUTPUT, PLAIN, RNN
from numpy_rnn.check.variants_gru import of_the_gru
from numpy_rnn.check.variants_lstm import of_the_lstm
from numpy_rnn.check.variants_network import of_the_network
from numpy_rnn.check.variants_rnn import of_the_rnn

RIGHT: dict[str, type[Backward]] = {
    RNN.name: RNNBackward,
    NETWORK.name: NetworkBackward,
    LSTM.name: LSTMBackward,
    GRU.name: GRUBackward,
}
BUGS: dict[str, list[Backward]] = {
    RNN.name: list(of_the_rnn(RNNBackward, tuple(f"d{name}" for name in PLAIN))),
    NETWORK.name: list(of_the_network(tuple(f"d{name}" for name in OUTPUT))),
    LSTM.name: list(of_the_lstm(tuple(f"d{name}" for name in GATED))),
    GRU.name: list(of_the_gru(tuple(f"d{name}" for name in GATED))),
}


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
