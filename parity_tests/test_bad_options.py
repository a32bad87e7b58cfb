"""Every script with wrong options and wrong files: it works, or it says in one line what is wrong, with status 2.

No traceback, nothing half written. A run that begins is stopped after two seconds: then the options were right.
"""

import contextlib
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from common import command_line

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numpy_rnn.check import __main__ as check
from numpy_rnn.walk import __main__ as walk

TINY = ["--epochs", "1", "--hidden-size", "2", "--embedding-size", "2", "--threads", "1"]
WORKING = {
    "train": [*TINY, "--backend", "numpy"],
    "compare": [*TINY, "--steps", "2"],
    "language": ["--updates", "1", "--hidden-size", "2", "--length", "3", "--batch-size", "2", "--steps", "2"],
    "predict": ["model.safetensors", "good"],
    "growth": ["--steps", "1", "2", "--hidden-sizes", "1", "2", "--batch-size", "1", "--rounds", "1"],
    "benchmark": ["--cells", "rnn", "--sizes", "2,2,2,2", "--threads", "1", "--rounds", "1", "--steps", "1"],
}
WORKING |= {name: [] for name in ("divergence", "vanishing", "recall", "ladder", "embedding_scale", "four_ways")}
MAINS = {name: import_module(name).main for name in WORKING} | {"walk": walk.main, "check": check.main}
WORKING |= {"walk": ["--out", "walk.html"], "check": ["file.py"]}
# numbers are small or beyond every memory, so that no run takes the machine's memory
NUMBERS = ("0", "-1", "1", "3", "0.5", "-0.0", "nan", "inf", "1e400", str(10**15), str(2**63), "9" * 5000, "1_0", "٣")
TEXTS = ("", " ", "text", "gru", "toy", "imdb", "\x1b[31m", "ä", "\udcff", "a\nb", "x" * 300, "%s", "--", "None")
FILES = ("nowhere/file", ".", "/dev/null", "/", "random", "empty", "random.json", "cut.safetensors", "link", "a\0b")
WRONG = st.sampled_from(NUMBERS + TEXTS + FILES)
EXAMPLES = settings().max_examples if os.environ.get("HYPOTHESIS_PROFILE") else 100
KEYS = ["about", "runs", "cell", "seed", "numpy", "torch", "ratio", "equal_work", "divergence_step", "config", "found"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


VALID: dict[str, bytes] = {}  # files of this project


class Stopped(BaseException):
    """The options were right, and the work had begun."""


@contextlib.contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise Stopped

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(name: str, arguments: list[str]) -> tuple[int | None, str]:
    """The status, or None if the work was stopped, and what stands on stderr."""
    errors, sys.argv[0] = io.StringIO(), f"{name}.py"
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            with stopped_after(2):
                return MAINS[name](arguments), errors.getvalue()
        except SystemExit as ended:  # by argparse
            return int(ended.code or 0), errors.getvalue()
        except Stopped:
            return None, errors.getvalue()


def options_of(name: str) -> list[str]:
    """All that --help shows."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), pytest.raises(SystemExit):
        MAINS[name](["--help"])
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text.getvalue())) - {"--help", "--hub", "--data-dir"})


OPTIONS = {name: options_of(name) for name in MAINS}


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    here, folder = Path.cwd(), tmp_path_factory.mktemp("options")
    os.chdir(folder)
    for name in ("train", "compare", "benchmark"):  # what they import is there before a run is stopped
        named = ["--checkpoint", "model.safetensors"] if name == "train" else []
        with contextlib.redirect_stdout(io.StringIO()):
            assert MAINS[name]([*WORKING[name], *named]) == 0
    files = ["--json", "results.json", "--picture", "p.png"]
    results = [*TINY, "--seeds", "0", *files, "--jobs", "1"]
    for name, arguments in (("compare", results), ("language", [*WORKING["language"], "--checkpoint", "language.npz"])):
        with contextlib.redirect_stdout(io.StringIO()):
            assert MAINS[name](arguments) == 0
    VALID.update({file: Path(file).read_bytes() for file in ("model.safetensors", "results.json", "language.npz")})
    content = VALID["model.safetensors"]
    Path("cut.safetensors").write_bytes(content[: len(content) // 2])
    Path("empty").touch()
    Path("random").write_bytes(bytes(range(256)))
    Path("random.json").write_text("[1, {}]")
    Path("link").symlink_to("link")
    Path("file.py").write_text("def forward(")
    yield
    os.chdir(here)


def check_outcome(name: str, arguments: list[str]) -> None:
    kept = {file: Path(file).read_bytes() for file in ("model.safetensors", "file.py")}
    status, errors = outcome(name, arguments)
    command_line.use_threads(1)
    lines = [line for line in errors.splitlines() if "%|" not in line]  # without progress bars
    assert status in (None, 0, 1, 2)
    if status == 2:
        if name == "check" and not lines:  # a file that could not be judged: the verdict is on stdout
            return
        assert len(lines) == 1, errors
        assert re.match(rf"({name}|walk|check|{name}\.py|python -m numpy_rnn\.{name}): .", lines[0]), lines
        assert lines[0].isprintable()
        assert all(Path(file).read_bytes() == content for file, content in kept.items())
    for file, content in kept.items():
        Path(file).write_bytes(content)
    assert not list(Path().glob("**/*.tmp"))


@pytest.mark.filterwarnings("ignore")
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=EXAMPLES)
@given(st.sampled_from(sorted(MAINS)), st.data())
def test_wrong_options(name: str, data: st.DataObject) -> None:
    arguments = list(WORKING[name])
    for option in data.draw(st.lists(st.sampled_from(OPTIONS[name]), min_size=1, max_size=2)):
        arguments += [option, *data.draw(st.lists(WRONG, max_size=2))]
    check_outcome(name, arguments)


READ = [  # F is a file that is read
    ("compare", ["--json", "F", "--against", "F"]),
    ("compare", ["--seeds", "0", "--json", "F", *TINY]),
    ("recall", ["--json", "F"]),
    ("ladder", ["--results", "F", "--report"]),
    ("ladder", ["--diagnose", "F"]),
    ("language", ["--sample", "a", "--checkpoint", "F"]),
    ("language", ["--text", "F", *WORKING["language"]]),
    ("predict", ["F", "good"]),
    ("train", [*WORKING["train"], "--resume", "--checkpoint", "F"]),
    ("train", [*WORKING["train"], "--log", "F"]),
    ("walk", ["--params", "F", "--out", "walk.html"]),
    ("check", ["F"]),
]


@pytest.mark.filterwarnings("ignore")
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=EXAMPLES)
@given(st.sampled_from(READ), st.sampled_from(["model.safetensors", "results.json", "language.npz"]), st.data())
def test_wrong_files(read: tuple[str, list[str]], source: str, data: st.DataObject) -> None:
    """Bytes, JSON of any structure, and files of this project that were cut or changed in some places."""
    content = VALID[source]
    changed = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), min_size=1, max_size=3)
    kind = data.draw(st.sampled_from(["bytes", "JSON", "cut", "changed", "as it is"]))
    if kind == "bytes":
        content = data.draw(st.binary(max_size=300))
    elif kind == "JSON":
        content = json.dumps(data.draw(JSON)).encode()
    elif kind == "cut":
        content = content[: data.draw(st.integers(0, len(content)))]
    elif kind == "changed":
        edited = bytearray(content)
        for place, byte in data.draw(changed):
            edited[place] = byte
        content = bytes(edited)
    for name in ("F", "F.run0"):
        Path(name).write_bytes(content)
    check_outcome(read[0], read[1])
    for name in ("F", "F.run0", "F.run1"):
        Path(name).unlink(missing_ok=True)
