"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(file: str | Path) -> Iterator[BinaryIO]:
    """A binary file to write into, under a temporary name; renamed to `file` at the end, removed after an error."""
    file = Path(file).resolve()  # a link stays one
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as stream:
            yield stream
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
