"""Folders and files that only their user can open, and where a socket may lie."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import stat
import sys
import tempfile
import time
from pathlib import Path

from stemlift.errors import Reason, StemliftError

# sun_path holds 104 bytes on macOS and 108 on Linux, a closing zero included.
SOCKET_PATH_BYTES = 100

# gRPC reads "unix:<path>" as a URI: these would end or change the path.
_URI_SIGNS = re.compile(r"[%#?\x00-\x1f]")


def make_private_folder(path: Path) -> None:
    """Make `path` a folder that only this user can enter; parents are made as needed.

    An existing folder of this user is closed to others. On Windows the profile
    folder, where everything of ours lies, does this already.

    Raises:
        StemliftError: STATE_UNUSABLE when it cannot be made, belongs to somebody else
            or cannot be closed to others.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if not path.is_dir():
            raise NotADirectoryError(f"{path} is not a folder")
        if sys.platform != "win32":
            _close_to_others(path)
    except OSError as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The folder {path} cannot be used: {error.strerror or error}.",
            "Make it writable, or set STEMLIFT_HOME to a folder of your own.",
        ) from error


def _close_to_others(path: Path) -> None:
    user = os.geteuid()
    # A link counts too: one that somebody else laid leads wherever they like.
    if path.lstat().st_uid != user or path.stat().st_uid != user:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The folder {path} belongs to another user.",
            "Remove it or have it removed, or set STEMLIFT_HOME to a folder of your own.",
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o700)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StemliftError(
                Reason.STATE_UNUSABLE,
                f"The folder {path} lies on a disk that cannot keep other users out.",
                "Set STEMLIFT_HOME to a folder on a disk that keeps permissions.",
            )


def write_private_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`, readable by this user only; it appears whole or not at all.

    Raises:
        StemliftError: STATE_UNUSABLE when it cannot be written.
    """
    scratch = None
    try:
        handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _replace(scratch, path)
    except OSError as error:
        if scratch is not None:
            with contextlib.suppress(OSError):
                Path(scratch).unlink()
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The file {path} cannot be written: {error.strerror or error}.",
            "Free some space or make the folder writable, then try again.",
        ) from error


def _replace(scratch: str, path: Path, attempts: int = 20) -> None:
    for left in range(attempts - 1, -1, -1):
        try:
            Path(scratch).replace(path)
        except PermissionError:
            # Windows refuses while another process has the old file open for a moment.
            if sys.platform != "win32" or left == 0:
                raise
            time.sleep(0.05)
        else:
            return


def fits_socket(path: Path) -> bool:
    """Whether a socket can be bound at `path` and reached there by gRPC."""
    try:
        encoded = str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return len(encoded) <= SOCKET_PATH_BYTES and not _URI_SIGNS.search(str(path))


def choose_socket_path(runtime: Path | None, key: str, temporary: Path | None = None) -> Path:
    """A path for the server's socket; its folder exists and is private.

    Args:
        runtime: where it lies unless it cannot be made private, or its path is too long
            for a socket or has signs that gRPC reads as parts of an address.
        key: tells one server from another in the shared short folder, e.g. the path of
            the state folder.
        temporary: the folder for short folders; the system's by default.

    Raises:
        StemliftError: STATE_UNUSABLE when no private folder can be made.
    """
    if runtime is not None and fits_socket(runtime / "server.sock"):
        # Refused where the session is another user's, as after `su`.
        with contextlib.suppress(StemliftError):
            make_private_folder(runtime)
            return runtime / "server.sock"
    short = short_folder(key, temporary)
    make_private_folder(short)
    return short / "s"


def clear_socket(path: Path) -> None:
    """Remove the socket that a dead server left at `path`; nothing there is fine too.

    Raises:
        StemliftError: LISTEN_REFUSED when a server listens there or it is no socket, which
            then stays as it is.
    """
    try:
        kind = path.lstat().st_mode
    except OSError:
        # Nothing there, or a folder that binding will say more about.
        return
    if not stat.S_ISSOCK(kind):
        raise StemliftError(
            Reason.LISTEN_REFUSED,
            f"{path} is there already, and is no socket.",
            "Choose a path where nothing is, or leave --listen out.",
        )
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except OSError:
            # A full queue or a slow server: somebody is there.
            pass
    raise StemliftError(
        Reason.LISTEN_REFUSED,
        f"Another program listens on {path}.",
        "Choose another path, or leave --listen out.",
    )


def short_folder(key: str, temporary: Path | None = None) -> Path:
    """The short folder for the server of `key`, the same for every call of this user."""
    base = temporary or Path(tempfile.gettempdir())
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    name = f"stemlift-{os.getuid() if sys.platform != 'win32' else 0}-{digest}"
    folder = base / name
    # TMPDIR itself may be long; /tmp is on every system that has Unix sockets.
    return folder if fits_socket(folder / "s") else Path("/tmp") / name  # noqa: S108


def is_private_folder(path: Path) -> bool:
    """Whether `path` is a folder of this user that nobody else can enter."""
    try:
        found = path.stat()
    except OSError:
        return False
    if sys.platform == "win32":
        return path.is_dir()
    private = found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
    return path.is_dir() and private
