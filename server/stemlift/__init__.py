"""Stemlift turns a mix back into tracks.

>>> from stemlift import Client
>>> with Client() as client:
...     result = client.separate("song.wav", stems=["vocals", "instrumental"]).result()
...     print(result.stems["vocals"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stemlift.errors import StemliftError
    from stemlift.rpc.aio import AsyncClient
    from stemlift.rpc.client import Client

    __version__: str

__all__ = ["AsyncClient", "Client", "StemliftError", "__version__"]


def __getattr__(name: str) -> Any:
    # On demand: the command line's help needs none of it, and gRPC takes its time.
    if name == "Client":
        from stemlift.rpc.client import Client

        return Client
    if name == "AsyncClient":
        from stemlift.rpc.aio import AsyncClient

        return AsyncClient
    if name == "StemliftError":
        from stemlift.errors import StemliftError

        return StemliftError
    if name == "__version__":
        from importlib.metadata import version

        return version("stemlift")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
