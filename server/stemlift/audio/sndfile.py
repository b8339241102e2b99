"""libsndfile, opened so that it reads the file we mean and nothing moves by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile

from stemlift.audio import problems
from stemlift.audio.opening import open_regular
from stemlift.errors import StemliftError

Patches = tuple[tuple[int, bytes], ...]
_SYSTEM_ERROR = 2


class Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is read from front to back.

    soundfile seeks after every block it reads, to where it already is. In a lossy file
    that can land elsewhere, and in a FLAC file of unknown length it fails. It does not
    where the file says that it cannot seek.
    """

    def seekable(self) -> bool:
        return False

    def at_end(self) -> bool:
        """Whether libsndfile has taken in the last byte of the file."""
        handle = self.name
        if isinstance(handle, int):
            return os.lseek(handle, 0, os.SEEK_CUR) >= os.fstat(handle).st_size
        at: int = handle.tell()
        end: int = handle.seek(0, os.SEEK_END)
        return at >= end


class _Patched:
    """A file that reads as if some of its bytes were others."""

    def __init__(self, file: BinaryIO, patches: Patches) -> None:
        self._file = file
        self._patches = patches

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, count: int) -> bytes:
        at = self._file.tell()
        data = bytearray(self._file.read(count))
        for offset, patch in self._patches:
            first, last = max(offset, at), min(offset + len(patch), at + len(data))
            if first < last:
                data[first - at : last - at] = patch[first - offset : last - offset]
        return bytes(data)

    def write(self, _data: bytes) -> int:
        raise OSError("opened for reading")


@contextmanager
def open_sound(path: Path, patches: Patches = ()) -> Iterator[Sequential]:
    """Open `path` through a descriptor of our own, so that no name is ever parsed.

    On Windows libsndfile has a C runtime of its own, to which our descriptors mean
    nothing: there, and where bytes are patched, it reads through Python.

    Raises:
        StemliftError: as `open_regular`; FILE_CORRUPT when libsndfile refuses it.
    """
    file, _ = open_regular(path)
    with file:
        handle: Any = file.fileno()
        if patches or os.name == "nt":
            handle = _Patched(file, patches)
        try:
            sound = Sequential(handle, closefd=False)
        except soundfile.LibsndfileError as error:
            raise failure(path, error) from error
        try:
            yield sound
        finally:
            sound.close()


def failure(path: Path, error: soundfile.LibsndfileError) -> StemliftError:
    """The typed error for what libsndfile reports."""
    why = (error.error_string or "it cannot be decoded").rstrip(".")
    if error.code == _SYSTEM_ERROR:
        return problems.unreadable(path, why)
    return problems.corrupt(path, why)


def read_blocks(
    sound: Sequential, start: int, dtype: str, total: int | None, frames: int = 65536
) -> Iterator[np.ndarray]:
    """Blocks (at most `frames`, channels) from `start` to the end, as libsndfile scales them.

    Args:
        total: frames of the whole file where they are known. No more are asked for: behind
            the last one there may be a tag that libsndfile takes for a broken frame.
    """
    if start:
        sound.seek(start)
    at = start
    while total is None or at < total:
        count = frames if total is None else min(frames, total - at)
        block: np.ndarray = sound.read(count, dtype=dtype, always_2d=True)
        if not len(block):
            return
        at += len(block)
        yield block
