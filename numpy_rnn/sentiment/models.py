"""The two systems: Embedding -> RNN, LSTM or GRU -> read-out -> Dropout -> a head of Linear layers."""

from typing import Any, NamedTuple

import numpy as np

from numpy_rnn.base import RNNBase
from numpy_rnn.checks import check_array, check_type, check_whole_numbers, expect
from numpy_rnn.gru import GRU
from numpy_rnn.layers import Dropout, Embedding, JoinedParams, Linear, ReLU, Sigmoid, join
from numpy_rnn.lstm import LSTM
from numpy_rnn.rnn import RNN
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.readouts import READOUTS
from numpy_rnn.truncation import Cache
from numpy_rnn.types import Array, Params

RECURRENT: dict[str, type[RNNBase]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
FC1_SIZE = 256  # hidden units of RNNCellNet's head


class ModelCache(NamedTuple):
    """What `SentimentModel.forward` keeps for `backward`."""

    ids: Array  # (T, N)
    rnn: Cache
    readout: Any  # the cache of the read-out
    mask: Array | None  # (N, F)
    head: dict[str, Array]  # the cache of each layer of the head


class SentimentModel:
    """token ids (T, N), lengths (N,) -> logits (N, C). The subclasses BasicRNN and RNNCellNet differ in the head.

    The read-out makes F features of the states: H, or with both directions 2 H. See readouts.py.

    Args:
        vocabulary_size: V.
        config: the settings; config.seed draws the initial parameters.

    Attributes:
        params: the layers' own arrays, under "layer.name".

    Raises:
        ValueError: for settings of the other system.
    """

    system: str

    def __init__(self, vocabulary_size: int, config: Config):
        check_type("config", config, Config)
        expect(config.system == self.system, "config.system", repr(self.system), repr(config.system))
        rng = np.random.default_rng(config.seed)
        D, H, dtype = config.embedding_size, config.hidden_size, config.dtype
        self.config = config
        self.embedding = Embedding(vocabulary_size, D, std=config.embedding_std, dtype=dtype, rng=rng)
        options: dict[str, Any] = {"nonlinearity": config.nonlinearity} if config.cell == "rnn" else {}
        self.rnn = RECURRENT[config.cell](
            D, H, config.num_layers, bidirectional=config.bidirectional, dtype=dtype, rng=rng, **options
        )
        if config.recurrent_init == "identity":
            _start_with_identity(self.rnn.params)
        self.dropout = Dropout(config.dropout)
        self.head = self.make_head(config.features, config, rng)
        layers = {"embedding": self.embedding, "rnn": self.rnn} | self.head
        self.params: Params = JoinedParams(join({name: getattr(layer, "params", {}) for name, layer in layers.items()}))

    def make_head(self, F: int, config: Config, rng: np.random.Generator) -> dict[str, Any]:
        """The layers between the read-out (N, F) and the logits (N, C), by name and in order."""
        raise NotImplementedError

    def forward(self, ids: Array, lengths: Any, mask: Array | None = None) -> tuple[Array, ModelCache]:
        """The forward pass.

        Args:
            ids: (T, N), the token ids.
            lengths: (N,), of the reviews, each in 1..T.
            mask: (N, F), the dropout mask of the features; None in testing.

        Returns:
            logits (N, C), and the cache for `backward`.

        Raises:
            ValueError: for a bad argument.
        """
        x, ids = self.embedding.forward(ids)
        expect(ids.ndim == 2 and ids.size > 0, "ids", "shape (T, N), not empty", ids.shape)
        lengths = check_whole_numbers("lengths", lengths, ids.shape[1:], 1, len(ids)).copy()
        output, _, rnn_cache = self.rnn.forward(x, lengths=None if self.config.readout == "last" else lengths)
        features, readout_cache = READOUTS[self.config.readout].forward(output, lengths)  # (N, F)
        if mask is not None:
            features, _ = self.dropout.forward(features, mask)
        caches = {}
        for name, layer in self.head.items():
            features, caches[name] = layer.forward(features)
        return features, ModelCache(ids, rnn_cache, readout_cache, mask, caches)

    def backward(self, d_logits: Array, cache: ModelCache) -> Params:
        """d_logits (N, C) -> the gradient of every parameter, under its name in `params`."""
        dx, grads = self.backward_to_embeddings(d_logits, cache)
        grads["embedding"] = self.embedding.backward(dx, cache.ids)
        joined = join(grads)
        return {name: joined[name] for name in self.params}

    def backward_to_embeddings(self, d_logits: Array, cache: ModelCache) -> tuple[Array, dict[str, Params]]:
        """The backward pass down to the embeddings.

        Args:
            d_logits: (N, C), the gradient of the logits.
            cache: what `forward` of this model returned.

        Returns:
            dx (T, N, D), the gradient at each word, and the gradients of each layer above, by its name.

        Raises:
            ValueError: for the cache of another model.
        """
        check_type("cache", cache, ModelCache)
        check_array("d_logits", d_logits, (cache.ids.shape[1], self.config.outputs), np.dtype(self.config.dtype))
        expect(cache.rnn.made_by is self.rnn, "cache", "what forward of this model returned", "another one's")
        grads: dict[str, Params] = {}
        d_features = d_logits
        for name, layer in reversed(self.head.items()):
            d_features, grads[name] = layer.backward(d_features, cache.head[name])
        if cache.mask is not None:
            d_features, _ = self.dropout.backward(d_features, cache.mask)
        d_output = READOUTS[self.config.readout].backward(d_features, cache.readout)  # (T, N, F)
        dx, _, grads["rnn"] = self.rnn.backward(d_output, None, cache.rnn)
        return dx, grads


class BasicRNN(SentimentModel):
    """The system basic: one Linear layer. As it was written, a sigmoid follows, which is a defect."""

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
    check_type("config", config, Config)
    return {kind.system: kind for kind in (BasicRNN, RNNCellNet)}[config.system](vocabulary_size, config)


def _start_with_identity(params: Params) -> None:
    """W_hh = I, b = 0, so h_t = f(h_{t-1} + x_t W_xh) adds up the inputs. Le, Jaitly & Hinton (2015), with relu."""
    for name, p in params.items():
        if name.startswith("W_hh"):
            p[...] = np.eye(len(p))
        elif name.startswith("b_"):
            p[...] = 0
