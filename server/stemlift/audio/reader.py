"""Streams the samples of a sound file in blocks, to the sample and bit exact."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile

from stemlift.audio import libav, problems
from stemlift.audio.info import AudioInfo
from stemlift.audio.opening import open_regular
from stemlift.audio.plan import Inspection, LibavPlan, SndfilePlan
from stemlift.audio.probe import inspect
from stemlift.audio.sndfile import failure, open_sound, read_blocks
from stemlift.errors import Reason, StemliftError

BLOCK_FRAMES = 65536


# Times full scale (+180 dBFS). What is larger comes from a fault, and its square would
# overflow in float32.
LARGEST_SAMPLE = 1e9


def open_reader(path: Path, info: AudioInfo | None = None) -> AudioReader:
    """Open `path` for reading. `info`, when given, is what an earlier probe said.

    Raises:
        StemliftError: as `probe.probe`; FILE_CHANGED when `info` no longer fits.
    """
    inspection = inspect(path)
    now = inspection.info
    if info is not None and (info.size, info.modified_ns) != (now.size, now.modified_ns):
        raise problems.changed(path)
    return AudioReader(inspection)


class AudioReader:
    """Reads one sound file, in constant memory and as often as wanted."""

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection
        self._open: list[Generator[np.ndarray, None, None]] = []

    @property
    def info(self) -> AudioInfo:
        return self._inspection.info

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, also under iterators that were not used up."""
        while self._open:
            self._open.pop().close()

    def blocks(
        self, start: int = 0, frames: int | None = None, block_frames: int = BLOCK_FRAMES
    ) -> Iterator[np.ndarray]:
        """`frames` frames from frame `start`, or all to the end, in blocks.

        Blocks are (n, channels), C-contiguous, n = block_frames but for the last: int32 on
        the grid of `info.grid_bits`, float64 for DOUBLE files, else float32. Lossy files
        are decoded from their beginning whatever `start` is, since only that gives the
        same samples every time.

        A cut shows by fewer frames than the header counts. It cannot show in an MP3
        without a Xing or Info frame, in raw AAC (ADTS), CAF, AVI, ASF and fragmented MP4
        and in streams (MPEG-TS, FLAC or Matroska of unknown length), when they were cut
        between two packets. MP3 frames are counted to the last one that is whole: a cut
        in the padding behind the sound takes nothing away and passes.

        Raises:
            StemliftError: RANGE_OUTSIDE when the range does not lie in the file,
                FILE_TRUNCATED, FILE_CORRUPT, SAMPLES_NOT_FINITE, FILE_CHANGED; the last
                four while iterating.
        """
        if block_frames < 1:
            raise ValueError("block_frames must be at least 1")
        self._require_range(start, frames)
        iterator = self._blocks(start, frames, block_frames)
        self._open.append(iterator)
        return iterator

    def _require_range(self, start: int, frames: int | None) -> None:
        total = self.info.frames
        negative = start < 0 or (frames is not None and frames < 0)
        past = total is not None and (start >= total or start + (frames or 0) > total)
        if negative or past:
            raise self._outside(start, frames, total)

    def _outside(self, start: int, frames: int | None, total: int | None) -> StemliftError:
        length = "to its end" if frames is None else f"of {frames} frames"
        holds = "" if total is None else f", which has {total} frames"
        return StemliftError(
            Reason.RANGE_OUTSIDE,
            f"The range {length} from frame {start} lies outside "
            f"{problems.display_name(self.info.path)}{holds}.",
            "Choose a range inside the file.",
        )

    def _blocks(
        self, start: int, frames: int | None, block_frames: int
    ) -> Generator[np.ndarray, None, None]:
        info = self.info
        wanted = frames
        if wanted is None and info.frames is not None:
            wanted = info.frames - start
        if wanted == 0:
            return
        given = 0
        with closing(self._decode(start)) as pieces:
            for block in _cut(pieces, wanted, block_frames):
                self._require_finite(block, start + given)
                given += len(block)
                yield block
        if wanted is None:
            if given == 0 and start == 0:
                raise problems.empty(info.path, "it has a header and no sound")
            if given == 0:
                raise self._outside(start, frames, None)
        elif given < wanted:
            # Without a count in the header only the end of the file tells its length.
            if info.frames is None and given == 0:
                raise self._outside(start, frames, None)
            raise problems.truncated(
                info.path, f"{start + wanted} frames were promised and {start + given} arrived"
            )

    def _decode(self, start: int) -> Generator[np.ndarray, None, None]:
        """Blocks of any length from frame `start` to the end of the file."""
        self._require_unchanged()
        plan = self._inspection.plan
        if isinstance(plan, SndfilePlan):
            return _decode_sndfile(self.info, plan, start)
        return _decode_libav(self.info, plan, start)

    def _require_unchanged(self) -> None:
        file, stamp = open_regular(self.info.path)
        file.close()
        if (stamp.size, stamp.modified_ns) != (self.info.size, self.info.modified_ns):
            raise problems.changed(self.info.path)

    def _require_finite(self, block: np.ndarray, first: int) -> None:
        if np.issubdtype(block.dtype, np.integer):
            return
        # NaN compares as false, too.
        usable = np.abs(block) <= LARGEST_SAMPLE
        if usable.all():
            return
        frame = first + int(np.argmin(usable.all(axis=1)))
        raise StemliftError(
            Reason.SAMPLES_NOT_FINITE,
            f"{problems.display_name(self.info.path)} holds a sample that is no sound "
            f"(NaN, infinity or far beyond full scale) at {frame / self.info.sample_rate:.3f} s.",
            "Find the plug-in that made it, and export the file again.",
        )


def _decode_sndfile(
    info: AudioInfo, plan: SndfilePlan, start: int
) -> Generator[np.ndarray, None, None]:
    grid = info.grid_bits
    dtype = "int32" if grid is not None else "float64" if info.codec == "DOUBLE" else "float32"
    with open_sound(info.path, plan.patches) as sound:
        try:
            pieces = read_blocks(sound, start if plan.seeks else 0, dtype, info.frames)
            for block in pieces if plan.seeks else _drop(pieces, start):
                if grid is not None:
                    # libsndfile left-justifies integers.
                    block >>= 32 - grid
                yield block if plan.order is None else np.ascontiguousarray(block[:, plan.order])
        except soundfile.LibsndfileError as error:
            if info.container == "FLAC" and sound.at_end():
                raise problems.truncated(info.path, "its last frame is missing") from error
            raise failure(info.path, error) from error


def _decode_libav(
    info: AudioInfo, plan: LibavPlan, start: int
) -> Generator[np.ndarray, None, None]:
    with libav.open_stream(info.path, plan.demuxer, plan.options) as stream:
        skip: int | None = None
        for frame in libav.decode(info.path, stream):
            if skip is None:
                skip = start
                if plan.window_start is not None and frame.pts is not None:
                    begins = round(frame.pts * (frame.time_base or 0) * info.sample_rate)
                    skip += max(0, plan.window_start - begins)
            block = libav.to_block(frame, info.depth)
            if skip >= len(block):
                skip -= len(block)
                continue
            yield block[skip:]
            skip = 0


def _drop(pieces: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """`pieces` without their first `count` frames."""
    for piece in pieces:
        if count >= len(piece):
            count -= len(piece)
            continue
        yield piece[count:]
        count = 0


def _cut(
    pieces: Iterator[np.ndarray], wanted: int | None, block_frames: int
) -> Iterator[np.ndarray]:
    """`pieces` as blocks of `block_frames`, at most `wanted` frames in all."""
    waiting: list[np.ndarray] = []
    length = 0
    for whole in pieces:
        piece = whole[:wanted]
        if wanted is not None:
            wanted -= len(piece)
        waiting.append(piece)
        length += len(piece)
        while length >= block_frames:
            joined = np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
            yield np.ascontiguousarray(joined[:block_frames])
            waiting, length = [joined[block_frames:]], length - block_frames
        if wanted == 0:
            break
    if length:
        yield np.ascontiguousarray(np.concatenate(waiting))
