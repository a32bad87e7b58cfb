"""What each process of test_train_script.py's several-process test runs; the first one writes what it gave."""

import json
import sys
import weakref
from dataclasses import replace
from pathlib import Path

from torch import distributed as dist

from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import repaired
from numpy_rnn.sentiment.training import StepDone, train
from torch_rnn.backends import choose_backend
from torch_rnn.distributed import leave

CONFIG = replace(
    repaired("basic"),
    embedding_size=6,
    hidden_size=8,
    batch_size=33,
    dtype="float64",
    epochs=5,
    embedding_std=1.0,
    clip=0.1,
    lr=1e-2,
)


def main() -> None:
    data = load_toy(train=298, valid=20, test=50)  # ten batches an epoch, the smallest of one review
    start_training, how = choose_backend("torch", "cpu")
    trainer = start_training(build_model(len(data.vocabulary), CONFIG))
    losses, correct = [], []

    def note(done: StepDone) -> None:
        losses.append(done.result.loss)
        correct.append(done.result.correct)

    list(train(trainer, data, note))
    if how["rank"] == 0:
        Path(sys.argv[1]).write_text(
            json.dumps({"losses": losses, "correct": correct, "test": trainer.evaluate(data.test)})
        )


main()
group = weakref.ref(dist.group.WORLD)
leave()
assert group() is None, "its threads are still running"
