"""A stem file in the making: from the first sample on what it will be, while that holds.

An integer source gives integer stems, unless one of them passes full scale: then all become
float files. That shows when it happens; only what was written until then is written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import soundfile

from stemlift.audio.flac_writer import FlacWriter
from stemlift.audio.levels import LevelMeter
from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding
from stemlift.errors import Reason, StemliftError
from stemlift.separation.mix import BLOCK
from stemlift.separation.options import OutputFormat
from stemlift.separation.outputs import FileLayout

_WIDE = {Encoding.PCM_24: "<i4", Encoding.PCM_32: "<i8"}
"""Integers with room above full scale, until it is known what becomes of them."""


class StemDraft:
    """One stem while it is written, with its levels.

    Args:
        path: what it is written to; another file beside it, too, where it passes full scale.
    """

    def __init__(self, path: Path, layout: FileLayout) -> None:
        self.path = path
        self.meter = LevelMeter()
        self._layout = layout
        self._exact = exact_encoding(layout)
        self._writer = _writer(path, layout, self._exact)
        self._wide: IO[bytes] | None = None

    @property
    def fits(self) -> bool:
        """Whether it has stayed within full scale."""
        return self._wide is None

    def write(self, block: npt.NDArray[Any]) -> None:
        """Append (frames, channels): int64 on the grid, or float32.

        Raises:
            StemliftError: FORMAT_CANNOT_HOLD where FLAC cannot keep the samples.
        """
        if self._exact is Encoding.FLOAT:
            self.meter.update(block)
            self._writer.write(block)
            return
        full = 1 << (self._exact.bits - 1)
        lowest, highest = int(block.min()), int(block.max())
        if self._wide is None and (lowest < -full or highest >= full):
            self._widen()
        if self._wide is not None:
            held = np.iinfo(_WIDE[self._exact])
            if lowest < held.min or highest > held.max:
                block = np.clip(block, held.min, held.max)
            self._wide.write(np.ascontiguousarray(block, dtype=_WIDE[self._exact]).data)
        else:
            self._writer.write(block.astype(np.int32))
        self.meter.update(block / full)

    def close(self) -> None:
        """Leave it as it is, unfinished where `finish` was not called."""
        self._writer.abandon()
        if self._wide is not None:
            self._wide.close()

    def finish(self, encoding: Encoding, advance: Callable[[int], None]) -> None:
        """Complete the file and flush it to the disk.

        Args:
            encoding: as `settle_encoding` says.
            advance: called with the frames of each block that is written anew, before it is;
                what it raises leaves an unfinished file.
        """
        self._writer.close()
        if encoding is self._exact:
            return
        source = self._aside
        if self._wide is None:
            self.path.rename(source)
        else:
            self._wide.close()
        with _writer(self.path, self._layout, encoding) as writer:
            for block in self._blocks(source):
                advance(len(block))
                writer.write((block * 0.5 ** (self._exact.bits - 1)).astype(np.float32))
        source.unlink()

    @property
    def _aside(self) -> Path:
        return self.path.with_suffix(".aside")

    def _widen(self) -> None:
        """Go on with integers that have room, what was written until now included."""
        if self._layout.format is OutputFormat.FLAC:
            raise StemliftError(
                Reason.FORMAT_CANNOT_HOLD,
                "A stem passes full scale, and FLAC cannot hold that without changing its level.",
                "Use --format wav, which becomes 32-bit float.",
            )
        self._writer.close()
        self._wide = self._aside.open("wb")
        for block in _integers(self.path, self._exact):
            self._wide.write(block.astype(_WIDE[self._exact]).data)
        self.path.unlink()

    def _blocks(self, source: Path) -> Iterator[npt.NDArray[Any]]:
        """The samples again, (frames, channels), integers on the grid."""
        if self._wide is None:
            yield from _integers(source, self._exact)
            return
        width, kind = self._layout.channels, np.dtype(_WIDE[self._exact])
        with source.open("rb") as file:
            while data := file.read(BLOCK * width * kind.itemsize):
                yield np.frombuffer(data, dtype=kind).reshape(-1, width)


def exact_encoding(layout: FileLayout) -> Encoding:
    """What holds every sample within full scale as it is."""
    if layout.grid_bits is None:
        return Encoding.FLOAT
    return Encoding.PCM_24 if layout.grid_bits == 24 else Encoding.PCM_32


def settle_encoding(layout: FileLayout, drafts: Iterable[StemDraft]) -> Encoding:
    """Integers where the source has them and every stem stays within full scale."""
    return exact_encoding(layout) if all(draft.fits for draft in drafts) else Encoding.FLOAT


def _integers(path: Path, encoding: Encoding) -> Iterator[npt.NDArray[np.int32]]:
    """What a WAV file of ours holds, (frames, channels)."""
    with soundfile.SoundFile(path) as file:
        while len(block := file.read(BLOCK, dtype="int32", always_2d=True)):
            # libsndfile gives integers left-justified.
            yield block >> (32 - encoding.bits)


def _writer(path: Path, layout: FileLayout, encoding: Encoding) -> BroadcastWavWriter | FlacWriter:
    if layout.format is OutputFormat.FLAC:
        return FlacWriter(path, layout.sample_rate, layout.channels)
    return BroadcastWavWriter(
        path, layout.sample_rate, layout.channels, encoding, layout.channel_mask, layout.bext
    )
