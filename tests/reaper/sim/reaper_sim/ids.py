"""GUIDs and handles: repeatable, unlike REAPER's."""

from __future__ import annotations

import itertools

_count = itertools.count(1)


def new_guid() -> str:
    number = next(_count)
    return f"{{51A70000-0000-4000-8000-{number:012X}}}"


class Handle:
    """What a script holds as a pointer: opaque, compared by identity, dead after a deletion."""

    ctype = "void*"

    def __init__(self) -> None:
        self.handle = next(_count)
        self.alive = True

    def __str__(self) -> str:
        return f"userdata: 0x{0x5100000000 + self.handle * 16:016x}"

    __repr__ = __str__
