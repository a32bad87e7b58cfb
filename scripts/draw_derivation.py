"""Draws the two pictures of docs/derivation.md: the unrolled network, and the windows of truncated backpropagation.

They are SVG, written as text, so that the same script gives the same bytes everywhere; a test compares them with the
files in docs. The windows are those that numpy_rnn/truncation.py gives. Both pictures bring a light background of their
own, so that they can be read on a dark page, too; no colour says anything that a line's style or a letter does not.
"""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from common.command_line import Parser, check_writable, status_of

import numpy as np

from numpy_rnn.files import atomic_write
from numpy_rnn.truncation import windows

INK, GREY, LINE, PAPER, WHITE = "#1f2328", "#57606a", "#c4cad1", "#f6f8fa", "#ffffff"
FORWARD, BACKWARD, PALE = "#0b5cad", "#a83c00", "#fbe3d3"  # blue, vermilion and a pale vermilion
FONT = "'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
WIDTH = 700


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("--folder", default="docs", help="where to write the pictures (default: %(default)s)")
    return status_of("draw_derivation.py", draw, parser.parse_args(arguments))


def draw(args: argparse.Namespace) -> None:
    for name, picture in PICTURES.items():
        file = Path(args.folder) / name
        check_writable("folder", str(file))
        with atomic_write(file) as stream:
            stream.write(picture().encode())
        print(file)


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 14, fill: str = INK) -> str:
    """In `words` h_1 is h with the index 1; so is an index of two letters, but dh_next is a name as it stands.

    W_hh^T is W with the index hh, transposed.
    """
    plain, *rest = re.split(r"_(\w{1,2})\b(\^T)?", words)
    for index, power, after in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        plain += f'<tspan dy="4" font-size="12">{index}</tspan>'
        plain += '<tspan dy="-9" font-size="12">T</tspan>' if power else ""
        plain += f'<tspan dy="{5 if power else -4}">{after}</tspan>' if after else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{plain}</text>'


def box(x: float, y: float, width: float, height: float, fill: str = WHITE, stroke: str = INK) -> str:
    place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"'
    return f'<rect {place} fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>'


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str, dashed: bool = False) -> str:
    place = f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    head = f"url(#head{colour[1:]})"
    return f'<line {place} stroke="{colour}" stroke-width="2"{dashes} marker-end="{head}"/>'


def forward(x1: float, y1: float, x2: float, y2: float) -> str:
    return arrow(x1, y1, x2, y2, FORWARD)


def backward(x1: float, y1: float, x2: float, y2: float) -> str:
    return arrow(x1, y1, x2, y2, BACKWARD, dashed=True)


def svg(height: int, title: str, parts: list[str]) -> str:
    heads = [
        f'<marker id="head{colour[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10" '
        f'orient="auto" markerUnits="userSpaceOnUse"><path d="M 0 0 L 10 5 L 0 10 z" fill="{colour}"/></marker>'
        for colour in (FORWARD, BACKWARD)
    ]
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}">'
    paper = f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" fill="{PAPER}" stroke="{LINE}"/>'
    return "\n".join([start, f"<title>{title}</title>", "<defs>", *heads, "</defs>", paper, *parts, "</svg>", ""])


UNROLLED = (
    "At every step: dh_t = dh_own (from E_t, this step alone) + dh_next (from step t + 1)",
    "To the step before: dh_next = dz W_hh^T with dz = dh_t ⊙ f'(z_t). After the last step it is 0.",
    "The gradient of each weight is a sum over all steps.",
    "Not drawn: the output between h_t and E_t, and the biases.",
)


def unrolled() -> str:
    """Three steps: forward up and to the right, backward down and to the left."""
    y, half = 190, 42  # the middle of the states, and half of a box's width
    columns = [75, 235, 405, 575]  # h_0, and the steps 1 to 3
    parts = [box(75 - half, y - 28, 2 * half, 56), text(75, y + 6, "h_0", size=18)]
    for t, x in list(enumerate(columns))[1:]:
        left, right = columns[t - 1] + half, x - half  # between the two states
        parts += [
            box(x - half, y - 28, 2 * half, 56),
            text(x, y + 6, f"h_{t}", size=18),
            forward(left + 2, y - 12, right - 3, y - 12),
            text((left + right) / 2, y - 21, "W_hh", fill=FORWARD),
            backward(right - 2, y + 12, left + 3, y + 12),
            text((left + right) / 2, y + 31, "dh_next" if t > 1 else "dh_0", fill=BACKWARD),
            box(x - half, 28, 2 * half, 36),
            text(x, 52, f"E_{t}", size=18),
            forward(x - 14, y - 30, x - 14, 67),
            text(x - 22, 118, "W_hy", "end", fill=FORWARD),
            backward(x + 14, 66, x + 14, y - 31),
            text(x + 22, 118, "dh_own", "start", fill=BACKWARD),
            box(x - half, 310, 2 * half, 36),
            text(x, 334, f"x_{t}", size=18),
            forward(x - 14, 308, x - 14, y + 31),
            text(x - 22, 270, "W_xh", "end", fill=FORWARD),
            backward(x + 14, y + 30, x + 14, 307),
            text(x + 22, 270, f"dx_{t}", "start", fill=BACKWARD),
        ]
    end = columns[-1] + half
    parts += [
        backward(WIDTH - 16, y + 12, end + 3, y + 12),
        text((WIDTH - 16 + end) / 2, y + 31, "0", fill=BACKWARD),
        f'<line x1="20" y1="368" x2="{WIDTH - 20}" y2="368" stroke="{LINE}"/>',
        forward(30, 392, 80, 392),
        text(92, 397, "forward: states and losses", "start", fill=FORWARD),
        backward(400, 392, 350, 392),
        text(412, 397, "backward: gradients", "start", fill=BACKWARD),
        *(text(30, 425 + 26 * row, line, "start") for row, line in enumerate(UNROLLED)),
    ]
    return svg(520, "The network unrolled over three steps, with the gradients that flow back", parts)


T, CELL, ROW = 8, 30, 26


def cell(x: float, y: float, kind: str) -> str:
    """A step whose loss is in the group, one that the group's gradient reaches, or one outside of the window."""
    fill, stroke = {"loss": (FORWARD, FORWARD), "way": (PALE, BACKWARD), "outside": ("none", LINE)}[kind]
    sign = text(x + CELL / 2, y + 18, "E", fill=WHITE) if kind == "loss" else ""
    return box(x + 1.5, y + 1.5, CELL - 3, ROW - 3, fill, stroke) + sign


def back(x: float, y: float) -> str:
    """A triangle that points from a step to the one before; x is the border of the two."""
    middle = y + ROW / 2
    points = f"{x - 6:g},{middle:g} {x + 5:g},{middle - 6:g} {x + 5:g},{middle + 6:g}"
    return f'<polygon points="{points}" fill="{BACKWARD}" stroke="{WHITE}" stroke-width="1.5"/>'


def panel(x: float, y: float, k1: int, k2: int, title: str) -> tuple[list[str], float]:
    """One pair's windows, a row for each group of losses, and where the panel ends."""
    left, top = x + 66, y + 42
    parts = [
        text(x, y + 14, f"k1 = {k1}, k2 = {k2}: {title}", "start"),
        text(left - 10, top - 7, "step", "end", 12, GREY),
        *(text(left + (t + 0.5) * CELL, top - 7, str(t), size=12, fill=GREY) for t in range(T)),
    ]
    groups = windows(np.array([T]), T, k1, k2)
    for row, (window, _) in enumerate(groups):
        parts.append(text(left - 10, top + row * ROW + 18, f"group {row}", "end", 13))
        for t in range(T):
            way = "way" if window.start <= t < window.first else "outside"
            kind = "loss" if window.first <= t < window.end else way
            parts.append(cell(left + t * CELL, top + row * ROW, kind))
        parts += [back(left + t * CELL, top + row * ROW) for t in range(window.start + 1, window.end)]
    return parts, top + len(groups) * ROW


def truncation() -> str:
    parts: list[str] = []
    bottom = 0.0
    for k1, k2, title in ((8, 8, "full backpropagation"), (2, 2, "chunks"), (3, 5, "overlapping windows")):
        drawn, bottom = panel(24, bottom + 16, k1, k2, title)
        parts += drawn
    drawn, end = panel(368, 16, 1, 3, "a window for every loss")
    legend = (
        ("loss", "a step whose loss is in the group"),
        ("way", "an earlier step that their gradient reaches"),
        ("outside", "outside of the group's window"),
    )
    for row, (kind, words) in enumerate(legend):
        y = end + 14 + row * 32
        drawn += [cell(372, y, kind), text(412, y + 18, words, "start")]
    y = end + 14 + len(legend) * 32
    drawn += [back(372 + CELL / 2, y), text(412, y + 18, "the gradient goes back to the step before", "start")]
    title = "Which steps the losses go back through, for four pairs of k1 and k2"
    return svg(round(max(bottom, y + ROW) + 16), title, parts + drawn)


PICTURES: dict[str, Callable[[], str]] = {"unrolled.svg": unrolled, "windows.svg": truncation}

if __name__ == "__main__":
    sys.exit(main())
