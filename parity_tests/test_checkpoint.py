"""numpy_rnn/sentiment/checkpoint.py: one file for both backends, and what is refused."""

import json
import os
import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_file_of_torch

from numpy_rnn.sentiment import Config, build_model, load_checkpoint, save_checkpoint
from numpy_rnn.sentiment.checkpoint import FORMAT, KEY, _digest, shapes
from torch_rnn import from_torch, to_torch

WORDS = ["<unk>", "<pad>", "good", "bad", "\udcff", "naïve", "Ω"]  # a lone surrogate among them, as IMDB might have
CONFIG = Config(embedding_size=3, hidden_size=4)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"system": "rnncell", "outputs": 3},
    {"bidirectional": True, "readout": "max"},
    {"cell": "lstm", "num_layers": 2},
    {"cell": "gru", "dtype": "float64"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_there_and_back(tmp_path: Path, options: dict[str, Any]) -> None:
    """The same settings, words and bits; and in PyTorch the same logits."""
    model, file = build_model(7, replace(CONFIG, **options)), tmp_path / "model.safetensors"
    save_checkpoint(file, model, WORDS)
    loaded = load_checkpoint(file)
    assert loaded.vocabulary == WORDS
    assert loaded.model.config == model.config
    assert type(loaded.model) is type(model)
    for name, p in model.params.items():
        np.testing.assert_array_equal(loaded.model.params[name], p)
        assert loaded.model.params[name].dtype == p.dtype
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("saved_by", ["numpy", "torch"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_other_backend_gives_the_same_logits(tmp_path: Path, options: dict[str, Any], saved_by: str) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "model.safetensors"
    ids, lengths = rng.integers(0, 7, (9, 5)), np.array([9, 7, 4, 2, 1])
    model = build_model(7, replace(CONFIG, seed=3, **options))
    module = to_torch(model)
    if saved_by == "torch":
        with torch.no_grad():
            for p in module.parameters():
                p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))
        expected = module(torch.tensor(ids), torch.tensor(lengths)).detach().numpy()
        save_checkpoint(file, from_torch(module), WORDS)
        logits = load_checkpoint(file).model.forward(ids, lengths)[0]
    else:
        expected = model.forward(ids, lengths)[0]
        save_checkpoint(file, model, WORDS)
        logits = to_torch(load_checkpoint(file).model)(torch.tensor(ids), torch.tensor(lengths)).detach().numpy()
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    assert np.ptp(expected) > 0.01


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "model.safetensors"
    save_checkpoint(file, build_model(7, CONFIG), WORDS)
    return file


def rewrite(file: Path, without: str = "", arrays: dict[str, Any] | None = None, **about: Any) -> None:
    with safe_open(file, framework="numpy") as content:
        had, params = content.metadata(), {name: content.get_tensor(name) for name in list(content.keys())}
    params = {name: array for name, array in (params | (arrays or {})).items() if name != without}
    about = {name: value for name, value in (json.loads(had[KEY]) | about).items() if name != without}
    save_file(params, file, {KEY: json.dumps(about)})


def test_a_cut_file(file: Path) -> None:
    content = file.read_bytes()
    for length in (0, 5, 100, len(content) - 1):
        file.write_bytes(content[:length])
        with pytest.raises(ValueError, match="checkpoint: expected a safetensors file"):
            load_checkpoint(file)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float16", "int64"])
def test_an_array_of_another_type(file: Path, dtype: str) -> None:
    """NumPy has no bfloat16 and no float8."""
    with safe_open(file, framework="torch") as content:
        about, params = content.metadata(), {name: content.get_tensor(name) for name in list(content.keys())}
    save_file_of_torch(params | {"linear.b": torch.zeros(2, dtype=getattr(torch, dtype))}, file, about)
    with pytest.raises(ValueError, match=r"checkpoint, linear\.b: expected float32 or float64, got (B|F|I)"):
        load_checkpoint(file)


@pytest.mark.parametrize("about", ["[]", "5", "null", '"x"', "[" * 10**5, "{}"], ids=lambda about: about[:9])
def test_somebody_elses_file(tmp_path: Path, about: str) -> None:
    """Of a type that NumPy does not have, too: most models that one can download are bfloat16."""
    save_file_of_torch({"W": torch.zeros(2, dtype=torch.bfloat16)}, tmp_path / "file", {KEY: about})
    with pytest.raises(ValueError, match="checkpoint: expected"):
        load_checkpoint(tmp_path / "file")


def test_any_altered_byte_is_noticed(file: Path) -> None:
    """Wherever it is: in the header, the settings, the words or the weights."""
    content = file.read_bytes()
    for i in [*range(8, 600, 7), *range(600, len(content), 41), len(content) - 1]:
        file.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        with pytest.raises(ValueError, match="checkpoint"):
            load_checkpoint(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "another program's"}, f"checkpoint: expected one of '{FORMAT}', got \"another program's\""),
        ({"without": "format"}, "got None"),
        ({"without": "sha256"}, "checkpoint: expected what was written, got other content"),
        ({"without": "linear.b"}, "checkpoint: expected what was written"),
        ({"arrays": {"linear.b": np.zeros(3, np.float32)}}, "checkpoint: expected what was written"),
        ({"config": asdict(replace(CONFIG, readout="last"))}, "checkpoint: expected what was written"),
        ({"vocabulary": WORDS[::-1]}, "checkpoint: expected what was written"),
    ],
)
def test_an_altered_file(file: Path, change: dict[str, Any], message: str) -> None:
    rewrite(file, **change)
    with pytest.raises(ValueError, match="checkpoint") as error:
        load_checkpoint(file)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"without": "linear.b"}, r"checkpoint: expected the arrays \['embedding.W', 'linear.W', 'linear.b'"),
        ({"arrays": {"extra": np.zeros(3, np.float32)}}, "checkpoint: expected the arrays"),
        ({"arrays": {"linear.b": np.zeros(3, np.float32)}}, r"checkpoint, linear.b: expected float32 \(2,\)"),
        ({"arrays": {"linear.b": np.zeros(2)}}, r"checkpoint, linear.b: expected float32 \(2,\), got float64 \(2,\)"),
        ({"config": asdict(CONFIG) | {"system": "rnncell"}}, "checkpoint: expected the arrays"),
        (
            {"config": asdict(CONFIG) | {"hidden_size": 5}},
            r"checkpoint, rnn.W_xh_l0: expected float32 \(3, 5\)",
        ),
        ({"config": asdict(CONFIG) | {"depth": 5}}, "checkpoint: expected this version's settings"),
        ({"config": asdict(CONFIG) | {"lr": -1}}, "lr: expected a number in"),
        ({"config": [1]}, "checkpoint: expected this version's settings"),
        ({"arrays": {"linear.b": np.full(2, np.nan, np.float32)}}, "checkpoint, linear.b: expected finite numbers"),
        ({"vocabulary": [[]] * 7}, "checkpoint, vocabulary: expected a list of words"),
        ({"vocabulary": "abcdefg"}, "checkpoint, vocabulary: expected a list of words, got 'abcdefg'"),
        ({"vocabulary": ["good"] * 7}, "checkpoint, vocabulary: expected each word once, got 'good' 7 times"),
        ({"without": "vocabulary"}, "checkpoint: expected this version's settings, got 'vocabulary'"),
        (
            {"vocabulary": WORDS[1:]},
            r"checkpoint, embedding.W: expected float32 \(6, 3\), got float32 \(7, 3\)",
        ),
    ],
)
def test_another_model(file: Path, change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a right checksum: written by another version, say."""
    rewrite(file, **change)
    with safe_open(file, framework="numpy") as content:
        written = json.loads(content.metadata()[KEY])["sha256"]
    monkeypatch.setattr("numpy_rnn.sentiment.checkpoint._digest", lambda *_: written)
    with pytest.raises(ValueError, match=message):
        load_checkpoint(file)


@pytest.mark.parametrize("sizes", [{"num_layers": 10**6}, {"hidden_size": 20_000}, {"embedding_size": 10**9}], ids=str)
def test_forged_sizes_are_noticed_before_a_model_of_that_size_is_built(
    file: Path, sizes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checksum needs no secret: anyone can write a right one."""
    with safe_open(file, framework="numpy") as content:
        about = json.loads(content.metadata()[KEY])
        params = {name: content.get_tensor(name) for name in list(content.keys())}
    about["config"] |= sizes
    del about["sha256"]
    save_file(params, file, {KEY: json.dumps(about | {"sha256": _digest(about, params)})})

    def build(*_: Any) -> None:
        raise AssertionError("a model was built")

    monkeypatch.setattr("numpy_rnn.sentiment.checkpoint.build_model", build)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="checkpoint"):
            load_checkpoint(file)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("options", [*OPTIONS, {"cell": "lstm", "num_layers": 3, "bidirectional": True}], ids=str)
def test_the_shapes_are_the_models(options: dict[str, Any]) -> None:
    config = replace(CONFIG, **options)
    assert dict(shapes(7, config)) == {name: p.shape for name, p in build_model(7, config).params.items()}


def test_numpys_numbers_as_settings(tmp_path: Path) -> None:
    config = replace(CONFIG, hidden_size=np.int64(4), clip=np.float32(0.5), bidirectional=np.True_, outputs=np.int64(2))
    assert {type(value) for value in asdict(config).values()} == {int, float, bool, str}
    save_checkpoint(tmp_path / "file", build_model(7, config), WORDS)
    assert load_checkpoint(tmp_path / "file").model.config == config


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.safetensors", tmp_path):
        with pytest.raises(ValueError, match="checkpoint: expected a safetensors file, got"):
            load_checkpoint(path)


def test_a_vocabulary_of_another_size(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vocabulary: expected the model's 7 words, got 6"):
        save_checkpoint(tmp_path / "file", build_model(7, CONFIG), WORDS[1:])
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ("abcdefg", "vocabulary: expected a list of words, got 'abcdefg'"),
        ([*WORDS[1:], 5], "vocabulary: expected a list of words"),
        ([*WORDS[1:], "good"], "vocabulary: expected each word once, got 'good' 2 times"),
    ],
    ids=str,
)
def test_what_is_no_vocabulary(tmp_path: Path, vocabulary: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        save_checkpoint(tmp_path / "file", build_model(7, CONFIG), vocabulary)
    assert not os.listdir(tmp_path)


def test_a_write_that_fails_leaves_the_last_checkpoint(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(file, build_model(7, replace(CONFIG, seed=1)), WORDS)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_what_could_not_be_loaded_is_not_saved(file: Path) -> None:
    before, model = file.read_bytes(), build_model(7, CONFIG)
    model.params["fc1.b" if "fc1.b" in model.params else "linear.b"][0] = np.nan
    with pytest.raises(ValueError, match=r"^model, \w+\.b: expected finite numbers, got NaN or infinity$"):
        save_checkpoint(file, model, WORDS)
    assert file.read_bytes() == before


def test_a_checkpoint_of_the_old_layout() -> None:
    """Written while all modules stood in one folder; the logits are those of that time."""
    model, vocabulary = load_checkpoint(Path(__file__).with_name("old_layout.safetensors"))
    assert vocabulary == ["<unk>", "<pad>", "good", "bad", "not", "film"]
    logits, _ = model.forward(np.array([[2, 4], [5, 3], [1, 5]]), [2, 3])
    expected = [[0.16404758, -0.05789674], [0.16338339, -0.05723684]]
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
