"""What scripts/benchmark.py writes of its CPU measurements: tables with the goals, and a picture."""

import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from common.command_line import blas
from common.layer_ways import FLOOR, IMDB, LONG, SMALL, WAYS, Size
from common.pictures import BLUE, GREEN, GREY, ORANGE, RED, new_figure, save

Row = dict[str, Any]
BY_CELL = ("rnn", "lstm", "gru")
GOALS: tuple[tuple[str, str, Callable[[Row], bool], tuple[float, ...]], ...] = (  # for the rnn, the lstm, the gru
    ("layer, T 200, 2 threads, by the best other way", "layers", lambda r: key(r) == (IMDB, 2), (0.6, 0.95, 0.95)),
    ("layer, T 800, 2 threads, by the best other way", "layers", lambda r: key(r) == (LONG, 2), (0.75, 0.95, 0.95)),
    ("layer, T 50, 1 thread, by the best of PyTorch's", "layers", lambda r: key(r) == (SMALL, 1), (0.5, 1.4, 0.6)),
    (
        "IMDB epoch, 1 thread, by PyTorch's",
        "epochs",
        lambda r: r["data"] == "imdb" and r["threads"] == 1,
        (0.55, 0.75, 0.65),
    ),
    (
        "IMDB epoch, 2 threads, by PyTorch's",
        "epochs",
        lambda r: r["data"] == "imdb" and r["threads"] == 2,
        (0.7, 0.95, 0.75),
    ),
    ("lengths, 1 thread, by the real steps", "lengths", lambda r: key(r) == (IMDB, 1), (1.15, 1.15, 1.15)),
    ("lengths, 2 threads, by the real steps", "lengths", lambda r: key(r) == (IMDB, 2), (1.15, 1.15, 1.15)),
    ("peak memory, T 800, by PyTorch's", "memory", lambda r: Size(*r["size"]) == LONG, (0.65, 0.7, 0.75)),
)


def key(row: Row) -> tuple[Size, int]:
    return Size(*row["size"]), row["threads"]


def about() -> Row:
    """The machine, the versions, and the kernel that multiplies NumPy's matrices."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    forced = [name for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "blas": blas() + (f" (not its own choice: {' and '.join(forced)} set)" if forced else ""),
        "versions": {name: version_of(name) for name in ("numpy", "torch", "jax")},
    }


def version_of(package: str) -> str:
    try:
        return version(package) if find_spec(package) else "not installed"
    except PackageNotFoundError:
        return "unknown"


WORDS = """A figure is a median, with the quartiles in brackets. A goal is the ratio that was aimed at.
"Lengths" is the time of a batch with lengths from T / 4 to T, by that of a full batch and by the
share of its steps that are real: 1 would be ideal. The times of layers are milliseconds, of forward
and backward of T steps, N sequences, D inputs and H units. The last column is the forward pass's
share of numpy_rnn's time. The command alone has epochs of toy reviews; with
`ARGS="--data imdb --data-dir DIR"` they are IMDB's."""


def page(found: Row) -> Iterator[str]:
    """All tables in Markdown."""
    yield WORDS
    a = found["about"]
    versions = ", ".join(f"{name} {number}" for name, number in a["versions"].items())
    yield f"{a['processor']}, {a['cores']} cores; {versions}.\nNumPy's matrix products: {a['blas']}."
    yield "\n".join(goals_table(found))
    yield "\n".join(layers_table(found["layers"]))
    yield "\n".join(epochs_table(found["epochs"]))


def spread(quartiles: list[float], digits: int = 2) -> str:
    low, middle, high = (f"{q:.{digits}f}" for q in quartiles)
    return f"{middle} ({low} to {high})"


def goals_table(found: Row) -> Iterator[str]:
    yield "| time or memory of numpy_rnn | RNN | goal | LSTM | goal | GRU | goal |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for text, kind, chosen, goals in GOALS:
        columns = []
        for cell, goal in zip(BY_CELL, goals, strict=True):
            rows = [row for row in found[kind] if row["cell"] == cell and chosen(row)]
            columns += [figure(rows[0]) if rows else "not measured", f"{goal:g}"]
        yield f"| {text} | {' | '.join(columns)} |"


def figure(row: Row) -> str:
    return spread(row["ratio"]) if isinstance(row["ratio"], list) else f"{row['ratio']:.2f}"


def layers_table(rows: list[Row]) -> Iterator[str]:
    names = [name for name in (*WAYS, FLOOR) if any(name in row["ms"] for row in rows)]
    yield f"| T, N, D, H | threads | cell | {' | '.join(names)} | numpy_rnn, forward |"
    yield f"| --- | --- | --- | {' | '.join('---' for _ in names)} | --- |"
    for row in rows:
        size = ", ".join(map(str, row["size"]))
        times = [spread(row["ms"][name], 1 if row["ms"][name][1] > 10 else 2) for name in names if name in row["ms"]]
        share = f"{row['ms_forward'][WAYS[0]][1] / row['ms'][WAYS[0]][1]:.0%}"
        yield f"| {size} | {row['threads']} | {row['cell']} | {' | '.join(times)} | {share} |"


def epochs_table(rows: list[Row]) -> Iterator[str]:
    yield "| reviews | cell | threads | training steps | NumPy, seconds | PyTorch, seconds | ratio |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        ours, theirs = (f"{row['seconds'][name]:.1f}" for name in ("numpy", "torch"))
        start = f"| {row['data']} | {row['cell']} | {row['threads']} | {row['steps']}"
        yield f"{start} | {ours} | {theirs} | {spread(row['ratio'])} |"


COLOURS = {WAYS[1]: ORANGE, WAYS[2]: GREEN, WAYS[3]: RED, FLOOR: GREY}


def draw(stream: BinaryIO, rows: list[Row]) -> None:
    """A PNG: a panel for each cell, a line for each size, and on it each way's time by that of numpy_rnn."""
    cells = [cell for cell in BY_CELL if any(row["cell"] == cell for row in rows)]
    lines = list(dict.fromkeys(key(row) for row in rows))
    figure = new_figure(10, 1.6 + 0.42 * len(lines))
    axes = figure.subplots(1, len(cells), sharex=True, sharey=True, squeeze=False)[0]
    for axis, cell in zip(axes, cells, strict=True):
        for row in (row for row in rows if row["cell"] == cell):
            y, ours = lines.index(key(row)), row["ms"][WAYS[0]][1]
            for name, colour in COLOURS.items():
                if name in row["ms"]:
                    low, middle, high = (q / ours for q in row["ms"][name])
                    axis.plot([low, high], [y, y], color=colour, linewidth=2, alpha=0.5)
                    axis.plot(middle, y, "|" if name == FLOOR else "o", color=colour, markersize=8, markeredgewidth=2)
        axis.axvline(1, color=BLUE, linewidth=2)
        axis.set_title(cell.upper())
        axis.set_xscale("log", base=2)
        axis.set_xticks([0.5, 1, 2, 4], ["½", "1", "2", "4"])
        axis.grid(axis="x", alpha=0.3)
    words = [f"T {s.T}, N {s.N}, H {s.H}, {n} thread{'s' * (n > 1)}" for s, n in lines]
    axes[0].set_yticks(range(len(lines)), words)
    axes[0].set_ylim(len(lines) - 0.5, -0.5)
    handles = [axes[0].plot([], [], "|" if name == FLOOR else "o", color=colour)[0] for name, colour in COLOURS.items()]
    names = [name if name != FLOOR else f"{name}, the floor" for name in COLOURS]
    figure.legend(
        [axes[0].plot([], [], color=BLUE)[0], *handles], ["numpy_rnn", *names], loc="outside lower center", ncols=5
    )
    figure.suptitle("Forward and backward of one layer: each way's time by that of numpy_rnn. To the right is slower")
    save(figure, stream)
