"""A recurrent neural network by hand: every formula of the forward and the backward pass, in NumPy."""

from numpy_rnn.checkpoint import load_checkpoint, save_checkpoint
from numpy_rnn.chunks import SequenceModel
from numpy_rnn.config import Config
from numpy_rnn.elman import ElmanNetwork
from numpy_rnn.gradcheck import gradcheck, numeric_gradients
from numpy_rnn.gru import GRU
from numpy_rnn.layers import Dropout, Embedding, Linear, ReLU
from numpy_rnn.losses import cross_entropy, cross_entropy_backward, reduce, squared_error, squared_error_backward
from numpy_rnn.lstm import LSTM
from numpy_rnn.models import BasicRNN, RNNCellNet, SentimentModel, build_model
from numpy_rnn.optim import SGD, Adam, clip_by_global_norm
from numpy_rnn.rnn import RNN
from numpy_rnn.stack import Grads
from numpy_rnn.systems import as_written, repaired
from numpy_rnn.verdict import UnresolvedGradient, WrongGradient

__all__ = [
    "GRU", "LSTM", "RNN", "SGD", "Adam", "BasicRNN", "Config", "Dropout", "ElmanNetwork", "Embedding", "Grads",
    "Linear", "RNNCellNet", "ReLU", "SentimentModel", "SequenceModel", "UnresolvedGradient", "WrongGradient",
    "as_written", "build_model", "clip_by_global_norm", "cross_entropy", "cross_entropy_backward", "gradcheck",
    "load_checkpoint", "numeric_gradients", "reduce", "repaired", "save_checkpoint", "squared_error",
    "squared_error_backward",
]  # fmt: skip
