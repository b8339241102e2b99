"""What is known of a sound file before a sample of it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bext:
    """The Broadcast WAV `bext` chunk (EBU Tech 3285).

    time_reference: samples since midnight at the file's rate.
    raw: the chunk's body as read, so that fields we do not name survive.
    """

    time_reference: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """A sound file, probed.

    container: "WAV", "RF64", "AIFF", "FLAC", "OGG", "MP3", "MP4", "MATROSKA", …
    codec: "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "VORBIS", "aac", …
    frames: exact where the container tells, otherwise None until it is decoded.
    depth: bits of an integer source (24 for 20-bit, 16 for 8-bit files), None for
        float and lossy sources.
    channel_mask: WAVEFORMATEXTENSIBLE speaker mask, None where the file has none.
    size, modified_ns: of the file when probed, to notice a file that changes.
    """

    path: Path
    container: str
    codec: str
    sample_rate: int
    channels: int
    frames: int | None
    depth: int | None
    channel_mask: int | None
    bext: Bext | None
    size: int
    modified_ns: int

    @property
    def grid_bits(self) -> int | None:
        """Depth of the integer grid that stems of this source lie on: 24 or 32.

        None for float and lossy sources.
        """
        if self.depth is None:
            return None
        return 24 if self.depth <= 24 else 32
