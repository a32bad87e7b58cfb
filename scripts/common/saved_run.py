"""What a training run leaves behind as it goes, so that it can be stopped at any moment: its state, and its log."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from common.command_line import check_apart, check_new, check_writable
from common.run_folder import check_out, last_folder, place
from common.step_log import StepLog

from filelock import FileLock, Timeout

from numpy_rnn.checks import expect
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.state import RunState, arrays_of, files_of, load_state, remove_states, restore, save_state
from numpy_rnn.sentiment.training import AnyTrainer, Progress, StepDone, Trainer
from torch_rnn.backends import go_on_from, numpy_trainer

FILES = {"checkpoint": "model.safetensors", "json": "results.json", "log": "steps.jsonl", "picture": "steps.png"}
STATES = f"{FILES['checkpoint']}.run?"


def check_files(args: argparse.Namespace) -> None:
    """Before the training."""
    for argument in FILES:
        check_writable(argument, getattr(args, argument))
    check_apart(**{argument: getattr(args, argument) for argument in FILES})
    check_out(args)
    if args.checkpoint:
        stopped = [str(file) for file in files_of(args.checkpoint) if file.exists()]
        expect(args.resume or not stopped, "checkpoint", "a new file, or --resume, as a run was stopped there", stopped)
    for argument in () if args.resume else ("checkpoint", "json", "log"):
        check_new(argument, getattr(args, argument))
    if args.checkpoint:
        expect(args.picture is None or args.log is not None, "picture", "--log FILE, too: it is drawn from it", "none")


def name_files(args: argparse.Namespace, config: Config, chief: bool) -> None:
    """Where no checkpoint is named, the files that have no name get one, in the run's folder.

    The checkpoint of a run that has a folder stands for that folder, when the run goes on.
    """
    if args.resume:
        named = Path(args.checkpoint or last_folder(args, STATES, "resume", "a stopped run") / FILES["checkpoint"])
        if args.checkpoint is None or (named.name == FILES["checkpoint"] and (named.parent / FILES["log"]).exists()):
            for option, name in FILES.items():
                setattr(args, option, getattr(args, option) or str(named.parent / name))
    elif args.checkpoint is None and chief:
        place(args, FILES, "train", args.data, config.system, config.cell, f"seed{config.seed}")


@contextmanager
def locked(args: argparse.Namespace) -> Iterator[None]:
    """For a `with` statement, as long as the run goes on: no other process can go on with it, or begin one there.

    The system takes the lock from a process that is killed. Its file, which is empty, then stays until the run ends.
    """
    lock = FileLock(f"{args.checkpoint}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        wanted = "that of a run which no other process trains now"
        raise ValueError(f"checkpoint: expected {wanted}, got {args.checkpoint!r}") from error
    try:
        check_files(args)  # again: another run may have begun there, and ended
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            Path(lock.lock_file).unlink()
        lock.release()


class SavedRun:
    """The state of a run, every args.save_every steps and after each epoch; with args.resume that of a stopped one.

    Args:
        args: the options checkpoint, save_every, resume and log.
        trainer: a new one. With args.resume it becomes the stopped one.
        about: what has to be the same when the run goes on.
        per_epoch: steps.
        chief: does this process write?

    Raises:
        ValueError: with args.resume for a state that does not fit.

    Attributes:
        begin: where the run begins.
        epochs: the rows of the finished epochs.
        log: of the steps.
    """

    def __init__(
        self, args: argparse.Namespace, trainer: AnyTrainer, about: dict[str, Any], per_epoch: int, chief: bool
    ):
        self.args, self.trainer, self.about, self.per_epoch, self.chief = args, trainer, about, per_epoch, chief
        self.begin, self.epochs = Progress(), list[dict[str, Any]]()
        if args.resume:
            state = load_state(args.checkpoint, about)
            stopped = trainer if isinstance(trainer, Trainer) else Trainer(numpy_trainer(trainer).model)
            restore(stopped, state)
            go_on_from(trainer, stopped)
            self.begin, self.epochs = state.progress, state.epochs
            epoch, step, *_ = self.begin
            ended = epoch == trainer.config.epochs
            print(f"Going on with {args.checkpoint}", end=": ")
            print("the training had ended." if ended else f"epoch {epoch + 1}, {step} of {per_epoch} steps done.")
        updates = self._updates(self.begin)
        last = (updates - 1) // per_epoch + 1, (updates - 1) % per_epoch
        self.log = StepLog(args.log if chief else None, updates, last)

    def _updates(self, progress: Progress) -> int:
        return progress.epoch * self.per_epoch + progress.step

    def after_step(self, done: StepDone) -> None:
        self.log.write(self.trainer.name, done, self.trainer.config.clip)
        every = self.args.save_every
        if every and self._updates(done.progress) % every == 0:
            self._save(done.progress)

    def after_epoch(self, row: dict[str, Any]) -> None:
        """`row` stands in self.epochs already."""
        self._save(Progress(row["epoch"]))

    def close(self) -> None:
        self.log.close()

    def end(self) -> None:
        """The run has ended: there is nothing to go on from."""
        if self.chief:
            remove_states(self.args.checkpoint)

    def _save(self, progress: Progress) -> None:
        if self.chief:
            updates, arrays = self._updates(progress), arrays_of(numpy_trainer(self.trainer))
            save_state(self.args.checkpoint, RunState(self.about, progress, updates, self.epochs, arrays))
