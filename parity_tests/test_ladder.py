"""scripts/common/ladder_results.py and scripts/ladder.py: which runs there are, what was finished, the results."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from common.ladder_picture import draw
from common.ladder_results import Results, Rung, interval, rungs, table, trained_by

import numpy as np
import pytest

from numpy_rnn.sentiment.checkpoint import save_checkpoint
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.text import cut, data_digest
from numpy_rnn.sentiment.data.toy import load_toy
from numpy_rnn.sentiment.diagnosis import diagnose, verdict
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import as_written, for_toy, repaired
from parity_tests.support import load_script, start
from parity_tests.test_imdb import write_folder

ROOT = Path(__file__).parent.parent
LADDER = load_script("ladder")
ABOUT = {"data": "toy", "backend": "numpy", "bag_of_words_accuracy": 0.48}


def finished(config: Config, accuracy: float) -> dict[str, Any]:
    return {"config": asdict(config), "test": {"loss": 0.5, "accuracy": accuracy}}


RUN = json.dumps({"about": ABOUT, "runs": [finished(Config(), 0.7)]})


def test_rungs() -> None:
    both = rungs(["rnncell", "basic"], ["rnn", "lstm"], ends=False)
    assert len(both) == 2 * (11 + 11)
    assert [rung.name for rung in both[:3]] == [
        "as written",
        "1. read the last real step",
        "2. keep the last 200 words",
    ]
    assert {(rung.system, rung.cell) for rung in both if rung.config.cell == rung.cell} == {
        (system, cell) for system in ("rnncell", "basic") for cell in ("rnn", "lstm")
    }
    ends = rungs(["basic"], ["gru"], ends=True)
    assert ends == [
        Rung("basic", "gru", "as written", replace(as_written("basic"), cell="gru")),
        Rung("basic", "gru", "repaired", replace(repaired("basic"), cell="gru")),
    ]


def test_what_is_printed_trains_nothing_else() -> None:
    config = as_written("rnncell")
    assert trained_by(config) == trained_by(replace(config, misscaled_loss=False, test_runs=1))
    assert trained_by(config) != trained_by(replace(config, seed=1))


def test_interval() -> None:
    """Against the textbook: t = 4.303 for three values."""
    mean, half = interval([0.5, 0.6, 0.7])
    assert mean == pytest.approx(0.6)
    assert half == pytest.approx(4.303 * 0.1 / np.sqrt(3))
    assert interval([0.5, 0.5]) == (0.5, 0)
    for values in ([0.5], [0.5] * 31):
        with pytest.raises(ValueError, match="seeds: expected 2 to 30 of them"):
            interval(values)


def test_intervals_hold_what_they_promise() -> None:
    """95 % of the intervals of normal samples have the true mean in them; 5 000 of each size."""
    rng = np.random.default_rng(0)
    for n in range(2, 11):
        hits = [abs(mean) <= half for mean, half in (interval(list(rng.normal(size=n))) for _ in range(5000))]
        assert np.mean(hits) == pytest.approx(0.95, abs=0.01)


def test_results_are_kept_and_found_again(tmp_path: Path) -> None:
    file, config = tmp_path / "ladder.json", for_toy(as_written("rnncell"))
    results = Results(file, ABOUT)
    configs = [replace(config, seed=seed) for seed in (0, 1)] + [replace(config, test_runs=1), replace(config, seed=1)]
    assert results.missing(configs) == [trained_by(config), trained_by(configs[1])]  # nothing twice
    results.add(finished(configs[1], 0.7))
    again = Results(file, {"data": "toy"})
    assert again.about == ABOUT
    assert again.missing(configs) == [trained_by(config)]
    found = again.find(replace(configs[1], misscaled_loss=False))
    assert found is not None
    assert found["test"]["accuracy"] == 0.7
    assert again.find(configs[0]) is None
    assert [path.name for path in tmp_path.iterdir()] == ["ladder.json"]


def test_a_field_that_is_new_has_its_default_in_old_results(tmp_path: Path) -> None:
    run = json.loads(RUN)["runs"][0]
    del run["config"]["clip"]
    (tmp_path / "old.json").write_text(json.dumps({"about": ABOUT, "runs": [run]}))
    assert Results(tmp_path / "old.json", {}).find(Config()) == run


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "results: expected a file of scripts/ladder.py, got"),
        ("[]", "results: expected a file of scripts/ladder.py"),
        (
            '{"about": {"data": "imdb"}, "runs": []}',
            "results, data: expected 'toy', as in this run",
        ),
        ('{"about": {"data": "toy"}, "runs": [{"config": {"depth": 3}}]}', "results: expected a file of"),
        ('{"about": {"data": "toy"}, "runs": [{}]}', "results: expected a file of"),
        (RUN.replace('"accuracy": 0.7', '"accuracy": "x"'), "results: expected a file of"),
        (RUN.replace('"test"', '"tests"'), "results: expected a file of"),
        (RUN.replace("0.48", "null"), "results: expected a file of"),
        ("\x00\xff", "results: expected a file of"),
    ],
)
def test_another_file(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(ValueError, match=message):
        Results(tmp_path / "file", {"data": "toy"})
    assert (tmp_path / "file").read_text() == content


def test_table_and_picture(tmp_path: Path) -> None:
    results, chosen = Results(tmp_path / "ladder.json", ABOUT), rungs(["rnncell"], ["rnn"], ends=False)
    for k, rung in enumerate(chosen[:5]):
        if rung.config not in [chosen[3].config, chosen[4].config]:
            for seed, extra in ((0, 0.0), (1, 0.01), (2, 0.02)):
                results.add(finished(replace(rung.config, seed=seed), 0.5 + 0.1 * k + extra))
    results.add(finished(chosen[3].config, 0.9))
    lines = table(results, chosen, [0, 1, 2]).splitlines()
    assert lines[2] == "| rnncell | rnn | as written | 51.0 ± 2.5 |  | 3 |"
    assert lines[3] == "| rnncell | rnn | 1. read the last real step | 61.0 ± 2.5 | +10.0 ± 0.0 | 3 |"
    assert lines[5] == "| rnncell | rnn | 6. two outputs | 90.0 | +20.0 | 1 |"  # against the same seed
    assert lines[7] == "| rnncell | rnn | 8. test once | 90.0 | same training | 1 |"
    assert lines[8] == "| rnncell | rnn | 10. clip the global norm at 1 | -- | -- | 0 |"
    assert lines[-1] == "| bag of words | | logistic regression, sees no order | 48.0 | | 1 |"
    for seed in (1, 2):
        results.add(finished(replace(chosen[3].config, seed=seed), 0.9))
    lines = table(results, chosen, [0, 1, 2]).splitlines()
    assert lines[5] == "| rnncell | rnn | 6. two outputs | 90.0 ± 0.0 | +19.0 ± 2.5 | 3 |"  # 20, 19, 18
    assert lines[6] == "| rnncell | rnn | 7. print the loss per review | 90.0 ± 0.0 | same training | 3 |"
    stream = io.BytesIO()
    draw(stream, results, chosen, [0, 1, 2])
    assert stream.getvalue().startswith(b"\x89PNG")


def run_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "ladder.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_script_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """Ctrl-C after the first finished run: it is kept, and the second time only the others are trained."""
    arguments = ["--systems", "basic", "--ends", "--seeds", "0", "1"]
    command = [sys.executable, str(ROOT / "scripts" / "ladder.py"), *arguments]
    process = start(command, tmp_path)
    while not (tmp_path / "ladder.json").exists() and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # the terminal sends it to the workers, too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.endswith("ladder.py: stopped; finished runs are kept in ladder.json; the same command goes on\n")
    before = json.loads((tmp_path / "ladder.json").read_text())["runs"]
    assert 1 <= len(before) < 4
    monkeypatch.chdir(tmp_path)
    assert LADDER.main([*arguments, "--report"]) == 0
    assert capsys.readouterr().out.startswith("| system | cell | rung |")
    assert json.loads((tmp_path / "ladder.json").read_text())["runs"] == before
    done = run_script(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "ladder.json").read_text())
    assert result["runs"][: len(before)] == before
    assert len(result["runs"]) == 4
    assert result["about"]["data_digest"] == {words: data_digest(load_toy(words=words)) for words in ("clean", "raw")}
    assert 0.4 < result["about"]["bag_of_words_accuracy"] < 0.6
    assert "| basic | rnn | repaired | 100.0" in done.stdout
    assert (tmp_path / "ladder.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("split", "text", "other"),
    [("train", "although", "though"), ("test", '"label": 1', '"label": 0'), ("test", "was dull.", "was dull .")],
)
def test_results_of_other_reviews_are_refused(tmp_path: Path, capsys: Any, split: str, text: str, other: str) -> None:
    """With another word, another label, and with what only `words` raw sees: one line, and no table."""
    folder, file = write_folder(tmp_path / "imdb"), tmp_path / "ladder.json"
    options = [
        "--data",
        "imdb",
        "--data-dir",
        str(folder),
        "--cache-dir",
        str(tmp_path / "cache"),
        "--report",
        "--results",
        str(file),
        "--picture",
        str(tmp_path / "ladder.png"),
    ]
    about = ABOUT | {"data": "imdb"}
    file.write_text(json.dumps({"about": about, "runs": []}))  # of unknown reviews
    assert LADDER.main(options) == 2
    line = "ladder.py: results, data_digest: expected ({.*}), as in this run, or another file, got (.*)\n"
    refused = re.fullmatch(line, capsys.readouterr().err)
    assert refused
    assert refused.group(2) == "None"
    digests = json.loads(refused.group(1).replace("'", '"'))
    assert digests.keys() == {"clean", "raw"}
    file.write_text(json.dumps({"about": about | {"data_digest": digests}, "runs": []}))
    assert LADDER.main(options) == 0
    assert capsys.readouterr().out.startswith("| system | cell | rung |")
    reviews = folder / f"{split}.jsonl"
    reviews.write_text(reviews.read_text().replace(text, other))
    assert LADDER.main(options) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    refused = re.fullmatch(line, printed.err)
    assert refused
    assert refused.group(2) == str(digests)


def test_a_report_without_the_reviews_prints_what_the_file_has(tmp_path: Path, capsys: Any) -> None:
    """Somebody else's results, without the data: there is nothing to compare."""
    about = ABOUT | {"data": "imdb", "data_digest": {"clean": "0", "raw": "1"}}
    runs = [finished(as_written("rnncell"), 0.504)]
    (tmp_path / "ladder.json").write_text(json.dumps({"about": about, "runs": runs}))
    options = ["--data", "imdb", "--results", str(tmp_path / "ladder.json"), "--picture", str(tmp_path / "ladder.png")]
    assert LADDER.main([*options, "--report"]) == 0
    assert "| rnncell | rnn | as written | 50.4 |  | 1 |" in capsys.readouterr().out
    assert LADDER.main(options) == 2
    assert "data_dir: expected --data-dir DIR or --hub" in capsys.readouterr().err


def test_a_diagnosis_is_printed_with_its_numbers(tmp_path: Path, capsys: Any) -> None:
    words = load_toy().vocabulary
    model = build_model(len(words), replace(for_toy(as_written("rnncell")), embedding_size=4, hidden_size=4))
    save_checkpoint(tmp_path / "model", model, words)
    assert LADDER.main(["--diagnose", str(tmp_path / "model")]) == 0
    printed, d = capsys.readouterr().out, diagnose(model, cut(load_toy(), 60, "first").valid)
    assert f"\nthe answer {d.answer:8} {d.share:39.1%}\n" in printed
    assert f"(by chance {d.chance:.1%} ± {d.noise:.1%})\n" in printed
    assert printed.endswith(f"\n\n{verdict(d)}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "ladder.py: seeds: expected 2 to 30, all different, got [0]"),
        (["--seeds", *map(str, range(31))], "ladder.py: seeds: expected 2 to 30, all different, got [0, 1, 2"),
        (["--results", "a", "--picture", "./a"], "ladder.py: picture: expected another file than that of --results"),
        (["--diagnose", ""], "ladder.py: checkpoint: expected a safetensors file, got ''"),
        (["--jobs", "1000"], "ladder.py: jobs: expected at most"),
        (["--diagnose", "nowhere"], "ladder.py: checkpoint: expected a safetensors file, got 'nowhere'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake(tmp_path: Path, monkeypatch: Any, capsys: Any, arguments: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert LADDER.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
