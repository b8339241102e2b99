"""The file in which a running server says where it can be reached."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from stemlift.system.private import write_private_file


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that said it is there; whether it still is shows only by asking.

    address: a gRPC target, "unix:/absolute/path" or "127.0.0.1:port".
    version: of the stemlift package that runs it.
    """

    address: str
    pid: int
    version: str

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
        return Endpoint(str(found["address"]), int(found["pid"]), str(found["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_endpoint(path: Path, endpoint: Endpoint) -> None:
    """Remove the file if it still is the one of `endpoint`, not that of a later server."""
    if read_endpoint(path) == endpoint:
        # Lost to a later server or a read-only disk: a reader copes with a stale file.
        with contextlib.suppress(OSError):
            path.unlink()
