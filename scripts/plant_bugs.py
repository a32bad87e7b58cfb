"""Do the tests notice? Plants one bug at a time into a copy of the source and runs the tests on it.

Every bug here was seen in somebody's RNN, or is a slip of the same kind. A test suite that stays green with one of them
could not have told you that your gradients are right. Ends with status 1 if any bug goes unnoticed.
All of them take half an hour or more.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from parity_tests.bugs import BUGS, RNN  # noqa: E402

# all but those of README and docs, which would notice any change of a line that they quote, and of the other scripts
LEFT_OUT = ("readme", "compare_script", "four_ways")
TESTS = [name for name in sorted(file.stem.removeprefix("test_") for file in (ROOT / "parity_tests").glob("test_*.py"))
         if name not in LEFT_OUT]  # fmt: skip
# where a file has no tests of its own name
FIRST = {"text": "data", "checks": "config", "distributed": "train_script", "derivative": "gradcheck",
         "verdict": "gradcheck"}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="only the bugs whose description has this text in it")
    only = parser.parse_args().only
    unnoticed, control = 0, first_failure(RNN, "", "")
    if control:
        raise SystemExit(f"plant_bugs.py: {control} fails without any bug")
    for bug, file, right, wrong in tqdm([bug for bug in BUGS if only in bug[0]], disable=None, leave=False):
        failed = first_failure(file, right, wrong)
        unnoticed += failed is None
        tqdm.write(f"{bug:48} {failed or 'NOT NOTICED'}")
    print(f"{unnoticed} not noticed")
    return 1 if unnoticed else 0


def first_failure(file: str, right: str, wrong: str) -> str | None:
    """The first test that goes red with `wrong` in the place of `right`; None if none does."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("numpy_rnn", "torch_rnn", "parity_tests", "scripts"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        source = (Path(folder) / file).read_text()
        if right and source.count(right) != 1:
            raise SystemExit(f"plant_bugs.py: {right!r} stands {source.count(right)} times in {file}, expected once")
        (Path(folder) / file).write_text(source.replace(right, wrong) if right else source)
        own = FIRST.get(Path(file).stem, Path(file).stem)
        own_first = sorted(TESTS, key=lambda name: name != own)
        tests = [f"parity_tests/test_{name}.py" for name in own_first]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        path = os.environ | {"PYTHONPATH": folder}
        done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True)
    failure = re.search(r"^(?:FAILED|ERROR) parity_tests/(\S+)", done.stdout, re.MULTILINE)
    return failure.group(1) if failure else None


if __name__ == "__main__":
    sys.exit(main())
