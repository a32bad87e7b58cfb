"""IMDB (Maas et al., 2011): read with the `datasets` library, encoded once, and kept in a cache."""

import hashlib
import logging
import os
import random
import re
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from numpy_rnn.checks import check_choice, expect
from numpy_rnn.files import atomic_write, check_target, digest
from numpy_rnn.sentiment.data.text import TOKENIZERS, Dataset, Reviews, arrays_of, build_vocabulary, encode, select

HUB_NAME = "stanfordnlp/imdb"
SPLITS = ("train", "valid", "test")
MAX_WORDS, MIN_COUNT, TRAIN_SHARE, SPLIT_SEED = 10_000, 10, 0.8, 0
CACHE = re.compile(r"imdb-[0-9a-f]{32}\.npz(\.\d+\.tmp)?")  # a cache, or its temporary file
CODE_VERSION = 2  # raise it when cleaning, split, vocabulary or the cache's layout change: then new caches are made


def default_cache_dir() -> Path:
    """$XDG_CACHE_HOME/numpy_rnn, or ~/.cache/numpy_rnn."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numpy_rnn"


def load_imdb(data_dir: str | Path | None = None, cache_dir: str | Path | None = None, words: str = "clean") -> Dataset:
    """The 25,000 training reviews, split 80 : 20, and the 25,000 test reviews, as token ids.

    Args:
        data_dir: a folder with the splits "train" and "test", in a form that `datasets.load_dataset` reads (parquet,
            csv, json) and with the columns text and label. None is the hub's stanfordnlp/imdb, through the network.
        cache_dir: the folder for the encoded reviews; None is `default_cache_dir`.
        words: "clean" or "raw", see text.TOKENIZERS.

    Returns:
        The encoded reviews and the vocabulary.

    Raises:
        ValueError: for a folder that is missing or has other content, and where the hub cannot be reached.
    """
    check_choice("words", words, tuple(TOKENIZERS))
    cache = Path(cache_dir or default_cache_dir())
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cache_dir: expected a folder that can be written to, got {error}") from error
    if data_dir is None:
        source: Any = _read(HUB_NAME)
        content = hashlib.sha256(repr([source[split] for split in ("train", "test")]).encode())
    else:
        expect(Path(data_dir).is_dir(), "data_dir", "a folder with IMDB's train and test splits", repr(str(data_dir)))
        source, content = None, _hash_folder(Path(data_dir))
    content.update(repr((MAX_WORDS, MIN_COUNT, TRAIN_SHARE, SPLIT_SEED, CODE_VERSION, words)).encode())
    file = cache / f"imdb-{content.hexdigest()[:32]}.npz"
    expect(not file.is_symlink(), "cache_dir", f"a file as {file.name}", "a link, which is not followed")
    data = _load(file) if file.is_file() else None
    if data is None:
        check_target("cache_dir", file)  # now, as encoding takes long
        data = _encode(source or _read(str(data_dir)), words)
        _save(file, data)
    return data


def _hash_folder(folder: Path) -> Any:
    """The hash of all files in the folder but caches, so that the caches may be in the same folder."""
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not CACHE.fullmatch(path.name)):
        content.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        content.update(path.read_bytes())
    return content


def _read(name: str) -> Any:
    import datasets  # imported here, since that takes longer than reading the cache
    import huggingface_hub

    datasets.disable_progress_bars()
    for library in (datasets, huggingface_hub):
        library.logging.set_verbosity(logging.CRITICAL)  # its errors are also raised; the ValueError below has them
    argument = "hub" if name == HUB_NAME else "data_dir"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            # the library makes a copy of its own: keep only that of the hub
            source = datasets.load_dataset(name, **({} if name == HUB_NAME else {"cache_dir": scratch}))
            columns = {split: {c: source[split][c][:] for c in ("text", "label")} for split in ("train", "test")}
        except Exception as error:  # the library has no common base class for its errors
            expected = "network access to the hub" if name == HUB_NAME else "IMDB's splits train and test (text, label)"
            cause = error.__cause__ if isinstance(error, datasets.exceptions.DatasetGenerationError) else None
            cause = cause or error  # this error itself does not name its cause
            reason = next(iter(str(cause).splitlines()), "")
            raise ValueError(f"{argument}: expected {expected}, got {type(cause).__name__}: {reason}") from error
    for split, rows in columns.items():
        expect(len(rows["text"]) >= 5, argument, f"at least 5 reviews in {split}", len(rows["text"]))
        for text, label in zip(rows["text"], rows["label"], strict=True):
            fits = isinstance(text, str) and label in (0, 1)
            expect(fits, argument, f"texts with labels 0 and 1 in {split}", f"{label!r} for {str(text)[:30]!r}")
    return columns


def _encode(source: Any, words: str) -> Dataset:
    tokenize = TOKENIZERS[words]
    tokens = {split: [tokenize(text) for text in source[split]["text"]] for split in ("train", "test")}
    n = len(tokens["train"])
    order = random.Random(SPLIT_SEED).sample(range(n), n)  # the same as random.seed(0); random.sample(...)
    train = order[: round(TRAIN_SHARE * n)]
    vocabulary = build_vocabulary((tokens["train"][i] for i in train), MAX_WORDS, MIN_COUNT)
    both = encode(tokens["train"], source["train"]["label"], vocabulary)
    test = encode(tokens["test"], source["test"]["label"], vocabulary)
    return Dataset(select(both, train), select(both, order[len(train) :]), test, vocabulary)


def _save(file: Path, data: Dataset) -> None:
    arrays: dict[str, Any] = arrays_of(data)
    with atomic_write(file) as stream:
        np.savez(stream, sha256=np.array(digest(arrays)), **arrays)


def _load(file: Path) -> Dataset | None:
    """What `_save` wrote. None if the file is something else, or not complete and unchanged."""
    try:
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = dict(stored)
        if arrays.pop("sha256") != digest(arrays):
            return None
        train, valid, test = (
            Reviews(*(arrays[f"{split}.{field.name}"] for field in fields(Reviews))) for split in SPLITS
        )
        return Dataset(train, valid, test, arrays["vocabulary"].tobytes().decode(errors="surrogatepass").split("\n"))
    except Exception:  # with a damaged file zipfile and NumPy raise many kinds of errors
        return None
