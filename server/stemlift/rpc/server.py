"""The server process: one per state folder, reachable by its user alone."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from logging.handlers import RotatingFileHandler
from pathlib import Path

import filelock

from stemlift import __version__
from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.rpc.endpoint import Endpoint, read_endpoint
from stemlift.settings import Settings
from stemlift.system.private import (
    SOCKET_PATH_BYTES,
    fits_socket,
    is_private_folder,
    make_private_folder,
)
from stemlift.system.process import has_unix_sockets

logger = logging.getLogger(__name__)

LOG_BYTES = 2_000_000
LOG_FILES = 5
# Threads with nothing left to do end within this.
SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    listen, device: empty takes the settings'. idle_exit: in seconds, 0 never leaves.
    announce: called once the server can be reached.
    beside: what else this process does from then on until the server leaves; a function that
        begins it at once and gives what ends it, which may take a few seconds.
    """

    paths: Paths
    settings: Settings
    listen: str = ""
    device: str = ""
    idle_exit: float = 0.0
    announce: Callable[[Endpoint], None] | None = None
    beside: Callable[[], Callable[[], None]] | None = None


def serve(options: ServeOptions) -> int:
    """Serve until SIGTERM, SIGINT, SIGHUP or idleness; returns the exit code.

    Raises:
        StemliftError: SERVER_ALREADY_RUNNING, LISTEN_REFUSED, DEVICE_UNAVAILABLE,
            ARGUMENT_INVALID or STATE_UNUSABLE, before anything is served.
    """
    paths, settings = options.paths, options.settings
    if options.device:
        settings = settings.model_copy(update={"device": options.device})
    options = replace(
        options, settings=settings, listen=parse_listen(options.listen or settings.listen)
    )
    make_private_folder(paths.state)
    for folder in (paths.logs, paths.models):
        _make_folder(folder)
    with _only_server(paths):
        _log_to(paths.log)
        logger.info("stemlift %s starts, process %d", __version__, os.getpid())
        # Only here: what it imports takes seconds, and a server that finds another one in
        # its place is to leave at once.
        from stemlift.rpc.serving import serve_calls

        try:
            serve_calls(options)
        finally:
            logger.info("the server leaves")
        if _held_up():
            # A batch in work or a dead disk; the job is back in the queue.
            logging.shutdown()
            os._exit(0)
    return 0


def parse_listen(listen: str) -> str:
    """Check an address to listen on; "" where the platform's default is wanted.

    Returns:
        "", "unix:/absolute/path" or "host:port" with a loopback address.

    Raises:
        StemliftError: LISTEN_REFUSED for anything another machine could reach,
            ARGUMENT_INVALID for what is no address.
    """
    if not listen:
        return ""
    if listen.startswith("unix:"):
        path = Path(listen.removeprefix("unix:"))
        if not has_unix_sockets() or not path.is_absolute():
            raise _no_address(listen)
        if not fits_socket(path):
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{path} cannot be the path of a socket.",
                f"Use one of at most {SOCKET_PATH_BYTES} bytes without %, # and ?.",
            )
        if not is_private_folder(path.parent):
            raise StemliftError(
                Reason.LISTEN_REFUSED,
                f"Other users could reach a socket in {path.parent}.",
                "Use a folder that only you can enter (mode 0700), or leave --listen out.",
            )
        return f"unix:{path}"
    host, separator, port = listen.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise _no_address(listen)
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError as error:
        raise _no_address(listen) from error
    if not address.is_loopback:
        raise StemliftError(
            Reason.LISTEN_REFUSED,
            f"{listen} could be reached from other machines, and Stemlift has no TLS yet.",
            "Use 127.0.0.1:PORT, or leave --listen out.",
        )
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _held_up() -> bool:
    """Whether a thread of this process does not end, so that Python would wait for it."""
    deadline = time.monotonic() + SETTLE_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                return True
    return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            "Make it writable, or set STEMLIFT_HOME to a folder of your own.",
        ) from error


@contextlib.contextmanager
def _only_server(paths: Paths) -> Iterator[None]:
    """Hold the state folder's lock; the system lets go of it when the process dies."""
    lock = filelock.FileLock(paths.lock)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        other = read_endpoint(paths.endpoint)
        who = f" (process {other.pid})" if other else ""
        raise StemliftError(
            Reason.SERVER_ALREADY_RUNNING,
            f"A server{who} is already running for {paths.state}.",
            "Use that one, end it first, or set STEMLIFT_HOME to another folder.",
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The lock file {paths.lock} cannot be used: {error}.",
            "Check that the folder can be written.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _log_to(path: Path) -> None:
    """Log to a rotating file, and to the terminal where somebody watches.

    Raises:
        StemliftError: STATE_UNUSABLE when the file cannot be written.
    """
    try:
        file = RotatingFileHandler(
            path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The log file {path} cannot be written: {error.strerror or error}.",
            "Make it writable, or remove what is in its place.",
        ) from error
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(file)
    if sys.stderr.isatty():
        terminal = logging.StreamHandler()
        terminal.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
        root.addHandler(terminal)


def _no_address(listen: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{listen!r} is no address to listen on.",
        "Use 127.0.0.1:PORT, [::1]:PORT or unix:/absolute/path.",
    )
