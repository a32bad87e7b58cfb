"""numpy_rnn/sentiment/data/imdb.py, on a small folder of the same form, written here."""

import json
import logging
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpy_rnn.sentiment.data import imdb
from numpy_rnn.sentiment.data.text import Dataset, clean, select
from numpy_rnn.sentiment.data.toy import toy_review


def write_folder(folder: Path, reviews: int = 100, **columns: Any) -> Path:
    rng = random.Random(0)
    folder.mkdir()
    for split in ("train", "test"):
        rows = [dict(zip(("text", "label"), toy_review(rng), strict=True)) | columns for _ in range(reviews)]
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("imdb") / "data")


def same(one: Dataset, other: Dataset) -> bool:
    return one.vocabulary == other.vocabulary and all(
        np.array_equal(a, b)
        for split in imdb.SPLITS
        for a, b in zip(vars(getattr(one, split)).values(), vars(getattr(other, split)).values(), strict=True)
    )


def forbid_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Dataset:
        raise AssertionError("encoded again")

    monkeypatch.setattr(imdb, "_encode", fail)


def test_split_and_vocabulary(folder: Path, tmp_path: Path) -> None:
    data = imdb.load_imdb(folder, tmp_path)
    assert (len(data.train), len(data.valid), len(data.test)) == (80, 20, 100)
    assert data.vocabulary[:3] == ["<unk>", "<pad>", "the"]
    train, test = (
        [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]
        for split in ("train", "test")
    )
    train = [train[i] for i in random.Random(0).sample(range(100), 100)]
    counts = Counter(word for row in train[:80] for word in clean(row["text"]))
    assert set(data.vocabulary[2:]) == {word for word, count in counts.items() if count >= imdb.MIN_COUNT}
    for reviews, rows in ((data.train, train[:80]), (data.valid, train[80:]), (data.test, test)):
        assert reviews.labels.tolist() == [row["label"] for row in rows]
        for i, row in enumerate(rows):
            words = [data.vocabulary[token] for token in reviews.tokens[reviews.offsets[i] : reviews.offsets[i + 1]]]
            assert words == [word if word in data.vocabulary else "<unk>" for word in clean(row["text"])]


def test_the_second_time_it_comes_from_the_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = imdb.load_imdb(folder, tmp_path)
    forbid_encoding(monkeypatch)
    assert same(first, imdb.load_imdb(folder, tmp_path))


def test_other_content_or_settings_have_another_cache(folder: Path, tmp_path: Path) -> None:
    first = imdb.load_imdb(folder, tmp_path)
    imdb.load_imdb(write_folder(tmp_path / "fewer", 50), tmp_path)
    for setting, value in (("MAX_WORDS", 20), ("MIN_COUNT", 2), ("TRAIN_SHARE", 0.5), ("SPLIT_SEED", 1)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(imdb, setting, value)
            assert not same(first, imdb.load_imdb(folder, tmp_path))
    changed = write_folder(tmp_path / "changed")
    text = (changed / "test.jsonl").read_text()
    (changed / "test.jsonl").write_text(text.replace('"label": 1', '"label": 0', 1))  # of the same size
    assert not same(first, imdb.load_imdb(changed, tmp_path))
    assert len(list(tmp_path.glob("*.npz"))) == 7
    assert same(first, imdb.load_imdb(folder, tmp_path))


def test_a_damaged_cache_is_noticed_and_made_again(folder: Path, tmp_path: Path) -> None:
    """Bytes changed at 60 places, one at a time, and the file cut short: never a wrong result, never an error."""
    first = imdb.load_imdb(folder, tmp_path)
    (file,) = tmp_path.glob("*.npz")
    whole, rng = file.read_bytes(), random.Random(0)
    for place in [*rng.sample(range(len(whole)), 60), None]:
        damaged = bytearray(whole)
        if place is None:
            del damaged[len(whole) // 2 :]
        else:
            damaged[place] ^= 1 << rng.randrange(8)
        file.write_bytes(bytes(damaged))
        assert same(first, imdb.load_imdb(folder, tmp_path)), place
    with pytest.MonkeyPatch.context() as patch:
        forbid_encoding(patch)
        assert same(first, imdb.load_imdb(folder, tmp_path))  # it was made whole again


@pytest.mark.parametrize("split", imdb.SPLITS)
@pytest.mark.parametrize("change", ["a label", "a review", "another label", "a word's id"])
def test_a_cache_that_is_no_longer_what_was_written(folder: Path, tmp_path: Path, split: str, change: str) -> None:
    """With every checksum of the zip file right."""
    first = imdb.load_imdb(folder, tmp_path)
    (file,) = tmp_path.glob("*.npz")
    with np.load(file) as stored:
        arrays = dict(stored)
    reviews = getattr(first, split)
    if change == "a label":
        arrays[f"{split}.labels"] = reviews.labels[:-1]
    elif change == "a review":  # in the file nothing contradicts it
        fewer = select(reviews, range(len(reviews) - 1))
        arrays |= {f"{split}.{name}": array for name, array in vars(fewer).items()}
    elif change == "another label":
        arrays[f"{split}.labels"] = np.where(np.arange(len(reviews)) == 3, 7, reviews.labels)
    else:
        arrays[f"{split}.tokens"] = np.where(np.arange(len(reviews.tokens)) == 3, 60_000, reviews.tokens)
    np.savez(file, **arrays)
    assert same(first, imdb.load_imdb(folder, tmp_path))


def test_a_cache_inside_the_data_folder_is_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from the cache the second time; other words are still read from the data, beside which it lies."""
    data = write_folder(tmp_path / "data")
    caches = (data, data / "cache")
    first = [imdb.load_imdb(data, cache) for cache in caches]
    raw = [imdb.load_imdb(data, cache, "raw") for cache in caches]
    assert all(len(list(cache.glob("*.npz"))) == 2 for cache in caches)
    forbid_encoding(monkeypatch)
    assert all(same(one, imdb.load_imdb(data, cache)) for one, cache in zip(first, caches, strict=True))
    assert all(same(one, imdb.load_imdb(data, cache, "raw")) for one, cache in zip(raw, caches, strict=True))


@pytest.mark.parametrize("kind", ["link", "loose link", "device", "folder"])
def test_what_is_no_file_under_the_caches_name(
    folder: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither followed nor opened nor replaced, and nothing is encoded first."""
    cache, kept = tmp_path / "cache", tmp_path / "kept"
    imdb.load_imdb(folder, cache)
    (file,) = cache.glob("*.npz")
    if kind == "link":
        file.rename(kept)  # even one to what was written here
    else:
        file.unlink()
    if kind.endswith("link"):
        file.symlink_to(kept)
    elif kind == "device":
        os.mkfifo(file)
        monkeypatch.setattr(imdb, "_load", lambda _: pytest.fail("opened"))  # which would wait for ever
    else:
        file.mkdir()
    before = kept.read_bytes() if kept.exists() else None
    forbid_encoding(monkeypatch)
    with pytest.raises(ValueError, match=f"cache_dir: expected a file.*, got .*{kind.split()[-1]}"):
        imdb.load_imdb(folder, cache)
    assert (kept.read_bytes() if kept.exists() else None) == before
    assert [path.name for path in cache.iterdir()] == [file.name]
    assert file.is_symlink() or file.is_fifo() or file.is_dir()


def test_a_cache_folder_that_cannot_be_written_to_is_noticed_before_the_encoding(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/proc: there not even root can make a file."""
    forbid_encoding(monkeypatch)
    with pytest.raises(ValueError, match=r"cache_dir: expected a .*folder that can be written to, got .*/proc"):
        imdb.load_imdb(folder, "/proc")


def test_a_cache_folder_that_cannot_be_written_to_is_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = imdb.load_imdb(folder, tmp_path)

    def read_only(*_: Any, **__: Any) -> None:
        raise OSError("read-only file system")

    for name in ("os.open", "os.mkdir", "tempfile.TemporaryFile"):
        monkeypatch.setattr(name, read_only)
    assert same(first, imdb.load_imdb(folder, tmp_path))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("kept", [0, -50], ids=["empty", "cut"])
def test_a_broken_split_is_one_message(tmp_path: Path, split: str, kept: int, caplog: Any) -> None:
    """The library's own line is not printed before it."""
    import datasets

    for name in ("train", "test"):
        datasets.Dataset.from_dict({"text": ["a"] * 5, "label": [1] * 5}).to_parquet(tmp_path / f"{name}.parquet")
    file = tmp_path / f"{split}.parquet"
    file.write_bytes(file.read_bytes()[:kept])
    logger = logging.getLogger("datasets")
    logger.addHandler(caplog.handler)
    try:
        with pytest.raises(ValueError, match=r"data_dir: expected IMDB's splits .* got ArrowInvalid: .*Parquet"):
            imdb.load_imdb(tmp_path, tmp_path / "cache")
    finally:
        logger.removeHandler(caplog.handler)
    assert not caplog.records


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data_dir: expected a folder with .* got '.*missing'"):
        imdb.load_imdb(tmp_path / "missing", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"data_dir: expected IMDB's splits train and test \(text, label\), got"):
        imdb.load_imdb(tmp_path / "empty", tmp_path)
    (write_folder(tmp_path / "half") / "test.jsonl").unlink()
    with pytest.raises(ValueError, match="data_dir: expected IMDB's splits train and test"):
        imdb.load_imdb(tmp_path / "half", tmp_path)
    with pytest.raises(ValueError, match="data_dir: expected texts with labels 0 and 1 in train, got 7 for"):
        imdb.load_imdb(write_folder(tmp_path / "labels", label=7), tmp_path)
    with pytest.raises(ValueError, match="data_dir: expected texts with labels 0 and 1 in train"):
        imdb.load_imdb(write_folder(tmp_path / "texts", text=7), tmp_path)
    with pytest.raises(ValueError, match="data_dir: expected texts with labels 0 and 1 in train, got None for"):
        imdb.load_imdb(write_folder(tmp_path / "none", label=None), tmp_path)
    with pytest.raises(ValueError, match="data_dir: expected at least 5 reviews in train, got 2"):
        imdb.load_imdb(write_folder(tmp_path / "few", 2), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cache_dir: expected a folder that can be written to"):
        imdb.load_imdb(tmp_path / "texts", tmp_path / "file")
    assert not list(tmp_path.glob("*.npz"))


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(ValueError, match="hub: expected network access to the hub, got ConnectionError: no route"):
        imdb.load_imdb(None, tmp_path)


def test_the_hub_gives_the_same_as_a_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    real, asked = datasets.load_dataset, []

    def hub(name: str, **options: Any) -> Any:
        asked.append(name)
        return real(str(folder), cache_dir=str(tmp_path / "library"))

    from_folder = imdb.load_imdb(folder, tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", hub)
    assert same(from_folder, imdb.load_imdb(None, tmp_path))
    assert asked == ["stanfordnlp/imdb"]
