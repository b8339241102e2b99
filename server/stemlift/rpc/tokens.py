"""The token that proves to the server that a call comes from its user."""

from __future__ import annotations

import hmac
import secrets

from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.system.private import make_private_folder, write_private_file

# 32 random bytes; what is shorter was cut off or written by somebody else.
_SHORTEST = 32


def read_token(paths: Paths) -> str | None:
    """The token of this state folder, None when no server has made one yet.

    Raises:
        StemliftError: STATE_UNUSABLE when the file is there but cannot be read.
    """
    try:
        token = paths.token.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The token file {paths.token} cannot be read: {error}.",
            "Make it readable for you, or remove it and start the server again.",
        ) from error
    return token if len(token) >= _SHORTEST else None


def ensure_token(paths: Paths) -> str:
    """The token of this state folder, made now when there is none. For the server.

    Raises:
        StemliftError: STATE_UNUSABLE when it can be neither read nor written.
    """
    make_private_folder(paths.state)
    token = read_token(paths)
    if token is None:
        token = secrets.token_urlsafe(32)
        write_token(paths, token)
    return token


def write_token(paths: Paths, token: str) -> None:
    """Keep the token where this user's clients look for it. Raises as `ensure_token`."""
    write_private_file(paths.token, token.encode("ascii"))


def authorization(token: str) -> tuple[str, str]:
    """The metadata pair that carries the token in a call."""
    return ("authorization", f"Bearer {token}")


def same_token(given: str, expected: str) -> bool:
    """Compare in constant time: how long it takes tells nothing about the token."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
