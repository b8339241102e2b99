"""Bringing one file whole: resumed where it was cut, checked, and thrown away where wrong."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemlift.models.spec import WeightFile
from stemlift.models.transport import Answer, RefusedError, ask, from_transport

_PAUSE = 1.0
"""Seconds before asking again after an attempt that brought nothing."""
_PATIENCE = 4
"""Such attempts in a row before giving up, once something came."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the network has it now.

    key: the mark of its content, fit for a file's name; equal keys, equal content.
    size: in bytes; None where it is not told.
    sha256: the first digits or all of it; None where it is not known.
    mark: for `If-Range`; None where the key or the address alone stands for the content.
    resumable: whether what a cut transfer left can be gone on with.
    commit: of the hub repository; None for a file by address.
    md5: all of it; None where it is not known.
    members: the files to take out, where this is an archive.
    """

    file: WeightFile
    source: str
    address: str
    key: str
    size: int | None
    sha256: str | None
    mark: str | None = None
    resumable: bool = True
    commit: str | None = None
    md5: str | None = None
    members: tuple[WeightFile, ...] = ()


class BrokenTransferError(Exception):
    """What arrived is not what was announced; the message is a clause."""


class _CutError(Exception):
    """The connection ended before the file did."""


def bring(remote: RemoteFile, part: Path, timeout: float, report: Callable[[int], None]) -> str:
    """Have all of `remote` in the file `part`, going on with what is there.

    Args:
        part: belongs to `remote.key`; deleted when its content is wrong.
        timeout: seconds without a byte.
        report: called with the bytes that are there.

    Returns:
        The SHA-256.

    Raises:
        BrokenTransferError: the checksum or the size is wrong.
        RefusedError, AddressError, OSError, or an error of the HTTP library.
    """
    part.touch()
    try:
        with _Part(part, remote.size, report) as stream:
            _bring(remote, stream, timeout)
            stream.flush()
            os.fsync(stream.fileno())
        digest = sha256(part)
        if remote.sha256 is not None:
            _require_sum(remote, "SHA-256", digest[: len(remote.sha256)], remote.sha256)
        if remote.md5 is not None:
            _require_sum(remote, "MD5", _md5(part), remote.md5)
    except BrokenTransferError:
        part.unlink()
        raise
    return digest


def _require_sum(remote: RemoteFile, kind: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise BrokenTransferError(
            f"the checksum of {remote.file.name} is wrong: its {kind} begins with "
            f"{found[:12]}, not {wanted[:12]}"
        )


def _bring(remote: RemoteFile, stream: _Part, timeout: float) -> None:
    if remote.size is not None and stream.length() > remote.size:
        stream.empty()
    if not remote.resumable:
        stream.empty()
    best = start = stream.length()
    stream.report(start)
    came = False
    fruitless = 0
    while start != remote.size:
        try:
            _receive(remote, stream, start, timeout)
            return
        # Which exceptions the transport raises depends on the library and its version.
        except Exception as error:
            if not _was_cut(error):
                raise
            # Every attempt must get further than all before, so this comes to an end.
            if stream.length() > best:
                came, fruitless, best = True, 0, stream.length()
            else:
                fruitless += 1
                if not came or fruitless > _PATIENCE:
                    raise
                time.sleep(_PAUSE)
            if not remote.resumable:
                stream.empty()
            start = stream.length()


def _receive(remote: RemoteFile, stream: _Part, start: int, timeout: float) -> None:
    try:
        with ask(remote.address, timeout, start, remote.mark) as answer:
            _take(remote, stream, start, answer)
    except RefusedError as error:
        if error.status != 416 or start == 0:
            raise
        # Not even one byte is there from `start` on, so what is here is something else.
        stream.empty()
        with ask(remote.address, timeout) as answer:
            _take(remote, stream, 0, answer)
    if remote.size is not None and stream.length() < remote.size:
        raise _CutError(f"{stream.length()} of {remote.size} bytes came")


def _take(remote: RemoteFile, stream: _Part, start: int, answer: Answer) -> None:
    if answer.start not in (0, start):
        raise BrokenTransferError(f"byte {start} was asked for and byte {answer.start} came")
    other_size = None not in (answer.size, remote.size) and answer.size != remote.size
    if other_size or (remote.mark is not None and answer.mark != remote.mark):
        raise BrokenTransferError(f"{remote.file.name} was changed meanwhile")
    if answer.start != start:
        stream.empty()
    for block in answer.blocks:
        stream.write(block)


class _Part(io.BufferedRandom):
    """A file that tells how much of it there is, and takes no more than was announced."""

    def __init__(self, path: Path, limit: int | None, report: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path, "r+"))
        self._limit = limit
        self.report = report

    def length(self) -> int:
        return self.seek(0, io.SEEK_END)

    def empty(self) -> None:
        self.seek(0)
        self.truncate()

    def write(self, data: Any) -> int:
        if self._limit is not None and self.tell() + len(data) > self._limit:
            raise BrokenTransferError("more came than was announced")
        written = super().write(data)
        self.flush()
        self.report(self.tell())
        return written


def sha256(path: Path) -> str:
    """Of the content of `path`, in lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def _was_cut(error: Exception) -> bool:
    """Whether the connection ended early, rather than the server refusing or the disk failing."""
    if isinstance(error, _CutError):
        return True
    return from_transport(error) and getattr(error, "response", None) is None
