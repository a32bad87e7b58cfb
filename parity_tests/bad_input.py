"""Public functions with arguments that are right, and values that are wrong: for test_bad_input.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import numpy_rnn
import torch_rnn
from numpy_rnn import gradient_checkpointing, sentiment, split
from numpy_rnn.layers import Sigmoid
from numpy_rnn.rtrl import rtrl
from numpy_rnn.sentiment.data.text import Reviews
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.order import order_effect
from numpy_rnn.sequence_model import train
from torch_rnn.backends import choose_backend

T, N, D, H, C, V = 4, 2, 3, 2, 3, 5


class Call(NamedTuple):
    """A function, and keyword arguments with which it works."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


def calls(folder: Path) -> dict[str, Call]:
    """Every public function and method by its name, with new arguments. Files are written into `folder`."""
    rng = np.random.default_rng(0)
    x, ids, lengths = rng.normal(size=(T, N, D)), rng.integers(0, V, (T, N)), np.array([T, 2])
    labels, y = rng.integers(0, C, (T, N)), rng.dirichlet(np.ones(C), (T, N))
    sizes: dict[str, Any] = {"input_size": D, "hidden_size": H, "dtype": "float64", "rng": rng}
    stack = sizes | {"num_layers": 2, "bias": True, "bidirectional": False, "dropout": 0.5}
    found: dict[str, Call] = {}

    def add(name: str, function: Callable[..., Any], **arguments: Any) -> Any:
        found[name] = Call(function, arguments)
        return function(**arguments)

    for kind in (numpy_rnn.RNN, numpy_rnn.LSTM, numpy_rnn.GRU):
        name = kind.__name__
        layer = add(name, kind, **stack, **({"nonlinearity": "relu"} if kind is numpy_rnn.RNN else {}))
        masks = add(f"{name}.dropout_masks", layer.dropout_masks, T=T, N=N, rng=rng)
        h_0 = (np.zeros((2, N, H)), np.zeros((2, N, H))) if kind is numpy_rnn.LSTM else np.zeros((2, N, H))
        output, h_n, cache = add(f"{name}.forward", layer.forward, x=x, h_0=h_0, lengths=lengths, masks=masks)
        add(f"{name}.backward", layer.backward, d_output=output, d_h_n=h_n, cache=cache, k1=2, k2=3)
        add(f"{name}.with_params", layer.with_params, params=layer.params)
        one = kind(D, H, dtype="float64")
        d_output = one.forward(x)[0]
        G = add(f"split {name}", split.split, layer=one, x=x, d_output=d_output)["W_hh_l0"]
        add(f"jacobians {name}", split.jacobians, layer=one, x=x[:, :1], state="h")
        model = add(
            f"SequenceModel {name}", numpy_rnn.SequenceModel, layer=one, output=numpy_rnn.Linear(H, C, dtype="float64")
        )
        add(f"SequenceModel.gradients {name}", model.gradients, x=x, labels=labels, weights=np.ones((T, N)), k1=1, k2=2)
    add("truncated_sum", split.truncated_sum, G=G, k1=1, k2=2)
    add("truncation_bias", split.truncation_bias, G=G, k1=1, k2=2)
    add("smallest_k2", split.smallest_k2, G=G, share=0.1)
    one = numpy_rnn.LSTM(D, H, dtype="float64")
    _, kept = add("checkpointed", gradient_checkpointing.forward, layer=one, x=x, lengths=lengths, S=2, k=4)
    add("checkpointed.backward", gradient_checkpointing.backward, d_output=lambda start, h: h, d_h_n=None, kept=kept)
    add("rtrl", rtrl, layer=numpy_rnn.RNN(D, H, dtype="float64"), x=x, d_output=np.ones((T, N, H)))

    network = add("ElmanNetwork", numpy_rnn.ElmanNetwork, **sizes, output_size=C, error="squared_error")
    h_0 = np.zeros((N, H))
    losses, _, cache = add("ElmanNetwork.forward", network.forward, x=x, y=y, h_0=h_0)
    grads = add("ElmanNetwork.backward", network.backward, d_losses=losses, cache=cache, k1=1, k2=2)
    add("ElmanNetwork.predict", network.predict, x=x, h_0=h_0)
    add("ElmanNetwork.states", network.states, x=x, h_0=h_0)
    add("ElmanNetwork.update", network.update, grads=grads.params, lr=0.1)
    add("ElmanNetwork.with_params", network.with_params, params=network.params)

    losses, cache = add("cross_entropy", numpy_rnn.cross_entropy, logits=y, labels=labels)
    add("cross_entropy_backward", numpy_rnn.cross_entropy_backward, d_losses=losses, cache=cache)
    losses, error = add("squared_error", numpy_rnn.squared_error, y_hat=y, y=y)
    add("squared_error_backward", numpy_rnn.squared_error_backward, d_losses=losses, error=error)
    add("reduce", numpy_rnn.reduce, losses=losses, weights=np.ones((T, N)))

    arrays = {"a": rng.normal(size=(2, 2)), "b": rng.normal(size=3)}
    add("SGD", numpy_rnn.SGD, params=arrays)
    adam = add("Adam", numpy_rnn.Adam, params=arrays, beta1=0.9, beta2=0.999, eps=1e-8)
    add("SGD.step", numpy_rnn.SGD(arrays).step, grads=arrays, lr=0.1)
    add("Adam.step", adam.step, grads=arrays, lr=0.1)
    add("clip_by_global_norm", numpy_rnn.clip_by_global_norm, grads=arrays, max_norm=1.0)

    def f(arrays: dict[str, Any]) -> Any:
        return (arrays["a"] ** 2).sum() / 2 + (arrays["b"] ** 2).sum() / 2

    options = {"directions": 2, "tolerance": 1e-3, "float32": False, "rng": rng}
    add("gradcheck", numpy_rnn.gradcheck, f=f, arrays=arrays, gradients=arrays, method="central", **options)
    add("numeric_gradients", numpy_rnn.numeric_gradients, f=f, arrays=arrays, method="complex")

    linear = add("Linear", numpy_rnn.Linear, input_size=D, output_size=C, dtype="float64", rng=rng)
    add("Linear.forward", linear.forward, x=x)
    add("Linear.backward", linear.backward, dy=np.ones((T, N, C)), x=x)
    size = {"vocabulary_size": V, "embedding_size": D}
    embedding = add("Embedding", numpy_rnn.Embedding, **size, std=0.1, dtype="float64", rng=rng)
    add("Embedding.forward", embedding.forward, ids=ids)
    add("Embedding.backward", embedding.backward, dx=x, ids=ids)
    add("ReLU.forward", numpy_rnn.ReLU().forward, x=x)
    add("ReLU.backward", numpy_rnn.ReLU().backward, dy=x, x=x)
    dropout = add("Dropout", numpy_rnn.Dropout, p=0.5)
    mask = add("Dropout.mask", dropout.mask, shape=(N, H), dtype="float64", rng=rng)
    y, kept = add("Sigmoid.forward", Sigmoid().forward, x=x)
    add("Sigmoid.backward", Sigmoid().backward, dy=y, y=kept)
    add("Dropout.forward", dropout.forward, x=mask, mask=mask)
    add("Dropout.backward", dropout.backward, dy=mask, mask=mask)

    model = numpy_rnn.SequenceModel(numpy_rnn.GRU(D, H), numpy_rnn.Linear(H, C))
    pieces = [(x.astype(np.float32), labels)]
    learn = {"optimizer": numpy_rnn.SGD(model.params), "lr": 0.1, "clip": 1.0, "h": None, "rng": rng}
    add("train", lambda **given: list(train(pieces=pieces, **given)), model=model, **learn)
    small = {"seed": 0, "train": 5, "valid": 2, "test": 2}
    reviews = add("load_toy", load_toy, **small, words="clean").train
    add("Reviews", Reviews, **vars(reviews))
    options = {"device": "cpu", "deterministic": False, "capture": False}
    add("choose_backend", choose_backend, backend="numpy", **options)

    add("order_effect", order_effect, answers=lambda order: np.arange(6) % 2, labels=np.arange(6) % 2, seed=0)
    for system in ("rnncell", "basic"):
        add(f"as_written {system}", sentiment.as_written, system=system)
        config = add(f"repaired {system}", sentiment.repaired, system=system)
    small = {"hidden_size": H, "embedding_size": D, "cell": "gru", "dtype": "float64", "max_tokens": 9}
    config = add("Config", sentiment.Config, **small)
    net = add("build_model", sentiment.build_model, vocabulary_size=V, config=config)
    add("BasicRNN", sentiment.BasicRNN, vocabulary_size=V, config=config)
    mask = np.ones((N, config.features))
    logits, cache = add("BasicRNN.forward", net.forward, ids=ids, lengths=lengths, mask=mask)
    add("BasicRNN.backward", net.backward, d_logits=logits, cache=cache)
    file, words = str(folder / "model.safetensors"), ["<unk>", "<pad>", "a", "b", "c"]
    add("save_checkpoint", sentiment.save_checkpoint, file=file, model=net, vocabulary=words)
    add("load_checkpoint", sentiment.load_checkpoint, file=file)
    module = add("to_torch", torch_rnn.to_torch, layer=one)
    add("from_torch", torch_rnn.from_torch, module=module)
    names = add("to_torch_names", torch_rnn.to_torch_names, layer=one, arrays=one.params)
    add("from_torch_names", torch_rnn.from_torch_names, layer=one, arrays=names)
    return found


def wrong_values() -> dict[str, Any]:
    """Values that most arguments must not have."""
    a = np.linspace(-1, 1, 2 * 2 * 2)
    whole = {"zero": 0, "minus": -1, "2**63": 2**63, "10**30": 10**30, "10**400": 10**400, "True": True}
    whole |= {"-10**400": -(10**400), "a time": np.timedelta64(1), "a second": np.timedelta64(1, "s")}
    numbers = {"a float": 1.5, "nan": np.nan, "inf": np.inf, "a complex": 1 + 2j, "a scalar": np.float64(2)}
    numbers |= {"a complex scalar": np.complex128(0.1 + 3j)}
    texts = {"a text": "text", "no text": "", "bytes": b"text", "a path": Path("nowhere") / "file"}
    lists = {"no list": [], "a list": [1, 2], "a ragged list": [[1], [1, 2]], "a tuple": (1, "2"), "a set": {1}}
    dicts = {"a dict": {}, "another dict": {"a": 1, 2: None}, "an iterator": iter(())}
    shapes = {"0-d": np.array(1.0), "empty": np.zeros((0, 2, 3)), "1-d": a, "2-d": a.reshape(2, 4)}
    shapes |= {"3-d": a.reshape(2, 2, 2), "4-d": a.reshape(1, 2, 2, 2), "a row more": np.ones((5, 2, 3))}
    dtypes = {
        kind: np.ones((4, 2, 3), kind) for kind in ("f4", "f2", ">f8", "i8", "c16", "?", "O", "U3", "S3", "M8[D]")
    }
    dtypes |= {"records": np.zeros(2, [("a", int)]), "objects": np.array([None, {}], object)}
    values = {"negative": np.full((4, 2), -1), "huge": np.full((4, 2), 2**62), "nans": np.full((4, 2, 3), np.nan)}
    values |= {"unsigned": np.full((4, 2), 2**64 - 1, np.uint64), "infs": np.full((4, 2, 3), np.inf)}
    kinds = {"masked": np.ma.masked_all((4, 2, 3)), "a matrix": np.ones((2, 3)).view(np.matrix)}
    kinds |= {"a tensor": torch.ones(4, 2, 3), "a layer": numpy_rnn.RNN(2, 2), "a module": torch.nn.RNN(2, 2)}
    kinds |= {"an object": object(), "a class": int, "a function": len, "old": np.random.RandomState(0), "None": None}
    return whole | numbers | texts | lists | dicts | shapes | dtypes | values | kinds
