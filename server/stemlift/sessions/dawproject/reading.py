"""What a project plays, as far as a session can say it.

Notes, automation, sends, clips in scenes and the like have no place in the model; they stay in
the project. A clip that loops is read once; warps that are no straight line, by their ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path, PurePosixPath, PureWindowsPath

from stemlift.sessions.dawproject.devices import read_devices
from stemlift.sessions.dawproject.markup import Node
from stemlift.sessions.dawproject.parameters import colour_of, is_true
from stemlift.sessions.dawproject.structure import REGION
from stemlift.sessions.exact import RATES, exact, simple_ratio
from stemlift.sessions.levels import decibels
from stemlift.sessions.timeline import (
    ZERO,
    Clip,
    Marker,
    Media,
    Seconds,
    Session,
    TempoPoint,
    Track,
)

_CONTENT = ("Lanes", "Clips", "Warps", "Audio")
_REPITCH = ("repitch", "resample", "varispeed")
_DIGITS = 9


def session_of(root: Node, path: Path, name: str = "") -> Session:
    """The session that a project at `path` holds; name: what its metadata call it."""
    rate = _rate(root)
    tempo = tuple(_tempo(root, rate))
    timed = Session(name or path.stem, rate, tempo=tempo)
    reading = _Reading(path, timed, _references(root))
    arrangement = root.child("Arrangement")
    clips: dict[str, list[Clip]] = defaultdict(list)
    lanes = arrangement.child("Lanes") if arrangement else None
    if lanes is not None:
        reading.lanes(lanes, "beats", "", clips)
    structure = root.child("Structure")
    tracks = tuple(reading.tracks(structure, clips)) if structure else ()
    marks = tuple(reading.markers(arrangement)) if arrangement else ()
    return replace(timed, tracks=tracks, markers=marks)


def is_master(track: Node) -> bool:
    """Whether it is the track that all others play into.

    Not a group whose channel has that role: Bitwig calls the sum of a group its master.
    """
    channel = track.child("Channel")
    if channel is None or channel.get("role") != "master":
        return False
    return "tracks" not in track.get("contentType").split() and track.child("Track") is None


@dataclass(frozen=True, slots=True)
class _Scope:
    """A stretch of timeline with its own numbers: `value` is at `start` of the session."""

    session: Session
    unit: str
    start: Seconds = ZERO
    value: Fraction = ZERO

    def at(self, value: float) -> Seconds:
        """The time of one of its numbers, not rounded."""
        ahead = _fraction(value) - self.value
        if self.unit == "seconds":
            return self.start + ahead
        return self.session.position_of(self.session.beats_at(self.start) + ahead)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the clips around a sound do to it. start, end: where it is heard at most."""

    start: Seconds
    end: Seconds
    name: str = ""
    gain_db: float = 0.0
    pitch: float = 0.0
    mute: bool = False
    fade_in: Seconds = ZERO
    fade_out: Seconds = ZERO


@dataclass(frozen=True, slots=True)
class _Reading:
    path: Path
    session: Session
    references: dict[str, Node]

    @property
    def rates(self) -> tuple[int, ...]:
        return (self.session.sample_rate, *RATES)

    def tracks(self, parent: Node, clips: dict[str, list[Clip]]) -> Iterator[Track]:
        for node in parent.children:
            if node.tag != "Track" or is_master(node):
                continue
            channel = node.child("Channel") or Node("Channel", {}, 0)
            mute, pan, volume = (channel.child(tag) for tag in ("Mute", "Pan", "Volume"))
            devices = channel.child("Devices")
            yield Track(
                name=node.get("name"),
                colour=colour_of(node.get("color")),
                gain_db=_level(volume) if volume else 0.0,
                pan=_balance(pan) if pan else 0.0,
                mute=mute is not None and is_true(mute.get("value")),
                solo=is_true(channel.get("solo")),
                effects=tuple(read_devices(devices)) if devices else (),
                clips=tuple(clips.get(node.get("id"), ())),
                children=tuple(self.tracks(node, clips)),
                channels=int(min(max(channel.number("audioChannels", 2), 2), 128)),
            )

    def markers(self, arrangement: Node) -> Iterator[Marker]:
        found = arrangement.child("Markers")
        if found is None:
            return
        scope = _Scope(self.session, found.get("timeUnit") or _unit(arrangement))
        for node in found.children:
            comment = node.get("comment")
            length = None
            if comment.startswith(REGION):
                told = Node("", {"length": comment.removeprefix(REGION)}, 0)
                length = exact(told.number("length"), self.rates) or None
            place = exact(scope.at(node.number("time")), self.rates)
            yield Marker(place, node.get("name"), length, colour_of(node.get("color")))

    def lanes(self, node: Node, unit: str, track: str, clips: dict[str, list[Clip]]) -> None:
        unit, track = node.get("timeUnit") or unit, node.get("track") or track
        for child in node.children:
            if child.tag == "Lanes":
                self.lanes(child, unit, track, clips)
            elif child.tag == "Clips":
                scope = _Scope(self.session, child.get("timeUnit") or unit)
                owner = clips[child.get("track") or track]
                for clip in child.children:
                    if clip.tag == "Clip":
                        owner.extend(self.clip(clip, scope, None))

    def clip(self, node: Node, scope: _Scope, outer: _Heard | None) -> Iterator[Clip]:
        content = next((one for one in node.children if one.tag in _CONTENT), None)
        content = content or self.references.get(node.get("reference"))
        if content is None:
            return
        start = scope.at(node.number("time"))
        unit = node.get("contentTimeUnit") or scope.unit
        inner = _Scope(self.session, unit, start, _fraction(node.number("playStart")))
        end = _end(node, scope, inner, content)
        fades = _Scope(self.session, node.get("fadeTimeUnit") or scope.unit, start)
        heard = _Heard(
            start=start,
            end=end,
            name=node.get("name"),
            mute=node.get("enable") in ("false", "0"),
            fade_in=max(fades.at(node.number("fadeInTime")) - start, ZERO),
            fade_out=max(fades.at(node.number("fadeOutTime")) - start, ZERO),
        )
        if outer is not None:
            heard = _within(heard, outer)
        if heard.end > heard.start:
            yield from self.content(content, inner, heard)

    def content(self, node: Node, scope: _Scope, heard: _Heard) -> Iterator[Clip]:
        outside = scope
        scope = replace(scope, unit=node.get("timeUnit") or scope.unit)
        match node.tag:
            case "Lanes":
                for points in node.children:
                    heard = _expressed(points, heard)
                for child in node.children:
                    if child.tag in _CONTENT:
                        yield from self.content(child, scope, heard)
            case "Clips":
                for child in node.children:
                    yield from self.clip(child, scope, heard)
            case "Warps":
                audio = next((one for one in node.walk() if one.tag == "Audio"), None)
                ends = _warps(node, scope)
                if audio is not None and ends is not None:
                    yield self.sound(audio, heard, *ends)
            case "Audio":
                yield self.sound(node, heard, outside.at(0), ZERO, Fraction(1))

    def sound(
        self, audio: Node, heard: _Heard, start: Seconds, source: Seconds, stretch: Fraction
    ) -> Clip:
        """start: where on the timeline the sound would be at `source` of its own time."""
        media = self.media(audio)
        rates = (media.sample_rate, *self.rates) if media.sample_rate > 0 else self.rates
        return Clip(
            media=media,
            position=exact(heard.start, self.rates),
            length=exact(heard.end - heard.start, self.rates),
            source_start=max(exact(source + (heard.start - start) * stretch, rates), ZERO),
            name=heard.name,
            gain_db=heard.gain_db,
            fade_in=exact(heard.fade_in, self.rates),
            fade_out=exact(heard.fade_out, self.rates),
            stretch=stretch,
            pitch=heard.pitch,
            keeps_pitch=audio.get("algorithm") not in _REPITCH,
            mute=heard.mute,
        )

    def media(self, audio: Node) -> Media:
        """Its facts stand in the project; the file is not opened."""
        rate = int(min(max(audio.number("sampleRate"), 0), 10_000_000))
        frames = round(_fraction(audio.number("duration")) * rate)
        channels = int(min(max(audio.number("channels"), 0), 1024))
        file = audio.child("File")
        name = file.get("path") if file else ""
        external = file is not None and is_true(file.get("external"))
        return Media(self.file(name, external), rate, channels, max(frames, 0))

    def file(self, name: str, external: bool) -> Path:
        """Where a file lies; one inside of the project as a path below it."""
        if not external:
            return self.path / PurePosixPath(name.lstrip("/"))
        plain = self.path.parent / name
        if "\\" in name and not PureWindowsPath(name).anchor and not plain.exists():
            return self.path.parent.joinpath(*PureWindowsPath(name).parts)
        return plain


def _fraction(value: float) -> Fraction:
    """The number as it was written, less what is none."""
    return Fraction(repr(value)) if abs(value) < 1e9 else ZERO


def _unit(node: Node) -> str:
    lanes = node.child("Lanes")
    return (lanes.get("timeUnit") if lanes else "") or "beats"


def _rate(root: Node) -> int:
    """The most frequent rate of its sounds; the format has none for the session."""
    counts: dict[int, int] = defaultdict(int)
    for node in root.walk():
        if node.tag == "Audio" and 0 < node.number("sampleRate") < 1e7:
            counts[int(node.number("sampleRate"))] += 1
    return max(counts, key=lambda rate: counts[rate]) if counts else 44_100


def _references(root: Node) -> dict[str, Node]:
    return {node.get("id"): node for node in root.walk() if node.tag in _CONTENT}


def _tempo(root: Node, rate: int) -> Iterator[TempoPoint]:
    transport = root.child("Transport") or Node("Transport", {}, 0)
    tempo = transport.child("Tempo")
    meter = transport.child("TimeSignature")
    arrangement = root.child("Arrangement") or Node("Arrangement", {}, 0)
    bpm = tempo.number("value", 120.0) if tempo else 120.0
    bpm = bpm if 0 < bpm < 1e6 else 120.0
    now = TempoPoint(ZERO, bpm, *(_meter(meter) if meter else (4, 4)))
    changes = [
        *_changes(arrangement, "TempoAutomation", "RealPoint"),
        *_changes(arrangement, "TimeSignatureAutomation", "TimeSignaturePoint"),
    ]
    so_far = [now]
    # In beats first: what comes later in seconds, comes with a map that is complete.
    for unit, at, node in sorted(changes, key=lambda one: one[1]):
        known = Session("", rate, tempo=tuple(so_far))
        place = exact(_Scope(known, unit).at(at), (rate, *RATES))
        now = so_far[-1]
        if place != now.position:
            so_far.append(now := replace(now, position=place))
        if node.tag == "RealPoint":
            value = node.number("value", now.bpm)
            so_far[-1] = replace(now, bpm=value if 0 < value < 1e6 else now.bpm)
        else:
            numerator, denominator = _meter(node)
            so_far[-1] = replace(now, numerator=numerator, denominator=denominator)
    yield from so_far


def _changes(arrangement: Node, tag: str, kind: str) -> Iterator[tuple[str, float, Node]]:
    automation = arrangement.child(tag)
    if automation is None:
        return
    unit = automation.get("timeUnit") or "beats"
    for node in automation.children:
        if node.tag == kind and node.number("time", -1) >= 0:
            yield unit, node.number("time"), node


def _meter(node: Node) -> tuple[int, int]:
    numerator, denominator = node.number("numerator", 4), node.number("denominator", 4)
    if 1 <= numerator <= 1024 and 1 <= denominator <= 1024:
        return int(numerator), int(denominator)
    return 4, 4


def _level(volume: Node) -> float:
    value = volume.number("value", 1.0)
    return value if volume.get("unit") == "decibel" else decibels(value)


def _balance(pan: Node) -> float:
    value = pan.number("value", 0.5)
    if pan.get("unit") == "normalized":
        value = round(2 * value - 1, _DIGITS)
    return min(max(value, -1.0), 1.0)


def _end(node: Node, scope: _Scope, inner: _Scope, content: Node) -> Seconds:
    if "duration" in node.attributes:
        return scope.at(node.number("time") + node.number("duration"))
    if "playStop" in node.attributes:
        return inner.at(node.number("playStop"))
    audio = next((one for one in content.walk() if one.tag == "Audio"), None)
    return inner.start + _fraction(audio.number("duration") if audio else 0.0)


def _within(heard: _Heard, outer: _Heard) -> _Heard:
    """An inner clip as much of it as the outer one plays, with the fades that meet its ends."""
    start, end = max(heard.start, outer.start), min(heard.end, outer.end)
    return replace(
        heard,
        start=start,
        end=end,
        name=outer.name or heard.name,
        gain_db=heard.gain_db + outer.gain_db,
        pitch=heard.pitch + outer.pitch,
        mute=heard.mute or outer.mute,
        fade_in=outer.fade_in if start == outer.start and outer.fade_in else heard.fade_in,
        fade_out=outer.fade_out if end == outer.end and outer.fade_out else heard.fade_out,
    )


def _expressed(points: Node, heard: _Heard) -> _Heard:
    """With the first value of a gain or a transposition."""
    target = points.child("Target")
    first = points.child("RealPoint")
    if points.tag != "Points" or target is None or first is None:
        return heard
    value = first.number("value")
    match target.get("expression"):
        case "gain":
            level = value if points.get("unit") == "decibel" else decibels(value)
            return replace(heard, gain_db=heard.gain_db + level)
        case "transpose":
            return replace(heard, pitch=heard.pitch + value)
    return heard


def _warps(node: Node, scope: _Scope) -> tuple[Seconds, Seconds, Fraction] | None:
    """Where the sound starts on the timeline and in itself, and how fast it runs there."""
    places = [
        (scope.at(warp.number("time")), _fraction(warp.number("contentTime")))
        for warp in node.children
        if warp.tag == "Warp"
    ]
    if len(places) < 2:
        return None
    (start, source), (end, source_end) = places[0], places[-1]
    if end <= start or source_end <= source or any(b[0] < a[0] for a, b in pairwise(places)):
        return None
    return start, source, simple_ratio((source_end - source) / (end - start))
