"""The two systems: Embedding -> RNN, LSTM or GRU -> read-out -> Dropout -> a head of Linear layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.bptt import Cache
from numpy_rnn.checks import check_whole_numbers, expect
from numpy_rnn.config import Config
from numpy_rnn.gru import GRU
from numpy_rnn.layers import Dropout, Embedding, Linear, Params, ReLU, Sigmoid
from numpy_rnn.lstm import LSTM
from numpy_rnn.rnn import RNN

RECURRENT = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
FC1_SIZE = 256  # hidden units of RNNCellNet's head


class ModelCache(NamedTuple):
    ids: np.ndarray  # (T, N)
    rnn: Cache
    lengths: np.ndarray  # (N,)
    where: np.ndarray | None  # (N, F), the step of each unit's maximum, if that is what is read
    mask: np.ndarray | None  # (N, F)
    head: dict[str, np.ndarray]  # of each layer of the head


class SentimentModel:
    """token ids (T, N), lengths (N,) -> logits (N, C). Its params are the layers' arrays under "layer.name".

    The read-outs: "last" is the state after step T as it stands, pads and all; "last_real" the state after each
    review's own last token; "mean" the mean of the states at its real tokens, "max" their maximum, unit by unit. Each
    gives F features: H, with both directions 2 H. BasicRNN and RNNCellNet are two of it, which differ in the head.
    """

    system: str

    def __init__(self, vocabulary_size: int, config: Config):
        expect(config.system == self.system, "config.system", repr(self.system), repr(config.system))
        rng = np.random.default_rng(config.seed)
        D, H, dtype = config.embedding_size, config.hidden_size, config.dtype
        self.config = config
        self.embedding = Embedding(vocabulary_size, D, std=config.embedding_std, dtype=dtype, rng=rng)
        options = {"nonlinearity": config.nonlinearity} if config.cell == "rnn" else {}
        self.rnn = RECURRENT[config.cell](
            D, H, config.num_layers, bidirectional=config.bidirectional, dtype=dtype, rng=rng, **options
        )
        if config.recurrent_init == "identity":
            _start_with_identity(self.rnn.params)
        self.dropout = Dropout(config.dropout)
        self.head = self.make_head(config.features, config, rng)
        layers = {"embedding": self.embedding, "rnn": self.rnn} | self.head
        self.params = _join({name: getattr(layer, "params", {}) for name, layer in layers.items()})

    def make_head(self, F: int, config: Config, rng: np.random.Generator) -> dict[str, Any]:
        """The layers between the read-out (N, F) and the logits (N, C), by name and in order."""
        raise NotImplementedError

    def forward(self, ids: np.ndarray, lengths: Any, mask: np.ndarray | None = None) -> tuple[np.ndarray, ModelCache]:
        """mask (N, F) is Dropout's, None when testing. Returns logits (N, C) and the cache for `backward`."""
        x, ids = self.embedding.forward(ids)
        lengths = check_whole_numbers("lengths", lengths, ids.shape[1:], 1, len(ids)).copy()
        output, _, rnn_cache = self.rnn.forward(x, lengths=None if self.config.readout == "last" else lengths)
        where = None
        if self.config.readout == "mean":
            features = _mean(output, lengths)  # (N, F)
        elif self.config.readout == "max":
            features, where = _max(output, lengths)  # (N, F)
        else:
            features = output[self.last_step(lengths, len(ids)), np.arange(len(lengths))]  # (N, F)
        if mask is not None:
            features, _ = self.dropout.forward(features, mask)
        caches = {}
        for name, layer in self.head.items():
            features, caches[name] = layer.forward(features)
        return features, ModelCache(ids, rnn_cache, lengths, where, mask, caches)

    def backward(self, d_logits: np.ndarray, cache: ModelCache) -> Params:
        """d_logits (N, C) -> the gradient of every parameter, under its name in `params`."""
        dx, grads = self.backward_to_embeddings(d_logits, cache)
        grads["embedding"] = self.embedding.backward(dx, cache.ids)
        joined = _join(grads)
        return {name: joined[name] for name in self.params}

    def backward_to_embeddings(self, d_logits: np.ndarray, cache: ModelCache) -> tuple[np.ndarray, dict[str, Params]]:
        """d_logits (N, C) -> what arrives at each word, dx (T, N, D), and the gradients of each layer on the way."""
        expect(cache.rnn.made_by is self.rnn, "cache", "what forward of this model returned", "another one's")
        grads: dict[str, Params] = {}
        d_features = d_logits
        for name, layer in reversed(self.head.items()):
            d_features, grads[name] = layer.backward(d_features, cache.head[name])
        if cache.mask is not None:
            d_features, _ = self.dropout.backward(d_features, cache.mask)
        T, N = cache.ids.shape
        if self.config.readout == "mean":
            d_output = _mean_backward(d_features, cache.lengths, T)  # (T, N, F)
        elif cache.where is not None:
            d_output = _max_backward(d_features, cache.where, T)  # (T, N, F)
        else:
            d_output = np.zeros((T, *d_features.shape), d_features.dtype)  # (T, N, F)
            d_output[self.last_step(cache.lengths, T), np.arange(N)] = d_features
        dx, _, grads["rnn"] = self.rnn.backward(d_output, None, cache.rnn)
        return dx, grads

    def last_step(self, lengths: np.ndarray, T: int) -> np.ndarray:
        """(N,): "last" ran on through the pads, "last_real" stops each review at its end. Steps from 0."""
        return np.full(len(lengths), T - 1) if self.config.readout == "last" else lengths - 1


class BasicRNN(SentimentModel):
    """The system basic: one Linear layer; as it was written with a sigmoid behind it, which is the defect."""

    system = "basic"

    def make_head(self, F: int, config: Config, rng: np.random.Generator) -> dict[str, Any]:
        head: dict[str, Any] = {"linear": Linear(F, config.outputs, dtype=config.dtype, rng=rng)}
        return head | ({"sigmoid": Sigmoid()} if config.sigmoid else {})


class RNNCellNet(SentimentModel):
    """The system rnncell: Linear, ReLU, Linear. Its PyTorch twin is a loop over nn.RNNCell."""

    system = "rnncell"

    def make_head(self, F: int, config: Config, rng: np.random.Generator) -> dict[str, Any]:
        fc1 = Linear(F, FC1_SIZE, dtype=config.dtype, rng=rng)
        return {"fc1": fc1, "relu": ReLU(), "fc2": Linear(FC1_SIZE, config.outputs, dtype=config.dtype, rng=rng)}


def build_model(vocabulary_size: int, config: Config) -> SentimentModel:
    """The model that config.system names, with initial weights drawn from config.seed."""
    return {kind.system: kind for kind in (BasicRNN, RNNCellNet)}[config.system](vocabulary_size, config)


def _start_with_identity(params: Params) -> None:
    """W_hh = I, b = 0: h_t = f(h_{t-1} + x_t W_xh) sums up what comes in. Le, Jaitly & Hinton (2015), with relu."""
    for name, p in params.items():
        if name.startswith("W_hh"):
            p[...] = np.eye(len(p))
        elif name.startswith("b_"):
            p[...] = 0


def _mean(output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """m = (1/len) sum_t h_t, (T, N, F) -> (N, F): the outputs after a review's end are zero and add nothing."""
    return output.sum(axis=0) / lengths[:, None].astype(output.dtype)


def _mean_backward(dm: np.ndarray, lengths: np.ndarray, T: int) -> np.ndarray:
    """dh_t = dm / len at every real step; the RNN never looks at d_output after a review's end."""
    return np.broadcast_to(dm / lengths[:, None].astype(dm.dtype), (T, *dm.shape))


def _max(output: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m_j = max_t h_t,j over a review's real steps, and the step t where that is: (T, N, F) -> (N, F), (N, F).

    Source: Collobert et al. (2011), "Natural language processing (almost) from scratch", the max layer.
    """
    real = np.arange(len(output))[:, None] < lengths  # (T, N)
    where = np.where(real[:, :, None], output, -np.inf).argmax(axis=0)
    return np.take_along_axis(output, where[None], axis=0)[0], where


def _max_backward(dm: np.ndarray, where: np.ndarray, T: int) -> np.ndarray:
    """dh_t,j = dm_j at the step of the maximum, 0 at every other: each unit sends its whole error to one word."""
    d_output = np.zeros((T, *dm.shape), dm.dtype)
    np.put_along_axis(d_output, where[None], dm[None], axis=0)
    return d_output


def _join(parts: dict[str, Params]) -> Params:
    return {f"{layer}.{name}": array for layer, params in parts.items() for name, array in params.items()}
