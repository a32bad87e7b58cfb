"""A trained model in one safetensors file: weights, settings and vocabulary. No pickle: reading runs no code.

To load one in PyTorch: `torch_rnn.to_torch(load_checkpoint(file).model)`. To save a PyTorch model:
`save_checkpoint(file, torch_rnn.from_torch(module), vocabulary)`.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from numpy_rnn.checks import check_type, expect
from numpy_rnn.files import atomic_write, check_target, digest
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.models import FC1_SIZE, RECURRENT, SentimentModel, build_model
from numpy_rnn.types import Params

FORMAT, KEY = "sentiment model, 1", "numpy_rnn"


class Checkpoint(NamedTuple):
    """A model and its vocabulary."""

    model: SentimentModel
    vocabulary: list[str]  # the words; the index is the token id


def save_checkpoint(file: str | Path, model: SentimentModel, vocabulary: list[str]) -> None:
    """Writes a model to a file: the parameters under their names in `model.params`, the rest as JSON.

    The file is written completely or not at all.

    Args:
        file: the file, which is replaced if it exists.
        model: the model.
        vocabulary: its words; the index is the token id.

    Raises:
        ValueError: for a vocabulary of another size than the model's, for one that is no list of different words, and
            for parameters that are not finite. The file is then as it was.
    """
    check_type("file", file, str, Path)
    check_target("file", file)
    check_type("model", model, SentimentModel)
    _check_vocabulary("vocabulary", vocabulary)
    V = len(model.params["embedding.W"])
    expect(len(vocabulary) == V, "vocabulary", f"the model's {V} words", len(vocabulary))
    for name, p in model.params.items():
        expect(bool(np.isfinite(p).all()), f"model, {name}", "finite numbers", "NaN or infinity")
    about = {"format": FORMAT, "config": asdict(model.config), "vocabulary": vocabulary}
    about["sha256"] = _digest(about, model.params)
    with atomic_write(file) as stream:
        stream.write(save(model.params, {KEY: json.dumps(about)}))  # one key: several come in any order


def load_checkpoint(file: str | Path) -> Checkpoint:
    """Reads a model and its vocabulary.

    Args:
        file: what `save_checkpoint` wrote.

    Returns:
        The model and its vocabulary.

    Raises:
        ValueError: for a file that `save_checkpoint` did not write, or that was cut or changed since.
    """
    about, params = _read(file)
    expect(about.pop("sha256", None) == _digest(about, params), "checkpoint", "what was written", "other content")
    try:
        config, vocabulary = Config(**about["config"]), about["vocabulary"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"checkpoint: expected this version's settings, got {error}") from error
    _check_vocabulary("checkpoint, vocabulary", vocabulary)
    # All shapes are compared before a model is built: forged settings may ask for any number of layers of any size.
    expected = dict(islice(shapes(len(vocabulary), config), len(params) + 1))
    expect(params.keys() == expected.keys(), "checkpoint", f"the arrays {sorted(expected)}", sorted(params))
    for name, shape in expected.items():
        p = params[name]
        fits = p.shape == shape and p.dtype == config.dtype
        expect(fits, f"checkpoint, {name}", f"{config.dtype} {shape}", f"{p.dtype} {p.shape}")
        expect(bool(np.isfinite(p).all()), f"checkpoint, {name}", "finite numbers", "NaN or infinity")
    model = build_model(len(vocabulary), config)
    for name, p in model.params.items():
        p[...] = params[name]
    return Checkpoint(model, vocabulary)


def shapes(V: int, config: Config) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and the shape of every parameter of a model with V words and these settings, without building it."""
    D, H, F, C = config.embedding_size, config.hidden_size, config.features, config.outputs
    columns = RECURRENT[config.cell].num_gates * H
    yield "embedding.W", (V, D)
    for layer in range(config.num_layers):
        for direction in ("", "_reverse") if config.bidirectional else ("",):
            suffix = f"_l{layer}{direction}"
            yield f"rnn.W_xh{suffix}", (F if layer else D, columns)
            yield f"rnn.W_hh{suffix}", (H, columns)
            yield f"rnn.b_xh{suffix}", (columns,)
            yield f"rnn.b_hh{suffix}", (columns,)
    head = {"linear": (F, C)} if config.system == "basic" else {"fc1": (F, FC1_SIZE), "fc2": (FC1_SIZE, C)}
    for name, (rows, outputs) in head.items():
        yield f"{name}.W", (rows, outputs)
        yield f"{name}.b", (outputs,)


def _read(file: str | Path) -> tuple[dict[str, Any], Params]:
    """What the file has besides the arrays, and the arrays, which are float32 or float64."""
    try:
        with safe_open(file, framework="numpy") as content:
            about = json.loads((content.metadata() or {}).get(KEY, "{}"))
            made_by = about.get("format") if isinstance(about, dict) else about
            expect(made_by == FORMAT, "checkpoint", f"one of {FORMAT!r}", repr(made_by))
            names = list(content.keys())
            for name in names:
                dtype = content.get_slice(name).get_dtype()  # from the header, since NumPy does not have all types
                expect(dtype in ("F32", "F64"), f"checkpoint, {name}", "float32 or float64", dtype)
            return about, {name: content.get_tensor(name) for name in names}
    except (SafetensorError, OSError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"checkpoint: expected a safetensors file, got {str(file)!r} ({error})") from error


def _check_vocabulary(argument: str, vocabulary: Any) -> None:
    """Raises ValueError unless all words are different: the index of a word is its token id."""
    words = isinstance(vocabulary, (list, tuple)) and all(isinstance(word, str) for word in vocabulary)
    expect(words, argument, "a list of words", repr(vocabulary)[:60])
    word, count = max(Counter(vocabulary).items(), key=lambda item: item[1], default=("", 0))
    expect(count <= 1, argument, "each word once", f"{word!r} {count} times")


def _digest(about: dict[str, Any], params: Params) -> str:
    """The checksum of everything in the file. safetensors itself does not notice a changed bit."""
    return digest(params, json.dumps(about, sort_keys=True))
