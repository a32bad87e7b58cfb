"""Files that are written completely or not at all."""

import hashlib
import os
import platform
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.types import Array

HOST = re.sub(r"\W+", "-", platform.node())[:40] or "here"  # a folder may belong to several machines
with suppress(OSError):  # and containers of one name may number their processes anew
    HOST += f"-{os.stat('/proc/self/ns/pid').st_ino}"
IN_USE: set[Path] = set()  # temporary files that this process writes now


@contextmanager
def atomic_write(file: str | Path) -> Iterator[BinaryIO]:
    """A binary file to write into, for a `with` statement.

    It has a temporary name of its own. At the end it is renamed to `file`; after an error it is removed. What a killed
    process of this machine left of such files is removed, too.

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
    with temporary_of(file) as temporary:
        with open(temporary, "xb") as stream:  # x: it must be new, so no link is followed
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # on the disk before the old file is gone
        os.replace(temporary, file)


@contextmanager
def temporary_of(file: Path) -> Iterator[Path]:
    """A name beside `file` for one writer, with the machine and the process. What is there at the end is removed."""
    path = file.with_name(f"{file.name}.{HOST}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    IN_USE.add(path)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        IN_USE.discard(path)


def remove_left_over(file: Path) -> None:
    """Removes the temporary files of `file` whose process, one of this machine, has ended.

    One with the number of this process that is not in use is from an earlier process that had the same number.
    """
    with suppress(OSError):  # what cannot be removed stays
        for path in file.parent.iterdir():
            found = re.fullmatch(re.escape(f"{file.name}.{HOST}.") + r"([1-9]\d{0,8})\.[0-9a-f]{8}\.tmp", path.name)
            process = int(found[1]) if found else None
            if process and path not in IN_USE and (process == os.getpid() or not is_running(process)):
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
        with temporary_of(target) as temporary:
            temporary.touch(exist_ok=False)
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
