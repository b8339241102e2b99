"""Tracks and the arrangement as elements of the format.

Times stand in seconds, so that no clip moves when the tempo is corrected; only the tempo map
itself is in beats, as other programs write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from stemlift.sessions.dawproject.devices import device
from stemlift.sessions.dawproject.parameters import (
    Ids,
    boolean,
    colour_text,
    real,
    truth,
)
from stemlift.sessions.levels import linear
from stemlift.sessions.timeline import Clip, Marker, Media, Session, Track
from stemlift.sessions.xml_text import label, number

Reference = Callable[[Media], dict[str, str]]
"""Gives the attributes of the element File of a sound file."""

REGION = "length in seconds: "
"""In the comment of a marker: how long the region is; the format has no regions."""

_LOUDEST = 2.0
_REPITCH = "repitch"
_STRETCH = "stretch"


@dataclass(frozen=True, slots=True)
class Written:
    """A track as two elements: the track with its children, and the lanes of all of them."""

    track: Element
    lanes: list[Element]


def written_track(track: Track, destination: str, ids: Ids, refer: Reference) -> Written:
    """destination: the id of the channel that it plays into; empty for none."""
    own = ids()
    content = "audio tracks" if track.children else "audio"
    element = Element("Track", contentType=content, loaded="true", id=own, name=label(track.name))
    if track.colour:
        element.set("color", colour_text(track.colour))
    role = "submix" if track.children else "regular"
    channel = _channel(track, role, destination, ids)
    element.append(channel)
    lanes = Element("Lanes", timeUnit="seconds", track=own, id=ids())
    clips = SubElement(lanes, "Clips", id=ids())
    clips.extend([_clip(clip, ids, refer) for clip in track.clips])
    every = [lanes]
    for child in track.children:
        inner = written_track(child, channel.get("id", ""), ids, refer)
        element.append(inner.track)
        every += inner.lanes
    return Written(element, every)


def master_track(channels: int, ids: Ids) -> Element:
    element = Element("Track", contentType="audio notes", loaded="true", id=ids(), name="Master")
    element.append(_channel(Track("Master", channels=channels), "master", "", ids))
    return element


def _channel(track: Track, role: str, destination: str, ids: Ids) -> Element:
    channel = Element("Channel", audioChannels=str(track.needed_channels))
    if destination:
        channel.set("destination", destination)
    channel.attrib |= {"role": role, "solo": truth(track.solo), "id": ids()}
    if track.effects:
        devices = SubElement(channel, "Devices")
        devices.extend([device(effect, ids) for effect in track.effects])
    channel.append(boolean("Mute", track.mute, ids, "Mute"))
    pan = (track.pan + 1) / 2
    channel.append(real("Pan", pan, "normalized", ids, (0.0, 1.0), "Pan"))
    volume = linear(track.gain_db)
    channel.append(real("Volume", volume, "linear", ids, (0.0, _LOUDEST), "Volume"))
    return channel


def _clip(clip: Clip, ids: Ids, refer: Reference) -> Element:
    """Gain and pitch stand beside the sound, as expressions; a stretch is two warps around it."""
    element = Element(
        "Clip",
        time=number(clip.position),
        duration=number(clip.length),
        contentTimeUnit="seconds",
        playStart=number(clip.source_start / clip.stretch),
        fadeTimeUnit="seconds",
        fadeInTime=number(clip.fade_in),
        fadeOutTime=number(clip.fade_out),
        name=label(clip.name),
    )
    if clip.mute:
        element.set("enable", "false")
    expressions = list(_expressions(clip, ids))
    content = _sound(clip, ids, refer)
    if not expressions:
        element.append(content)
        return element
    lanes = SubElement(element, "Lanes", timeUnit="seconds", id=ids())
    lanes.append(content)
    lanes.extend(expressions)
    return element


def _sound(clip: Clip, ids: Ids, refer: Reference) -> Element:
    media = clip.media
    algorithm = _STRETCH if clip.keeps_pitch else _REPITCH
    audio = Element(
        "Audio",
        channels=str(media.channels),
        duration=number(media.duration),
        sampleRate=str(media.sample_rate),
        timeUnit="seconds",
        id=ids(),
    )
    audio.append(Element("File", refer(media)))
    if clip.stretch == 1 and clip.keeps_pitch:
        return audio
    audio.set("algorithm", algorithm)
    warps = Element("Warps", contentTimeUnit="seconds", timeUnit="seconds", id=ids())
    warps.append(audio)
    SubElement(warps, "Warp", time="0.0", contentTime="0.0")
    end = media.duration
    SubElement(warps, "Warp", time=number(end / clip.stretch), contentTime=number(end))
    return warps


def _expressions(clip: Clip, ids: Ids) -> Iterator[Element]:
    for kind, unit, value in (
        ("gain", "linear", linear(clip.gain_db) if clip.gain_db else None),
        ("transpose", "semitones", clip.pitch or None),
    ):
        if value is not None:
            points = Element("Points", unit=unit, timeUnit="seconds", id=ids())
            SubElement(points, "Target", expression=kind)
            SubElement(points, "RealPoint", time="0.0", value=number(value), interpolation="hold")
            yield points


def transport(session: Session, tempo: str, signature: str) -> Element:
    """tempo, signature: the ids of the two parameters."""
    first = session.tempo_points()[0]
    element = Element("Transport")
    SubElement(element, "Tempo", unit="bpm", value=number(first.bpm), id=tempo, name="Tempo")
    SubElement(
        element,
        "TimeSignature",
        denominator=str(first.denominator),
        numerator=str(first.numerator),
        id=signature,
    )
    return element


def markers(found: Sequence[Marker], ids: Ids) -> Element:
    element = Element("Markers", timeUnit="seconds", id=ids())
    for marker in found:
        inner = SubElement(element, "Marker", time=number(marker.position))
        inner.set("name", label(marker.name))
        if marker.colour:
            inner.set("color", colour_text(marker.colour))
        if marker.length is not None:
            inner.set("comment", f"{REGION}{number(marker.length)}")
    return element


def tempo_map(session: Session, tempo: str, signature: str, ids: Ids) -> list[Element]:
    """The tempo automations, where there is more than one point."""
    points = session.tempo_points()
    if len(points) == 1:
        return []
    tempos = Element("TempoAutomation", unit="bpm", timeUnit="beats", id=ids())
    SubElement(tempos, "Target", parameter=tempo)
    signatures = Element("TimeSignatureAutomation", timeUnit="beats", id=ids())
    SubElement(signatures, "Target", parameter=signature)
    before: tuple[int, int] | None = None
    for point in points:
        beats = number(Fraction(session.beats_at(point.position)))
        SubElement(tempos, "RealPoint", time=beats, value=number(point.bpm), interpolation="hold")
        meter = (point.numerator, point.denominator)
        if meter != before:
            SubElement(
                signatures,
                "TimeSignaturePoint",
                time=beats,
                numerator=str(point.numerator),
                denominator=str(point.denominator),
            )
        before = meter
    return [tempos, signatures]
