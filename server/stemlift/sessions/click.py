"""A click in a song's tempo, as a sound file: it sounds the same in every DAW."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.naming import job_key, source_name
from stemlift.sessions.files import make_folder
from stemlift.sessions.timeline import ZERO, Media, Seconds, TempoPoint

_LENGTH = Fraction(4, 100)
_BEAT_HZ, _BAR_HZ = 1000.0, 1500.0
_PEAK = 0.5
_BLOCK_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Beat:
    """first: of its bar."""

    position: Seconds
    first: bool


def beats(tempo: Sequence[TempoPoint], end: Seconds) -> Iterator[Beat]:
    """The beats before `end`, as the time signature counts them: in 6/8 quavers.

    Bars are counted from the start, and anew where the signature changes, as DAWs do.
    """
    points = [p for p in tempo if p.position < end]
    left = ZERO
    count = 0
    signature: tuple[int, int] | None = None
    for number, point in enumerate(points):
        start = ZERO if number == 0 else point.position
        stop = points[number + 1].position if number + 1 < len(points) else end
        if signature != (point.numerator, point.denominator):
            signature = (point.numerator, point.denominator)
            left, count = ZERO, 0
        period = Fraction(60) / Fraction(point.bpm) * 4 / point.denominator
        # What is left of a beat that began in an earlier tempo, as a share of it.
        at = start + left * period
        while at < stop:
            yield Beat(at, count % point.numerator == 0)
            count += 1
            at += period
        left = (at - stop) / period


def write_click(
    folder: Path, name: str, tempo: Sequence[TempoPoint], length: Seconds, rate: int
) -> Media:
    """Write a mono WAV of 16 bits with a click at each beat, a higher one at each bar's first.

    Its name ends with a key of all that decides it, so that one that is there is used again.

    Args:
        folder: made where it is missing.
        name: of the song.
        tempo: from the start of the song; at least one point.
        length: of the song.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    frames = math.ceil(length * rate)
    key = job_key(rate, frames, *((p.position, p.bpm, p.numerator, p.denominator) for p in tempo))
    path = folder / f"{source_name(f'{name}.wav')} click {key}.wav"
    media = Media(path, rate, 1, frames)
    if path.is_file():
        return media
    # On demand: a session without a click does not need it.
    import soundfile

    make_folder(folder)
    scratch = folder / f".{uuid.uuid4().hex}.part"
    try:
        with soundfile.SoundFile(scratch, "w", rate, 1, subtype="PCM_16", format="WAV") as file:
            for block in _blocks(tempo, length, frames, rate):
                file.write(block)
        scratch.replace(path)
    except (OSError, soundfile.SoundFileError) as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"The click {path} cannot be written: {error}.",
            "Free some space, and make the folder writable.",
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
    return media


def _blocks(
    tempo: Sequence[TempoPoint], length: Seconds, frames: int, rate: int
) -> Iterator[NDArray[np.float32]]:
    """The click in blocks of some seconds; one that sounds over an edge goes on behind it."""
    size = _BLOCK_SECONDS * rate
    sounds = {first: _sound(_BAR_HZ if first else _BEAT_HZ, rate) for first in (True, False)}
    waiting = list(_placed(tempo, length, rate))
    edges = [*range(0, frames, size), frames]
    place = 0
    for start, stop in pairwise(edges):
        block = np.zeros(stop - start, np.float32)
        while place < len(waiting) and waiting[place][0] + len(sounds[True]) <= start:
            place += 1
        for at, first in waiting[place:]:
            if at >= stop:
                break
            sound = sounds[first]
            begin, end = max(at, start), min(at + len(sound), stop)
            # A beat may follow so soon that the two overlap; the later is heard.
            block[begin - start : end - start] = sound[begin - at : end - at]
        yield block


def _placed(tempo: Sequence[TempoPoint], length: Seconds, rate: int) -> Iterator[tuple[int, bool]]:
    for beat in beats(tempo, length):
        yield round(beat.position * rate), beat.first


def _sound(frequency: float, rate: int) -> NDArray[np.float32]:
    time = np.arange(int(_LENGTH * rate)) / rate
    tone = _PEAK * np.sin(2 * np.pi * frequency * time) * np.exp(-time * 120)
    return tone.astype(np.float32)
