"""Between numpy_rnn and PyTorch: every name, layout and transposition of PyTorch's that we need stands in this file.

We write x W with W (in, out); PyTorch writes x W^T with W (out, in). So every matrix but the embedding is transposed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

import numpy_rnn
from numpy_rnn.checks import expect
from numpy_rnn.stack import Params
from torch_rnn.models import SentimentModel

Layer = Any  # a numpy_rnn.RNN, Linear, Embedding or SentimentModel
NAMES = {"W_xh": "weight_ih", "W_hh": "weight_hh", "b_xh": "bias_ih", "b_hh": "bias_hh", "W": "weight", "b": "bias"}


def torch_name(name: str) -> str:
    """ "W_xh_l0" -> "weight_ih_l0", and within a model "rnn.W_xh_l0" -> "rnn.weight_ih_l0"."""
    match = re.fullmatch(r"(\w+\.)?([Wb](?:_[xh]h)?)(_l\d+)?", name)
    expect(match is not None, "name", "a parameter's name, such as W_hh_l0", repr(name))
    prefix, bare, suffix = match.groups(default="")  # type: ignore[union-attr]
    return prefix + NAMES[bare] + suffix


def _transposed(layer: Layer, name: str) -> bool:
    embedding = isinstance(layer, numpy_rnn.Embedding) or name.startswith("embedding.")
    return layer.params[name].ndim == 2 and not embedding


def to_torch_names(layer: Layer, arrays: Params) -> dict[str, np.ndarray]:
    """Parameters, gradients or optimizer states of a layer or model, under PyTorch's names and in its layouts. Copies.

    Raises ValueError for a name that is not a parameter of the layer.
    """
    unknown = sorted(arrays.keys() - layer.params.keys())
    expect(not unknown, "arrays", f"names among {sorted(layer.params)}", unknown)
    return {torch_name(name): np.array(a.T if _transposed(layer, name) else a, order="C") for name, a in arrays.items()}


def from_torch_names(layer: Layer, arrays: dict[str, np.ndarray]) -> Params:
    """The inverse of `to_torch_names`, for all of the layer's parameters. Copies.

    Raises ValueError where one is missing or has another shape than the layer's.
    """
    params: Params = {}
    for name, p in layer.params.items():
        a = arrays.get(torch_name(name))
        expect(a is not None, "arrays", f"a {torch_name(name)}", sorted(arrays))
        params[name] = np.array(a.T if _transposed(layer, name) else a, p.dtype, order="C")  # type: ignore[union-attr]
        expect(params[name].shape == p.shape, torch_name(name), f"shape {p.shape}", params[name].shape)
    return params


def to_torch(layer: Layer) -> nn.Module:
    """The PyTorch twin with the same parameters: nn.RNN, nn.Linear, nn.Embedding or torch_rnn.SentimentModel."""
    module: nn.Module
    match layer:
        case numpy_rnn.RNN():
            module = nn.RNN(layer.input_size, layer.hidden_size, layer.num_layers, layer.nonlinearity, layer.bias)
        case numpy_rnn.Linear():
            module = nn.Linear(*layer.params["W"].shape)
        case numpy_rnn.Embedding():
            module = nn.Embedding(*layer.params["W"].shape)
        case numpy_rnn.SentimentModel():
            module = SentimentModel(len(layer.params["embedding.W"]), layer.config)
        case _:
            raise ValueError(f"layer: expected a layer or model of numpy_rnn, got {type(layer).__name__}")
    tensors = {name: torch.from_numpy(a) for name, a in to_torch_names(layer, layer.params).items()}
    module = module.to(next(iter(tensors.values())).dtype)
    module.load_state_dict(tensors)
    return module


def from_torch(module: nn.Module) -> Layer:
    """The NumPy twin with the same parameters. Raises ValueError for a module that numpy_rnn has no twin of."""
    layer: Layer
    dtype = str(next(module.parameters()).dtype).removeprefix("torch.")
    match module:
        case nn.RNN():
            plain = not (module.bidirectional or module.dropout or module.batch_first)
            expect(plain, "module", "no bidirectional, dropout or batch_first", module)
            layer = numpy_rnn.RNN(module.input_size, module.hidden_size, module.num_layers, module.nonlinearity,
                                  module.bias, dtype=dtype)  # fmt: skip
        case nn.Linear():
            expect(module.bias is not None, "module", "a Linear with bias", module)
            layer = numpy_rnn.Linear(module.in_features, module.out_features, dtype=dtype)
        case nn.Embedding():
            layer = numpy_rnn.Embedding(module.num_embeddings, module.embedding_dim, dtype=dtype)
        case SentimentModel():
            layer = numpy_rnn.SentimentModel(module.embedding.num_embeddings, replace(module.config, dtype=dtype))
        case _:
            raise ValueError(f"module: expected nn.RNN, Linear, Embedding or SentimentModel, got {type(module)}")
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    for name, p in from_torch_names(layer, arrays).items():
        layer.params[name][...] = p
    return layer
