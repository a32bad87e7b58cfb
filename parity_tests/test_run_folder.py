"""scripts/common/run_folder.py: each run has a folder of its own, and nothing is overwritten."""

import argparse
import os
from pathlib import Path
from typing import Any

from common.run_folder import check_out, last_folder, new_folder, place

import compare
import language
import pytest
import train

from parity_tests.test_saved_run import SMALL, Killed, killed_at

FILES = {"json": "results.json", "picture": "curve.png"}
TRAINED = {"model.safetensors", "results.json", "steps.jsonl", "steps.png"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def options(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**({"out": "runs", "json": None, "picture": None} | given))


def folders(out: str = "runs") -> list[Path]:
    return sorted(Path(out).iterdir())


def test_what_has_no_name_gets_one_in_a_new_folder() -> None:
    args = options(picture="mine.png")
    place(args, FILES, "compare", "gru")
    (folder,) = folders()
    assert folder.name.endswith("_compare_gru")
    assert args.picture == "mine.png"
    assert args.json == str(folder / "results.json")


def test_where_all_are_named_no_folder_is_made() -> None:
    place(options(json="a.json", picture="a.png"), FILES, "compare")
    assert os.listdir() == []


def test_two_runs_of_one_second_have_two_folders() -> None:
    made = [new_folder(Path("runs/here"), "now") for _ in range(3)]
    assert [folder.name for folder in made] == ["now", "now_2", "now_3"]
    assert all(folder.is_dir() for folder in made)


def test_the_last_folder_is_the_newest_that_has_the_file() -> None:
    for name in ("2026-01-02_a", "2026-02-01_b", "2025-12-31_c", "2026-03-01_d"):
        (Path("runs") / name).mkdir(parents=True)
        (Path("runs") / name / ("other" if name.endswith("d") else "x.npz")).touch()
    assert last_folder(options(), "x.npz", "sample", "a run") == Path("runs/2026-02-01_b")
    with pytest.raises(ValueError, match="resume: expected a stopped run in a folder of runs, got none"):
        last_folder(options(), "y.npz", "resume", "a stopped run")


@pytest.mark.parametrize("out", ["file", "file/under"])
def test_a_file_cannot_be_the_folder(out: str) -> None:
    Path("file").touch()
    with pytest.raises(ValueError, match="out: expected a folder that can be written to"):
        check_out(options(out=out))
    check_out(options(out="new/under"))


def test_a_comparison_has_its_folder(capsys: Any) -> None:
    small = ["--epochs", "1", "--hidden-size", "4", "--threads", "1", "--steps", "3"]
    assert compare.main([*small, "--out", "mine", "--cell", "gru", "--seed", "2"]) == 0
    (folder,) = folders("mine")
    assert folder.name[19:] == "_compare_toy_basic_gru_seed2"
    assert set(os.listdir(folder)) == {"results.json", "compare.png"}
    assert f"Numbers: {folder}/results.json" in capsys.readouterr().out
    assert compare.main([*small, "--out", "mine", "--lr", "-1"]) == 2
    assert folders("mine") == [folder]


def test_a_training_has_its_folder_and_goes_on_there(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    command = [*SMALL, "--backend", "numpy"]
    assert train.main(command) == 0
    (whole,) = folders()
    assert set(os.listdir(whole)) == TRAINED
    assert whole.name[19:] == "_train_toy_basic_rnn_seed0"
    assert f"Checkpoint: {whole}/model.safetensors" in capsys.readouterr().out
    with monkeypatch.context() as patch:
        killed_at(patch, 50)
        with pytest.raises(Killed):
            train.main(command)
    assert train.main([*command, "--resume"]) == 0
    (stopped,) = set(folders()) - {whole}
    assert set(os.listdir(stopped)) == TRAINED
    assert (stopped / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert len((stopped / "steps.jsonl").read_text().splitlines()) == 80
    capsys.readouterr()
    assert train.main([*command, "--resume"]) == 2
    assert capsys.readouterr().err == "train.py: resume: expected a stopped run in a folder of runs, got none\n"
    assert len(folders()) == 2


def test_with_a_named_checkpoint_only_what_is_named_is_written() -> None:
    assert train.main([*SMALL, "--backend", "numpy", "--checkpoint", "mine.safetensors"]) == 0
    assert os.listdir() == ["mine.safetensors"]


def test_a_sample_continues_the_last_network(capsys: Any) -> None:
    small = ["--updates", "1", "--hidden-size", "4", "--length", "5"]
    assert language.main(["--sample", "The "]) == 2
    assert "checkpoint: expected a file, or a run in a folder of runs, got none" in capsys.readouterr().err
    assert language.main(small) == 0
    (folder,) = folders()
    assert os.listdir(folder) == ["language.npz"]
    assert language.main(["--sample", "The ", "--length", "5"]) == 0
    assert len(capsys.readouterr().out.partition("\nThe ")[2]) == 5 + len("\n")
