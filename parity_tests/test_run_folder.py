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
    assert last_folder(options(out="runs/2025-12-31_c"), "*.npz", "sample", "a run") == Path("runs/2025-12-31_c")


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


@pytest.mark.parametrize("by", ["--out", "--checkpoint"])
def test_an_older_run_goes_on_by_its_folder(by: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """It ends with all its files, and the newer one is left as it is."""
    command = [*SMALL, "--backend", "numpy"]
    for seed in ("0", "1"):
        with monkeypatch.context() as patch:
            killed_at(patch, 50)
            with pytest.raises(Killed):
                train.main([*command, "--seed", seed])
    older, newer = sorted(folders(), key=lambda folder: folder.name[-1])
    assert train.main([*command, "--resume"]) == 2
    assert capsys.readouterr().err.startswith("train.py: resume, data: expected")
    chosen = str(older if by == "--out" else older / "model.safetensors")
    assert train.main([*command, "--resume", by, chosen]) == 0
    printed = capsys.readouterr().out
    assert f"Going on with {older}/model.safetensors: epoch 2, 8 of 40 steps done.\n" in printed
    assert printed.endswith("".join(f"{older}/{name}\n" for name in ("results.json", "steps.jsonl", "steps.png")))
    assert set(os.listdir(older)) == TRAINED
    assert len((older / "steps.jsonl").read_text().splitlines()) == 80
    assert "model.safetensors.run0" in os.listdir(newer)


def test_after_the_last_epoch_only_the_test_is_left(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    command = [*SMALL, "--backend", "numpy", "--epochs", "1"]
    with monkeypatch.context() as patch:
        patch.setattr("common.saved_run.remove_states", lambda checkpoint: None)  # as if killed right before
        assert train.main(command) == 0
    capsys.readouterr()
    assert train.main([*command, "--resume"]) == 0
    assert "model.safetensors: the training had ended.\n" in capsys.readouterr().out


@pytest.mark.parametrize("argument", ["checkpoint", "json"])
def test_what_a_training_gave_is_not_overwritten(argument: str, capsys: Any) -> None:
    Path("there").write_text("a result")
    named = {"checkpoint": "new", "json": "other"} | {argument: "there"}
    assert train.main([*SMALL, "--backend", "numpy", *(f"--{name}={file}" for name, file in named.items())]) == 2
    message = f"train.py: {argument}: expected a new file, as no result is overwritten, got 'there'"
    assert capsys.readouterr().err.startswith(message)
    assert compare.main(["--json", "there"]) == 2
    assert "json: expected a new file, as no result is overwritten, got 'there', which" in capsys.readouterr().err
    assert (os.listdir(), Path("there").read_text()) == (["there"], "a result")


def test_stopped_while_it_compares_it_leaves_no_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("common.comparison_runs.run_all", stop)
    for named in ([], ["--json", "runs.json"]):
        assert compare.main(["--seeds", "0", "1", *named, "--threads", "1"]) == 130
        assert not Path("runs").exists()


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
