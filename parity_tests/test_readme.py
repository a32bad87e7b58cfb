"""README.md: the example prints what its comments say, and the map of the source leads somewhere."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from common.bugs import BUGS
from common.ladder_results import Results, rungs, table

import pytest
import torch

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
ROWS = [line.split(" | ") for line in README.splitlines() if re.match(r"\| .*`numpy_rnn/|\| .*`torch_rnn/", line)]


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_prints_its_comments(example: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example, {})
    comments = re.findall(r"^ *print\(.*\)\s+# (.*)$", example, re.MULTILINE)
    assert printed.getvalue().splitlines() == comments
    assert comments


def test_the_look_at_a_pytorch_model_sees_pads_and_embeddings(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/fifty_percent.md, on a network with its defects and on the same, repaired."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "fifty_percent.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    torch.manual_seed(0)
    ids, lengths, labels = torch.randint(2, 50, (20, 60)), torch.randint(5, 20, (20,)), torch.randint(0, 2, (20,))
    rnn, linear = torch.nn.RNN(8, 16, batch_first=True), torch.nn.Linear(16, 2)
    for std, last in ((1.0, torch.full((20,), 60)), (0.1, lengths)):
        embedding = torch.nn.Embedding(50, 8)
        torch.nn.init.normal_(embedding.weight, std=std)

        def model(ids: torch.Tensor, embedding: torch.nn.Module = embedding, last: torch.Tensor = last) -> Any:
            return linear(rnn(embedding(ids))[0][torch.arange(20), last - 1])

        names["look"](model, embedding, ids, lengths, labels)
    pattern = r"loss (.*), pads (.*), gradient at the last word (.*) of the largest, embeddings (.*)\n"
    before, after = (list(map(float, row)) for row in re.findall(pattern, capsys.readouterr().out))
    assert before[1] == after[1] == pytest.approx(60 - lengths.float().mean().item(), abs=0.06)
    assert before[2] < 1e-4
    assert after[2] == 1
    assert (before[3], after[3]) == (pytest.approx(1, rel=0.1), pytest.approx(0.1, rel=0.1))


def test_the_number_of_planted_bugs() -> None:
    assert f"`scripts/common/bugs.py` lists {len(BUGS)} of them" in README


def test_the_examples_are_there() -> None:
    assert len(EXAMPLES) == 5


SESSIONS = re.findall(r"^    \.venv/bin/python -m pdb scripts/(.*)\n((?:    \(Pdb\) .*\n)+)", README, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "lines", "stop", "answer"),
    [
        (*SESSIONS[0], "elman.py(", r"\(\(20, 64, 32\), \(32, 4\), \(4,\)\)"),
        (*SESSIONS[1], "step_backward(", r"\(\d+, \(\d+, 2, 3\), \(\d+, 2, 4\)\)"),
    ],
)
def test_a_debugger_session_works_as_written(command: str, lines: str, stop: str, answer: str, tmp_path: Path) -> None:
    script, *options = command.split()
    typed = [*re.findall(r"\(Pdb\) (.*)", lines), "quit"]
    done = subprocess.run(
        [sys.executable, "-m", "pdb", ROOT / "scripts" / script, *options],
        cwd=tmp_path,
        input="\n".join(typed),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "Breakpoint 1 at" in done.stdout
    assert stop in done.stdout
    assert "***" not in done.stdout, done.stdout  # how pdb marks an error
    assert re.search(rf"^\(Pdb\) {answer}$", done.stdout, re.MULTILINE), done.stdout


def test_the_first_steps_are_the_readmes() -> None:
    script = (ROOT / "scripts" / "first_steps.py").read_text()
    assert any(script.endswith(f'"""\n\n{example}') for example in EXAMPLES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("| *"))
def test_the_map_leads_somewhere(row: list[str]) -> None:
    """Each file is there, each quoted line stands in it exactly once, and each test exists."""
    _, file, line, tests = ([quoted.group(1) for quoted in re.finditer(r"`([^`]+)`", cell)] for cell in row)
    (path,) = file
    assert (ROOT / path).exists()
    for text in line:
        assert (ROOT / path).read_text().count(text) == 1, text
    guards = [test for test in tests if test.endswith(".py")]
    assert guards
    for guard in guards:
        assert (ROOT / guard).exists()
    for test in set(tests) - set(guards):
        assert f"def {test}(" in (ROOT / guards[0]).read_text()


def test_the_map_is_there() -> None:
    assert len(ROWS) >= 15


@pytest.mark.parametrize(
    ("page", "cells", "ends"),
    [
        ("README.md", ["rnn"], False),
        ("docs/fifty_percent.md", ["rnn"], False),
        ("docs/fifty_percent.md", ["rnn", "lstm", "gru"], True),
    ],
)
def test_a_ladders_table_is_that_of_its_results(page: str, cells: list[str], ends: bool) -> None:
    results = Results(ROOT / "docs" / "ladder.json", {"data": "imdb", "backend": "numpy"})
    assert table(results, rungs(["rnncell", "basic"], cells, ends), [0, 1, 2]) in (ROOT / page).read_text()


def test_the_results_in_docs_tell_their_reviews() -> None:
    """Without it the command that goes on with them would refuse them."""
    about = Results(ROOT / "docs" / "ladder.json", {}).about
    assert about["data_digest"].keys() == {"clean", "raw"}
