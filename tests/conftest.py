"""Shared fixtures; tests/support holds what tests build with."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

# Tiny networks on several threads spend their time waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing in a test may reach a model hub other than one it started itself.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

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
