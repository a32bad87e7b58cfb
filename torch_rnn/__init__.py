"""PyTorch twins of numpy_rnn, and what it takes to compare the two."""

from torch_rnn.convert import from_torch, from_torch_names, to_torch, to_torch_names
from torch_rnn.models import ElmanNetwork, SentimentModel, SequenceModel

__all__ = [
    "ElmanNetwork",
    "SentimentModel",
    "SequenceModel",
    "from_torch",
    "from_torch_names",
    "to_torch",
    "to_torch_names",
]
