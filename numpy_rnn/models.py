"""The sentiment model: Embedding -> RNN, LSTM or GRU -> read-out -> Dropout -> Linear."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.bptt import Cache
from numpy_rnn.config import Config
from numpy_rnn.gru import GRU
from numpy_rnn.layers import Dropout, Embedding, Linear, Params
from numpy_rnn.lstm import LSTM
from numpy_rnn.rnn import RNN

CLASSES = 2


class ModelCache(NamedTuple):
    ids: np.ndarray  # (T, N)
    rnn: Cache
    lengths: np.ndarray  # (N,)
    mask: np.ndarray | None  # (N, H)
    features: np.ndarray  # (N, H), as they enter the Linear layer


class SentimentModel:
    """token ids (T, N), lengths (N,) -> logits (N, C). Its params are the layers' arrays under "layer.name".

    The read-outs: "last" is the state after step T as it stands, pads and all; "last_real" the state after each
    review's own last token; "mean" the mean of the states at its real tokens.
    """

    def __init__(self, vocabulary_size: int, config: Config):
        rng = np.random.default_rng(config.seed)
        D, H, dtype = config.embedding_size, config.hidden_size, config.dtype
        self.config = config
        self.embedding = Embedding(vocabulary_size, D, std=config.embedding_std, dtype=dtype, rng=rng)
        self.rnn: RNN | LSTM | GRU
        match config.cell:
            case "rnn":
                self.rnn = RNN(D, H, config.num_layers, config.nonlinearity, dtype=dtype, rng=rng)
            case "lstm":
                self.rnn = LSTM(D, H, config.num_layers, dtype=dtype, rng=rng)
            case "gru":
                self.rnn = GRU(D, H, config.num_layers, dtype=dtype, rng=rng)
        self.dropout = Dropout(config.dropout)
        self.linear = Linear(H, CLASSES, dtype=dtype, rng=rng)
        self.params = _join(embedding=self.embedding.params, rnn=self.rnn.params, linear=self.linear.params)

    def forward(self, ids: np.ndarray, lengths: Any, mask: np.ndarray | None = None) -> tuple[np.ndarray, ModelCache]:
        """mask (N, H) is Dropout's, None when testing. Returns logits (N, C) and the cache for `backward`."""
        x, ids = self.embedding.forward(ids)
        lengths = np.array(lengths)
        output, _, rnn_cache = self.rnn.forward(x, lengths=None if self.config.readout == "last" else lengths)
        if self.config.readout == "mean":
            features = _mean(output, lengths)  # (N, H)
        else:
            features = output[self._last_step(lengths, len(ids)), np.arange(len(lengths))]  # (N, H)
        if mask is not None:
            features, _ = self.dropout.forward(features, mask)
        logits, _ = self.linear.forward(features)
        return logits, ModelCache(ids, rnn_cache, lengths, mask, features)

    def backward(self, d_logits: np.ndarray, cache: ModelCache) -> Params:
        """d_logits (N, C) -> the gradient of every parameter, under its name in `params`."""
        d_features, d_linear = self.linear.backward(d_logits, cache.features)
        if cache.mask is not None:
            d_features, _ = self.dropout.backward(d_features, cache.mask)
        T, N = cache.ids.shape
        if self.config.readout == "mean":
            d_output = _mean_backward(d_features, cache.lengths, T)
        else:
            d_output = np.zeros((T, *d_features.shape), d_features.dtype)  # (T, N, H)
            d_output[self._last_step(cache.lengths, T), np.arange(N)] = d_features
        rnn_grads = self.rnn.backward(d_output, None, cache.rnn)
        d_embedding = self.embedding.backward(rnn_grads.x, cache.ids)
        return _join(embedding=d_embedding, rnn=rnn_grads.params, linear=d_linear)

    def _last_step(self, lengths: np.ndarray, T: int) -> np.ndarray:
        """(N,): "last" ran on through the pads, "last_real" stops each review at its end. Steps from 0."""
        return np.full(len(lengths), T - 1) if self.config.readout == "last" else lengths - 1


def _mean(output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """m = (1/len) sum_t h_t, (T, N, H) -> (N, H): the outputs after a review's end are zero and add nothing."""
    return output.sum(axis=0) / lengths[:, None].astype(output.dtype)


def _mean_backward(dm: np.ndarray, lengths: np.ndarray, T: int) -> np.ndarray:
    """dh_t = dm / len at every real step; the RNN never looks at d_output after a review's end."""
    return np.broadcast_to(dm / lengths[:, None].astype(dm.dtype), (T, *dm.shape))


def _join(**parts: Params) -> Params:
    return {f"{layer}.{name}": array for layer, params in parts.items() for name, array in params.items()}
