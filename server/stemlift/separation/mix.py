"""The mix as the job sees it: the range of the file, its channels mapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stemlift.audio.channels import (
    ChannelGroup,
    ChannelMap,
    MappedLayout,
    channel_groups,
    map_channels,
    mapped_layout,
)
from stemlift.audio.info import AudioInfo
from stemlift.audio.probe import probe
from stemlift.audio.problems import changed, display_name, unopenable
from stemlift.audio.reader import open_reader
from stemlift.errors import Reason, StemliftError

Block = npt.NDArray[Any]
Audio = npt.NDArray[np.float32]

BLOCK = 65536
# Each pair of channels has a separation of its own, and all of them run at once.
MOST_CHANNELS = 32


@dataclass(frozen=True, slots=True)
class Mix:
    """A range of a sound file with its channels mapped.

    frames: length of the range at the file's rate; None runs to the end of a file whose
        length is known only when it is decoded.
    layout: channels, speaker mask and integer grid after the channel map.
    """

    info: AudioInfo
    start_frame: int
    frames: int | None
    channel_map: ChannelMap
    layout: MappedLayout

    @property
    def sample_rate(self) -> int:
        return self.info.sample_rate

    @property
    def grid_bits(self) -> int | None:
        return self.layout.grid_bits

    def groups(self) -> tuple[ChannelGroup, ...]:
        return channel_groups(self.layout.channels, self.layout.channel_mask)

    def blocks(self) -> Iterator[Block]:
        """(frames, channels) blocks: int32 on the grid, or float32/float64.

        Raises:
            StemliftError: as `audio.reader`; FILE_CHANGED where the file is not the one
                that was probed.
        """
        check_unchanged(self.info)
        with open_reader(self.info.path, self.info) as reader:
            for block in reader.blocks(self.start_frame, self.frames, BLOCK):
                yield map_channels(block, self.info.grid_bits, self.channel_map, self.grid_bits)

    def float_blocks(self) -> Iterator[Audio]:
        """(frames, channels) float32 blocks, full scale 1.0."""
        for block in self.blocks():
            yield to_float(block, self.grid_bits)


def to_float(block: Block, grid_bits: int | None) -> Audio:
    """Scale grid integers to full scale 1.0; exact for grids of 24 bits."""
    if grid_bits is None:
        return block.astype(np.float32, copy=False)
    return (block * (0.5 ** (grid_bits - 1))).astype(np.float32)


def check_unchanged(info: AudioInfo) -> None:
    """Raises StemliftError (FILE_CHANGED) unless the file is still the one probed."""
    try:
        now = info.path.stat()
    except OSError as error:
        raise unopenable(info.path, error) from error
    if (now.st_size, now.st_mtime_ns) != (info.size, info.modified_ns):
        raise changed(info.path)


@dataclass(frozen=True, slots=True)
class Range:
    """A wish for a part of a file, in frames, or in seconds where the frames are 0.

    frames, duration_seconds: 0 runs to the end.
    """

    start_frame: int = 0
    frames: int = 0
    start_seconds: float = 0.0
    duration_seconds: float = 0.0


# Beyond any file, and still an integer that every place of the program can hold.
_FARTHEST = 2**53


def _to_frames(seconds: float, rate: int) -> int:
    return round(min(seconds * rate, _FARTHEST))


def open_mix(path: Path, wish: Range, channel_map: ChannelMap) -> tuple[Mix, list[str]]:
    """Probe the file and settle the range; returns warnings for the user, too.

    Raises:
        StemliftError: as `audio.probe`; RANGE_OUTSIDE, CHANNEL_MAP_INVALID.
    """
    info = probe(path)
    start = wish.start_frame or _to_frames(wish.start_seconds, info.sample_rate)
    frames: int | None = wish.frames or _to_frames(wish.duration_seconds, info.sample_rate) or None
    if wish.duration_seconds > 0 and frames is None:
        frames = 1
    warnings = []
    if info.frames is not None:
        if start >= info.frames:
            raise StemliftError(
                Reason.RANGE_OUTSIDE,
                f"The range starts at {start / info.sample_rate:.3f} s, but {path} ends at "
                f"{info.frames / info.sample_rate:.3f} s.",
                "Choose a start inside the file.",
            )
        if frames is not None and start + frames > info.frames:
            frames = info.frames - start
            warnings.append(
                f"The range was longer than the file and ends with it: {frames} frames."
            )
        frames = info.frames - start if frames is None else frames
    layout = mapped_layout(info, channel_map)
    if layout.channels > MOST_CHANNELS:
        raise StemliftError(
            Reason.CHANNEL_MAP_INVALID,
            f"{display_name(path)} has {layout.channels} channels, and at most {MOST_CHANNELS} "
            "can be separated at once.",
            "Choose a pair or a single one of them.",
        )
    return Mix(info, start, frames, channel_map, layout), warnings
