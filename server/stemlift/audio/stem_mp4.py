"""Writes Native Instruments stem files, `.stem.mp4`, and reads their tracks."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import av.container
import av.error
import numpy as np
from av.audio.stream import AudioStream

from stemlift.audio import libav, problems
from stemlift.audio.stem_box import STEMS, append_stem_box, read_stem_box
from stemlift.audio.stem_parts import StemParts
from stemlift.errors import Reason, StemliftError

__all__ = ["StemCodec", "read_stem_box", "track_blocks", "write_stem_mp4"]

SUFFIX = ".stem.mp4"
AAC_BITS_PER_SECOND = 256_000
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_TRACKS = ("Mix", *(stem.name for stem in STEMS))


class StemCodec(StrEnum):
    """How the tracks are stored.

    AAC: lossy, 256 kbit/s a track, read by every player of stem files. FFmpeg's encoder
        turns down the moments that pass 95 % of full scale (0.3 dB at full scale).
    ALAC: lossless, 24 bits; some players on Windows do not read it.
    """

    AAC = "aac"
    ALAC = "alac"

    @property
    def sample_format(self) -> str:
        """What FFmpeg's encoder takes; ALAC's 24 bits lie at the upper end of 32."""
        return "fltp" if self is StemCodec.AAC else "s32p"


def write_stem_mp4(
    path: Path,
    mix: Path,
    stems: Mapping[str, Path],
    *,
    codec: StemCodec = StemCodec.AAC,
    title: str = "",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write `path`: the mix, drums, bass, what is left of the mix, vocals.

    `stem_parts` tells how a set of stems becomes these five, at which rate. AAC begins and
    ends with samples of the encoder's own; the file's edit lists, in units of samples, say
    where the sound is, so that it starts at the sample. Memory is constant but for FFmpeg's
    index of packets: 1.5 MB for a minute in AAC, 0.3 MB in ALAC.

    The file appears whole or not at all, in place of one that was there.

    Args:
        stems: by the names that models give them; the order does not matter.
        codec: ALAC wants integers of at most 24 bits at 44.1 or 48 kHz, and keeps them.
        title: for players to show.
        progress: called with the frames written so far. What it raises ends the writing.

    Raises:
        StemliftError: as `StemParts` and `AudioReader.blocks`; FORMAT_CANNOT_HOLD when ALAC
            cannot hold the stems; DISK_FULL, OUTPUT_UNWRITABLE, WRITE_FAILED.
    """
    with StemParts(mix, stems) as parts:
        if codec is StemCodec.ALAC and not parts.whole:
            raise _cannot_hold(mix, "are not integers of 24 bits at 44.1 or 48 kHz")
        scratch = path.with_name(f".stemlift-{secrets.token_hex(8)}.part")
        try:
            with scratch.open("w+b") as file:
                _encode(file, parts, codec, title, progress, mix)
                append_stem_box(file)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except (OSError, av.error.FFmpegError) as error:
            raise _write_error(path, error) from error
        finally:
            with suppress(OSError):
                scratch.unlink()


def track_blocks(path: Path, track: int) -> Iterator[np.ndarray]:
    """The samples of one track of a stem file, 0 the mix, as blocks (frames, 2).

    float32 for AAC, int32 on the 24-bit grid for ALAC. What the file's edit list leaves out
    is left out; without one it is all that was stored.

    Raises:
        StemliftError: NOT_AUDIO without such a track; as `read_stem_box`, `libav.decode`.
    """
    box = read_stem_box(path)
    known = box.tracks[track] if box is not None and track < len(box.tracks) else None
    # FFmpeg applies an edit list's start and not its end.
    options = {"ignore_editlist": "1"} if known else {}
    with libav.open_stream(path, "mov", options, track) as stream:
        rate, depth = stream.codec_context.sample_rate, libav.integer_depth(stream)
        skip, left = None, known.length * rate // known.timescale if known else None
        for frame in libav.decode(path, stream):
            if skip is None:
                start = known.start * rate // known.timescale if known else 0
                begins = round((frame.pts or 0) * (frame.time_base or 0) * rate)
                skip = max(0, start - begins)
            block = libav.to_block(frame, depth)[skip:]
            skip = max(0, skip - frame.samples)
            block = block if left is None else block[:left]
            left = None if left is None else left - len(block)
            if len(block):
                yield block


def _encode(
    file: IO[bytes],
    parts: StemParts,
    codec: StemCodec,
    title: str,
    progress: Callable[[int], None] | None,
    mix: Path,
) -> None:
    options = {
        # What players know stem files by; the edit lists count in this clock.
        "brand": "M4A ",
        "movie_timescale": str(parts.rate),
        # No versions of libraries: the same sound gives the same bytes.
        "fflags": "+bitexact",
    }
    written = 0
    output = av.open(file, "w", format="mp4", container_options=options)
    try:
        if title:
            # A file name may hold bytes that are no text.
            output.metadata["title"] = title.encode("utf-8", "replace").decode()
        streams = [_add_track(output, codec, parts.rate, name) for name in _TRACKS]
        for blocks in parts.blocks():
            for stream, block in zip(streams, blocks, strict=True):
                frame = _frame(block, codec, parts.rate, written, mix)
                output.mux(stream.encode(frame))
            written += len(blocks[0])
            if progress is not None:
                progress(written)
        for stream in streams:
            output.mux(stream.encode(None))
    except BaseException:
        # Closing writes the index, which fails again where writing failed; what is on its
        # way to the caller says why.
        with suppress(OSError, av.error.FFmpegError):
            output.close()
        raise
    output.close()


def _add_track(
    output: av.container.OutputContainer, codec: StemCodec, rate: int, name: str
) -> AudioStream:
    options = {"flags": "+bitexact"}
    stream = output.add_stream(codec.value, rate=rate, options=options, layout="stereo")
    context: Any = stream.codec_context
    context.format = codec.sample_format
    if codec is StemCodec.AAC:
        context.bit_rate = AAC_BITS_PER_SECOND
    stream.metadata["handler_name"] = name
    return stream


def _frame(block: np.ndarray, codec: StemCodec, rate: int, start: int, mix: Path) -> av.AudioFrame:
    if codec is StemCodec.ALAC:
        if block.min() < -(1 << 23) or block.max() >= 1 << 23:
            raise _cannot_hold(mix, "pass full scale")
        block = block.astype(np.int32) << 8
    elif np.issubdtype(block.dtype, np.integer):
        block = (block / float(1 << 23)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(block.T), format=codec.sample_format, layout="stereo"
    )
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame


def _cannot_hold(mix: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FORMAT_CANNOT_HOLD,
        f"ALAC cannot hold the stems of {problems.display_name(mix)}: they {why}.",
        "Use AAC for this stem file.",
    )


def _write_error(path: Path, error: Exception) -> StemliftError:
    name, code = problems.display_name(path), getattr(error, "errno", None)
    if code in _FULL:
        return StemliftError(
            Reason.DISK_FULL,
            f"There was no room left for {name}.",
            "Free some space, then start again.",
        )
    why = getattr(error, "strerror", None) or str(error)
    if code in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR):
        return StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{name} cannot be written: {why}.",
            "Close it in other programs, or choose another folder.",
        )
    return StemliftError(
        Reason.WRITE_FAILED,
        f"Writing {name} failed: {why}.",
        "Check that the drive is connected and healthy, then start again.",
    )
