"""scripts/embedding_scale.py: the variants are what they are called, and what is measured is what is meant."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numpy_rnn.optim import Adam
from numpy_rnn.sentiment.data.text import Dataset, Reviews
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import for_toy, ladder
from numpy_rnn.types import Array
from parity_tests.support import load_script

script = load_script("embedding_scale")
TABLE, VARIANTS = script.TABLE, script.VARIANTS
DATA = load_toy(train=64, valid=32, test=1)
RUNG = next(config for repair, config in ladder("rnncell") if repair and repair.number == "10")
SMALL = replace(for_toy(RUNG), embedding_size=6, hidden_size=8, epochs=1, dtype="float64")


def initial(name: str) -> Array:
    """The logits of an untrained variant."""
    trainer = script.start_training(VARIANTS[name], SMALL, DATA)
    return trainer.model.forward(np.arange(20).reshape(5, 4), [5, 5, 4, 1])[0]


def test_adam_with_a_rate_for_the_table() -> None:
    rng = np.random.default_rng(0)
    shapes = {TABLE: (4, 3), "b": (2,)}
    start = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    all_grads = [{name: rng.normal(size=shape) for name, shape in shapes.items()} for _ in range(3)]

    def run(optimizer: Adam, params: dict[str, Array]) -> dict[str, Array]:
        for grads in all_grads:
            optimizer.step(grads, 0.1)
        return {name: params[name] - start[name] for name in params}

    def copies() -> dict[str, Array]:
        return {name: p.copy() for name, p in start.items()}

    plain = run(Adam(params := copies()), params)
    for factor in (0, 0.1, 1, 10):
        moved = run(script.AdamWithTableRate(params := copies(), factor), params)
        np.testing.assert_array_equal(moved["b"], plain["b"])
        np.testing.assert_allclose(moved[TABLE], factor * plain[TABLE], rtol=1e-12, atol=1e-14)


def test_the_variants_start_where_they_say() -> None:
    """W_xh / 10 undoes a table ten times as large, so each pair starts as one function; the scales start as two."""
    np.testing.assert_allclose(initial("1, W_xh / 10"), initial("0.1"), rtol=1e-12)
    np.testing.assert_allclose(initial("0.1, W_xh x 10"), initial("1"), rtol=1e-12)
    assert abs(initial("1") - initial("0.1")).max() > 0.01
    for name in ("1, rate x 10", "1, frozen"):
        np.testing.assert_array_equal(initial(name), initial("1"))
    for name, variant in VARIANTS.items():
        assert script.start_training(variant, SMALL, DATA).optimizer.factor == variant.table_rate, name


def test_rare_words_start_at_zero() -> None:
    count, _ = script.counts(DATA)
    rare = script.start_training(script.Variant(1, zero_below=9), SMALL, DATA).model.params[TABLE]
    plain = script.start_training(VARIANTS["1"], SMALL, DATA).model.params[TABLE]
    assert 0 < (count < 9).sum() < len(count)
    assert not rare[count < 9].any()
    np.testing.assert_array_equal(rare[count >= 9], plain[count >= 9])


def test_counts() -> None:
    """Word 2 stands twice in the positive review and once in the negative one, word 3 never."""
    reviews = Reviews(np.array([2, 0, 2, 2, 1], np.uint16), np.array([0, 3, 5]), np.array([1, 0]))
    count, log_odds = script.counts(Dataset(reviews, reviews, reviews, ["<unk>", "<pad>", "good", "never"]))
    assert list(count) == [1, 1, 3, 0]
    np.testing.assert_allclose(log_odds, np.log([2 / 1, 1 / 2, 3 / 2, 1]))


def test_states_without_pads() -> None:
    """Without inputs and recurrence every state is tanh(b), and a pad's zero would move the median."""
    model = build_model(len(DATA.vocabulary), SMALL)
    for name in (TABLE, script.W_XH, "rnn.W_hh_l0", "rnn.b_hh_l0"):
        model.params[name][...] = 0
    model.params["rnn.b_xh_l0"][:] = [-2, -2, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    h = np.tanh([2, 2, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    np.testing.assert_allclose(script.states(model, DATA.valid), (np.median(h), 2 / 8, (1 - h * h).mean()), rtol=1e-12)


def test_the_probe_is_small() -> None:
    assert len(script.probe(load_toy(train=1, valid=400, test=1).valid)) == script.PROBE
    assert len(script.probe(DATA.valid)) == len(DATA.valid)


def test_direction_of() -> None:
    """Central differences: along it, the answers turn positive the fastest; across it, not at all."""
    model = build_model(len(DATA.vocabulary), SMALL)
    direction = script.direction_of(model, DATA.valid)
    across = np.random.default_rng(0).normal(size=len(direction))
    across -= (across @ direction) * direction

    def slope(step: Array) -> float:
        sums = []
        for sign in (1, -1):
            model.params[TABLE] += sign * 1e-5 * step
            logits = [model.forward(b.ids, b.lengths)[0] for b in script.batches(DATA.valid, SMALL)]
            model.params[TABLE] -= sign * 1e-5 * step
            sums.append(sum((z[:, 1] - z[:, 0]).sum() for z in logits))
        return float(sums[0] - sums[1]) / 2e-5

    assert np.linalg.norm(direction) == pytest.approx(1)
    assert slope(direction) > 0.1
    assert abs(slope(across)) < 1e-6 * slope(direction)


def test_look_at_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that has learnt each frequent word's log-odds in one direction, and nothing of the rare ones."""
    monkeypatch.setattr(script, "OFTEN", (5, 40))
    count, log_odds = script.counts(DATA)
    often = (count >= 5) & (count < 40)
    assert 3 < often.sum() < len(count)
    noise, direction = np.random.default_rng(0).normal(size=(len(count), 6)), np.eye(6)[2]
    learnt = np.where(often, 2 * log_odds, 9)[:, None] * direction
    found = script.look_at_words(noise + learnt, noise, direction, DATA)
    both = np.corrcoef(noise[often, 2] + 2 * log_odds[often], log_odds[often])[0, 1]
    assert found["moved"] == pytest.approx(np.sqrt((4 * log_odds[often] ** 2).mean() / 6))
    assert found["correlation"] == pytest.approx(both)
    assert found["correlation_learnt"] == pytest.approx(1)


def test_a_frozen_table_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "OFTEN", (5, 40))
    frozen, learnt, doubled = (
        script.train_variant(variant, SMALL, DATA)
        for variant in (VARIANTS["1, frozen"], VARIANTS["1"], script.Variant(2, w_xh=0.5))
    )
    assert frozen["moved"] == frozen["correlation_learnt"] == 0
    assert frozen["states_before"] == learnt["states_before"] != learnt["states"]
    assert 0.4 < doubled["moved"] / learnt["moved"] < 0.6  # the same steps of Adam, beside a std of 2


def test_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "load_data", lambda *_: DATA)
    monkeypatch.setattr(script, "OFTEN", (5, 40))
    file = tmp_path / "runs.json"
    sizes = ["--hidden-size", "4", "--epochs", "1", "--threads", "1"]
    assert script.main([*sizes, "--variants", "1", "0.1", "--seeds", "0", "3", "--json", str(file)]) == 0
    content, printed = json.loads(file.read_text()), capsys.readouterr().out
    assert [(run["variant"], run["seed"]) for run in content["runs"]] == [("1", 0), ("1", 3), ("0.1", 0), ("0.1", 3)]
    for run in content["runs"]:
        assert f"{run['epochs'][-1]['train_loss']:.3f}" in printed
    assert "rnncell as written, untrained: median |h| 0." in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "epochs: expected a whole number >= 1, got 0"),
        (["--hidden-size", "0"], "hidden_size: expected a whole number >= 1, got 0"),
        (["--seeds", "-1"], "seed: expected a whole number >= 0, got -1"),
        (["--json", "nowhere/runs.json"], "json: expected a file in a folder that can be written to"),
    ],
)
def test_a_users_mistake(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([*arguments, "--threads", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"embedding_scale.py: {message}")
    assert error.count("\n") == 1
