"""PyTorch twins of the networks of numpy_rnn, and the conversion between the two."""

from torch_rnn.convert import from_torch, from_torch_names, to_torch, to_torch_names
from torch_rnn.models import BasicRNN, ElmanNetwork, RNNCellNet, SequenceModel

__all__ = [
    "BasicRNN",
    "ElmanNetwork",
    "RNNCellNet",
    "SequenceModel",
    "from_torch",
    "from_torch_names",
    "to_torch",
    "to_torch_names",
]
