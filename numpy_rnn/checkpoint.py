"""A trained model in one safetensors file: weights, settings and vocabulary. No pickle: reading runs no code.

PyTorch gets it by `torch_rnn.to_torch(load_checkpoint(file).model)`, and writes one by
`save_checkpoint(file, torch_rnn.from_torch(module), vocabulary)`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from numpy_rnn.checks import expect
from numpy_rnn.config import Config
from numpy_rnn.files import written_whole
from numpy_rnn.layers import Params
from numpy_rnn.models import SentimentModel, build_model

FORMAT, KEY = "sentiment model, 1", "numpy_rnn"


class Checkpoint(NamedTuple):
    model: SentimentModel
    vocabulary: list[str]  # by token id


def save_checkpoint(file: str | Path, model: SentimentModel, vocabulary: list[str]) -> None:
    """The parameters under their names in `model.params`, the rest as JSON. The file appears whole or not at all.

    Raises ValueError for a vocabulary of another size than the model's.
    """
    V = len(model.params["embedding.W"])
    expect(len(vocabulary) == V, "vocabulary", f"the model's {V} words", len(vocabulary))
    about = {"format": FORMAT, "config": asdict(model.config), "vocabulary": vocabulary}
    about["sha256"] = _digest(about, model.params)
    with written_whole(file) as stream:
        stream.write(save(model.params, {KEY: json.dumps(about)}))  # one key: several come in any order


def load_checkpoint(file: str | Path) -> Checkpoint:
    """Raises ValueError for a file that `save_checkpoint` did not write, or that was cut or altered since."""
    try:
        with safe_open(file, framework="numpy") as content:
            about = json.loads((content.metadata() or {}).get(KEY, "{}"))
            made_by = about.get("format") if isinstance(about, dict) else about
            expect(made_by == FORMAT, "checkpoint", f"one of {FORMAT!r}", repr(made_by))
            params = {name: content.get_tensor(name) for name in list(content.keys())}
    except (SafetensorError, OSError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"checkpoint: expected a safetensors file, got {str(file)!r} ({error})") from error
    expect(about.pop("sha256", None) == _digest(about, params), "checkpoint", "what was written", "other content")
    try:
        config, vocabulary = Config(**about["config"]), list(about["vocabulary"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"checkpoint: expected this version's settings, got {error}") from error
    expect(all(isinstance(word, str) for word in vocabulary), "checkpoint, vocabulary", "words", "something else")
    model = build_model(len(vocabulary), config)
    expect(params.keys() == model.params.keys(), "checkpoint", f"the arrays {sorted(model.params)}", sorted(params))
    for name, p in model.params.items():
        fits = params[name].shape == p.shape and params[name].dtype == p.dtype
        expect(fits, f"checkpoint, {name}", f"{p.dtype} {p.shape}", f"{params[name].dtype} {params[name].shape}")
        expect(bool(np.isfinite(params[name]).all()), f"checkpoint, {name}", "finite numbers", "NaN or infinity")
        p[...] = params[name]
    return Checkpoint(model, vocabulary)


def _digest(about: dict[str, Any], params: Params) -> str:
    """Of everything in the file: a flipped bit is noticed, which safetensors by itself does not."""
    content = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, p in sorted(params.items()):
        content.update(f"{name}\0{p.dtype}\0{p.shape}\0".encode())
        content.update(np.ascontiguousarray(p).tobytes())
    return content.hexdigest()
