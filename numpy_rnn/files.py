"""Files that are written completely or not at all."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.types import Array


@contextmanager
def atomic_write(file: str | Path) -> Iterator[BinaryIO]:
    """A binary file to write into, for a `with` statement.

    It has a temporary name. At the end it is renamed to `file`; after an error it is removed. Temporary files of `file`
    that a killed process left are removed, too.

    Args:
        file: the final name.

    Yields:
        The open file.

    Raises:
        ValueError: where `file` is a folder or a device.
    """
    file = Path(file).resolve()  # of a link its target is written, and the link stays
    check_replaceable("file", file)
    remove_left_over(file)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "xb") as stream:  # x: it must be new, so no link is followed
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # on the disk before the old file is gone
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def remove_left_over(file: Path) -> None:
    """Removes the temporary files of `file` whose process has ended.

    One with the number of this process is from an earlier process that had the same number.
    """
    with suppress(OSError):  # what cannot be removed stays
        for path in file.parent.iterdir():
            temporary = re.fullmatch(re.escape(file.name) + r"\.([1-9]\d{0,8})\.tmp", path.name)
            process = int(temporary[1]) if temporary else None
            if process and (process == os.getpid() or not is_running(process)):
                path.unlink()


def is_running(process: int) -> bool:
    """Whether a process with this number is running. Always True on systems where there is no safe way to ask."""
    if os.name != "posix":  # elsewhere os.kill ends the process
        return True
    try:
        os.kill(process, 0)  # signal 0 sends nothing: it only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True


def check_target(argument: str, file: str | Path) -> None:
    """Raises ValueError unless `atomic_write` could write `file` now. Call it before long work, not after."""
    try:
        target = Path(file).resolve()
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle; ValueError: a null byte
        raise ValueError(
            f"{argument}: expected a file in a folder that can be written to, got {str(file)!r} "
            f"({getattr(error, 'strerror', error)})"
        ) from error
    check_replaceable(argument, file)


def check_replaceable(argument: str, file: str | Path) -> None:
    """Raises ValueError where `file` is a folder or a device."""
    target = Path(file)
    what = "folder" if target.is_dir() else "device"
    expect(target.is_file() or not target.exists(), argument, "a file", f"the {what} {str(file)!r}")


def digest(arrays: dict[str, Array], about: str = "") -> str:
    """SHA-256 of a text and of the arrays with their names, dtypes and shapes. Any change changes it."""
    content = hashlib.sha256(about.encode())
    for name, array in sorted(arrays.items()):
        content.update(f"{name}\0{array.dtype}\0{array.shape}\0".encode())
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()
