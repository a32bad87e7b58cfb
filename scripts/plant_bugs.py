"""Do the tests notice? Plants one bug at a time into a copy of the source and runs the tests on it.

Every bug here was seen in somebody's RNN, or is a slip of the same kind. A test suite that stays green with one of them
could not have told you that your gradients are right. Prints each bug and the first test that goes red, which is green
without the bug. Ends with status 1 if any bug goes unnoticed. All of them take most of an hour on two cores.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common.bugs import BUGS
from common.command_line import Parser, status_of

from tqdm import tqdm

from numpy_rnn.checks import check_size, expect

ROOT = Path(__file__).resolve().parent.parent
# all but those of README and docs, which would notice any change of a line that they quote, and of the other scripts
LEFT_OUT = ("readme", "docs", "derivation", "bugs", "compare_script", "four_ways")
TESTS = sorted({file.stem.removeprefix("test_") for file in (ROOT / "parity_tests").glob("test_*.py")} - {*LEFT_OUT})
# where a file has no tests of its own name
FIRST: dict[str, str | tuple[str, ...]] = {
         "text": "data", "checks": "ba", "order": "bad_input", "distributed": "train_script",
         "differentiable": "gradcheck", "readouts": "models", "ladder_results": "ladder",
         "command_line": ("bad_options", "compar"), "judge": "check",
         "causes": "check_causes", "patterns": "check_causes",
         "forward": "check_forward", "backward": "check", "gated": "check", "variants_rnn": "check",
         "calls": "check_runner", "runner": "check_runner", "worker": "check_runner", "report": "check_runner",
         "__main__": "check_runner", "variants_truncated": "check_truncated", "suspects": "check_causes",
         "problems": "check_causes", "rules": "check_causes", "runs": "walk", "page": "walk", "task": "walk",
         "own": "walk", "state": "saved_run", "step_log": "saved_run", "compare": "comparing",
         "comparison": "compar", "comparison_table": "comparing", "comparison_runs": "comparing",
         "language_model": "language", "cpu_benchmark": "benchmark",
         "saved_run": ("run_folder", "saved_run"), "walk": "walk_page"}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="only the bugs whose description has this text in it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="bugs at a time (default: %(default)s)")
    return status_of("plant_bugs.py", plant, parser.parse_args(arguments))


def plant(args: argparse.Namespace) -> int:
    chosen = [bug for bug in BUGS if args.only in bug[0]]
    expect(bool(chosen), "only", "a part of a bug's description", repr(args.only))
    print(f"planting {len(chosen)} bugs, each into a copy of the source of its own", flush=True)
    failures = {}
    with ThreadPoolExecutor(check_size("jobs", args.jobs)) as pool:
        results = pool.map(lambda bug: first_failure(*bug[1:]), chosen)
        for (bug, *_), failed in tqdm(
            zip(chosen, results, strict=True), "bugs", len(chosen), disable=None, leave=False
        ):
            tqdm.write(f"{bug:56} {failed or 'NOT NOTICED'}")
            failures[bug] = failed
        files = sorted({failed.split("::")[0] for failed in failures.values() if failed})
        print(f"without any bug: running {len(files)} test files", flush=True)
        red = [failed for failed in pool.map(lambda file: run_tests([file]), files) if failed]
    unnoticed = [bug for bug, failed in failures.items() if not failed]
    print(f"{len(chosen) - len(unnoticed)} noticed, {len(unnoticed)} not noticed; red without any bug: {red or 'none'}")
    return 1 if unnoticed or red else 0


def first_failure(file: str, right: str, wrong: str) -> str | None:
    """The first test that goes red with `wrong` in the place of `right`, those of the file first; None if none does."""
    own = FIRST.get(Path(file).stem, Path(file).stem)
    return run_tests(
        [f"test_{name}.py" for name in sorted(TESTS, key=lambda name: not name.startswith(own))], file, right, wrong
    )


def run_tests(tests: list[str], file: str = "README.md", right: str = "", wrong: str = "") -> str | None:
    """In a copy of everything, until the first failure."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("numpy_rnn", "torch_rnn", "parity_tests", "scripts", "docs"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / part, folder)
        source = (Path(folder) / file).read_text()
        if right:
            count = source.count(right)
            expect(count == 1, file, f"{right!r} once", f"{count} times")
            (Path(folder) / file).write_text(source.replace(right, wrong))
        command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider"]
        command += [f"parity_tests/{test}" for test in tests]
        path = os.environ | {"PYTHONPATH": folder}
        done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True)
    failure = re.search(r"^(?:FAILED|ERROR) parity_tests/(\S+)", done.stdout, re.MULTILINE)
    if failure:
        return failure.group(1)
    expect(done.returncode == 0, "tests", "a run that ends with status 0, or names a test", done.stdout[-500:])
    return None


if __name__ == "__main__":
    sys.exit(main())
