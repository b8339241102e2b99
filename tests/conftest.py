"""Shared fixtures; tests/support holds what tests build with."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

# Tiny networks on several threads spend their time waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing in a test may reach a model hub other than one it started itself.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

# The same examples in every run, however slow the machine; nothing is kept on the disk.
hypothesis.settings.register_profile("stemlift", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("stemlift")


WORKER = os.environ.get("PYTEST_XDIST_WORKER")


def _temporary_folder_of_our_own() -> Path:
    """The folder for temporary files of this process and of those it starts.

    What lies there is of these tests: not of another worker's, nor of another program's. Its
    name is short, since the path of a Unix socket has to fit into about a hundred bytes.
    """
    if WORKER:
        # In the folder of the process that started the worker, which removes it as well.
        folder = Path(tempfile.gettempdir()) / WORKER
        folder.mkdir(mode=0o700)
    else:
        # `tmp_path` stays where pytest keeps it, to look at after a failure.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
        folder = Path(tempfile.mkdtemp(prefix="sl-"))
    tempfile.tempdir = str(folder)
    os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)))
    return folder


TEMPORARY = _temporary_folder_of_our_own()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if WORKER:
        # Where a worker would put it, `tmp_path` is too long for sockets and dialogs.
        config.option.basetemp = TEMPORARY / "t"


def pytest_unconfigure() -> None:
    shutil.rmtree(TEMPORARY, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start servers go first, so that no worker is left alone with one at the end."""
    heavy = {item.path for item in items if {"home", "served", "shared_home"} & _fixtures(item)}
    items.sort(key=lambda item: item.path not in heavy)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


SETTLE_SECONDS = 10.0


def _wait_until_gone(find: object, allowed: set[object]) -> set[object]:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        extra = set(find()) - allowed  # type: ignore[operator]
        if not extra or time.monotonic() > deadline:
            return extra
        time.sleep(0.02)


def _threads() -> set[object]:
    # gRPC and hypothesis keep daemon threads of their own; ours are named or not daemons.
    return {
        thread
        for thread in threading.enumerate()
        if not thread.daemon or thread.name.startswith("stemlift")
    }


def _children() -> set[object]:
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
    }


def _sockets() -> set[object]:
    return {
        (conn.fd, conn.laddr)
        for conn in psutil.Process().net_connections(kind="all")
        if conn.status in (psutil.CONN_LISTEN,)
    }


def _temporaries() -> set[object]:
    found = Path(tempfile.gettempdir()).glob("stemlift-*")
    return {path for path in found if path.is_dir() is False or any(path.iterdir())}


@pytest.fixture(autouse=True)
def nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a process, a listening socket or a temporary file."""
    looks = {
        "thread": _threads,
        "process": _children,
        "socket": _sockets,
        "temporary file": _temporaries,
    }
    before = {name: look() for name, look in looks.items()}
    yield
    leaks = {
        name: extra
        for name, look in looks.items()
        if (extra := _wait_until_gone(look, before[name]))
    }
    assert not leaks, f"{request.node.nodeid} left behind {leaks}"
