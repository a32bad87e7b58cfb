"""The settings of a NumPy model, its PyTorch twin, their data and their training."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from numpy_rnn.checks import check_choice, check_dtype, check_number, check_size, expect
from numpy_rnn.sentiment.readouts import READOUTS

SYSTEMS = ("basic", "rnncell")
CELLS = ("rnn", "lstm", "gru")
OPTIMIZERS = ("adam", "sgd")


def _option(default: Any, meaning: str, choices: tuple[Any, ...] | None = None) -> Any:
    return field(default=default, metadata={"help": meaning, "choices": choices})


@dataclass(frozen=True)
class Config:
    """The settings. The text beside a field describes it.

    Each field is also an option of scripts/compare.py and train.py, whose --help shows this text. The defects of the
    two systems are values of these fields, see systems.py.

    Raises:
        ValueError: for a bad value, and for values that do not go together.
    """

    # the network
    system: str = _option(
        "basic",
        "after the read-out, basic: Dropout and Linear; rnncell: Linear, ReLU, Linear, and "
        "PyTorch's recurrent layer is a loop over a cell",
        SYSTEMS,
    )
    embedding_size: int = _option(100, "D, numbers per word")
    embedding_std: float = _option(0.1, "standard deviation of the initial embeddings (PyTorch's default is 1)")
    hidden_size: int = _option(128, "H, hidden units per layer")
    num_layers: int = _option(1, "L, recurrent layers on top of each other")
    bidirectional: bool = _option(
        False,
        "of system basic, with readout mean or max: a second RNN reads from the end; "
        "at the last step it has read one word only",
    )
    cell: str = _option("rnn", "the recurrent layers: RNN, LSTM or GRU", CELLS)
    nonlinearity: str = _option(
        "tanh", "f in h_t = f(...) of cell rnn; the gates of the others are fixed", ("tanh", "relu")
    )
    recurrent_init: str = _option(
        "uniform",
        "of W_hh, uniform: as PyTorch's; identity: the unit matrix, and biases of 0, with cell rnn: the state stays",
        ("uniform", "identity"),
    )
    readout: str = _option(
        "mean",
        "last: the state after the last step as it stands, with pads; last_real: after "
        "the last real one; mean, max: over the real steps",
        tuple(READOUTS),
    )
    dropout: float = _option(0.5, "probability of dropping a unit of the read-out in training")
    outputs: int = _option(2, "C; as written rnncell has 3, for the classes are its labels' 1 and 2", (2, 3))
    sigmoid: bool = _option(False, "of system basic: a sigmoid before the cross-entropy, as written")
    dtype: str = _option("float32", "of every parameter and result, in both backends", ("float32", "float64"))
    # the words
    words: str = _option(
        "clean", "clean: no <br, no punctuation; raw: whatever stands between spaces", ("clean", "raw")
    )
    keep: str = _option("last", "which end of a review longer than max-tokens is kept", ("first", "last"))
    max_tokens: int = _option(400, "words of a review that are kept; 0: all")
    # the batches
    batch_size: int = _option(100, "N, reviews per training step")
    pad_to: str = _option(
        "longest", "pads up to the batch's longest review, or always up to max-tokens", ("longest", "max_tokens")
    )
    buckets: bool = _option(False, "batches of reviews of about the same length")
    unknown_rate: float = _option(0.3, "share of the training words that are replaced by <unk>")
    # the training
    epochs: int = _option(5, "passes over the training data")
    optimizer: str = _option("adam", "Adam, or plain gradient descent", OPTIMIZERS)
    lr: float = _option(1e-3, "the learning rate at the first step")
    schedule: str = _option("linear", "the learning rate falls linearly to 0, or stays", ("linear", "constant"))
    clip: float = _option(1.0, "largest global norm of the gradients; larger ones are scaled down to it; 0: no limit")
    seed: int = _option(0, "of the initial weights, the shuffling, the dropout and the toy reviews")
    # what is printed
    misscaled_loss: bool = _option(False, "print the loss too small by the batch size, as written")
    test_runs: int = _option(1, "how often the same test is made; as written 5 times")

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {}
        for name in ("embedding_size", "hidden_size", "num_layers", "epochs", "batch_size", "test_runs"):
            checked[name] = check_size(name, getattr(self, name))
        checked["max_tokens"] = check_size("max_tokens", self.max_tokens, least=0)
        checked["seed"] = check_size("seed", self.seed, least=0, most=np.inf)
        for name in ("dropout", "unknown_rate"):
            checked[name] = check_number(name, getattr(self, name), 0, 1)
        for name in ("embedding_std", "lr"):
            checked[name] = check_number(name, getattr(self, name), 0, np.inf, open_low=True)
        checked["clip"] = check_number("clip", self.clip, 0, np.inf)
        for option in self.__dataclass_fields__.values():
            choices = (False, True) if option.type is bool else option.metadata["choices"]
            if choices:
                checked[option.name] = check_choice(option.name, getattr(self, option.name), choices)
        vars(self).update(checked)  # Python's own values, which JSON takes
        check_dtype("dtype", self.dtype)
        self._check_pairs()

    @property
    def features(self) -> int:
        """F, the number of features that are read out: H, with both directions 2 H."""
        return self.hidden_size * (2 if self.bidirectional else 1)

    def _check_pairs(self) -> None:
        """Raises ValueError for values that do not go together."""
        expect(
            self.cell == "rnn" or self.nonlinearity == "tanh",
            "nonlinearity",
            f"'tanh' with cell {self.cell!r}",
            repr(self.nonlinearity),
        )
        expect(
            self.cell == "rnn" or self.recurrent_init == "uniform",
            "recurrent_init",
            f"'uniform' with cell {self.cell!r}",
            repr(self.recurrent_init),
        )
        given = (self.sigmoid, self.bidirectional, self.num_layers)
        fits = self.system == "basic" or given == (False, False, 1)
        expect(fits, "sigmoid, bidirectional, num_layers", "False, False and 1 with system 'rnncell'", given)
        fits = not self.bidirectional or self.readout in ("mean", "max")
        expect(fits, "readout", "'mean' or 'max' with both directions", repr(self.readout))
        expect(self.pad_to == "longest" or self.max_tokens > 0, "pad_to", "'longest' with max_tokens 0", "'max_tokens'")


# What scripts/compare.py starts from, for each kind of data.
DEFAULTS = {
    "toy": Config(
        embedding_size=32,
        embedding_std=1.0,
        hidden_size=64,
        readout="last_real",
        dropout=0.1,
        max_tokens=60,
        unknown_rate=0.0,
        epochs=12,
        batch_size=32,
        lr=3e-3,
    ),
    "imdb": Config(buckets=True),  # hardly any pads, which PyTorch computes and NumPy skips: both do the same work
}
