"""What a file is by its first bytes, whatever it is called. No torch."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

_LONGEST_HEADER = 100_000_000
"""Bytes; the safetensors library takes no more."""


class NoFileError(OSError):
    """What is there is no file that holds something: a folder, a pipe or a device."""


def require_file(path: Path) -> None:
    """Before anything is opened: a pipe that nobody writes to would be waited for without end.

    Raises:
        NoFileError: it is no regular file, nor a link to one.
        FileNotFoundError: there is nothing of that name.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
        raise NoFileError(0, f"it is {kind}", str(path))


def starts_as_safetensors(head: bytes, size: int) -> bool:
    """Args: head: the first nine bytes or more; size: of the whole file in bytes."""
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and length <= max(size, _LONGEST_HEADER)


def starts_as_pickle(head: bytes) -> bool:
    """As a file of `torch.save`, today's zip or the older layout, or as any other pickle."""
    return head[:2] == b"PK" or (head[:1] == b"\x80" and head[1:2] <= b"\x05")


def is_safetensors(path: Path) -> bool:
    """Whether `path` is to be read as safetensors: by its name only where it says nothing else.

    Raises:
        OSError: it cannot be read.
    """
    head = _head(path)
    if starts_as_safetensors(head, path.stat().st_size):
        return True
    return path.suffix.lower() == ".safetensors" and not starts_as_pickle(head)


def descriptions_among(files: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """Those of `files` that describe the others.

    By their endings, weights of such an ending excepted; of two files, one of which is
    surely weights, the other one whatever its ending.

    Raises:
        OSError: one cannot be read.
    """
    weights = [path for path in files if _holds_weights(path)]
    others = [path for path in files if path not in weights]
    if len(files) == 2 and len(others) == 1:
        return others
    return [path for path in others if path.suffix.lower() in suffixes]


def _holds_weights(path: Path) -> bool:
    try:
        head = _head(path)
        size = path.stat().st_size
    except FileNotFoundError:
        # Who reads it will say so.
        return False
    return starts_as_pickle(head) or starts_as_safetensors(head, size)


def _head(path: Path) -> bytes:
    require_file(path)
    with path.open("rb") as file:
        return file.read(16)
