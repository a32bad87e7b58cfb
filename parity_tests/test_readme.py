"""README.md: one screen whose commands and line numbers hold. What it shares with docs/: test_docs.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
# what the reader is sent to: in the file, the line
ORDER = {
    "numpy_rnn/elman.py": "START HERE",
    "numpy_rnn/rnn.py": "for t, live, packed in reversed(time_steps(lengths)):",
    "numpy_rnn/lstm.py": "c = f * c_prev + i * g",
    "numpy_rnn/gru.py": "n = np.tanh(a_n + r * s_n)",
    "parity_tests/test_elman.py": "def test_both_sides_in_twenty_lines() -> None:",
}


def test_it_is_one_screen() -> None:
    assert len(README.splitlines()) <= 130


def test_each_link_to_a_line_leads_to_what_it_names() -> None:
    links = dict(re.findall(r"\]\(([^)]+)#L(\d+)\)", README))
    assert links.keys() == ORDER.keys()
    for file, number in links.items():
        assert ORDER[file] in (ROOT / file).read_text().splitlines()[int(number) - 1], file
    (back,) = re.findall(r"line (\d+): the way back", README)
    assert (
        "for t in reversed(range(start, end)):" in (ROOT / "numpy_rnn/elman.py").read_text().splitlines()[int(back) - 1]
    )


def test_the_debugger_session_works_as_written(tmp_path: Path) -> None:
    """The breakpoint is on the line of dz, where E_5 has come back to step 4; then it goes back to step 0, and E_6."""
    (script,) = re.findall(r"^    PYTHONPATH=\. \.venv/bin/python -m pdb (.*)$", README, re.MULTILINE)
    (*typed, quit_) = re.findall(r"^    \(Pdb\) (.*)$", README, re.MULTILINE)
    typed += ["continue", typed[2]] * 5 + [quit_, "quit"]
    done = subprocess.run(
        [sys.executable, "-m", "pdb", script],
        cwd=ROOT,
        env={"PYTHONPATH": "."},
        input="\n".join(typed),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "Breakpoint 1 at" in done.stdout
    assert "dz = dh * (1 - h[t + 1] * h[t + 1])" in done.stdout
    assert "***" not in done.stdout, done.stdout  # how pdb marks an error
    found = re.findall(r"\(Pdb\) \((\d, \d), \(64, 32\), (?:np\.float32\()?([\d.e-]+)", done.stdout)
    assert [where for where, _ in found] == ["5, 4", "5, 3", "5, 2", "5, 1", "5, 0", "6, 5"]
    sizes = [float(size) for _, size in found]
    assert sizes[:5] == sorted(sizes[:5], reverse=True)
    assert sizes[4] > 0
    assert "(Pdb) (64, 32)" in done.stdout


def test_the_first_steps_are_the_readmes() -> None:
    script = (ROOT / "scripts" / "first_steps.py").read_text()
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert any(script.endswith(f'"""\n\n{example}') for example in examples)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("k2=6", "k2=5", "the accuracy is"),
        (
            "network.update(grads.params,",
            "network.update({k: (k[-1] == 'y') * g for k, g in grads.params.items()},",
            "The output layer trained alone gives",
        ),
    ],
)
def test_what_it_does_not_learn(old: str, new: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Seed 0; on another processor the accuracy is another one in that range, or near it."""
    low, high = map(float, re.findall(rf"{words} ([\d.]+) to ([\d.]+)", README)[0])
    script = (ROOT / "scripts" / "first_steps.py").read_text()
    assert script.count(old) == 1
    exec(script.replace(old, new), {})
    assert low - 0.05 <= float(capsys.readouterr().out) <= high + 0.05


def test_the_tree_is_that_of_the_folders() -> None:
    """Every file that it names is there."""
    block = README[README.index("## What stands where") : README.index("## Where to go next")]
    folder = Path()
    for line in re.findall(r"^    (.*)$", block, re.MULTILINE):
        names = re.match(r"( *)((?:[\w/]+(?:\.py|/) ?)+)", line)
        assert names is not None, line
        for name in names[2].split():
            if not names[1]:
                folder = Path(name)
                assert (ROOT / folder).is_dir()
            else:
                assert (ROOT / folder / name).exists(), name
