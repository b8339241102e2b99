"""The file in which a running server says where it can be reached."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from stemlift import __version__
from stemlift.system.private import write_private_file
from stemlift.system.process import birth_of, is_alive


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that said it is there; whether it still is shows only by asking.

    address: a gRPC target, "unix:/absolute/path" or "127.0.0.1:port".
    version: of the stemlift package that runs it.
    birth: of the process, see `birth_of`; another one with its number has a later one.
    """

    address: str
    pid: int
    version: str
    birth: float

    @classmethod
    def here(cls, address: str) -> Endpoint:
        """This process, reachable at `address`."""
        return cls(address, os.getpid(), __version__, birth_of(os.getpid()) or 0.0)

    @property
    def is_alive(self) -> bool:
        """Whether the very process that said so still runs."""
        birth = birth_of(self.pid)
        return is_alive(self.pid) and birth is not None and abs(birth - self.birth) < 1.0

    @property
    def socket_path(self) -> Path | None:
        """The Unix socket, None for an address on a port."""
        scheme, _, rest = self.address.partition(":")
        return Path(rest) if scheme == "unix" else None


def write_endpoint(path: Path, endpoint: Endpoint) -> None:
    """Replace the file at once, so that a reader sees the old or the new one whole.

    Raises:
        StemliftError: STATE_UNUSABLE when it cannot be written.
    """
    write_private_file(path, json.dumps(asdict(endpoint)).encode())


def read_endpoint(path: Path) -> Endpoint | None:
    """What the file says; None when it is missing or says nothing usable."""
    try:
        found = json.loads(path.read_bytes())
        return Endpoint(
            str(found["address"]), int(found["pid"]), str(found["version"]), float(found["birth"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_endpoint(path: Path, endpoint: Endpoint) -> None:
    """Remove the file if it still is the one of `endpoint`, not that of a later server."""
    if read_endpoint(path) == endpoint:
        # Lost to a later server or a read-only disk: a reader copes with a stale file.
        with contextlib.suppress(OSError):
            path.unlink()
