"""Looks at a sound file without decoding it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stemlift.audio import libav, mpeg, ogg, problems
from stemlift.audio.aiff import read_aiff
from stemlift.audio.flac_header import read_flac_header
from stemlift.audio.info import AudioInfo, Bext
from stemlift.audio.mp4 import SoundTrack, read_mp4
from stemlift.audio.opening import Stamp, open_regular, read_at
from stemlift.audio.plan import Inspection, LibavPlan, SndfilePlan
from stemlift.audio.riff import UNKNOWN_SIZE, Riff, RiffError, read_riff
from stemlift.audio.sndfile import Patches, open_sound
from stemlift.audio.sniff import Sniffed, sniff
from stemlift.audio.w64 import read_wave64
from stemlift.errors import Reason, StemliftError

LOWEST_RATE = 8_000
HIGHEST_RATE = 192_000
_INTEGER_DEPTHS = {"PCM_U8": 16, "PCM_S8": 16, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_UNCOMPRESSED = frozenset({*_INTEGER_DEPTHS, "FLOAT", "DOUBLE", "ULAW", "ALAW"})


@dataclass(frozen=True, slots=True)
class _Header:
    """What our own reading of a libsndfile container found out.

    promised_frames: None where libsndfile's own count is to be taken; -1 where the
        length is unknown until the file is decoded.
    """

    promised_frames: int | None = None
    channel_mask: int | None = None
    bext: Bext | None = None
    patches: Patches = ()
    order: tuple[int, ...] | None = None


_UNKNOWN_LENGTH = -1


def probe(path: Path) -> AudioInfo:
    """What there is to know of `path` before a sample is read.

    `frames` is exact for WAV, AIFF, FLAC with a total, Ogg, MP4 without fragments and MP3
    with a Xing or Info frame, and None otherwise. A WAV whose header was never finished
    (a recorder that crashed, a stream) counts to the end of the file.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE, FILE_EMPTY, FILE_TRUNCATED,
            NOT_AUDIO, FILE_CORRUPT, RATE_UNSUPPORTED.
    """
    return inspect(path).info


def inspect(path: Path) -> Inspection:
    """`probe`, and how to read the file. Raises as `probe` does."""
    file, stamp = open_regular(path)
    with file:
        try:
            if stamp.size == 0:
                raise problems.empty(path, "it has no bytes")
            kind = sniff(file)
            if kind is None:
                raise problems.not_audio(path, "its first bytes are those of no known format")
            if kind.demuxer is not None:
                return _inspect_libav(path, file, stamp, kind, kind.demuxer)
            header = _read_header(path, file, stamp, kind)
        except RiffError as error:
            raise problems.corrupt(path, str(error)) from error
        except OSError as error:
            raise problems.unopenable(path, error) from error
    return _inspect_sndfile(path, stamp, kind, header)


def _read_header(path: Path, file: BinaryIO, stamp: Stamp, kind: Sniffed) -> _Header:
    if kind.container in ("WAV", "RF64", "BW64"):
        return _wav_header(path, read_riff(file, stamp.size), stamp.size)
    if kind.container == "AIFF":
        aiff = read_aiff(file, stamp.size)
        if aiff.frames and (aiff.sound_end is None or aiff.sound_end > stamp.size):
            raise problems.truncated(path, "its header promises more sound than there is")
        return _Header(aiff.frames)
    if kind.container == "W64":
        wave = read_wave64(file, stamp.size)
        if wave.data_offset + wave.data_size > stamp.size:
            raise problems.truncated(path, "its header promises more sound than there is")
        return _Header(wave.data_size // wave.block_align, wave.channel_mask)
    if kind.container == "FLAC":
        flac = read_flac_header(file, kind.offset)
        frames = _UNKNOWN_LENGTH if flac.frames is None else flac.frames
        return _Header(frames, flac.channel_mask)
    return _ogg_header(path, file, stamp.size)


def _wav_header(path: Path, riff: Riff, size: int) -> _Header:
    data = riff.data
    patches: list[tuple[int, bytes]] = []
    if riff.form == b"BW64":
        # libsndfile does not know the name; the layout is that of RF64.
        patches.append((0, b"RF64"))
    if riff.form != b"RIFF":
        # In these files libsndfile does not expect the pad byte behind an odd chunk.
        patches += [
            (at, struct.pack("<I", odd + 1)) for at, odd in riff.odd_chunks if odd < UNKNOWN_SIZE
        ]
    rest = size - data.offset
    length = rest if data.size is None else data.size
    if length > rest:
        raise problems.truncated(
            path, f"its header promises {length} bytes of sound and there are {max(rest, 0)}"
        )
    if data.size is None:
        offset, width = data.size_field
        # libsndfile takes the size 0 at its word, and the largest for "to the end".
        value = struct.pack("<I", UNKNOWN_SIZE) if width == 4 else struct.pack("<Q", rest)
        patches.append((offset, value))
    return _Header(
        length // riff.format.block_align, riff.format.channel_mask, riff.bext, (*patches,)
    )


def _ogg_header(path: Path, file: BinaryIO, size: int) -> _Header:
    if not ogg.ends_properly(file, size):
        raise problems.truncated(path, "its last page is missing")
    start = ogg.read_ogg_start(file)
    place = read_at(file, 0, 128).find(b"OpusHead" if start.codec == "OPUS" else b"\x01vorbis")
    channels = read_at(file, place + (9 if start.codec == "OPUS" else 11), 1)
    known = ogg.wave_order(channels[0]) if channels and start.ordered else None
    order, mask = known if known is not None else (None, None)
    return _Header(channel_mask=mask, order=order)


def _inspect_sndfile(path: Path, stamp: Stamp, kind: Sniffed, header: _Header) -> Inspection:
    with open_sound(path, header.patches) as sound:
        codec, rate, channels = sound.subtype, sound.samplerate, sound.channels
        counted: int = sound.frames
    exact = header.promised_frames is not None and codec in _UNCOMPRESSED
    frames: int | None = header.promised_frames if exact else counted
    if header.promised_frames == _UNKNOWN_LENGTH:
        frames = None
    _require_sound(path, rate, frames)
    # Pad bytes may make libsndfile count a frame more, but never less.
    if exact and frames is not None and counted < frames:
        raise problems.corrupt(path, "its header contradicts itself about its length")
    order = header.order if header.order and len(header.order) == channels else None
    info = AudioInfo(
        path=path,
        container=kind.container,
        codec=codec,
        sample_rate=rate,
        channels=channels,
        frames=frames,
        depth=_INTEGER_DEPTHS.get(codec),
        channel_mask=header.channel_mask,
        bext=header.bext,
        size=stamp.size,
        modified_ns=stamp.modified_ns,
    )
    return Inspection(info, SndfilePlan(header.patches, order, seeks=codec in _UNCOMPRESSED))


def _inspect_libav(
    path: Path, file: BinaryIO, stamp: Stamp, kind: Sniffed, demuxer: str
) -> Inspection:
    track: SoundTrack | None = None
    if demuxer == "mov":
        movie = read_mp4(file, stamp.size)
        if movie.cut_short:
            raise problems.truncated(path, "one of its boxes runs past the end of the file")
        track = movie.track
    elif demuxer == "matroska" and _matroska_cut_short(file, stamp.size):
        raise problems.truncated(path, "its segment runs past the end of the file")
    with libav.open_stream(path, demuxer) as stream:
        context = stream.codec_context
        rate = context.sample_rate
        frames, window_start = _mp4_window(track, rate, stream.container.metadata)
        if stream.duration and stream.time_base:
            told = round(stream.duration * stream.time_base * rate)
            frames = told if _is_count(told, file, kind, demuxer) else frames
        info = AudioInfo(
            path=path,
            container=kind.container,
            codec="DOUBLE" if context.name.startswith("pcm_f64") else context.name,
            sample_rate=rate,
            channels=context.layout.nb_channels,
            frames=frames,
            depth=libav.integer_depth(stream),
            channel_mask=libav.speaker_mask(stream),
            bext=None,
            size=stamp.size,
            modified_ns=stamp.modified_ns,
        )
    _require_sound(path, rate, frames)
    return Inspection(info, LibavPlan(demuxer, window_start))


def _mp4_window(
    track: SoundTrack | None, rate: int, tags: dict[str, str]
) -> tuple[int | None, int | None]:
    """Frames to hear and the first of them on the stream's clock; None, None if unknown."""
    if track is None or rate % track.timescale:
        return None, None
    factor = rate // track.timescale
    start, length = track.start * factor, track.length * factor
    # iTunes: "00000000 <priming> <padding> <frames> …", all hexadecimal.
    words = tags.get("iTunSMPB", "").split()
    try:
        priming, heard = int(words[1], 16), int(words[3], 16)
    except (IndexError, ValueError):
        return length, start
    if not track.has_edit and 0 <= priming < length:
        start, length = priming, length - priming
    return (min(length, heard) if heard > 0 else length), start


def _is_count(frames: int, file: BinaryIO, kind: Sniffed, demuxer: str) -> bool:
    """Whether FFmpeg's duration is a count in the header, and no estimate of its own."""
    if demuxer == "mp3":
        return frames in mpeg.counted_lengths(_first_frame(file, kind.offset))
    if demuxer == "au":
        return read_at(file, 8, 4) != b"\xff\xff\xff\xff"
    return demuxer in ("wv", "tta", "ape")


def _first_frame(file: BinaryIO, offset: int) -> bytes:
    return read_at(file, offset, 65536).lstrip(b"\0")[:512]


def _matroska_cut_short(file: BinaryIO, size: int) -> bool:
    """Whether the first segment's size, where it is known, is more than there is."""
    head = read_at(file, 0, 4096)
    at = head.find(b"\x18\x53\x80\x67")
    if at < 0 or at + 12 > len(head) or head[at + 4] == 0:
        return False
    width = 9 - head[at + 4].bit_length()
    value = int.from_bytes(head[at + 4 : at + 4 + width], "big") & (1 << 7 * width) - 1
    unknown = (1 << 7 * width) - 1
    return value != unknown and at + 4 + width + value > size


def _require_sound(path: Path, rate: int, frames: int | None) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise StemliftError(
            Reason.RATE_UNSUPPORTED,
            f"{problems.display_name(path)} has a sample rate of {rate} Hz.",
            "Convert it to a rate from 8 kHz to 192 kHz.",
        )
    if frames == 0:
        raise problems.empty(path, "it has a header and no sound")
