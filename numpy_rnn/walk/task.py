"""The networks of the page: small ones that recall the symbol of three steps ago, as they start and after training."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.gru import GRU
from numpy_rnn.layers import Linear
from numpy_rnn.losses import cross_entropy, cross_entropy_backward
from numpy_rnn.lstm import LSTM
from numpy_rnn.optim import Adam
from numpy_rnn.rnn import RNN
from numpy_rnn.sequence_model import SequenceModel
from numpy_rnn.types import Array

SYMBOLS, T, H, LAG = "AB", 12, 4, 3
D = len(SYMBOLS)
UPDATES, N, LR = 400, 32, 0.01
CELLS: dict[str, Callable[..., RNNBase]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
STARTS = {  # of each cell: a short name, and what the page calls it
    "rnn": {
        "pytorch": "PyTorch's initial weights",
        "orthogonal": "orthogonal W_hh",
        "rho0": "all eigenvalues of W_hh are 0",
    },
    "lstm": {"pytorch": "PyTorch's initial weights", "forget1": "PyTorch's, forget bias +1"},
    "gru": {"pytorch": "PyTorch's initial weights"},
}


class Sequence(NamedTuple):
    """What a network reads, its initial state, and the gradient of its losses."""

    x: Array  # (T, 1, D)
    h_0: Any  # (1, 1, H); of an LSTM a pair
    d_output: Array  # (T, 1, H), dE_t/dh_t
    symbols: str = ""
    labels: str = ""
    losses: tuple[float, ...] = ()  # E_t, the cross-entropy


def initial_state(layer: RNNBase, N: int) -> Any:
    """Always the same, and not zero, so that the first step adds to dW_hh, too."""
    h_0 = np.resize([0.5, -0.3, 0.2, 0.4], (1, N, layer.hidden_size))
    return (h_0, h_0.copy()) if len(layer.state_names) > 1 else h_0


def recall(rng: np.random.Generator, N: int) -> tuple[Array, Array]:
    """Sequences of symbols, one-hot (T, N, D), and the symbols of LAG steps before, (T, N). Before the first is A."""
    symbols = rng.integers(0, D, (LAG + T, N))
    symbols[:LAG] = 0
    return np.eye(D)[symbols[LAG:]], symbols[:T]


def orthogonal(rng: np.random.Generator, H: int) -> Array:
    """(H, H), drawn uniformly: Q of a normal matrix, each column with the sign of R's diagonal."""
    Q, R = np.linalg.qr(rng.normal(size=(H, H)))
    return Q * np.sign(np.diag(R))


def start(cell: str, how: str) -> SequenceModel:
    """A layer with H units as it starts, and an output layer."""
    rng = np.random.default_rng(0)
    layer = CELLS[cell](D, H, dtype=np.float64, rng=rng)
    W_hh = layer.params["W_hh_l0"]
    if how == "orthogonal":
        W_hh[...] = orthogonal(rng, H)
    elif how == "rho0":  # two times [[1, 1], [-1, -1]]: all eigenvalues are 0, and the 2-norm is 2
        W_hh[...] = np.kron(np.eye(H // 2), [[1, 1], [-1, -1]])
    elif how == "forget1":
        layer.params["b_xh_l0"][H : 2 * H] += 1
    return SequenceModel(layer, Linear(H, D, dtype=np.float64, rng=rng))


def train(model: SequenceModel, k1: int | None = None, k2: int | None = None, seed: int = 0) -> None:
    """UPDATES updates by Adam, each on N new sequences. Then the parameters are rounded to three decimals.

    So they are the same on every processor, though the last digits on the way are not.
    """
    rng, optimizer = np.random.default_rng(seed), Adam(model.params)
    for _ in range(UPDATES):
        x, labels = recall(rng, N)
        _, grads, _ = model.gradients(x, labels, initial_state(model.layer, N), k1=k1, k2=k2)
        optimizer.step(grads, lr=LR)
    for p in model.params.values():
        p[...] = p.round(3)


def accuracy(model: SequenceModel) -> float:
    """The share of right answers on 1,000 new sequences, where the symbol asked for was really read."""
    x, labels = recall(np.random.default_rng(99), 1000)
    h, _, _ = model.layer.forward(x, initial_state(model.layer, 1000))
    logits, _ = model.output.forward(h)
    return float((logits.argmax(axis=2) == labels)[LAG:].mean())


def sequence(model: SequenceModel) -> Sequence:
    """One sequence for all networks, with this one's losses E_t and their gradients."""
    x, labels = recall(np.random.default_rng(2), 1)
    h_0 = initial_state(model.layer, 1)
    h, _, _ = model.layer.forward(x, h_0)
    logits, _ = model.output.forward(h)
    losses, cache = cross_entropy(logits, labels)
    d_output, _ = model.output.backward(cross_entropy_backward(np.ones_like(losses), cache), h)
    symbols, answers = ("".join(SYMBOLS[s] for s in a[:, 0]) for a in (x.argmax(axis=2), labels))
    return Sequence(x, h_0, d_output, symbols, answers, tuple(losses[:, 0].tolist()))


def networks() -> Iterator[tuple[str, str, bool, SequenceModel]]:
    """The cell, how it starts, whether it is trained, and the network."""
    for cell, starts in STARTS.items():
        for how in starts:
            for trained in (False, True):
                model = start(cell, how)
                if trained:
                    train(model)
                yield cell, how, trained, model


def question() -> dict[str, Any]:
    """Is the symbol of LAG steps ago learnt with k2 = LAG, and with one more? Shares of right answers, three seeds."""
    found: dict[str, Any] = {"lag": LAG}
    for k2 in (LAG, LAG + 1):
        accuracies = []
        for seed in range(3):
            model = start("rnn", "pytorch")
            train(model, 1, k2, seed)
            accuracies.append(round(accuracy(model), 2))
        found[f"k2 = {k2}"] = accuracies
    return found
