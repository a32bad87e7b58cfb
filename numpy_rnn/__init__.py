"""A recurrent neural network by hand: every formula of the forward and the backward pass, in NumPy."""

from numpy_rnn.chunks import SequenceModel
from numpy_rnn.config import Config
from numpy_rnn.elman import ElmanNetwork
from numpy_rnn.gradcheck import WrongGradient, gradcheck, numeric_gradients
from numpy_rnn.gru import GRU
from numpy_rnn.layers import Dropout, Embedding, Linear, ReLU
from numpy_rnn.losses import cross_entropy, cross_entropy_backward, reduce, squared_error, squared_error_backward
from numpy_rnn.lstm import LSTM
from numpy_rnn.models import SentimentModel
from numpy_rnn.optim import SGD, Adam, clip_by_global_norm
from numpy_rnn.rnn import RNN
from numpy_rnn.stack import Grads

__all__ = [
    "GRU", "LSTM", "RNN", "SGD", "Adam", "Config", "Dropout", "ElmanNetwork", "Embedding", "Grads", "Linear", "ReLU",
    "SentimentModel", "SequenceModel", "WrongGradient", "clip_by_global_norm", "cross_entropy",
    "cross_entropy_backward", "gradcheck", "numeric_gradients", "reduce", "squared_error", "squared_error_backward",
]  # fmt: skip
