"""Two tutorial programs for IMDB as settings: as they were written, repaired, and all steps in between.

As written they learn little or nothing. Each repair changes a few fields of Config, so a script can apply one alone.
"""

from dataclasses import dataclass, replace
from typing import Any

from numpy_rnn.checks import check_choice
from numpy_rnn.sentiment.config import SYSTEMS, Config

# RNNCellNet and BasicRNN with the original settings. RNNCellNet's program does not give its embedding_size, hidden_size
# and batch_size. Here they are 100, 300 and 64.
AS_WRITTEN = {
    "rnncell": Config(
        system="rnncell",
        embedding_size=100,
        embedding_std=1.0,
        hidden_size=300,
        readout="last",
        dropout=0.0,
        outputs=3,
        words="clean",
        keep="first",
        max_tokens=200,
        batch_size=64,
        pad_to="max_tokens",
        unknown_rate=0.0,
        epochs=5,
        lr=1e-4,
        schedule="constant",
        clip=0.0,
        misscaled_loss=True,
        test_runs=5,
    ),
    "basic": Config(
        system="basic",
        embedding_size=128,
        embedding_std=1.0,
        hidden_size=256,
        readout="last",
        dropout=0.0,
        sigmoid=True,
        words="raw",
        keep="first",
        max_tokens=0,
        batch_size=100,
        buckets=True,
        unknown_rate=0.0,
        epochs=5,
        lr=1e-4,
        schedule="constant",
        clip=0.0,
    ),
}


@dataclass(frozen=True)
class Repair:
    """A defect and its repair."""

    number: str
    defect: str
    name: str  # of the repair
    systems: tuple[str, ...]  # the systems that have the defect
    change: dict[str, Any]  # the fields of Config that repair it


# 1 to 11 are the defects of the two programs. 1b is another repair of 1. 12 and 13 improve a program without defects.
REPAIRS = [
    Repair("1", "the state is read after the pads", "read the last real step", SYSTEMS, {"readout": "last_real"}),
    Repair(
        "2",
        "the first 200 words are kept, the verdict stands at the end",
        "keep the last 200 words",
        ("rnncell",),
        {"keep": "last"},
    ),
    Repair(
        "3", "a sigmoid, then a softmax: the loss can't fall below 0.3133", "no sigmoid", ("basic",), {"sigmoid": False}
    ),
    Repair("4", "the result of Dropout is thrown away", "use Dropout", ("basic",), {"dropout": 0.5}),
    Repair("5", "the learning rate 0.001 never reaches the optimizer", "lr 0.001", ("basic",), {"lr": 1e-3}),
    Repair("6", "three outputs for two classes", "two outputs", ("rnncell",), {"outputs": 2}),
    Repair(
        "7",
        "the printed loss is too small by the batch size",
        "print the loss per review",
        ("rnncell",),
        {"misscaled_loss": False},
    ),
    Repair("8", "the same test is made five times", "test once", ("rnncell",), {"test_runs": 1}),
    Repair("9", "punctuation and <br stay glued to the words", "clean the words", ("basic",), {"words": "clean"}),
    Repair("10", "nothing limits exploding gradients", "clip the global norm at 1", SYSTEMS, {"clip": 1.0}),
    Repair("11", "the embeddings start at N(0, 1)", "embeddings from N(0, 0.1²)", SYSTEMS, {"embedding_std": 0.1}),
    Repair("1b", "only the last state is read", "read the mean over the real steps", SYSTEMS, {"readout": "mean"}),
    Repair(
        "12",
        "the learning rate is constant, in rnncell also low",
        "lr 0.001, falling to 0",
        SYSTEMS,
        {"lr": 1e-3, "schedule": "linear"},
    ),
    Repair(
        "13",
        "nothing keeps words from being learnt by heart",
        "30 % of the words to <unk>",
        SYSTEMS,
        {"unknown_rate": 0.3},
    ),
]


def for_toy(config: Config) -> Config:
    """The same settings, but with sizes and a training that fit the toy reviews, where every word matters."""
    return replace(
        config,
        embedding_size=32,
        embedding_std=1.0,
        hidden_size=64,
        max_tokens=60,
        batch_size=32,
        epochs=12,
        lr=3e-3,
        schedule="linear",
        unknown_rate=0.0,
        dropout=min(0.1, config.dropout),
    )


def as_written(system: str) -> Config:
    """The settings of the original program. `system` is "rnncell" or "basic", anything else a ValueError."""
    check_choice("system", system, SYSTEMS)
    return AS_WRITTEN[system]


def ladder(system: str) -> list[tuple[Repair | None, Config]]:
    """The ladder of repairs: pairs of a repair and the settings after it, one more repair at each rung.

    The first rung is the program as written, with None for the repair.
    """
    rungs: list[tuple[Repair | None, Config]] = [(None, as_written(system))]
    for repair in REPAIRS:
        if system in repair.systems:
            rungs.append((repair, replace(rungs[-1][1], **repair.change)))
    return rungs


def repaired(system: str) -> Config:
    """The settings with all repairs, the last rung of the ladder."""
    return ladder(system)[-1][1]
