"""Which small changes of the formulas do the tests not notice?

mutmut changes one thing at a time in the files that pyproject.toml names: a sign, a constant, a comparison, a name, a
word of a message. For each of these mutants the tests run that reach its function. A mutant is killed if one of them
fails. One that changes no result is equivalent; docs/mutants.md lists these, each with the reason. Prints a table by
file, and the mutants that survived. Ends with status 1 if fewer than 98 % are killed of those that are not equivalent.
All of them take an hour or more on two cores. Results are kept in the folder mutants: stopped, the same command goes
on, and what has a result is not run again. Remove the folder after you write a test.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from fnmatch import fnmatch
from pathlib import Path

from common.command_line import Parser, status_of

from tqdm import tqdm

from numpy_rnn.checks import check_size, expect

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "mutants.md"
GOAL = 0.98
EXAMPLES = """examples:
  make mutants                                        all of them
  make mutants ARGS="'numpy_rnn.gru.*'"               those of a file
  make mutants ARGS="--report"                        what was found so far
"""


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__, epilog=EXAMPLES)
    parser.add_argument("only", nargs="*", help="only these mutants, such as 'numpy_rnn.gru.*' (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time (default: %(default)s)")
    parser.add_argument("--report", action="store_true", help="run nothing: what was found so far")
    return status_of("mutants.py", report, parser.parse_args(arguments), "the same command goes on")


def report(args: argparse.Namespace) -> int:
    check_size("jobs", args.jobs)
    if not args.report:
        mutmut("run", "--max-children", str(args.jobs), *args.only)
        if late := [name for name, status in statuses().items() if status == "timeout"]:
            mutmut("run", "--max-children", "1", *late)  # alone: the machine may have been busy
        wanted = args.only or ["*"]
        left = [n for n, s in statuses().items() if s == "not checked" and any(fnmatch(n, w) for w in wanted)]
        expect(not left, "mutants", "a run of all of them", f"a mutmut that stopped before {len(left)}; see above")
    found = {name: status for name, status in statuses().items() if status != "not checked"}
    expect(bool(found), "report" if args.report else "only", "mutants that were run (make mutants runs them)", "none")
    known, counts, lost = equivalent(PAGE.read_text()), defaultdict[str, Counter[str]](Counter), list[str]()
    for name, status in tqdm(found.items(), "mutants", disable=None, leave=False):
        file, change = difference(name) if status != "killed" else (file_of(name), "")
        status = "equivalent" if (file, change) in known else status
        counts[file][status] += 1
        if status not in ("killed", "equivalent"):
            lost.append(f"{name}: {status}\n{file}\n{change}\n")
    print("\n".join(lost))
    print(table(counts))
    total = sum(counts.values(), Counter[str]())
    return 0 if score(total) >= GOAL else 1


def mutmut(*arguments: str) -> None:
    env = os.environ | {"HYPOTHESIS_PROFILE": "mutants"}
    subprocess.run([sys.executable, "-m", "mutmut", *arguments], cwd=ROOT, env=env, check=False)


def output(*arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def statuses() -> dict[str, str]:
    """killed, survived, timeout, not checked, ..., by the mutant's name."""
    lines = re.findall(r"^\s*(\S+__mutmut_\d+): (.+)$", output("results", "--all", "true"), re.MULTILINE)
    return {name: status.strip() for name, status in lines}


def file_of(name: str) -> str:
    """numpy_rnn.gru.x_step__mutmut_1 -> numpy_rnn/gru.py"""
    return re.sub(r"\.x[_ǁ].*", "", name).replace(".", "/") + ".py"


def difference(name: str) -> tuple[str, str]:
    """The file, and the lines that went, "- ...", and came, "+ ..."."""
    lines = [line for line in output("show", name).splitlines() if re.match(r"[+-](?!--|\+\+)", line)]
    return file_of(name), "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines)


def equivalent(page: str) -> set[tuple[str, str]]:
    """The changes in the page's blocks, each under the name of its file."""
    found, file = set(), ""
    for block in re.findall(r"^```diff\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        for paragraph in block.strip().split("\n\n"):
            lines = paragraph.splitlines()
            if lines[0].endswith(".py"):
                file = lines.pop(0)
            found.add((file, "\n".join(lines)))
    return found


def score(count: Counter[str]) -> float:
    """The share that is killed of the mutants that are not equivalent."""
    return count["killed"] / max(count.total() - count["equivalent"], 1)


def table(counts: dict[str, Counter[str]]) -> str:
    lines = [
        "| file | mutants | killed | equivalent | survived or timed out | score |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    total = sum(counts.values(), Counter[str]())
    for file, count in [*sorted(counts.items()), ("all", total)]:
        left = count.total() - count["killed"] - count["equivalent"]
        row = (file, count.total(), count["killed"], count["equivalent"], left, f"{100 * score(count):.1f} %")
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
