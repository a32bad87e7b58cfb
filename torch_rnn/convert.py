"""Conversion between numpy_rnn and PyTorch. All knowledge of PyTorch's names and layouts is in this file.

numpy_rnn has x W with W (in, out). PyTorch has x W^T with W (out, in). So every matrix but the embedding is transposed.
The order of the gates is the same: i, f, g, o in an LSTM, r, z, n in a GRU. They are columns in numpy_rnn and rows in
PyTorch.
"""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

import numpy_rnn.sentiment
from numpy_rnn.checks import check_plain, check_type, expect
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.types import Array, Params
from torch_rnn.models import BasicRNN, ElmanNetwork, RNNCellNet, SentimentModel, SequenceModel

Layer = Any  # a layer or a model of numpy_rnn
ELMAN = {
    "W_xh": "hidden.weight_ih_l0",
    "W_hh": "hidden.weight_hh_l0",
    "b_h": "hidden.bias_ih_l0",
    "W_hy": "output.weight",
    "b_y": "output.bias",
}
RECURRENT = {numpy_rnn.RNN: nn.RNN, numpy_rnn.LSTM: nn.LSTM, numpy_rnn.GRU: nn.GRU}
NAMES = {"W_xh": "weight_ih", "W_hh": "weight_hh", "b_xh": "bias_ih", "b_hh": "bias_hh", "W": "weight", "b": "bias"}


def torch_name(name: str) -> str:
    """PyTorch's name of a parameter of a layer, a model ("layer.name") or an ElmanNetwork. ValueError for another name.

    "W_xh_l0" -> "weight_ih_l0", "rnn.W_xh_l0" -> "rnn.weight_ih_l0", "b_h" -> "hidden.bias_ih_l0"
    """
    if name in ELMAN:
        return ELMAN[name]
    match = re.fullmatch(r"(\w+\.)?([Wb](?:_[xh]h)?)(_l\d+(?:_reverse)?)?", name)
    expect(match is not None, "name", "a parameter's name, such as W_hh_l0", repr(name))
    prefix, bare, suffix = match.groups(default="")  # type: ignore[union-attr]
    return prefix + NAMES[bare] + suffix


def _name(layer: Layer, name: str) -> str:
    """As `torch_name`. But in an RNNCellNet the cell has no _l0, and is a part of the loop: rnn.cell.weight_ih."""
    if not isinstance(layer, numpy_rnn.sentiment.RNNCellNet):
        return torch_name(name)
    return torch_name(name.removesuffix("_l0")).replace("rnn.", "rnn.cell.")


def _check_layer(layer: Layer) -> None:
    named = isinstance(getattr(layer, "params", None), dict)
    expect(named, "layer", "a layer or model of numpy_rnn", type(layer).__name__)


def _transposed(layer: Layer, name: str) -> bool:
    embedding = isinstance(layer, numpy_rnn.Embedding) or name.startswith("embedding.")
    return layer.params[name].ndim == 2 and not embedding


def to_torch_names(layer: Layer, arrays: Params) -> dict[str, Array]:
    """Parameters, gradients or optimizer states under PyTorch's names and in its layouts.

    Args:
        layer: the layer or model of numpy_rnn that they belong to.
        arrays: all or some of them, by name.

    Returns:
        Copies, by PyTorch's names.

    Raises:
        ValueError: for a name that is not a parameter of the layer, for what is no NumPy array, and for another shape.
    """
    _check_layer(layer)
    check_type("arrays", arrays, dict)
    unknown = [name for name in arrays if name not in layer.params]
    expect(not unknown, "arrays", f"names among {sorted(layer.params)}", unknown)
    for name, a in arrays.items():
        check_plain(name, a)
        expect(a.shape == layer.params[name].shape, name, f"shape {layer.params[name].shape}", a.shape)
    return {
        _name(layer, name): np.array(a.T if _transposed(layer, name) else a, order="C") for name, a in arrays.items()
    }


def from_torch_names(layer: Layer, arrays: dict[str, Array]) -> Params:
    """The inverse of `to_torch_names`, for all parameters of the layer.

    Args:
        layer: the layer or model of numpy_rnn.
        arrays: by PyTorch's names.

    Returns:
        Copies, by the names of numpy_rnn.

    Raises:
        ValueError: where an array is missing, is no NumPy array, or has another shape than the layer's.
    """
    _check_layer(layer)
    check_type("arrays", arrays, dict)
    params: Params = {}
    for name, p in layer.params.items():
        theirs = _name(layer, name)
        expect(theirs in arrays, "arrays", f"a {theirs}", [*arrays])
        check_plain(theirs, arrays[theirs])
        a = arrays[theirs].T if _transposed(layer, name) else arrays[theirs]
        expect(a.shape == p.shape, theirs, f"shape {p.shape}", a.shape)
        params[name] = np.array(a, p.dtype, order="C")
    return params


def _settings(recurrent: Any) -> dict[str, Any]:
    """The constructor's arguments. Their names, and those of the attributes, are the same in both backends."""
    names = ["input_size", "hidden_size", "num_layers", "bias", "bidirectional", "dropout"]
    names += ["nonlinearity"] if isinstance(recurrent, (numpy_rnn.RNN, nn.RNN)) else []
    return {name: getattr(recurrent, name) for name in names}


def to_torch(layer: Layer) -> nn.Module:
    """The PyTorch twin of a layer or model, with a copy of its parameters. PyTorch's random generator is not changed.

    Args:
        layer: a layer or model of numpy_rnn.

    Returns:
        An nn.RNN, LSTM, GRU, Linear or Embedding, or a model of torch_rnn. It is in training mode, as every new
        nn.Module: with dropout between layers it draws its own masks.

    Raises:
        ValueError: for anything else.
    """
    with torch.random.fork_rng(devices=[]):  # since every new module draws weights
        module = _untrained(layer)
    tensors = {name: torch.from_numpy(a) for name, a in to_torch_names(layer, layer.params).items()}
    module = module.to(next(iter(tensors.values())).dtype)
    module.load_state_dict(tensors, strict=not isinstance(module, ElmanNetwork))  # its second bias stays zero
    return module


def _untrained(layer: Layer) -> nn.Module:
    match layer:
        case numpy_rnn.RNN() | numpy_rnn.LSTM() | numpy_rnn.GRU():
            kind = next(theirs for ours, theirs in RECURRENT.items() if isinstance(layer, ours))
            return kind(**_settings(layer))
        case numpy_rnn.ElmanNetwork():
            D, H = layer.params["W_xh"].shape
            return ElmanNetwork(D, H, len(layer.params["b_y"]), layer.error)
        case numpy_rnn.Linear():
            return nn.Linear(*layer.params["W"].shape)
        case numpy_rnn.Embedding():
            return nn.Embedding(*layer.params["W"].shape)
        case numpy_rnn.SequenceModel():
            return SequenceModel(to_torch(layer.layer), to_torch(layer.output))
        case numpy_rnn.sentiment.BasicRNN():
            return BasicRNN(len(layer.params["embedding.W"]), layer.config)
        case numpy_rnn.sentiment.RNNCellNet():
            return RNNCellNet(len(layer.params["embedding.W"]), layer.config)
        case _:
            raise ValueError(f"layer: expected a layer or model of numpy_rnn, got {type(layer).__name__}")


def from_torch(module: nn.Module) -> Layer:
    """The NumPy twin of a module, with a copy of its parameters.

    Args:
        module: an nn.RNN, LSTM, GRU, Linear or Embedding, or a model of torch_rnn.

    Returns:
        The layer or model of numpy_rnn.

    Raises:
        ValueError: for another module, for settings that numpy_rnn does not have, such as batch_first, and for
            parameters on the device "meta", which have no values.
    """
    layer: Layer
    expect(isinstance(module, nn.Module), "module", "a torch.nn.Module", type(module).__name__)
    expect(not any(p.is_meta for p in module.parameters()), "module", "parameters with values", "them on meta")
    dtype = next((str(p.dtype).removeprefix("torch.") for p in module.parameters()), "float32")
    match module:
        case nn.RNN() | nn.LSTM() | nn.GRU():
            plain = not (module.batch_first or module.proj_size)
            expect(plain, "module", "no batch_first and no proj_size", module)
            kind = next(ours for ours, theirs in RECURRENT.items() if isinstance(module, theirs))
            layer = kind(**_settings(module), dtype=dtype)
        case ElmanNetwork():
            expect(
                not module.state_dict()["hidden.bias_hh_l0"].any(), "module", "its hidden.bias_hh_l0 to be zero", "not"
            )
            sizes = (module.hidden.input_size, module.hidden.hidden_size, module.output.out_features)
            layer = numpy_rnn.ElmanNetwork(*sizes, module.error, dtype=dtype)
        case nn.Linear():
            expect(module.bias is not None, "module", "a Linear with bias", module)
            layer = numpy_rnn.Linear(module.in_features, module.out_features, dtype=dtype)
        case nn.Embedding():
            special = (module.padding_idx, module.max_norm, module.scale_grad_by_freq, module.sparse)
            expect(special == (None, None, False, False), "module", "an Embedding without special settings", module)
            layer = numpy_rnn.Embedding(module.num_embeddings, module.embedding_dim, dtype=dtype)
        case SequenceModel():
            layer = numpy_rnn.SequenceModel(from_torch(module.layer), from_torch(module.output))
        case SentimentModel():
            layer = build_model(module.embedding.num_embeddings, replace(module.config, dtype=dtype))
        case _:
            twins = "nn.RNN, LSTM, GRU, Linear, Embedding or a model of torch_rnn"
            raise ValueError(f"module: expected {twins}, got {type(module).__name__}")
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    for name, p in from_torch_names(layer, arrays).items():
        layer.params[name][...] = p
    return layer
