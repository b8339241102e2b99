"""Writes Broadcast WAV, as RF64 where it grows beyond 4 GiB.

Sources: EBU Tech 3285 (bext), EBU Tech 3306 (RF64), Microsoft's "Multiple Channel Audio
Data and WAVE Files" (WAVE_FORMAT_EXTENSIBLE).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from stemlift.audio.info import Bext
from stemlift.audio.pcm import Encoding, require_block, to_bytes

__all__ = ["RIFF_LIMIT", "BroadcastWavWriter", "Encoding", "with_time_reference"]

RIFF_LIMIT = 0xFFFFFFFF
_DS64_BODY = 28
_TIME_REFERENCE = 338
_TAG_PCM, _TAG_FLOAT, _TAG_EXTENSIBLE = 1, 3, 0xFFFE
# The end of KSDATAFORMAT_SUBTYPE_PCM and _IEEE_FLOAT; the format tag is its beginning.
_SUBTYPE_TAIL = bytes.fromhex("000000001000800000aa00389b71")


class BroadcastWavWriter:
    """A WAV file being written; a context manager.

    The header is complete only after `close`: a file whose writer died says so. Mono and
    stereo without a mask get the plain header that every program reads, the rest
    WAVE_FORMAT_EXTENSIBLE. A chunk is reserved so that the header becomes that of an
    RF64 file when the sizes pass `riff_limit`.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        encoding: Encoding,
        channel_mask: int | None = None,
        bext: Bext | None = None,
        *,
        chunks: Sequence[tuple[bytes, bytes]] = (),
        riff_limit: int = RIFF_LIMIT,
    ) -> None:
        """Create or replace `path`; chunks: others that it has, by name, of an even length.

        Raises OSError when the system refuses.
        """
        self._channels = channels
        self._encoding = encoding
        self._riff_limit = riff_limit
        self._align = channels * encoding.bits // 8
        self._frames = 0
        self._failed = False
        head = bytearray(b"RIFF\0\0\0\0WAVE")
        self._ds64_at = len(head)
        head += _chunk(b"JUNK", bytes(_DS64_BODY))
        if bext is not None:
            # An even length, since libsndfile loses its way behind an odd chunk of an RF64
            # file. The text at the chunk's end may be followed by zeros.
            head += _chunk(b"bext", bext.raw + b"\0" * (len(bext.raw) % 2))
        head += _chunk(b"fmt ", self._format(sample_rate, channel_mask))
        self._fact_at: int | None = None
        if encoding is Encoding.FLOAT:
            self._fact_at = len(head) + 8
            head += _chunk(b"fact", bytes(4))
        for name, body in chunks:
            head += _chunk(name, body)
        self._data_at = len(head)
        head += struct.pack("<4sI", b"data", 0)
        self._file = path.open("wb")
        try:
            self._file.write(head)
        except BaseException:
            self._file.close()
            raise

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
        """Append (frames, channels): int32 on the encoding's own grid, float32 for FLOAT.

        Raises:
            ValueError: the shape, the dtype or a value does not fit; nothing is written.
            OSError: the system cannot write; the file is not to be used.
        """
        require_block(block, self._channels, self._encoding)
        self._file.write(to_bytes(block, self._encoding))
        self._frames += len(block)

    def close(self) -> None:
        """Complete the header and see that all of it is on the disk. Raises OSError."""
        if self._file.closed:
            return
        try:
            if not self._failed:
                self._finish()
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close without completing: the file stays for the caller to remove."""
        self._failed = True
        try:
            self._file.close()
        except OSError:
            # The failure that led here is already on its way to the caller.
            return

    def _finish(self) -> None:
        data_size = self._frames * self._align
        if data_size % 2:
            self._file.write(b"\0")
        riff_size = self._file.tell() - 8
        if riff_size <= self._riff_limit:
            self._put(4, struct.pack("<I", riff_size))
            self._put(self._data_at + 4, struct.pack("<I", data_size))
            if self._fact_at is not None:
                self._put(self._fact_at, struct.pack("<I", self._frames))
            return
        sizes = struct.pack("<QQQI", riff_size, data_size, self._frames, 0)
        self._put(0, struct.pack("<4sI", b"RF64", 0xFFFFFFFF))
        self._put(self._ds64_at, _chunk(b"ds64", sizes))
        self._put(self._data_at + 4, struct.pack("<I", 0xFFFFFFFF))
        if self._fact_at is not None:
            self._put(self._fact_at, struct.pack("<I", min(self._frames, 0xFFFFFFFF)))

    def _put(self, offset: int, data: bytes) -> None:
        self._file.seek(offset)
        self._file.write(data)

    def _format(self, sample_rate: int, channel_mask: int | None) -> bytes:
        bits = self._encoding.bits
        tag = _TAG_FLOAT if self._encoding is Encoding.FLOAT else _TAG_PCM
        extensible = self._channels > 2 or channel_mask is not None
        body = struct.pack(
            "<HHIIHH",
            _TAG_EXTENSIBLE if extensible else tag,
            self._channels,
            sample_rate,
            sample_rate * self._align,
            self._align,
            bits,
        )
        if extensible:
            return body + struct.pack("<HHIH", 22, bits, channel_mask or 0, tag) + _SUBTYPE_TAIL
        return body if tag == _TAG_PCM else body + struct.pack("<H", 0)


def with_time_reference(bext: Bext, frames: int) -> Bext:
    """`bext` of a part of the file that starts `frames` frames later."""
    moved = min(max(bext.time_reference + frames, 0), (1 << 64) - 1)
    raw = bytearray(bext.raw)
    struct.pack_into("<Q", raw, _TIME_REFERENCE, moved)
    return Bext(moved, bytes(raw))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)
