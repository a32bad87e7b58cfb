"""A recurrent neural network by hand: every formula of the forward and the backward pass, in NumPy."""

from numpy_rnn.elman import ElmanNetwork
from numpy_rnn.gradcheck import gradcheck, numeric_gradients
from numpy_rnn.gru import GRU
from numpy_rnn.layers import Dropout, Embedding, Linear, ReLU
from numpy_rnn.losses import cross_entropy, cross_entropy_backward, reduce, squared_error, squared_error_backward
from numpy_rnn.lstm import LSTM
from numpy_rnn.optim import SGD, Adam, clip_by_global_norm
from numpy_rnn.rnn import RNN
from numpy_rnn.sequence_model import SequenceModel
from numpy_rnn.types import Grads
from numpy_rnn.verdict import UnresolvedGradient, WrongGradient

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adam",
    "Dropout",
    "ElmanNetwork",
    "Embedding",
    "Grads",
    "Linear",
    "ReLU",
    "SequenceModel",
    "UnresolvedGradient",
    "WrongGradient",
    "clip_by_global_norm",
    "cross_entropy",
    "cross_entropy_backward",
    "gradcheck",
    "numeric_gradients",
    "reduce",
    "squared_error",
    "squared_error_backward",
]
