"""Where a client's calls go: an address and the token for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.rpc.locate import find_or_start, find_server
from stemlift.rpc.tokens import authorization, read_token


@dataclass(frozen=True, slots=True)
class Target:
    address: str
    token: str = field(repr=False)

    @property
    def authorization(self) -> tuple[str, str]:
        """The metadata of every call."""
        return authorization(self.token)


def _require_local(address: str) -> None:
    """The token is for this machine's eyes: no address elsewhere may be asked."""
    host = address.rpartition(":")[0].strip("[]")
    if address.startswith("unix:") or host in ("127.0.0.1", "::1", "localhost"):
        return
    raise StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{address!r} is no address of this machine.",
        "Use 127.0.0.1:PORT, [::1]:PORT or unix:/path.",
    )


def find_target(
    paths: Paths,
    address: str | None = None,
    token: str | None = None,
    *,
    start: bool = True,
    on_wait: Callable[[str], None] | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> Target:
    """The server at `address`, or the state folder's, started where that is allowed.

    Raises:
        StemliftError: SERVER_LOST when none runs and none may be started,
            TOKEN_REJECTED when there is no token, and as `find_or_start`.
    """
    if address is None:
        endpoint = find_or_start(paths, on_wait, heartbeat) if start else find_server(paths)
        if endpoint is None:
            raise StemliftError(
                Reason.SERVER_LOST, "No server is running.", "Start one with `stemlift serve`."
            )
        address = endpoint.address
    _require_local(address)
    token = token or read_token(paths)
    if not token:
        raise StemliftError(
            Reason.TOKEN_REJECTED,
            f"There is no token for the server at {address}.",
            f"Give the one from its state folder; {paths.token} is missing.",
        )
    return Target(address, token)
