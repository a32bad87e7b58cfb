"""numpy_rnn/sentiment/prediction.py and scripts/predict.py: what a trained model says."""

import io
import re
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpy_rnn.sentiment import load_checkpoint, save_checkpoint
from numpy_rnn.sentiment.checkpoint import Checkpoint
from numpy_rnn.sentiment.config import DEFAULTS, Config
from numpy_rnn.sentiment.data.batches import batches
from numpy_rnn.sentiment.data.text import TOKENIZERS, clean, encode
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.diagnosis import diagnose, verdict
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.prediction import positive, word_by_word
from numpy_rnn.sentiment.training import Trainer, train
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
    config = Config(
        embedding_size=3,
        hidden_size=4,
        keep=keep,
        max_tokens=max_tokens,
        outputs=outputs,
        batch_size=3,
        readout="last_real",
    )
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


@pytest.mark.parametrize("pad_to", ["longest", "max_tokens"])
@pytest.mark.parametrize("readout", ["last", "last_real", "mean", "max"])
def test_each_answer_is_that_of_the_text_alone(readout: str, pad_to: str) -> None:
    """Whatever stands beside it in a batch: the only pads are those that it has alone."""
    config = Config(
        embedding_size=3, hidden_size=4, readout=readout, pad_to=pad_to, max_tokens=9, batch_size=4, embedding_std=1.0
    )
    checkpoint = Checkpoint(build_model(5, config), ["<unk>", "<pad>", "a", "b", "c"])
    words, p = word_by_word(checkpoint, "a b c a a c b c")
    for k in range(8):
        alone = next(batches(encode([words[: k + 1]], [0], checkpoint.vocabulary), config))
        logits = checkpoint.model.forward(alone.ids, alone.lengths)[0]
        assert p[k] == pytest.approx(positive(logits, config)[0], rel=1e-6)


def test_memory_grows_with_the_text_not_with_its_square() -> None:
    config = Config(embedding_size=1, hidden_size=1, batch_size=10, max_tokens=3)
    checkpoint = Checkpoint(build_model(3, config), ["<unk>", "<pad>", "a"])
    tracemalloc.start()
    word_by_word(checkpoint, "a " * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1000 * 1000  # bytes; the thousand beginnings have half a million words


@pytest.mark.parametrize(
    ("options", "largest"),
    [({}, 2 * 20), ({"max_tokens": 5}, 10 * 5), ({"max_tokens": 30, "pad_to": "max_tokens"}, 1 * 30)],
)
def test_a_batch_has_fewer_texts_where_they_are_long(options: dict[str, Any], largest: int, monkeypatch: Any) -> None:
    """Pads count: they are computed, too."""
    monkeypatch.setattr("numpy_rnn.sentiment.prediction.STEPS", 50)
    model = build_model(3, Config(embedding_size=1, hidden_size=1, **{"max_tokens": 0} | options))
    forward, sizes = model.forward, []
    monkeypatch.setattr(model, "forward", lambda ids, lengths: sizes.append(ids.size) or forward(ids, lengths))
    word_by_word(Checkpoint(model, ["<unk>", "<pad>", "a"]), "a " * 20)
    assert max(sizes) == largest


def test_answers_that_are_no_numbers(recwarn: pytest.WarningsRecorder) -> None:
    checkpoint = Checkpoint(build_model(3, Config(hidden_size=4)), ["<unk>", "<pad>", "a"])
    for p in checkpoint.model.params.values():
        p[...] = 3e38
    with pytest.raises(ValueError, match="checkpoint: expected weights that give numbers, got NaN after 'a'"):
        word_by_word(checkpoint, "a b")
    assert not recwarn.list


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


HARMFUL = "\x1b[31m plot\x07 gri\x9bpping \u202edull\u2066 fi\u200blm"  # escape, bell, C1, directions, zero width


@pytest.mark.parametrize("words", ["clean", "raw"])
def test_no_control_character_reaches_the_terminal(words: str, tmp_path: Path, capsys: Any) -> None:
    """Nor one of a word of the vocabulary."""
    file, known = tmp_path / "model.safetensors", TOKENIZERS[words](HARMFUL)[1]
    save_checkpoint(file, build_model(3, Config(words=words)), ["<unk>", "<pad>", known])
    for text in (HARMFUL, HARMFUL.replace("plot", ""), f"-{HARMFUL}"):  # an answer, and two errors
        with suppress(SystemExit):  # by argparse
            predict(str(file), text, "--colour", "never")
        printed, errors = capsys.readouterr()
        assert re.sub(r"[ -~▁▂▃▄▅▆▇█\n]", "", printed + errors) == ""
        assert r"\x1b" in printed + errors


def test_lines_fit_and_each_word_has_its_bar() -> None:
    """Wide and combining characters, and a word that is longer than a line."""
    words = ["good", "映画", "ประเทศที่ดี", "cafe\u0301", "supercalifragilistic", "end"]
    for width in (10, 12, 30):
        shown = PREDICT.lines(words, np.full(6, 0.9), {*words}, width, coloured=False)
        assert "".join(shown[::2]).replace(" ", "") == "".join(words)
        for above, below in zip(shown[::2], shown[1::2], strict=True):
            assert PREDICT.columns(above) == PREDICT.columns(below) <= width
            bars = [PREDICT.columns(word) for word in above.split(" ")]
            assert [len(bar) for bar in below.split(" ")] == bars
    assert [PREDICT.columns(word) for word in words] == [4, 4, 8, 4, 20, 3]


def test_lines_are_as_wide_as_the_terminal(file: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert predict(str(file), GOOD) == 0
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert 25 < max(map(len, lines)) <= 30


def test_weights_whose_answers_are_no_numbers(tmp_path: Path, capfd: Any) -> None:
    model = build_model(3, Config())
    for p in model.params.values():
        p[...] = 3e38
    save_checkpoint(tmp_path / "model.safetensors", model, ["<unk>", "<pad>", "a"])
    assert predict(str(tmp_path / "model.safetensors"), "a b") == 2
    expected = "predict.py: checkpoint: expected weights that give numbers, got NaN after 'a'\n"
    assert capfd.readouterr() == ("", expected)


def test_too_little_memory_has_a_message(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PREDICT, "load_checkpoint", lambda file: bytearray(10**18))
    assert predict("model.safetensors", "a") == 2
    assert capsys.readouterr().err == "predict.py: MemoryError\n"


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
def test_a_users_mistake(
    file: Path, tmp_path: Path, arguments: list[str], message: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
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
