"""numpy_rnn/prediction.py and scripts/predict.py: what a trained model says."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpy_rnn import load_checkpoint, save_checkpoint
from numpy_rnn.checkpoint import Checkpoint
from numpy_rnn.config import DEFAULTS, Config
from numpy_rnn.data.text import clean
from numpy_rnn.data.toy import load_toy
from numpy_rnn.diagnosis import diagnose, verdict
from numpy_rnn.models import build_model
from numpy_rnn.prediction import positive, word_by_word
from numpy_rnn.training import Trainer, train
from parity_tests.support import load_script

PREDICT = load_script("predict")
GOOD = "It runs for two hours. At first the plot was dull. In the end the plot was gripping."
BAD = "It runs for two hours. At first the plot was gripping. In the end the plot was dull."


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that has learnt the toy reviews, reading the last real state."""
    file, data = tmp_path_factory.mktemp("predict") / "model.safetensors", load_toy()
    trainer = Trainer(build_model(len(data.vocabulary), replace(DEFAULTS["toy"], epochs=8)))
    assert list(train(trainer, data))[-1]["valid_accuracy"] > 0.97
    save_checkpoint(file, trainer.model, data.vocabulary)
    return file


def test_good_and_bad_differ_in_order_only_and_are_told_apart(file: Path) -> None:
    assert sorted(clean(GOOD)) == sorted(clean(BAD))
    (_, good), (_, bad) = (word_by_word(load_checkpoint(file), text) for text in (GOOD, BAD))
    assert good[-1] > 0.9
    assert bad[-1] < 0.1


@pytest.mark.parametrize(("keep", "max_tokens"), [("last", 6), ("first", 6), ("last", 0)])
@pytest.mark.parametrize("outputs", [2, 3])
def test_each_answer_is_that_of_the_text_up_to_there(keep: str, max_tokens: int, outputs: int) -> None:
    """With batches of three, so that the answers have to be put back in order."""
    config = Config(embedding_size=3, hidden_size=4, keep=keep, max_tokens=max_tokens, outputs=outputs, batch_size=3,
                    readout="last_real")  # fmt: skip
    vocabulary = ["<unk>", "<pad>", "a", "b", "c"]
    model, text = build_model(5, config), "a b x c a a c b c b"
    words, p = word_by_word(Checkpoint(model, vocabulary), text)
    assert words == text.split()
    ids = [{"a": 2, "b": 3, "c": 4}.get(word, 0) for word in words]
    for k in range(10):
        seen = ids[: k + 1]
        seen = seen if not max_tokens else seen[-max_tokens:] if keep == "last" else seen[:max_tokens]
        logits = model.forward(np.array(seen)[:, None], np.array([len(seen)]))[0][0]
        scores = np.exp(logits[-2:])
        assert p[k] == pytest.approx(scores[1] / scores.sum(), rel=1e-5)


def test_a_class_for_nothing_is_left_out() -> None:
    logits = np.array([[9.0, 1.0, 2.0]])
    expected = pytest.approx(1 / (1 + np.exp(-1)))
    assert positive(logits, Config(outputs=3))[0] == expected
    assert positive(logits[:, 1:], Config(outputs=2))[0] == expected


def predict(*arguments: str) -> int:
    return PREDICT.main(list(arguments))


def test_the_script(file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert predict(str(file), GOOD + " Abracadabra", "--picture", str(tmp_path / "out.png"), "--width", "40") == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed  # no colours where it is no terminal
    assert re.search(
        r"^(positive|negative): P\(positive\) = \d\.\d{3} after 19 words \(1 of them unknown\)$", printed, re.M
    )
    assert "[abracadabra]" in printed
    lines = printed.split("\n\n")[0].splitlines()
    assert [len(line) <= 40 for line in lines] == [True] * len(lines)
    for words, bars in zip(lines[::2], lines[1::2], strict=True):  # a bar under each letter
        assert [len(word) for word in words.split()] == [len(bar) for bar in bars.split()]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("sys.stdin", io.StringIO(BAD))
    assert predict(str(file), "--colour", "always") == 0
    printed = capsys.readouterr().out
    assert "negative: P(positive) = 0.0" in printed
    assert "\x1b[38;2;" in printed


def test_no_standard_input(file: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert predict(str(file)) == 2
    assert "predict.py: text: expected an argument or standard input, got neither" in capsys.readouterr().err


def test_a_byte_that_is_no_utf8(file: Path, tmp_path: Path) -> None:
    assert predict(str(file), "plot \udcff", "--colour", "never", "--picture", str(tmp_path / "out.png")) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["FILE", ""], "predict.py: text: expected at least one word, got ''"),
        (["FILE", " -- <br ! "], "predict.py: text: expected at least one word, got ' -- <br ! '"),
        (
            ["FILE", "xyzzy Plugh"],
            "at least one word of the model's vocabulary, got 2 unknown ones: 'xyzzy Plugh'",
        ),
        (["RAW", "<unk> <pad>"], "text: expected at least one word of the model's vocabulary"),
        (["nowhere", "good"], "predict.py: checkpoint: expected a safetensors file, got 'nowhere'"),
        (["FILE", "good", "--picture", "nowhere/curve.png"], "predict.py: picture: expected a file in a folder"),
        (["FILE", "good", "--width", "2"], "predict.py: width: expected a whole number >= 10, got 2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake(file: Path, tmp_path: Path, arguments: list[str], message: str, capsys: Any,
                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    raw = file.with_name("raw.safetensors")  # whose words keep their punctuation
    save_checkpoint(raw, build_model(3, Config(words="raw")), ["<unk>", "<pad>", "good"])
    files = {"FILE": str(file), "RAW": str(raw)}
    assert predict(*[files.get(argument, argument) for argument in arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_diagnosis_of_a_trained_model(file: Path) -> None:
    model, vocabulary = load_checkpoint(file)
    assert vocabulary == load_toy().vocabulary
    good = diagnose(model, load_toy().valid)
    assert "It has learnt something (" in verdict(good)
    assert good.accuracy > 0.97
