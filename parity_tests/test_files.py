"""numpy_rnn/files.py: whole files or none, and what is never overwritten."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numpy_rnn import files
from numpy_rnn.files import HOST, atomic_write, check_target, digest

KILLED = """
import os, signal, sys
from numpy_rnn.files import atomic_write
with atomic_write(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write(file: Path, content: bytes) -> None:
    with atomic_write(file) as stream:
        stream.write(content)


def test_nothing_half_written(tmp_path: Path) -> None:
    file = tmp_path / "result"
    write(file, b"first")
    with contextlib.suppress(KeyboardInterrupt), atomic_write(file) as stream:
        stream.write(b"sec")
        raise KeyboardInterrupt
    assert file.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["result"]


def test_what_a_killed_process_left_is_removed_at_the_next_write(tmp_path: Path) -> None:
    """Not what a living one is writing, nor a file of a similar name; what had this process's number, too."""
    file = tmp_path / "result [1]"
    subprocess.run([sys.executable, "-c", KILLED, str(file)])
    assert len(os.listdir(tmp_path)) == 1  # the temporary file alone
    (left,) = os.listdir(tmp_path)
    assert re.fullmatch(rf"result \[1\]\.{HOST}\.\d+\.[0-9a-f]{{8}}\.tmp", left)
    end = "01234567.tmp"
    kept = {f"result [1].{HOST}.{os.getppid()}.{end}", f"result [1].elsewhere.999999.{end}", "result [1].old.tmp"}
    kept |= {f"result 1.{HOST}.999999.{end}", f"result [1].{HOST}.{10**30}.{end}"}
    for name in (*kept, f"result [1].{HOST}.{os.getpid()}.{end}"):
        (tmp_path / name).touch()
    write(file, b"whole")
    assert set(os.listdir(tmp_path)) == {"result [1]"} | kept
    assert file.read_bytes() == b"whole"


def test_two_writers_of_one_process(tmp_path: Path) -> None:
    """Each has a file of its own, and the last one to end is there, whole."""
    file = tmp_path / "result"
    with atomic_write(file) as outer:
        outer.write(b"outer, ")
        write(file, b"inner")
        assert file.read_bytes() == b"inner"
        outer.write(b"whole")
    assert file.read_bytes() == b"outer, whole"
    assert os.listdir(tmp_path) == ["result"]


def test_a_link_under_the_temporary_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.secrets, "token_hex", lambda size: "01234567"[: 2 * size])
    (tmp_path / "other").write_bytes(b"kept")
    link = tmp_path / f"result.{HOST}.{os.getpid()}.01234567.tmp"
    link.symlink_to(tmp_path / "other")
    with monkeypatch.context() as patch:
        patch.setattr(files, "remove_left_over", lambda file: None)  # as if it came after that
        with pytest.raises(FileExistsError):
            write(tmp_path / "result", b"whole")
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "other")
    write(tmp_path / "result", b"whole")
    assert (tmp_path / "other").read_bytes() == b"kept"
    assert not (tmp_path / "result").is_symlink()


def test_a_link_that_the_user_names_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "result")
    write(tmp_path / "link", b"whole")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "result").read_bytes() == b"whole"


def test_a_device_or_a_folder_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "device")
    (tmp_path / "folder").mkdir()
    for name in ("device", "folder"):
        for refuse in (lambda file: write(file, b"x"), lambda file: check_target("file", file)):
            with pytest.raises(ValueError, match=f"file: expected a file, got the {name} '.*{name}'"):
                refuse(tmp_path / name)
    assert (tmp_path / "device").is_fifo()
    assert sorted(os.listdir(tmp_path)) == ["device", "folder"]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", Path("/proc")):  # in the second nobody can make a file
        with pytest.raises(ValueError, match="file: expected a file in a folder that can be written to, got"):
            check_target("file", folder / "result")


def test_a_name_that_is_too_long_for_the_temporary_file(tmp_path: Path) -> None:
    """Before the work, not after it."""
    file = tmp_path / ("a" * 250)
    with pytest.raises(ValueError, match=r"json: expected a file in a folder that can be written to, got .*too long"):
        check_target("json", file)
    check_target("json", tmp_path / ("a" * 150))
    assert os.listdir(tmp_path) == []


def test_the_digest_is_of_everything() -> None:
    a, b = np.arange(6.0), np.arange(6)
    others = [
        ({"a": a, "b": b}, "about"),
        ({"a": a}, ""),
        ({"a": a, "c": b}, ""),
        ({"a": a, "b": b + 1}, ""),
        ({"a": a.astype(np.float32), "b": b}, ""),
        ({"a": a.reshape(2, 3), "b": b}, ""),
    ]
    assert digest({"b": b, "a": a}) == digest({"a": a, "b": b})
    assert len({digest(*other) for other in [({"a": a, "b": b}, ""), *others]}) == 7


def test_a_name_with_a_null_byte() -> None:
    with pytest.raises(ValueError, match=r"json: expected a file in a folder that can be written to, got 'a.*b'"):
        check_target("json", "a\0b")
