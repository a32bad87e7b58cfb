"""A language model of characters: its text as arrays, what it writes, and its file."""

import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from numpy_rnn import GRU, LSTM, RNN, Linear, SequenceModel
from numpy_rnn.checks import check_number, check_size, expect
from numpy_rnn.files import atomic_write
from numpy_rnn.losses import softmax
from numpy_rnn.types import Array

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
LARGEST = 2**28  # bytes of a text, and of a file of weights


class LanguageModel(NamedTuple):
    """A recurrent layer that reads one-hot characters and gives the logits of the next one."""

    characters: str  # those it knows, in the order of their numbers
    cell: str
    model: SequenceModel


def build(characters: str, cell: str, hidden_size: int, dtype: str, seed: int) -> LanguageModel:
    rng, C = np.random.default_rng(seed), len(characters)
    layer = CELLS[cell](C, hidden_size, dtype=np.dtype(dtype), rng=rng)
    return LanguageModel(characters, cell, SequenceModel(layer, Linear(hidden_size, C, dtype=np.dtype(dtype), rng=rng)))


def read_text(file: str) -> str:
    """Raises ValueError for a text that is not UTF-8, too large, or has fewer than two characters."""
    size = Path(file).stat().st_size
    expect(size <= LARGEST, "text", f"a file of at most {LARGEST >> 20} MB", f"{size >> 20} MB")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"text: expected a text file in UTF-8, got {file!r} ({error})") from error
    expect(len(set(text)) >= 2, "text", "a text of at least two different characters", repr(text[:20]))
    return text


def one_hot(numbers: Array, language: LanguageModel) -> Array:
    """(T, N) -> (T, N, C)."""
    return np.eye(len(language.characters), dtype=language.model.layer.dtype)[numbers]


def numbers_of(text: str, characters: str) -> Array:
    """Raises ValueError for a character that the model does not know."""
    unknown = sorted(set(text) - set(characters))
    expect(not unknown, "text", f"the characters that the model was trained on, {characters!r}", repr(unknown[:1]))
    number = {character: i for i, character in enumerate(characters)}
    return np.array([number[character] for character in text], dtype=int)


def streams(text: str, language: LanguageModel, N: int) -> Array:
    """The text in N pieces of equal length, side by side: (T, N), numbers of characters. A rest is left out."""
    numbers = numbers_of(text, language.characters)
    T = len(numbers) // N
    expect(T >= 2, "batch_size", f"at most {len(numbers) // 2}, half of the text's characters", N)
    return numbers[: T * N].reshape(N, T).T


def write(language: LanguageModel, start: str, length: int, temperature: float, rng: np.random.Generator) -> str:
    """Continues a text by `length` characters, each drawn from softmax(logits / temperature).

    Args:
        language: the model.
        start: what it reads first, at least one character.
        length: how many characters it writes.
        temperature: near 0 the likeliest character is taken; 1 draws as the model has learnt.
        rng: draws the characters.

    Returns:
        What it writes, without `start`.
    """
    expect(bool(start), "sample", "at least one character", "none")
    check_size("length", length)
    check_number("temperature", temperature, 0, 1e6, open_low=True)
    layer, output = language.model.layer, language.model.output
    x, h, written = one_hot(numbers_of(start, language.characters)[:, None], language), None, ""
    for _ in range(length):
        hidden, h, _ = layer.forward(x, h)  # the state is carried along
        logits = output.forward(hidden[-1])[0][0].astype(np.float64)  # (C,)
        next_one = rng.choice(len(logits), p=softmax((logits - logits.max()) / temperature))
        written += language.characters[next_one]
        x = one_hot(np.array([[next_one]]), language)
    return written


def save(file: str, language: LanguageModel) -> None:
    about = json.dumps({"characters": language.characters, "cell": language.cell})
    arrays: dict[str, Any] = {name: np.array(p) for name, p in language.model.params.items()}
    with atomic_write(file) as stream:
        np.savez(stream, about=np.frombuffer(about.encode(), np.uint8), **arrays)


def load(file: str) -> LanguageModel:
    """Raises ValueError for anything but what `save` has written."""
    try:
        expect(Path(file).stat().st_size <= LARGEST, "checkpoint", f"at most {LARGEST >> 20} MB", file)
        with np.load(file, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            params = {name: stored[name] for name in stored.files if name != "about"}
        characters, cell = str(about["characters"]), str(about["cell"])
        hidden_size, dtype = len(params["layer.W_hh_l0"]), str(params["output.b"].dtype)
        language = build(characters, cell, hidden_size, dtype, seed=0)
        shapes = {name: p.shape for name, p in language.model.params.items()}
        given = {name: a.shape for name, a in params.items()}
        expect(given == shapes, "arrays", str(shapes), given)
        for name, p in language.model.params.items():
            expect(bool(np.isfinite(params[name]).all()), name, "finite numbers", "NaN or infinity")
            p[...] = params[name]
    except (zipfile.BadZipFile, EOFError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"checkpoint: expected a file of scripts/language.py, got {file!r} ({error})") from error
    return language
