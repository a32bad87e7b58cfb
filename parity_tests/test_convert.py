"""torch_rnn/convert.py: there and back, copies only."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import numpy_rnn
from numpy_rnn.sentiment import Config, SentimentModel, build_model
from torch_rnn import ElmanNetwork, from_torch, from_torch_names, to_torch, to_torch_names
from torch_rnn.convert import torch_name

LINEAR = numpy_rnn.Linear(3, 4, dtype=np.float64)
LAYERS = [
    numpy_rnn.RNN(3, 4),
    numpy_rnn.RNN(3, 4, 3, "relu", bias=False, dtype=np.float64),
    numpy_rnn.RNN(3, 4, 2, bidirectional=True),
    numpy_rnn.LSTM(3, 4, 2, dropout=0.5),
    numpy_rnn.LSTM(3, 4, bias=False, bidirectional=True, dtype=np.float64),
    numpy_rnn.GRU(3, 4, 2, bidirectional=True, dropout=0.25),
    LINEAR,
    numpy_rnn.SequenceModel(numpy_rnn.GRU(2, 3), numpy_rnn.Linear(3, 4)),
    numpy_rnn.ElmanNetwork(3, 4, 5, "cross_entropy", dtype=np.float64),
    numpy_rnn.ElmanNetwork(3, 4, 5),
    numpy_rnn.Embedding(5, 3),
    numpy_rnn.Embedding(5, 3, dtype=np.float64),
    *(
        build_model(5, Config(embedding_size=3, hidden_size=4, cell=cell, **options))
        for options in ({"num_layers": 2}, {"system": "rnncell", "outputs": 3, "dtype": "float64"})
        for cell in ("rnn", "lstm", "gru")
    ),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_there_and_back(layer: Any) -> None:
    module = to_torch(layer)
    back = from_torch(module)
    assert type(back) is type(layer)
    assert back.params.keys() == layer.params.keys()
    if isinstance(layer, numpy_rnn.ElmanNetwork):
        assert back.error == layer.error
    elif not isinstance(layer, (SentimentModel, numpy_rnn.SequenceModel)):
        settings = ({k: v for k, v in vars(one).items() if k != "params"} for one in (back, layer))
        np.testing.assert_equal(*settings)
    elif isinstance(layer, SentimentModel):
        assert back.config == layer.config
    for name, p in layer.params.items():
        np.testing.assert_array_equal(back.params[name], p)
        assert back.params[name].dtype == p.dtype
    for p in module.parameters():  # copies: changing the module changes neither layer
        p.data.fill_(0)
    for name, p in layer.params.items():
        assert p.any()
        np.testing.assert_array_equal(back.params[name], p)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_names(layer: Any) -> None:
    named = to_torch_names(layer, layer.params)
    state = to_torch(layer).state_dict()
    assert named.keys() == state.keys() - {"hidden.bias_hh_l0"}
    for name, array in named.items():
        np.testing.assert_array_equal(array, state[name].numpy())
        assert not any(np.shares_memory(array, p) for p in layer.params.values())
    for name, p in from_torch_names(layer, named).items():
        np.testing.assert_array_equal(p, layer.params[name])


def test_which_is_which() -> None:
    """The two biases do the same, so no gradient tells whether they were swapped."""
    layer = LAYERS[0]
    module = to_torch(layer)
    np.testing.assert_array_equal(module.bias_ih_l0.detach(), layer.params["b_xh_l0"])
    np.testing.assert_array_equal(module.bias_hh_l0.detach(), layer.params["b_hh_l0"])
    np.testing.assert_array_equal(module.weight_ih_l0.detach(), layer.params["W_xh_l0"].T)


@pytest.mark.parametrize("kind", [partial(nn.RNN, nonlinearity="relu"), nn.LSTM, nn.GRU], ids=["RNN", "LSTM", "GRU"])
def test_from_torch_gives_the_same_function(kind: Any) -> None:
    module = kind(3, 4, 2, bidirectional=True, dtype=torch.float64)
    layer, x = from_torch(module), np.random.default_rng(0).normal(size=(5, 2, 3))
    np.testing.assert_allclose(layer.forward(x)[0], module(torch.tensor(x))[0].detach().numpy(), atol=1e-14)


def test_a_module_made_double_is_float64() -> None:
    back = from_torch(to_torch(LAYERS[-1]).double())
    assert {p.dtype for p in back.params.values()} == {np.dtype(np.float64)}
    back = from_torch(to_torch(build_model(5, Config(embedding_size=3, hidden_size=4))).double())
    assert {p.dtype for p in back.params.values()} == {np.dtype(np.float64)}


def test_a_new_twin_leaves_the_random_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    for layer in LAYERS:
        to_torch(layer)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_subclass_is_what_it_is_made_of() -> None:
    class Mine(numpy_rnn.GRU):
        pass

    class Theirs(nn.LSTM):
        pass

    assert type(to_torch(Mine(2, 3))) is nn.GRU
    assert type(from_torch(Theirs(2, 3))) is numpy_rnn.LSTM


def test_what_comes_back_is_as_the_layer_has_it() -> None:
    """Of its dtype, and each row of it in one piece."""
    layer = numpy_rnn.RNN(2, 3)
    arrays = {name: a.astype(np.float64) for name, a in to_torch_names(layer, layer.params).items()}
    assert all(a.flags.c_contiguous for a in arrays.values())
    for name, a in from_torch_names(layer, arrays).items():
        assert a.dtype == np.float32, name
        assert a.flags.c_contiguous, name


def test_a_missing_array_is_named_as_in_pytorch() -> None:
    model = build_model(5, Config(system="rnncell", hidden_size=3, embedding_size=2))
    arrays = to_torch_names(model, model.params)
    del arrays["rnn.cell.weight_hh"]
    with pytest.raises(ValueError, match=r"^arrays: expected a rnn\.cell\.weight_hh, got \['embedding"):
        from_torch_names(model, arrays)


def with_a_second_bias() -> ElmanNetwork:
    module = ElmanNetwork(2, 3, 4)
    module.hidden.bias_hh_l0.data[1] = 0.1
    return module


CELLNET = build_model(5, Config("rnncell", embedding_size=2, hidden_size=3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: to_torch("layer"), "layer: expected a layer or model of numpy_rnn, got str"),
        (lambda: to_torch_names("layer", {}), "^layer: expected a layer or model of numpy_rnn, got str$"),
        (lambda: torch_name("W_hx"), "^name: expected a parameter's name, such as W_hh_l0, got 'W_hx'$"),
        (
            lambda: from_torch(nn.RNNCell(2, 3)),
            "module: expected nn.RNN, LSTM, GRU, .* of torch_rnn, got RNNCell",
        ),
        (lambda: from_torch(nn.Dropout()), "module: expected nn.RNN, LSTM, GRU, .* got Dropout"),
        (lambda: from_torch(None), "module: expected a torch.nn.Module, got NoneType"),
        (lambda: from_torch("nn.RNN"), "^module: expected a torch.nn.Module, got str$"),
        (
            lambda: from_torch(nn.LSTM(2, 3, proj_size=2)),
            r"module: expected no batch_first and no proj_size, got LSTM\(2, 3, proj_size=2\)",
        ),
        (lambda: from_torch(nn.GRU(2, 3, batch_first=True)), "module: expected no batch_first and no proj_size"),
        (lambda: from_torch(with_a_second_bias()), "module: expected its hidden.bias_hh_l0 to be zero, got not$"),
        (lambda: from_torch(nn.Linear(2, 3, bias=False)), r"^module: expected a Linear with bias, got Linear\("),
        (lambda: to_torch_names(LAYERS[0], {"W_hy": np.ones(1)}), r"arrays: expected names among .* got \['W_hy'\]"),
        (
            lambda: to_torch_names(LAYERS[0], {"W_hh_l0": np.ones((7, 2))}),
            r"W_hh_l0: expected shape \(4, 4\), got \(7, 2\)",
        ),
        (
            lambda: from_torch(nn.Embedding(5, 3, padding_idx=0)),
            r"module: expected an Embedding without special settings, got Embedding\(5, 3, padding_idx=0\)",
        ),
        (
            lambda: from_torch(nn.RNN(2, 3, device="meta")),
            "^module: expected parameters with values, got them on meta$",
        ),
        (lambda: to_torch_names(LAYERS[0], {"W_hh_l0": np.ones((4, 4)).tolist()}), "^W_hh_l0: .*, got list$"),
        (lambda: from_torch_names(LAYERS[0], {"weight_ih_l0": [1.0]}), "^weight_ih_l0: expected an array, got list$"),
        (lambda: from_torch_names(LAYERS[0], {}), r"arrays: expected a weight_ih_l0, got \[\]"),
        (lambda: from_torch_names(numpy_rnn.Linear(3, 4), {}), r"^arrays: expected a weight, got \[\]$"),
        (
            lambda: from_torch_names(LAYERS[0], {"weight_ih_l0": np.ones((3, 4))}),
            r"^weight_ih_l0: expected shape \(3, 4\), got \(4, 3\)$",
        ),
        (
            lambda: from_torch_names(LINEAR, {"weight": np.ones((3, 4)), "bias": np.ones(4)}),
            "weight: expected shape",
        ),
        (
            lambda: from_torch_names(
                CELLNET, to_torch_names(CELLNET, CELLNET.params) | {"rnn.cell.bias_ih": np.ones(1)}
            ),
            r"^rnn.cell.bias_ih: expected shape \(3,\), got \(1,\)$",
        ),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
