"""The one model of a session: tracks and clips on a timeline, before any DAW's format.

Times are seconds as exact fractions, so that a frame stays that frame at every sample rate.
Writers take a session through `checked` first; readers may build what a writer would refuse,
for what they met is what they show.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.looks import Colour

Seconds = Fraction

ZERO = Fraction(0)
_DEEPEST = 32


def at_frame(frame: int, sample_rate: int) -> Seconds:
    """The time of a frame."""
    return Fraction(frame, sample_rate)


@dataclass(frozen=True, slots=True)
class Media:
    """A sound file and what writers must know of it.

    A reader that cannot tell a fact leaves it 0; a writer refuses such media.
    """

    file: Path
    sample_rate: int
    channels: int
    frames: int

    @property
    def known(self) -> bool:
        return self.sample_rate > 0 and self.channels > 0 and self.frames > 0

    @property
    def duration(self) -> Seconds:
        return at_frame(self.frames, self.sample_rate) if self.sample_rate else ZERO


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of a sound file on a track.

    position, length: on the timeline. source_start: where in the file it starts, in the file's
    own time. stretch: how many seconds of the file one second of the timeline plays (2: twice
    as fast); it leaves the pitch alone unless keeps_pitch is False, then it is varispeed.
    pitch: semitones on top. Fades are linear, their lengths count on the timeline.
    """

    media: Media
    position: Seconds
    length: Seconds
    source_start: Seconds = ZERO
    name: str = ""
    gain_db: float = 0.0
    fade_in: Seconds = ZERO
    fade_out: Seconds = ZERO
    stretch: Fraction = Fraction(1)
    pitch: float = 0.0
    keeps_pitch: bool = True
    mute: bool = False

    @property
    def file(self) -> Path:
        return self.media.file

    @property
    def end(self) -> Seconds:
        return self.position + self.length

    @property
    def source_length(self) -> Seconds:
        """How much of the file it plays."""
        return self.length * self.stretch

    @property
    def plain(self) -> bool:
        """Whether it plays the file's samples as they are, neither stretched nor pitched."""
        return self.stretch == 1 and self.pitch == 0


def whole(media: Media, position: Seconds = ZERO, *, name: str = "") -> Clip:
    """All of a file, as it is."""
    return Clip(media, position, media.duration, name=name or media.file.stem)


class BandKind(StrEnum):
    """low_cut lets pass what lies above, high_cut what lies below its frequency."""

    LOW_CUT = "low_cut"
    HIGH_CUT = "high_cut"
    LOW_SHELF = "low_shelf"
    HIGH_SHELF = "high_shelf"
    BELL = "bell"
    NOTCH = "notch"


@dataclass(frozen=True, slots=True)
class Band:
    """One band of an equalizer. frequency: Hz; gain_db: of no effect on cuts and notches."""

    kind: BandKind
    frequency: float
    gain_db: float = 0.0
    q: float = 0.707


@dataclass(frozen=True, slots=True)
class Equalizer:
    bands: tuple[Band, ...]
    enabled: bool = True
    name: str = "EQ"


@dataclass(frozen=True, slots=True)
class Compressor:
    """threshold_db: relative to full scale; ratio: 4 for 4:1; attack, release: seconds;
    makeup_db: gain behind it."""

    threshold_db: float
    ratio: float
    attack: float = 0.01
    release: float = 0.1
    makeup_db: float = 0.0
    enabled: bool = True
    name: str = "Compressor"


@dataclass(frozen=True, slots=True)
class OtherEffect:
    """An effect that a reader met and does not take apart; no writer takes it."""

    name: str
    enabled: bool = True


Effect = Equalizer | Compressor | OtherEffect


@dataclass(frozen=True, slots=True)
class Track:
    """A track; one with children is a folder, whose gain, pan, mute and effects act on the sum
    of its children and of its own clips.

    pan: -1 left to 1 right, a balance for stereo. channels: of the track, at least 2.
    """

    name: str
    colour: Colour | None = None
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    solo: bool = False
    effects: tuple[Effect, ...] = ()
    clips: tuple[Clip, ...] = ()
    children: tuple[Track, ...] = ()
    channels: int = 2

    @property
    def end(self) -> Seconds:
        """Where the last of its clips ends, its children's included."""
        ends = [clip.end for clip in self.clips] + [child.end for child in self.children]
        return max(ends, default=ZERO)

    @property
    def needed_channels(self) -> int:
        """As many as it, its clips and its children have."""
        own = [self.channels, *(clip.media.channels for clip in self.clips)]
        return max(own + [child.needed_channels for child in self.children])


@dataclass(frozen=True, slots=True)
class TempoPoint:
    """The tempo from its position on, until the next point; it does not glide.

    bpm: quarter notes per minute, whatever the time signature.
    """

    position: Seconds
    bpm: float
    numerator: int = 4
    denominator: int = 4


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker; with a length, a region. length: seconds, None for a point."""

    position: Seconds
    name: str = ""
    length: Seconds | None = None
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """tempo: in order; the first point counts from the start, wherever it is; none: 120 in 4/4.

    The position of the first beat is that of the timeline's start.
    """

    name: str
    sample_rate: int
    tracks: tuple[Track, ...] = ()
    tempo: tuple[TempoPoint, ...] = ()
    markers: tuple[Marker, ...] = ()

    @property
    def end(self) -> Seconds:
        """Where the last clip ends."""
        return max((track.end for track in self.tracks), default=ZERO)

    @property
    def clips(self) -> tuple[Clip, ...]:
        """All clips, in the order of the tracks."""
        return tuple(clip for _, track in walk(self.tracks) for clip in track.clips)

    @property
    def media(self) -> tuple[Media, ...]:
        """All media, each once, in the order of their first use."""
        return tuple(dict.fromkeys(clip.media for clip in self.clips))

    def with_tracks(self, tracks: Iterable[Track]) -> Session:
        return replace(self, tracks=tuple(tracks))

    def tempo_points(self) -> tuple[TempoPoint, ...]:
        """The tempo map with its first point at the start, and never empty."""
        if not self.tempo:
            return (TempoPoint(ZERO, 120.0),)
        return (replace(self.tempo[0], position=ZERO), *self.tempo[1:])

    def beats_at(self, position: Seconds) -> Fraction:
        """Quarter notes from the start to a position."""
        points = self.tempo_points()
        beats = ZERO
        for point, after in pairwise(points):
            if after.position >= position:
                return beats + (position - point.position) * Fraction(point.bpm) / 60
            beats += (after.position - point.position) * Fraction(point.bpm) / 60
        last = points[-1]
        return beats + (position - last.position) * Fraction(last.bpm) / 60

    def position_of(self, beats: Fraction) -> Seconds:
        """The position of a quarter note, counted from the start."""
        points = self.tempo_points()
        left = Fraction(beats)
        for point, after in pairwise(points):
            here = (after.position - point.position) * Fraction(point.bpm) / 60
            if here >= left:
                return point.position + left * 60 / Fraction(point.bpm)
            left -= here
        return points[-1].position + left * 60 / Fraction(points[-1].bpm)


def walk(tracks: Iterable[Track], depth: int = 0) -> Iterator[tuple[int, Track]]:
    """Each track with how deep it lies, a folder before its children."""
    for track in tracks:
        yield depth, track
        yield from walk(track.children, depth + 1)


def checked(session: Session) -> Session:
    """The session, fit to be written.

    Raises:
        StemliftError: ARGUMENT_INVALID where a value is no number or outside its range, a clip
            plays what its file does not have, or an effect is none that writers know.
    """
    _must(session.sample_rate > 0, "The session", "needs a sample rate")
    for point in session.tempo:
        _must(_finite(point.bpm) and point.bpm > 0, "The tempo", "must be more than 0")
        _must(point.numerator > 0 and point.denominator > 0, "The time signature", "is none")
    places = [point.position for point in session.tempo]
    _must(all(a < b for a, b in pairwise(places)), "The tempo map", "is not in order")
    _must(all(place >= 0 for place in places), "The tempo map", "starts before the start")
    for marker in session.markers:
        told = f"The marker {marker.name}"
        _must(marker.position >= 0, told, "lies before the start")
        _must(marker.length is None or marker.length > 0, told, "has no length")
    for depth, track in walk(session.tracks):
        told = f"The track {track.name}"
        _must(depth < _DEEPEST, told, f"lies more than {_DEEPEST} folders deep")
        _must(_finite(track.gain_db, track.pan), told, "has a gain or pan that is no number")
        _must(-1 <= track.pan <= 1, told, "has a pan outside -1 to 1")
        _must(track.channels >= 2, told, "has fewer than two channels")
        for effect in track.effects:
            _check_effect(effect, told)
        for clip in track.clips:
            _check_clip(clip)
    return session


def _check_clip(clip: Clip) -> None:
    told = f"The clip of {clip.file}"
    _must(clip.media.known, told, "lacks the rate, channels or length of its file")
    _must(clip.position >= 0, told, "lies before the start")
    _must(clip.length > 0, told, "has no length")
    _must(clip.stretch > 0, told, "has a rate that is not more than 0")
    _must(_finite(clip.gain_db, clip.pitch), told, "has a gain or pitch that is no number")
    _must(clip.fade_in >= 0 and clip.fade_out >= 0, told, "has a fade shorter than nothing")
    _must(clip.fade_in + clip.fade_out <= clip.length, told, "is shorter than its fades")
    _must(clip.source_start >= 0, told, "starts before its file")
    # Half a frame is what a rounded stretch may cost.
    end = clip.source_start + clip.source_length - Fraction(1, 2 * clip.media.sample_rate)
    _must(end <= clip.media.duration, told, "ends behind its file")


def _check_effect(effect: Effect, told: str) -> None:
    match effect:
        case Equalizer(bands=bands):
            for band in bands:
                numbers = _finite(band.frequency, band.gain_db, band.q)
                _must(numbers, told, "has an equalizer with a value that is no number")
                _must(band.frequency > 0 and band.q > 0, told, "has a band without frequency")
        case Compressor(threshold_db=threshold, ratio=ratio, attack=attack, release=release):
            numbers = _finite(threshold, ratio, attack, release, effect.makeup_db)
            _must(numbers, told, "has a compressor with a value that is no number")
            _must(ratio >= 1, told, "has a compressor with a ratio below 1")
            _must(attack >= 0 and release >= 0, told, "has a compressor with times below 0")
        case OtherEffect(name=name):
            _must(False, told, f"has an effect that cannot be written, {name}")


def _finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)


def _must(holds: bool, what: str, problem: str) -> None:
    if not holds:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{what} {problem}.",
            "Change it; nothing was written.",
        )
