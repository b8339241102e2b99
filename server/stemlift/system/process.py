"""Starting a process that outlives its starter, and looking whether one lives."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

# Values of the Windows API, https://learn.microsoft.com/windows/win32/procthread/
# process-creation-flags; `subprocess` has the names on Windows alone.
DETACHED_PROCESS = 0x00000008
CREATE_NEW_PROCESS_GROUP = 0x00000200
CREATE_NO_WINDOW = 0x08000000


def has_unix_sockets(platform: str = sys.platform) -> bool:
    """Whether gRPC can talk over a Unix socket there."""
    return platform != "win32"


def detach_options(platform: str = sys.platform) -> dict[str, Any]:
    """What `subprocess.Popen` needs for a child that outlives its parent and terminal."""
    if platform == "win32":
        return {"creationflags": DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW}
    return {"start_new_session": True}


def spawn_detached(
    argv: Sequence[str], env: Mapping[str, str], folder: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start `argv` in `folder`, its output in the file `log`, free of this terminal.

    A background thread waits for its end, so that it leaves no zombie while the
    starter lives on.

    Raises:
        OSError: when it cannot be started.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **detach_options(),
        )
    threading.Thread(
        target=process.wait, name=f"stemlift-reaper-{process.pid}", daemon=True
    ).start()
    return process


def birth_of(pid: int) -> float | None:
    """When this process started, in seconds; None where none runs.

    The number of a dead process may be another's now, which has a later birth. On Linux
    seconds since the system started, which no change of the clock moves.
    """
    try:
        # First: psutil counts from the start of the system as it was told last.
        start = psutil.boot_time() if sys.platform == "linux" else 0.0
        return float(psutil.Process(pid).create_time()) - start
    except psutil.Error:
        return None


def is_alive(pid: int) -> bool:
    """Whether a process with this number runs; one that ended but was not reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
