"""The state of a training run in a file, so that a run that was stopped goes on with the same bits.

A run alternates between two files. One of them is whole at any moment, whenever the process is killed.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from numpy_rnn.checks import expect
from numpy_rnn.files import atomic_write, digest
from numpy_rnn.optim import SGD, Adam
from numpy_rnn.sentiment.training import Progress, Trainer
from numpy_rnn.types import Array

FORMAT, KEY = "training run, 1", "numpy_rnn"


class RunState(NamedTuple):
    """Everything that the weights of the rest of a run depend on. The batches and masks follow from the seed and epoch.

    How many steps in a row had too large a loss is counted anew.
    """

    about: dict[str, Any]  # what has to be the same when the run goes on: settings, data, backend
    progress: Progress
    updates: int  # so far, in all epochs
    epochs: list[dict[str, Any]]  # the rows of the finished epochs
    arrays: dict[str, Array]  # params/NAME, and of Adam m/NAME, v/NAME


def arrays_of(trainer: Trainer) -> dict[str, Array]:
    """The parameters and the optimizer's moments, by "params/NAME", "m/NAME" and "v/NAME"."""
    optimizer = trainer.optimizer
    moments = {"m": optimizer.m, "v": optimizer.v} if isinstance(optimizer, Adam) else {}
    groups = {"params": trainer.model.params} | moments
    return {f"{group}/{name}": a for group, arrays in groups.items() for name, a in arrays.items()}


def restore(trainer: Trainer, state: RunState) -> None:
    """Gives a new trainer the parameters and moments of a stopped one. ValueError for other arrays."""
    mine = arrays_of(trainer)
    expect(mine.keys() == state.arrays.keys(), "resume", f"the arrays {sorted(mine)}", sorted(state.arrays))
    for name, a in mine.items():
        given = state.arrays[name]
        expect(a.shape == given.shape and a.dtype == given.dtype, "resume", f"{name} {a.dtype} {a.shape}", given.shape)
        a[...] = given
    if not isinstance(trainer.optimizer, SGD):
        trainer.optimizer.t = state.updates


def files_of(checkpoint: str | Path) -> tuple[Path, Path]:
    """The two files of a run with this checkpoint."""
    path = Path(checkpoint)
    return path.with_name(path.name + ".run0"), path.with_name(path.name + ".run1")


def save_state(checkpoint: str | Path, state: RunState) -> None:
    """Replaces the older one of the two files."""
    older = min(files_of(checkpoint), key=lambda file: _updates(file))
    about = {"format": FORMAT, "about": state.about, "progress": state.progress, "updates": state.updates}
    about |= {"epochs": state.epochs}
    arrays = {name: np.ascontiguousarray(a) for name, a in state.arrays.items()}
    about["sha256"] = digest(arrays, json.dumps(about, sort_keys=True))
    with atomic_write(older) as stream:
        stream.write(save(arrays, {KEY: json.dumps(about)}))


def load_state(checkpoint: str | Path, about: dict[str, Any]) -> RunState:
    """The newest state of a stopped run.

    Args:
        checkpoint: that of the run.
        about: the settings, data and backend of the run that is to go on.

    Raises:
        ValueError: where there is none, and where it is that of another run, with what differs.
    """
    states = [state for file in files_of(checkpoint) if (state := _read(file)) is not None]
    wanted = f"the state of a stopped run, {files_of(checkpoint)[0].name} (one that has ended has none)"
    expect(bool(states), "resume", wanted, "none")
    state = max(states, key=lambda state: state.updates)
    for name in sorted(about.keys() | state.about.keys()):
        there, here = state.about.get(name), about.get(name)
        expect(there == here, f"resume, {name}", f"{there!r}, as in the stopped run", repr(here))
    return state


def remove_states(checkpoint: str | Path) -> None:
    """At the end of a run."""
    for file in files_of(checkpoint):
        file.unlink(missing_ok=True)


def _updates(file: Path) -> int:
    """-1 for a file that is not there, or not whole."""
    state = _read(file)
    return -1 if state is None else state.updates


def _read(file: Path) -> RunState | None:
    try:
        with safe_open(file, framework="numpy") as content:
            about = json.loads((content.metadata() or {}).get(KEY, "{}"))
            arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        written = about.pop("sha256")
        if about["format"] != FORMAT or written != digest(arrays, json.dumps(about, sort_keys=True)):
            return None
        return RunState(about["about"], Progress(*about["progress"]), about["updates"], about["epochs"], arrays)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
