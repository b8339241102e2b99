"""Clips that are stretched or pitched as files that play as they are, for DAWs that do neither."""

from __future__ import annotations

import contextlib
import errno
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.naming import job_key, source_name
from stemlift.sessions.files import make_folder
from stemlift.sessions.stretching import Change, Signal, Source, changed, require_stretcher
from stemlift.sessions.timeline import ZERO, Clip, Media, Session, Track

if TYPE_CHECKING:
    from stemlift.audio.reader import AudioReader

FOLDER = "Rendered"
"""Name of the folder beside a session that rendered clips go to."""

_BLOCK = 1 << 16

OnProgress = Callable[[float], None]
"""Called with the share that is done, 0 to 1. What it raises ends the work."""


def render(
    session: Session,
    folder: Path,
    on_progress: OnProgress = lambda _: None,
    *,
    plays: Callable[[Path], bool] = lambda _: True,
) -> Session:
    """The session with each clip that is stretched or pitched as a clip of a file in `folder`.

    plays: whether the DAW can play a file at all; clips of others are rendered, too, as they are.

    The files are 32-bit float WAV at their source's sample rate and have exactly the length of
    their clip: its first frame is theirs. Clips that play as they are stay as they are, and so
    do gains, fades and places. What was rendered before is used again, and never replaced.

    Raises:
        StemliftError: STRETCHING_UNAVAILABLE, what reading a source raises, DISK_FULL,
            OUTPUT_UNWRITABLE. No file is left then.
    """
    asked = [clip for clip in session.clips if not (clip.plain and plays(clip.file))]
    wanted = list(dict.fromkeys(map(_bare, asked)))
    if not wanted:
        return session
    require_stretcher()
    make_folder(folder)
    total = sum((clip.length for clip in wanted), ZERO)
    made: dict[Clip, Media] = {}
    new: list[Path] = []
    done = ZERO
    try:
        for clip in wanted:

            def tell(share: float, clip: Clip = clip, done: Fraction = done) -> None:
                on_progress(float(done + Fraction(share) * clip.length) / float(total))

            made[clip], is_new = _rendered(clip, folder, tell)
            new += [made[clip].file] * is_new
            done += clip.length
    except BaseException:
        for file in new:
            file.unlink(missing_ok=True)
        raise
    on_progress(1.0)
    return session.with_tracks(_with_clips(track, made) for track in session.tracks)


def _bare(clip: Clip) -> Clip:
    """What decides the sound of a clip: clips that differ in the rest share a file."""
    return Clip(
        clip.media,
        ZERO,
        clip.length,
        clip.source_start,
        stretch=clip.stretch,
        pitch=clip.pitch,
        keeps_pitch=clip.keeps_pitch,
    )


def _with_clips(track: Track, made: dict[Clip, Media]) -> Track:
    def played(clip: Clip) -> Clip:
        media = made.get(_bare(clip))
        if media is None:
            return clip
        return replace(
            clip, media=media, source_start=ZERO, stretch=Fraction(1), pitch=0.0, keeps_pitch=True
        )

    return replace(
        track,
        clips=tuple(map(played, track.clips)),
        children=tuple(_with_clips(child, made) for child in track.children),
    )


def _rendered(clip: Clip, folder: Path, on_progress: OnProgress) -> tuple[Media, bool]:
    """The file of a clip, and whether it is new."""
    # On demand: they bring decoders.
    from stemlift.audio.pcm import Encoding
    from stemlift.audio.reader import open_reader
    from stemlift.audio.wav_writer import BroadcastWavWriter

    scratch = folder / f".{uuid.uuid4().hex}.part"
    rate = clip.media.sample_rate
    frames = max(1, round(clip.length * rate))
    try:
        with open_reader(clip.file) as reader:
            info = reader.info
            target = _place(folder, clip)
            found = Media(target, rate, info.channels, frames)
            if target.exists():
                return found, False
            source = Source(_Reading(reader), round(clip.source_start * rate), rate, info.channels)
            with BroadcastWavWriter(scratch, rate, info.channels, Encoding.FLOAT) as writer:
                sound = _as_it_is(source, frames) if clip.plain else _changed(source, clip, frames)
                for block in sound:
                    writer.write(np.ascontiguousarray(block, dtype=np.float32))
                    on_progress(writer.frames / frames)
        scratch.replace(target)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise StemliftError(
            Reason.DISK_FULL if full else Reason.OUTPUT_UNWRITABLE,
            f"{clip.file} cannot be rendered to {folder}: {error.strerror or error}.",
            "Free some space, or write the session elsewhere.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()
    return found, True


def _as_it_is(source: Source, frames: int) -> Iterator[Signal]:
    for first in range(0, frames, _BLOCK):
        yield source.read(source.start + first, min(_BLOCK, frames - first))


def _changed(source: Source, clip: Clip, frames: int) -> Iterator[Signal]:
    pitch = 2 ** (clip.pitch / 12)
    change = Change(clip.stretch, pitch if clip.keeps_pitch else pitch * float(clip.stretch))
    return changed(source, change, frames)


def _place(folder: Path, clip: Clip) -> Path:
    """Where a clip is rendered to. The name ends with a key of all that decides its sound."""
    status = clip.file.stat()
    key = job_key(
        clip.file.absolute(),
        status.st_size,
        status.st_mtime_ns,
        clip.source_start,
        clip.length,
        clip.stretch,
        clip.pitch,
        clip.keeps_pitch,
    )
    pitch = f" {clip.pitch:+g} st" if clip.pitch else ""
    return folder / f"{source_name(str(clip.file))} {float(clip.stretch):.4f}x{pitch} {key}.wav"


class _Reading:
    """Frames of a file as float32 of full scale 1, silence outside it."""

    def __init__(self, reader: AudioReader) -> None:
        self._reader = reader
        bits = reader.info.grid_bits
        self._scale = 1.0 if bits is None else 2.0 ** (1 - bits)

    def __call__(self, start: int, frames: int) -> Signal:
        info = self._reader.info
        out = np.zeros((frames, info.channels), np.float32)
        total = start + frames if info.frames is None else info.frames
        first, last = max(start, 0), min(start + frames, total)
        at = first - start
        if last > first:
            for block in self._reader.blocks(first, last - first):
                # An integer of 32 bits passes through doubles, for floats hold 24 of them.
                out[at : at + len(block)] = block if self._scale == 1.0 else block * self._scale
                at += len(block)
        return out
