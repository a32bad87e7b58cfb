"""numpy_rnn/sentiment/systems.py: what the two programs were, what mends them, NumPy equal to PyTorch at each rung."""

from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import pytest

from numpy_rnn.sentiment.config import SYSTEMS, Config
from numpy_rnn.sentiment.data.text import cut
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.systems import REPAIRS, as_written, for_toy, ladder, repaired
from torch_rnn.comparison import Comparison

RUNGS = [(system, repair, config) for system in SYSTEMS for repair, config in ladder(system)]
BEST = replace(repaired("basic"), bidirectional=True, readout="max", unknown_rate=0.5)  # docs/results.md


@pytest.mark.parametrize(
    ("system", "settings"),
    [
        (
            "rnncell",
            {
                "embedding_size": 100,
                "hidden_size": 300,
                "max_tokens": 200,
                "keep": "first",
                "batch_size": 64,
                "pad_to": "max_tokens",
                "outputs": 3,
                "lr": 1e-4,
                "epochs": 5,
                "words": "clean",
                "misscaled_loss": True,
                "test_runs": 5,
                "sigmoid": False,
            },
        ),
        (
            "basic",
            {
                "embedding_size": 128,
                "hidden_size": 256,
                "max_tokens": 0,
                "words": "raw",
                "batch_size": 100,
                "pad_to": "longest",
                "buckets": True,
                "outputs": 2,
                "sigmoid": True,
                "lr": 1e-4,
                "epochs": 5,
                "num_layers": 1,
                "misscaled_loss": False,
                "test_runs": 1,
            },
        ),
    ],
)
def test_as_written(system: str, settings: dict[str, Any]) -> None:
    both = {
        "readout": "last",
        "embedding_std": 1.0,
        "clip": 0.0,
        "dropout": 0.0,
        "optimizer": "adam",
        "cell": "rnn",
        "schedule": "constant",
        "unknown_rate": 0.0,
        "nonlinearity": "tanh",
        "system": system,
    }
    config = asdict(as_written(system))
    assert {name: config[name] for name in settings | both} == settings | both


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_ladder_makes_one_repair_at_a_time(system: str) -> None:
    rungs = ladder(system)
    assert rungs[0] == (None, as_written(system))
    assert rungs[-1][1] == repaired(system)
    for (_, before), (repair, after) in pairwise(rungs):
        changed = {name for name, value in asdict(after).items() if value != asdict(before)[name]}
        assert changed
        assert changed <= set(repair.change)
        assert replace(before, **repair.change) == after
    defects = {"rnncell": ["1", "2", "6", "7", "8", "10", "11"], "basic": ["1", "3", "4", "5", "9", "10", "11"]}
    assert [repair.number for repair, _ in rungs[1:]] == [*defects[system], "1b", "12", "13"]


def test_repaired_has_none_of_the_defects() -> None:
    for system in SYSTEMS:
        end = repaired(system)
        for repair in REPAIRS:
            if system in repair.systems and repair.number != "1":  # which 1b repairs again, better
                assert replace(end, **repair.change) == end


def test_an_unknown_system() -> None:
    with pytest.raises(ValueError, match="system: expected one of 'basic', 'rnncell', got 'lstm'"):
        as_written("lstm")


@pytest.mark.parametrize(
    "config",
    [config for _, _, config in RUNGS] + [BEST],
    ids=[f"{s}-{r.number if r else 'as-written'}" for s, r, _ in RUNGS] + ["best"],
)
def test_numpy_and_pytorch_agree_in_lockstep_at_every_rung(config: Config) -> None:
    """Loss, every gradient, every updated weight; small, but with the rung's own rates, padding, words and batches."""
    small = replace(config, embedding_size=6, hidden_size=8, batch_size=20, dtype="float64")
    small = replace(small, max_tokens=40) if small.max_tokens else small
    data = cut(load_toy(train=150, valid=10, test=10, words=small.words), small.max_tokens, small.keep)
    run = Comparison(data, small, steps=15, lockstep=True)
    assert type(run.numpy.model).__name__ == type(run.torch.model).__name__
    list(run.epochs())
    assert run.worst is not None
    assert run.worst["steps"] == 15
    assert run.worst["largest_loss_difference"] < 1e-12
    assert max(run.worst["largest_gradient_error"].values()) < 1e-9
    assert run.worst["largest_weight_error"] < 1e-12


@pytest.mark.parametrize("system", SYSTEMS)
def test_for_toy_keeps_the_defects(system: str) -> None:
    toy = for_toy(as_written(system))
    kept = ("readout", "sigmoid", "outputs", "keep", "words", "clip", "pad_to", "buckets", "misscaled_loss", "dropout")
    assert all(getattr(toy, name) == getattr(as_written(system), name) for name in kept)
