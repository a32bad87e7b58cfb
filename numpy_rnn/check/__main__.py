"""Is the backward pass of your own RNN, LSTM or GRU right, and if not, why?

FILE defines a forward and a backward pass (--template prints a file to fill in).
They are run in a process of their own, each pair of them on up to 51 problems,
and every gradient is compared with the right one. Where one is wrong, known bugs
are tried: if one of them gives exactly your results, it is named, with the
equation and the right line.

Status 0: all is right. 1: something is wrong. 2: it could not be judged.
"""

import json
import os
import signal
import sys
from pathlib import Path

from numpy_rnn.check.report import STATUS, as_json, as_text, verdict
from numpy_rnn.check.runner import run
from numpy_rnn.check.template import FILLED, template
from numpy_rnn.checks import expect
from numpy_rnn.command_line import Parser, printable
from numpy_rnn.files import atomic_write, check_target

EXAMPLES = """examples:
  python -m numpy_rnn.check --template > my_rnn.py
  python -m numpy_rnn.check --template lstm > my_lstm.py
  python -m numpy_rnn.check my_rnn.py
  python -m numpy_rnn.check my_rnn.py --json verdict.json
"""


def main(arguments: list[str] | None = None) -> int:
    parser = Parser("python -m numpy_rnn.check", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("file", nargs="?", metavar="FILE", help="the Python file to check")
    parser.add_argument("--json", metavar="OUT", help="write the verdict to this file, too")
    parser.add_argument(
        "--template", nargs="?", const="rnn", choices=FILLED, help="print a file to fill in (default: %(const)s)"
    )
    args = parser.parse_args(arguments)
    if args.template:
        print(template(args.template), end="")
        return 0
    try:
        there = args.file is not None and Path(args.file).is_file()
        expect(there, "FILE", "a Python file", f"{args.file!r} (--help says more)")
        if args.json:
            check_target("--json", args.json)
            same = Path(args.json).resolve() == Path(args.file).resolve()
            expect(not same, "--json", "another file than FILE", "the same")
        found = verdict(run(args.file))
        if args.json:
            with atomic_write(args.json) as stream:
                stream.write((json.dumps(as_json(found), indent=2) + "\n").encode())
    except (OSError, ValueError) as error:
        print(f"check: {printable(str(error))}", file=sys.stderr)
        return STATUS["could not judge"]
    except KeyboardInterrupt:
        print("\ncheck: stopped", file=sys.stderr)
        return STATUS["could not judge"]
    shown = _shown(as_text(found, sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    return STATUS[found.verdict if shown else "could not judge"]


def _shown(text: str) -> bool:
    """Can it be printed? A reader such as `head` that has gone away is no error; a full disk is one."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        gone = isinstance(error, BrokenPipeError)
        if not gone:
            print(f"check: the verdict cannot be printed: {error}", file=sys.stderr)
        return gone
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STATUS["could not judge"]))  # stops the worker, too
    sys.exit(main())
