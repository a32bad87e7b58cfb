"""A log of every training step: one JSON line each, as it happens."""

import json
from pathlib import Path
from typing import IO, Any

from numpy_rnn.checks import expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.training import StepDone


class StepLog:
    """Appends a line for each step: backend, epoch, step, loss, norm (before clipping), clipped, lr, seconds.

    Args:
        file: the file; None logs nothing.
        keep: how many lines of a stopped run stay; what it wrote after its last saved state is written again. 0 is a
            new log.
        last: epoch and step of the last line that stays.

    Raises:
        ValueError: for a new log in a file that has something in it, and for one that is not the stopped run's: with
            fewer lines than `keep`, or with another last one.
    """

    def __init__(self, file: str | None, keep: int = 0, last: tuple[int, int] = (0, 0)):
        self.stream: IO[str] | None = None
        if file is None:
            return
        lines = Path(file).read_text().splitlines() if Path(file).exists() else []
        expect(keep > 0 or not lines, "log", "a new file, or --resume", f"{file!r} with {len(lines)} lines")
        expect(len(lines) >= keep, "log", f"{keep} lines, as many as steps were done", len(lines))
        if keep:
            own = _epoch_and_step(lines[keep - 1])
            expect(own == last, "log", f"that of the stopped run, with epoch and step {last} in line {keep}", own)
        with atomic_write(file) as stream:
            stream.write("".join(f"{line}\n" for line in lines[:keep]).encode())
        self.stream = open(file, "a", buffering=1)  # noqa: SIM115 - a line is on its way as soon as it is written

    def write(self, backend: str, done: StepDone, clip: float) -> None:
        if self.stream:
            norm = done.result.norm
            row = {"backend": backend, "epoch": done.epoch, "step": done.step, "loss": done.result.loss, "norm": norm}
            row |= {"clipped": bool(clip and norm > clip), "lr": done.lr, "seconds": round(done.seconds, 6)}
            self.stream.write(json.dumps(row) + "\n")

    def close(self) -> None:
        if self.stream:
            self.stream.close()


def _epoch_and_step(line: str) -> tuple[int, int] | None:
    try:
        row = json.loads(line)
        return row["epoch"], row["step"]
    except (ValueError, KeyError, TypeError):
        return None


def read(file: str) -> list[dict[str, Any]]:
    """The rows of a log. ValueError for a file that is none."""
    try:
        rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
        for row in rows:
            float(row["loss"]), float(row["norm"]), int(row["epoch"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"log: expected a log of training steps, got {file!r} ({error})") from error
    expect(bool(rows), "log", "at least one step", "none")
    return rows
