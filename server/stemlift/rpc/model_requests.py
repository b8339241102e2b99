"""From Python arguments to the messages about models. Shared by both clients."""

from __future__ import annotations

from typing import TypedDict

from stemlift.rpc.gen import model_pb2
from stemlift.rpc.gen import separation_pb2 as api
from stemlift.rpc.requests import PathLike, absolute, invalid, text

_COMMERCIAL_USES = {
    None: model_pb2.COMMERCIAL_USE_UNSPECIFIED,
    True: model_pb2.COMMERCIAL_USE_ALLOWED,
    False: model_pb2.COMMERCIAL_USE_FORBIDDEN,
}


class ImportOptions(TypedDict, total=False):
    """The optional arguments of `Client.import_model` and `AsyncClient.import_model`.

    config: the YAML or JSON that belongs to the checkpoint; None: it needs none, or one
        lies beside it under the same name.
    title: one line for a person.
    licence: of the weights, in words; empty: not stated.
    commercial_use: whether that licence lets music that is sold be made with them; None:
        not stated.
    inspect_only: only say what was recognised; keep nothing.
    """

    config: PathLike | None
    title: str
    licence: str
    commercial_use: bool | None
    inspect_only: bool


def build_import(
    path: PathLike,
    name: str,
    *,
    config: PathLike | None = None,
    title: str = "",
    licence: str = "",
    commercial_use: bool | None = None,
    inspect_only: bool = False,
) -> api.ImportModelRequest:
    """The message that asks for an import; paths are made absolute here, for the server.

    Raises:
        StemliftError: ARGUMENT_INVALID for an option of a wrong type, PATH_UNSUPPORTED for a
            path that is no text.
    """
    if commercial_use not in _COMMERCIAL_USES:
        raise invalid("commercial_use", repr(commercial_use), "True, False or None")
    return api.ImportModelRequest(
        path=absolute(path),
        config_path="" if config is None else absolute(config),
        name=text("name", name),
        title=text("title", title),
        licence=text("licence", licence),
        commercial_use=_COMMERCIAL_USES[commercial_use],
        inspect_only=inspect_only,
    )
