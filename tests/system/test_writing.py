"""Who writes to a file, as far as a system tells, tried for all of them here."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stemlift.system.writing import has_unwritten_parts, open_for_writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10_000)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked")
def test_linux_knows_the_writers_of_other_processes(path: Path) -> None:
    script = "import sys; f = open(sys.argv[1], 'r+b'); print('open', flush=True); input()"
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with writer, path.open("rb") as file:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        assert open_for_writing(file)
        writer.communicate("\n")
        assert not open_for_writing(file)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked")
def test_asking_leaves_nothing_behind(path: Path) -> None:
    with path.open("rb") as file:
        assert not open_for_writing(file)
        assert fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_UNLCK
        # A lease that stayed would stop this for the better part of a minute.
        with path.open("r+b") as other:
            other.write(b"y")


@pytest.mark.parametrize("error", [PermissionError(13, "no"), OSError(22, "Invalid argument")])
def test_who_may_not_ask_does_not_know(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(*_args: object) -> int:
        raise error

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with path.open("r+b") as file:
        assert not open_for_writing(file)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_do_not_know(
    path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with path.open("r+b"), path.open("rb") as file:
        assert not open_for_writing(file)


def test_parts_that_were_never_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with path.open("rb") as file:
        assert not has_unwritten_parts(file)
    (path.parent / "empty").write_bytes(b"")
    with (path.parent / "empty").open("rb") as file:
        assert not has_unwritten_parts(file)
    os.truncate(path, 1 << 20)
    with path.open("rb") as file:
        told = os.lseek(file.fileno(), 0, os.SEEK_HOLE) < 1 << 20
        assert has_unwritten_parts(file) == told
        monkeypatch.delattr(os, "SEEK_HOLE")
        assert not has_unwritten_parts(file)
