"""What several scripts share. They import it first: so a missing package ends a script in one line."""

import sys
from pathlib import Path
from types import TracebackType


def end_in_one_line(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, ModuleNotFoundError):
        script = Path(sys.argv[0]).name
        print(f"{script}: {error}; run `make compare` first, or use .venv/bin/python", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = end_in_one_line
