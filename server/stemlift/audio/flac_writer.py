"""Writes FLAC of 24 bits."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import soundfile

from stemlift.audio.pcm import Encoding, require_block

MAX_CHANNELS = 8


class _Sink:
    """The file as libsndfile sees it.

    libsndfile calls back through C, where an exception would get lost, so the first one
    is kept here for the writer to raise.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        if self.error is not None:
            return 0
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            return 0

    def read(self, count: int) -> bytes:
        return self._file.read(count)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            # A buffered file writes what it holds before it moves.
            return self._file.seek(offset, whence)
        except OSError as error:
            self.error = self.error or error
            return -1

    def tell(self) -> int:
        return self._file.tell()


class FlacWriter:
    """A FLAC file being written; a context manager, as `BroadcastWavWriter`.

    FLAC has no speaker mask of its own: its channels have the places of
    `flac_header.DEFAULT_MASKS`. It has neither float nor bext.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        """Create or replace `path`.

        Raises:
            ValueError: more than eight channels.
            OSError: the system refuses.
        """
        if not 1 <= channels <= MAX_CHANNELS:
            raise ValueError(f"FLAC holds 1 to {MAX_CHANNELS} channels, not {channels}")
        self._channels = channels
        self._frames = 0
        self._failed = False
        self._file = path.open("w+b")
        self._sink = _Sink(self._file)
        try:
            self._sound = soundfile.SoundFile(
                self._sink, "w", sample_rate, channels, subtype="PCM_24", format="FLAC"
            )
        except soundfile.LibsndfileError as error:
            self._file.close()
            raise self._sink.error or OSError(error.error_string) from error

    @property
    def frames(self) -> int:
        """Frames written so far."""
        return self._frames

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.abandon()
        self.close()

    def write(self, block: np.ndarray) -> None:
        """Append (frames, channels) int32 on the 24-bit grid.

        Raises:
            ValueError: the shape, the dtype or a value does not fit; nothing is written.
            OSError: the system cannot write; the file is not to be used.
        """
        require_block(block, self._channels, Encoding.PCM_24)
        if not len(block):
            return
        try:
            # libsndfile takes integers left-justified.
            self._sound.write(np.ascontiguousarray(block << 8))
        except (soundfile.LibsndfileError, AssertionError) as error:
            # soundfile asserts that all was taken.
            raise self._sink.error or OSError(f"FLAC could not be written: {error}") from error
        if self._sink.error is not None:
            raise self._sink.error
        self._frames += len(block)

    def close(self) -> None:
        """Complete the file and see that all of it is on the disk. Raises OSError."""
        if self._file.closed:
            return
        try:
            self._close_sound()
            if self._failed:
                return
            if self._sink.error is not None:
                raise self._sink.error
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close without completing: the file stays for the caller to remove."""
        self._failed = True
        try:
            self.close()
        except OSError:
            # The failure that led here is already on its way to the caller.
            return

    def _close_sound(self) -> None:
        try:
            self._sound.close()
        except soundfile.LibsndfileError as error:
            if not self._failed:
                raise self._sink.error or OSError(error.error_string) from error
