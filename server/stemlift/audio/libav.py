"""FFmpeg through PyAV, fenced in.

Our own sniffing names the one demuxer that may look at a file; FFmpeg gets an open file
instead of a path, so that no name is parsed as an address; every further file or
address that a container asks for is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import av
import av.container
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Discard

from stemlift.audio import problems
from stemlift.audio.flac_header import parse_stream_info
from stemlift.audio.mpeg import frame_length
from stemlift.audio.opening import open_regular
from stemlift.audio.riff import RiffError

_FENCE = {"protocol_whitelist": "file", "format_whitelist": "", "enable_drefs": "0"}
_LOSSLESS = frozenset({"alac", "flac", "wavpack", "tta", "ape", "tak", "mlp", "truehd", "shorten"})
# FFmpeg's channel names in the order of the WAVEFORMATEXTENSIBLE mask bits.
_SPEAKERS = (
    "FL FR FC LFE BL BR FLC FRC BC SL SR TC TFL TFC TFR TBL TBC TBR".split()  # noqa: SIM905
)


class _Unnamed:
    """An open file without its name, which FFmpeg would see."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise PermissionError(f"a sound file may not open {url!r}")


@contextmanager
def open_stream(
    path: Path, demuxer: str, options: dict[str, str] | None = None, index: int = 0
) -> Iterator[AudioStream]:
    """A sound stream of `path`, the first unless `index` says, read by `demuxer` alone.

    Raises:
        StemliftError: as `open_regular`; NOT_AUDIO without a sound stream that can be
            decoded, FILE_CORRUPT when FFmpeg cannot make sense of the file.
    """
    file, _ = open_regular(path)
    fence = _FENCE | {"format_whitelist": demuxer} | (options or {})
    with file:
        try:
            container = av.open(
                _Unnamed(file),
                mode="r",
                format=demuxer,
                container_options=fence,
                metadata_errors="replace",
                io_open=_refuse,
            )
        except (av.error.FFmpegError, EOFError, ValueError) as error:
            raise problems.corrupt(path, _why(error)) from error
        except OSError as error:
            raise problems.unreadable(path, error.strerror or str(error)) from error
        with container:
            yield _sound_stream(path, container, index)


def _sound_stream(path: Path, container: av.container.InputContainer, index: int) -> AudioStream:
    if len(container.streams.audio) <= index:
        raise problems.not_audio(path, "it holds no sound" if not index else "a track is missing")
    stream = container.streams.audio[index]
    context: Any = stream.codec_context
    if context is None or context.format is None or not context.sample_rate:
        raise problems.not_audio(path, "nothing here can decode its sound")
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return stream


def decode(path: Path, stream: AudioStream) -> Iterator[AudioFrame]:
    """The decoded frames of `stream`, in order.

    Raises:
        StemliftError: FILE_CORRUPT where a packet cannot be decoded or the rate or the
            channels change on the way, FILE_UNREADABLE when the system cannot read on.
    """
    context = stream.codec_context
    rate, channels, layout = context.sample_rate, context.layout.nb_channels, context.format.name
    container = stream.container
    assert isinstance(container, av.container.InputContainer)
    try:
        for packet in container.demux(stream):
            if container.format.name == "mp3" and packet.size:
                if not any(memoryview(packet)):
                    # Zeros between or behind the frames are padding.
                    continue
                _require_whole(path, packet)
            for frame in packet.decode():
                assert isinstance(frame, AudioFrame)
                same = (
                    frame.sample_rate == rate
                    and frame.layout.nb_channels == channels
                    and frame.format.name == layout
                )
                if not same:
                    raise problems.corrupt(path, "its rate or its channels change on the way")
                yield frame
    except (av.error.FFmpegError, EOFError, ValueError) as error:
        raise problems.corrupt(path, _why(error)) from error
    except OSError as error:
        raise problems.unreadable(path, error.strerror or str(error)) from error


def _require_whole(path: Path, packet: Packet[AudioStream]) -> None:
    # FFmpeg plays what is there of a frame that the file's end cuts.
    length = frame_length(bytes(memoryview(packet)[:4]))
    if length is not None and length > packet.size:
        raise problems.truncated(path, "its last frame is not whole")


def _why(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"FFmpeg says {text!r}"


def integer_depth(stream: AudioStream) -> int | None:
    """Bits of a losslessly stored integer stream; None for float and lossy ones."""
    context = stream.codec_context
    name, sample = context.name, context.format.name.rstrip("p")
    if sample not in ("u8", "s16", "s32"):
        return None
    if not (name in _LOSSLESS or (name.startswith("pcm_") and "law" not in name)):
        return None
    if sample in ("u8", "s16"):
        return 16
    extra = bytes(context.extradata or b"")
    if name == "alac" and len(extra) >= 18:
        return _rounded(extra[17])
    if name == "flac":
        try:
            return _rounded(parse_stream_info(extra[-34:]).bits)
        except RiffError:
            return 32
    return 24 if "24" in name else 32


def _rounded(bits: int) -> int:
    return next((depth for depth in (16, 24) if bits <= depth), 32)


def speaker_mask(stream: AudioStream) -> int | None:
    """The WAVE mask of a layout of more than two channels, None where it has none."""
    names = [channel.name for channel in stream.codec_context.layout.channels]
    if len(names) <= 2 or any(name not in _SPEAKERS for name in names):
        return None
    places = [_SPEAKERS.index(name) for name in names]
    # In another order than the mask's bits the mask would name the wrong channels.
    return sum(1 << place for place in places) if places == sorted(set(places)) else None


def to_block(frame: AudioFrame, depth: int | None) -> np.ndarray:
    """A decoded frame as (frames, channels): int32 on the grid of `depth`, or float."""
    samples: np.ndarray = frame.to_ndarray()
    channels = frame.layout.nb_channels
    block = samples.T if frame.format.is_planar else samples.reshape(-1, channels)
    if depth is None:
        return _as_float(block)
    if block.dtype == np.uint8:
        return np.ascontiguousarray((block.astype(np.int32) - 128) << 16)
    if block.dtype == np.int16:
        return np.ascontiguousarray(block.astype(np.int32) << 8)
    shift = 8 if depth <= 24 else 0
    return np.ascontiguousarray(block >> shift)


def _as_float(block: np.ndarray) -> np.ndarray:
    if block.dtype == np.uint8:
        return np.ascontiguousarray((block.astype(np.float32) - 128) / 128)
    if np.issubdtype(block.dtype, np.integer):
        scale = float(-np.iinfo(block.dtype).min)
        return np.ascontiguousarray((block / scale).astype(np.float32))
    return np.ascontiguousarray(block)
