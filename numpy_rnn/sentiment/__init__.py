"""The IMDB application: settings, the two systems, data, training, checkpoints, prediction, diagnosis."""

from numpy_rnn.sentiment.checkpoint import load_checkpoint, save_checkpoint
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.models import BasicRNN, RNNCellNet, SentimentModel, build_model
from numpy_rnn.sentiment.systems import as_written, repaired

__all__ = [
    "BasicRNN",
    "Config",
    "RNNCellNet",
    "SentimentModel",
    "as_written",
    "build_model",
    "load_checkpoint",
    "repaired",
    "save_checkpoint",
]
