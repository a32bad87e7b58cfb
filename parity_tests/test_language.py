"""scripts/language.py: it learns to write, beside PyTorch it computes the same, and bad input ends in a sentence."""

import re
from pathlib import Path
from typing import Any

from common.language_model import build, load, numbers_of, one_hot, read_text, save, streams, write

import language
import numpy as np
import pytest

from numpy_rnn.sentiment.data.toy import ASIDES, ASPECTS, BAD, GOOD

TEXT = "to be, or not to be: that is the question\n" * 20


def sentences() -> re.Pattern[str]:
    """Those of the toy reviews."""
    opinion, aspect = f"(?:not )?(?:{'|'.join(GOOD + BAD)})", f"(?:{'|'.join(ASPECTS)})"
    was = f"the {aspect} was {opinion}"
    forms = (
        f"The {aspect} was {opinion}, (?:but|although) {was}", f"Although {was}, {was}", f"At first {was}",
        f"In the end {was}", f"The {aspect} was {opinion}, whatever they say about the {aspect} that was {opinion}",
        *(re.escape(aside[:-1]) for aside in ASIDES),
    )  # fmt: skip
    return re.compile(rf"(?:{'|'.join(forms)})\.")


def test_it_writes_a_grammatical_sentence(tmp_path: Path, capsys: Any) -> None:
    """The default, with half of its updates."""
    file = str(tmp_path / "language.npz")
    assert language.main(["--updates", "500", "--every", "500", "--checkpoint", file]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^ +500  0\.\d\d\d per character", printed, re.MULTILINE)
    sample = ["--checkpoint", file, "--temperature", "0.3", "--sample"]
    assert language.main([*sample, "The plot was "]) == 0
    written = capsys.readouterr().out
    assert written.startswith("The plot was ")
    assert sentences().search(written), written
    assert language.main([*sample, "The plot was "]) == 0
    assert capsys.readouterr().out == written  # the same seed, the same text
    assert language.main(["--sample", "The plot was ", "--checkpoint", file, "--seed", "1", "--temperature", "5"]) == 0
    assert capsys.readouterr().out != written


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_200_updates_beside_pytorch(cell: str, capsys: Any) -> None:
    arguments = ["--cell", cell, "--hidden-size", "16", "--steps", "16", "--batch-size", "4", "--updates", "200"]
    assert language.main([*arguments, "--dtype", "float64", "--lockstep"]) == 0
    (loss, gradient) = map(float, re.findall(r"(?:losses|gradients) ([\d.e-]+)", capsys.readouterr().out))
    assert loss < 1e-12
    assert gradient < 1e-9


def test_the_streams_are_the_text() -> None:
    model = build("".join(sorted(set(TEXT))), "rnn", 4, "float64", 0)
    numbers = streams(TEXT, model, 4)
    assert "".join(model.characters[i] for i in numbers.T.ravel()) == TEXT[: len(TEXT) // 4 * 4]
    x, labels = next(language.pieces(numbers, model, 10))
    assert (x.argmax(axis=2)[1:] == labels[:-1]).all()


def test_a_chunk_starts_with_the_state_that_the_one_before_has_left() -> None:
    """What `write` carries along is what one pass over the whole text gives."""
    model = build("ab\n", "lstm", 5, "float64", 3)
    written = write(model, "ab", 6, 1.0, np.random.default_rng(0))
    x = one_hot(numbers_of("ab" + written, model.characters)[:, None], model)
    output, _, _ = model.model.layer.forward(x)
    logits = model.model.output.forward(output)[0][:, 0]
    rng = np.random.default_rng(0)
    for t in range(6):
        p = np.exp(logits[t + 1]) / np.exp(logits[t + 1]).sum()
        assert model.characters[rng.choice(3, p=p)] == written[t]


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    model = build("abc", "gru", 4, "float32", 5)
    save(str(tmp_path / "a.npz"), model)
    again = load(str(tmp_path / "a.npz"))
    assert (again.characters, again.cell) == ("abc", "gru")
    assert all((again.model.params[name] == p).all() for name, p in model.model.params.items())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected a text of at least two different characters, got ''"),
        (b"aaaa", "expected a text of at least two different characters, got 'aaaa'"),
        (b"\xff\xfe\x00", "expected a text file in UTF-8"),
        (b"abc", "batch_size: expected at most 1, half of the text's characters, got 32"),
        (TEXT.encode(), "steps: expected at most 25, as a stream of this text is that long, got 32"),
    ],
)
def test_what_is_no_text(tmp_path: Path, content: bytes, words: str, capsys: Any) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    out = tmp_path / "language.npz"
    assert language.main(["--text", str(tmp_path / "text.txt"), "--checkpoint", str(out)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sample", "xyz"], "text: expected the characters that the model was trained on"),
        (["--sample", ""], "sample: expected at least one character, got none"),
        (["--sample", "a", "--temperature", "0"], "temperature: expected a number in (0, "),
        (["--sample", "a", "--length", "0"], "length: expected a whole number >= 1, got 0"),
        (["--updates", "0"], "updates: expected a whole number >= 1, got 0"),
        (["--seed", "-1"], "seed: expected a whole number >= 0, got -1"),
    ],
)
def test_a_bad_argument_is_named(tmp_path: Path, arguments: list[str], words: str, capsys: Any) -> None:
    save(str(tmp_path / "a.npz"), build("abc", "gru", 4, "float32", 5))
    before = (tmp_path / "a.npz").read_bytes()
    assert language.main([*arguments, "--checkpoint", str(tmp_path / "a.npz")]) == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "a.npz").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_what_is_no_checkpoint(tmp_path: Path, content: bytes, capsys: Any) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    assert language.main(["--sample", "a", "--checkpoint", str(tmp_path / "a.npz")]) == 2
    assert "checkpoint: expected a file of scripts/language.py" in capsys.readouterr().err
    np.savez(tmp_path / "b.npz", W=np.zeros(3))
    assert language.main(["--sample", "a", "--checkpoint", str(tmp_path / "b.npz")]) == 2


def test_a_text_that_is_too_large(tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as stream:
        stream.truncate(2**28 + 1)
    with pytest.raises(ValueError, match="text: expected a file of at most 256 MB"):
        read_text(str(tmp_path / "large"))
