"""What a trained model says of a text, and how the probability moves with every word: the memory of a recurrent
network, which each input revises a little.

The words are coloured from orange (negative) over grey to blue (positive), by the answer that the model would give if
the text ended there. Below them is the same as a curve, one column for each word.
"""

import argparse
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any, BinaryIO

from common.command_line import Parser, check_writable, printable, status_of

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.checkpoint import load_checkpoint
from numpy_rnn.sentiment.prediction import CLASSES, word_by_word
from numpy_rnn.types import Array

EXAMPLES = """examples:
  .venv/bin/python scripts/predict.py model.safetensors "At first the plot was dull. In the end the plot was witty."
  .venv/bin/python scripts/predict.py model.safetensors --picture curve.png < review.txt
"""
LEVELS = " ▁▂▃▄▅▆▇█"
PER_ROW = 60  # words, in the picture
ORANGE, GREY, BLUE = (
    (230, 120, 0),
    (128, 128, 128),
    (40, 140, 240),
)  # red, green, blue, up to 255; on black and on white


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__, epilog=EXAMPLES)
    parser.add_argument("checkpoint", help="a file that scripts/train.py wrote")
    parser.add_argument("text", nargs="?", help="(default: standard input)")
    parser.add_argument(
        "--colour",
        choices=("auto", "always", "never"),
        default="auto",
        help="(default: auto, which is always on a terminal, unless NO_COLOR is set)",
    )
    parser.add_argument(
        "--width",
        type=int,
        default=shutil.get_terminal_size((100, 24)).columns,
        help="columns of a line (default: the terminal's; here %(default)s)",
    )
    parser.add_argument("--picture", metavar="FILE", help="draw the curve into a PNG, too")
    return status_of("predict.py", predict, parser.parse_intermixed_args(arguments))


def predict(args: argparse.Namespace) -> None:
    check_writable("picture", args.picture)
    expect(args.width >= 10, "width", "a whole number >= 10", args.width)
    checkpoint = load_checkpoint(args.checkpoint)
    expect(args.text is not None or sys.stdin is not None, "text", "an argument or standard input", "neither")
    words, p = word_by_word(checkpoint, sys.stdin.read() if args.text is None else args.text)
    known = set(checkpoint.vocabulary)
    coloured = args.colour == "always" or (
        args.colour == "auto" and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    )
    for line in lines(words, p, known, args.width, coloured):
        print(line)
    answer = int(p[-1] > 0.5)
    print(
        f"\n{CLASSES[answer]}: P(positive) = {p[-1]:.3f} after {len(words)} words "
        f"({sum(word not in known for word in words)} of them unknown)"
    )
    if args.picture:
        with atomic_write(args.picture) as stream:
            draw(stream, words, p, known)
        print(f"Picture: {args.picture}")


def lines(words: list[str], p: Array, known: set[str], width: int, coloured: bool) -> list[str]:
    """The text, each word with its bar below; unknown words in brackets, those wider than a line in parts."""
    above, below, result, used = "", "", [], 0
    for word, probability in zip(words, p, strict=True):
        for text in parts(printable(word if word in known else f"[{word}]"), width):
            if used + columns(text) > width:
                result += [above, below]
                above, below, used = "", "", 0
            bar = LEVELS[1 + min(int(probability * 8), 7)] * columns(text)
            above += painted(text, probability, coloured) + " "
            below += painted(bar, probability, coloured) + " "
            used += columns(text) + 1
    return [line.rstrip() for line in [*result, above, below]]


def columns(text: str) -> int:
    """Of a terminal: 0 for a combining character, 2 for a wide one of East Asia, 1 for any other."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me") else 1 + (unicodedata.east_asian_width(c) in "FW") for c in text
    )


def parts(text: str, width: int) -> Iterator[str]:
    """Of at most `width` columns each."""
    part, used = "", 0
    for c in text:
        if used + columns(c) > width:
            yield part
            part, used = "", 0
        part += c
        used += columns(c)
    yield part


def painted(text: str, p: float, coloured: bool) -> str:
    """From orange at 0 over grey at 0.5 to blue at 1, in the terminal's 24-bit colours."""
    if not coloured:
        return text
    end, share = np.array(ORANGE if p < 0.5 else BLUE), abs(2 * p - 1)
    red, green, blue = (share * end + (1 - share) * np.array(GREY)).astype(int)
    return f"\x1b[38;2;{red};{green};{blue}m{text}\x1b[0m"


def draw(stream: BinaryIO, words: list[str], p: Array, known: set[str]) -> None:
    """A PNG of the curve, the words below it, PER_ROW words in a row; unknown words in brackets."""
    from common import pictures

    starts = range(0, len(words), PER_ROW)
    across = min(PER_ROW, len(words))
    figure = pictures.new_figure(max(6.0, 1.5 + 0.28 * across), 1 + 2.6 * len(starts))
    rows: Any = figure.subplots(len(starts), 1, squeeze=False)[:, 0]
    shown = [printable(word[:20] if word in known else f"[{word[:20]}]") for word in words]
    for axes, start in zip(rows, starts, strict=True):
        row = slice(max(start - 1, 0), start + PER_ROW)  # from the last word of the row above
        steps, curve = np.arange(len(words))[row], p[row]
        axes.plot(steps, curve, ".-", color="black", linewidth=1, clip_on=False)
        axes.fill_between(steps, curve, 0.5, where=curve >= 0.5, color=pictures.BLUE, alpha=0.3, interpolate=True)
        axes.fill_between(steps, curve, 0.5, where=curve <= 0.5, color=pictures.RED, alpha=0.3, interpolate=True)
        axes.axhline(0.5, color=pictures.GREY, linestyle=":")
        axes.set(ylim=(0, 1), xlim=(start - 1, start + across))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["negative  0", "0.25", "0.5", "0.75", "positive  1"])
        axes.set_xticks(steps, shown[row], rotation=90, fontsize=10, parse_math=False)
    answer = CLASSES[int(p[-1] > 0.5)]
    figure.suptitle(f"P(positive) if the text ended at this word\nAfter the last one: {p[-1]:.3f}, {answer}")
    pictures.save(figure, stream)


if __name__ == "__main__":
    sys.exit(main())
