"""README.md and docs/: every link leads somewhere, every example prints its comments, every quoted line is there."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

from common.bugs import BUGS
from common.ladder_results import Results, rungs, table

import pytest
import torch

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
FIFTY = "docs/fifty_percent.md"
EXAMPLES = [
    pytest.param(code, id=f"{page}-{i}")
    for page, text in TEXTS.items()
    if page != FIFTY  # its example takes the reader's model: below
    for i, code in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
]
ROWS = [line.strip("|").split(" | ") for line in TEXTS["docs/map.md"].splitlines() if line.startswith("| ")][2:]


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```|^    .*$", "", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", TEXTS)
def test_the_page_is_easy_to_read_as_a_file(page: str) -> None:
    """No line over 100 characters but in tables, links, pictures, code and mathematics; docs open with a question."""
    text = re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL)
    long = [line for line in text.splitlines() if len(line) > 100 and not line.startswith(("|", "    ", "![", "- `"))]
    assert [line for line in long if not re.search(r"\]\(|\$", line)] == []
    if page.startswith("docs/"):
        assert text.splitlines()[0].endswith("?")


def anchors(page: Path) -> set[str]:
    """GitHub's: of each heading its words, in small letters, with hyphens."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL))
    assert links
    for link in links:
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if re.fullmatch(r"L\d+", anchor):
            assert int(anchor[1:]) <= len(target.read_text().splitlines()), link
        elif anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_its_comments(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example, {})
    comments = re.findall(r"^ *print\(.*\)\s+# (.*)$", example, re.MULTILINE)
    assert printed.getvalue().splitlines() == comments
    assert comments


def test_the_examples_are_there() -> None:
    assert len(EXAMPLES) == 5


def test_the_look_at_a_pytorch_model_sees_pads_and_embeddings(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/fifty_percent.md, on a network with its defects and on the same, repaired."""
    (code,) = re.findall(r"```python\n(.*?)```", TEXTS[FIFTY], re.DOTALL)
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
    assert f"`scripts/common/bugs.py` lists {len(BUGS)} of them" in TEXTS["docs/results.md"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("| *"))
def test_the_map_leads_somewhere(row: list[str]) -> None:
    """Each quoted line stands in its file exactly once, where the link leads, and each test exists."""
    _, file, line, tests = ([quoted.group(1) for quoted in re.finditer(r"`([^`]+)`", cell)] for cell in row)
    (path,) = file
    for text in line:
        assert (ROOT / path).read_text().count(text) == 1, text
    before, _, _ = (ROOT / path).read_text().partition(line[0])
    assert f"({'../' + path}#L{before.count(chr(10)) + 1})" in row[1]
    guards = [test for test in tests if test.endswith(".py")]
    assert guards
    for test in set(tests) - set(guards):
        assert f"def {test}(" in (ROOT / guards[0]).read_text()


def test_the_map_is_there() -> None:
    assert len(ROWS) >= 40


@pytest.mark.parametrize(("cells", "ends"), [(["rnn"], False), (["rnn", "lstm", "gru"], True)])
def test_a_ladders_table_is_that_of_its_results(cells: list[str], ends: bool) -> None:
    """And it stands on one page alone."""
    results = Results(ROOT / "docs" / "ladder.json", {"data": "imdb", "backend": "numpy"})
    expected = table(results, rungs(["rnncell", "basic"], cells, ends), [0, 1, 2])
    assert [page for page, text in TEXTS.items() if expected in text] == [FIFTY]


def test_the_results_in_docs_tell_their_reviews() -> None:
    """Without it the command that goes on with them would refuse them."""
    about = Results(ROOT / "docs" / "ladder.json", {}).about
    assert about["data_digest"].keys() == {"clean", "raw"}


@pytest.mark.parametrize("page", TEXTS)
def test_no_word_vanishes_when_the_page_is_rendered(page: str) -> None:
    """<unk> outside code is taken for a tag."""
    assert not re.search(r"(?<!\\)<unk>", without_code(TEXTS[page]))
