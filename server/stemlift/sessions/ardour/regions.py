"""Clips as Ardour's sources, regions and playlists.

Each channel of a file is a source; a region plays one or more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement

from stemlift.sessions.ardour.routes import Ids
from stemlift.sessions.ardour.times import position, span
from stemlift.sessions.levels import linear
from stemlift.sessions.timeline import ZERO, Clip, Media, Seconds
from stemlift.sessions.xml_text import label, number

Place = Callable[[Media], tuple[str, str]]
"""The name and the origin of a source: the path of a file outside, empty for one inside."""

_SILENT = "1e-07"


def sources_of(media: Media, place: Place, ids: Ids) -> list[Element]:
    """A source for each channel of a file."""
    name, origin = place(media)
    return [
        Element(
            "Source",
            {
                "name": label(name),
                "take-id": "",
                "type": "audio",
                "flags": "",
                "id": ids(),
                "channel": str(channel),
                "origin": origin,
                "gain": "1",
            },
        )
        for channel in range(media.channels)
    ]


def whole_region(media: Media, sources: Sequence[Element], ids: Ids) -> Element:
    """The region that is all of a file, for Ardour's list of sources."""
    clip = Clip(media, ZERO, media.duration, name=media.file.stem)
    region = _region(clip, sources, ids, layer=0, opaque=True)
    region.set("whole-file", "1")
    return region


def playlist(
    identity: str,
    name: str,
    track: str,
    clips: Sequence[Clip],
    sources: dict[Media, list[Element]],
    ids: Ids,
) -> Element:
    """What a track plays. Clips that overlap are heard together, so they are transparent."""
    element = Element(
        "Playlist",
        {
            "id": identity,
            "name": name,
            "type": "audio",
            "orig-track-id": track,
            "pgroup-id": "",
            "shared-with-ids": "",
            "frozen": "0",
            "combine-ops": "0",
        },
    )
    ordered = sorted(clips, key=lambda clip: clip.position)
    overlapping = any(a.end > b.position for a, b in pairwise(ordered))
    for layer, clip in enumerate(ordered):
        element.append(_region(clip, sources[clip.media], ids, layer, not overlapping))
    return element


def _region(clip: Clip, sources: Sequence[Element], ids: Ids, layer: int, opaque: bool) -> Element:
    region = Element("Region", {"name": label(clip.name or clip.file.stem) or "Clip"})
    region.attrib |= {
        "muted": str(int(clip.mute)),
        "opaque": str(int(opaque)),
        "locked": "0",
        "video-locked": "0",
        "automatic": "0",
        "whole-file": "0",
        "import": "0",
        "external": "0",
        "sync-marked": "0",
        "left-of-split": "0",
        "right-of-split": "0",
        "hidden": "0",
        "position-locked": "0",
        "valid-transients": "0",
        "start": position(clip.source_start),
        "length": span(clip.length, clip.position),
        "sync-position": position(clip.source_start),
        "ancestral-start": position(ZERO),
        "ancestral-length": span(ZERO, ZERO),
        "stretch": "1",
        "shift": "1",
        "layering-index": str(layer),
        "tags": "",
        "contents": "0",
        "envelope-active": "0",
        "default-fade-in": "0",
        "default-fade-out": "0",
        "fade-in-active": str(int(clip.fade_in > 0)),
        "fade-out-active": str(int(clip.fade_out > 0)),
        "scale-amplitude": number(linear(clip.gain_db)),
        "id": ids(),
        "type": "audio",
        "first-edit": "nothing",
        "channels": str(len(sources)),
    }
    for n, source in enumerate(sources):
        region.set(f"source-{n}", source.get("id", ""))
    for n, source in enumerate(sources):
        region.set(f"master-source-{n}", source.get("id", ""))
    SubElement(region, "Envelope", default="yes")
    _fade(region, "FadeIn", "fadein", clip.fade_in, (_SILENT, "1"), ids)
    _fade(region, "FadeOut", "fadeout", clip.fade_out, ("1", _SILENT), ids)
    return region


def _fade(
    region: Element,
    tag: str,
    automation: str,
    length: Seconds,
    levels: tuple[str, str],
    ids: Ids,
) -> None:
    fade = SubElement(region, tag)
    if length <= 0:
        fade.set("default", "yes")
        return
    line = SubElement(
        fade,
        "AutomationList",
        {
            "automation-id": automation,
            "id": ids(),
            "interpolation-style": "Linear",
            "time-domain": "AudioTime",
            "state": "Off",
        },
    )
    first, last = levels
    SubElement(line, "events").text = f"{position(ZERO)} {first}\n{position(length)} {last}\n"
