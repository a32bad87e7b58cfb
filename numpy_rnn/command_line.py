"""What every command of this project does: --help shows its text as it is written, and a mistake is one line."""

import argparse
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """--help shows the text as it is written; a mistake is one line, without the usage."""

    def __init__(self, prog: str | None = None, **options: Any):
        super().__init__(prog, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {printable(message)} (--help shows the options)\n")


def printable(text: str) -> str:
    """Control characters, escapes, changes of direction and the like as Python writes them, such as \\x1b.

    A terminal would obey them; a text that came from elsewhere must not reach it as it is.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
