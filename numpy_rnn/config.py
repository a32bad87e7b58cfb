"""The one configuration that drives the NumPy model, its PyTorch twin, their data and their training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numpy_rnn.checks import check_choice, check_dtype, check_number, check_size, expect

CELLS = ("rnn", "lstm", "gru")
OPTIMIZERS = ("adam", "sgd")
READOUTS = ("last", "last_real", "mean")


def _option(default: Any, meaning: str, choices: tuple[str, ...] | None = None) -> Any:
    return field(default=default, metadata={"help": meaning, "choices": choices})


@dataclass(frozen=True)
class Config:
    """Each field is an option of scripts/compare.py as well, and its text here is the one that --help shows.

    Raises ValueError for a bad value.
    """

    embedding_size: int = _option(100, "D, numbers per word")
    embedding_std: float = _option(0.1, "standard deviation of the initial embeddings (PyTorch's default is 1)")
    hidden_size: int = _option(128, "H, hidden units per layer")
    num_layers: int = _option(1, "L, recurrent layers on top of each other")
    cell: str = _option("rnn", "the recurrent layers: RNN, LSTM or GRU", CELLS)
    nonlinearity: str = _option(
        "tanh", "f in h_t = f(...) of cell rnn; the gates of the others are fixed", ("tanh", "relu")
    )
    readout: str = _option("mean", "last: the state after the last step as it stands, with pads; last_real: "
                                   "after the last real one; mean: the mean over the real steps", READOUTS)  # fmt: skip
    dropout: float = _option(0.5, "probability of dropping a unit of the read-out in training")
    dtype: str = _option("float32", "of every parameter and result, in both stacks", ("float32", "float64"))
    keep: str = _option("last", "which end of a review longer than max-tokens is kept", ("first", "last"))
    max_tokens: int = _option(400, "words of a review that are kept")
    unknown_rate: float = _option(0.3, "share of the training words that are replaced by <unk>")
    epochs: int = _option(5, "passes over the training data")
    batch_size: int = _option(100, "N, reviews per training step")
    optimizer: str = _option("adam", "Adam, or plain gradient descent", OPTIMIZERS)
    lr: float = _option(1e-3, "the learning rate at the first step; it falls linearly to 0 over the epochs")
    clip: float = _option(1.0, "largest global norm of the gradients; larger ones are scaled down to it")
    seed: int = _option(0, "of the initial weights, the shuffling, the dropout and the toy reviews")

    def __post_init__(self) -> None:
        for name in ("embedding_size", "hidden_size", "num_layers", "max_tokens", "epochs", "batch_size"):
            check_size(name, getattr(self, name))
        check_size("seed", self.seed, least=0)
        for name in ("dropout", "unknown_rate"):
            check_number(name, getattr(self, name), 0, 1)
        for name in ("embedding_std", "lr", "clip"):
            check_number(name, getattr(self, name), 0, np.inf, open_low=True)
        for option in self.__dataclass_fields__.values():
            if option.metadata["choices"]:
                check_choice(option.name, getattr(self, option.name), option.metadata["choices"])
        check_dtype("dtype", self.dtype)
        expect(self.cell == "rnn" or self.nonlinearity == "tanh", "nonlinearity", f"'tanh' with cell {self.cell!r}",
               repr(self.nonlinearity))  # fmt: skip


# What scripts/compare.py starts from, for each kind of data.
DEFAULTS = {
    "toy": Config(embedding_size=32, embedding_std=1.0, hidden_size=64, readout="last_real", dropout=0.1, max_tokens=60,
                  unknown_rate=0.0, epochs=12, batch_size=32, lr=3e-3),
    "imdb": Config(),
}  # fmt: skip
