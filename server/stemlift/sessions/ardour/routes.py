"""Tracks and folders as Ardour's routes: tracks, and busses that they play into."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from stemlift.sessions.levels import linear
from stemlift.sessions.timeline import Clip, Track
from stemlift.sessions.xml_text import label, number

Ids = Callable[[], str]

MASTER = "Master"
LOUDEST_DB = 6.0
"""How far a fader goes; what is above is trimmed before it, by 20 dB at most."""

LOUDEST_TRIM_DB = 20.0

_BALANCE = "http://ardour.org/plugin/panner_balance"
_TAKEN = (MASTER, "Monitor", "Auditioner", "Click", "Surround")


def new_ids(first: int = 1000) -> Ids:
    numbers = itertools.count(first)
    return lambda: str(next(numbers))


@dataclass(frozen=True, slots=True)
class Route:
    """A track or a bus. into: the name of the bus that it plays into.

    solo_above, solo_below: how many of the busses that it plays into, and of what plays into
    it, are soloed; Ardour counts them itself, but not when it opens a session.
    """

    name: str
    track: Track
    into: str
    channels: int
    into_channels: int
    bus: bool
    clips: tuple[Clip, ...] = ()
    solo_above: int = 0
    solo_below: int = 0


def routes_of(
    tracks: Iterable[Track], into: str, into_channels: int, names: Names, above: int = 0
) -> Iterator[Route]:
    """All routes, a bus before what plays into it. What a folder plays itself has a track."""
    for track in tracks:
        channels = track.needed_channels
        name = names(track.name)
        if not track.children:
            yield Route(
                name, track, into, channels, into_channels, False, track.clips, solo_above=above
            )
            continue
        below = sum(1 for child in _below(track) if child.solo)
        yield Route(name, track, into, channels, into_channels, True, (), above, below)
        inner = above + track.solo
        if track.clips:
            own = Track(track.name, track.colour, clips=track.clips, channels=track.channels)
            yield Route(names(track.name), own, name, channels, channels, False, own.clips, inner)
        yield from routes_of(track.children, name, channels, names, inner)


def _below(track: Track) -> Iterator[Track]:
    for child in track.children:
        yield child
        yield from _below(child)


class Names:
    """Names of routes, each once: they name its ports, too."""

    def __init__(self) -> None:
        self._taken = {name.casefold() for name in _TAKEN}

    def __call__(self, name: str) -> str:
        plain = "".join("-" if c in ":/\\\t\r\n" else c for c in label(name)).strip() or "Track"
        found, count = plain, 1
        while found.casefold() in self._taken:
            count += 1
            found = f"{plain} {count}"
        self._taken.add(found.casefold())
        return found


def master(channels: int, ids: Ids) -> Element:
    track = Track(MASTER, channels=channels)
    route = Route(MASTER, track, "", channels, 0, bus=True)
    element = _head(route, ids, order=0, kind="MasterOut")
    element.set("strict-io", "1")
    outs = [f"system:playback_{n + 1}" for n in range(channels)]
    _ports(element, route, ids, outs)
    _controls(element, route, ids)
    _processors(element, route, ids)
    return element


def written(route: Route, order: int, ids: Ids) -> tuple[Element, str]:
    """The element of a route, and the id of its playlist; that of a bus is empty."""
    kind = "AudioBus" if route.bus else "AudioTrack"
    element = _head(route, ids, order, kind)
    playlist = "" if route.bus else ids()
    if playlist:
        element.attrib |= {"audio-playlist": playlist, "mode": "Normal"}
    count = min(route.channels, route.into_channels)
    _ports(element, route, ids, [f"{route.into}/audio_in {n + 1}" for n in range(count)])
    _controls(element, route, ids)
    _processors(element, route, ids)
    return element, playlist


def click(ids: Ids) -> Element:
    """What the metronome plays through: the outputs of the machine."""
    element = Element("Click")
    outputs = SubElement(
        element,
        "IO",
        {"name": "Click", "id": ids(), "direction": "Output", "default-type": "audio"},
    )
    for n in (1, 2):
        port = SubElement(outputs, "Port", type="audio", name=f"Click/audio_out {n}")
        SubElement(port, "Connection", other=f"system:playback_{n}")
    _gain(_processor(element, "Amp", "amp", ids), "gaincontrol", 0.0, ids)
    return element


def _head(route: Route, ids: Ids, order: int, kind: str) -> Element:
    element = Element(
        "Route",
        {
            "version": "7002",
            "id": ids(),
            "name": route.name,
            "default-type": "audio",
            "strict-io": "0",
            "active": "1",
            "denormal-protection": "0",
            "meter-point": "MeterPostFader",
            "disk-io-point": "DiskIOPreFader",
            "meter-type": "MeterPeak",
        },
    )
    colour = 0
    if route.track.colour:
        red, green, blue = route.track.colour
        colour = red << 24 | green << 16 | blue << 8 | 0xFF
    flags = f"{kind},OrderSet"
    SubElement(element, "PresentationInfo", order=str(order), flags=flags, color=str(colour))
    return element


def _ports(element: Element, route: Route, ids: Ids, outs: list[str]) -> None:
    inputs = SubElement(
        element,
        "IO",
        {"name": route.name, "id": ids(), "direction": "Input", "default-type": "audio"},
    )
    outputs = SubElement(
        element,
        "IO",
        {"name": route.name, "id": ids(), "direction": "Output", "default-type": "audio"},
    )
    for n in range(route.channels):
        SubElement(inputs, "Port", type="audio", name=f"{route.name}/audio_in {n + 1}")
        port = SubElement(outputs, "Port", type="audio", name=f"{route.name}/audio_out {n + 1}")
        if n < len(outs):
            SubElement(port, "Connection", other=outs[n])


def _controls(element: Element, route: Route, ids: Ids) -> None:
    track = route.track
    SubElement(
        element,
        "Controllable",
        {
            "name": "solo",
            "id": ids(),
            "flags": "Toggle,RealTime",
            "value": str(int(track.solo)),
            "self-solo": str(int(track.solo)),
            "soloed-by-upstream": str(route.solo_below),
            "soloed-by-downstream": str(route.solo_above),
        },
    )
    SubElement(
        element,
        "MuteMaster",
        {"mute-point": "PreFader,PostFader,Listen,Main", "muted": str(int(track.mute))},
    )
    SubElement(
        element,
        "Controllable",
        {
            "name": "mute",
            "id": ids(),
            "flags": "Toggle,RealTime",
            "value": str(int(track.mute)),
        },
    )
    pannable = SubElement(element, "Pannable")
    place = number((track.pan + 1) / 2)
    for name, value in (("pan-azimuth", place), ("pan-width", "1")):
        SubElement(
            pannable, "Controllable", {"name": name, "id": ids(), "flags": "", "value": value}
        )


def _processors(element: Element, route: Route, ids: Ids) -> None:
    fader_db = min(route.track.gain_db, LOUDEST_DB)
    trim_db = route.track.gain_db - fader_db
    if not route.bus:
        _processor(element, f"recorder:{route.name}", "diskwriter", ids).set("record-safe", "0")
        _processor(element, f"player:{route.name}", "diskreader", ids)
    elif route.into:
        _processor(element, "Return", "intreturn", ids)
    _gain(_processor(element, "Amp", "trim", ids), "trimcontrol", trim_db, ids)
    _gain(_processor(element, "Amp", "amp", ids), "gaincontrol", fader_db, ids)
    _processor(element, f"meter-{route.name}", "meter", ids)
    outs = _processor(element, route.name, "main-outs", ids)
    outs.attrib |= {"own-input": "1", "own-output": "0", "output": route.name, "role": "Main"}
    stereo = route.channels == 2
    SubElement(
        outs,
        "PannerShell",
        {
            "bypassed": str(int(not stereo)),
            "user-panner": _BALANCE if stereo else "",
            "linked-to-route": "1",
        },
    )


def _processor(element: Element, name: str, kind: str, ids: Ids) -> Element:
    return SubElement(
        element,
        "Processor",
        {
            "id": ids(),
            "name": name,
            "active": "1",
            "user-latency": "0",
            "use-user-latency": "0",
            "type": kind,
        },
    )


def _gain(processor: Element, name: str, gain_db: float, ids: Ids) -> None:
    SubElement(
        processor,
        "Controllable",
        {"name": name, "id": ids(), "flags": "GainLike", "value": number(linear(gain_db))},
    )
