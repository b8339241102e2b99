"""From songs and a template to a session: which stem lies on which track, and where."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.looks import colour, title
from stemlift.sessions.set_tempo import Stretch, tempo_of
from stemlift.sessions.song import Song
from stemlift.sessions.templates.effects import Effects
from stemlift.sessions.templates.loading import standard_chains
from stemlift.sessions.templates.template import FOCUS, REST, STEM, Folder, Template, TrackLayout
from stemlift.sessions.timeline import (
    ZERO,
    Clip,
    Effect,
    Marker,
    Media,
    Seconds,
    Session,
    Track,
)

GAP = Fraction(2)
"""Seconds between two songs at least."""

ORIGINAL = "Original"
CLICK = "Click"


@dataclass(frozen=True, slots=True)
class Placed:
    """A song on the timeline. It begins on a whole second, which is a frame at every rate."""

    song: Song
    position: Seconds

    @property
    def end(self) -> Seconds:
        return self.position + self.song.length


def placed(songs: Sequence[Song], *, gap: Seconds = GAP, at: Seconds = ZERO) -> tuple[Placed, ...]:
    """The songs one after another; the first at `at`, each other on the first whole second that
    leaves the gap."""
    found: list[Placed] = []
    for song in songs:
        found.append(Placed(song, at))
        at = Fraction(math.ceil(found[-1].end + gap))
    return tuple(found)


def build_session(
    songs: Sequence[Song],
    template: Template,
    *,
    name: str,
    focus: str | None = None,
    chains: bool = False,
    gap: Seconds = GAP,
) -> Session:
    """A session of songs, one after another on the same tracks.

    Its rate is that of the first song. Several songs get a region each, named like them, and
    each that has a tempo begins with a bar: see `set_tempo`.

    Args:
        focus: the stem that the session is about; by default the template's.
        chains: whether the template's effects are on; they are bypassed otherwise.
        gap: seconds between two songs, at least.

    Raises:
        StemliftError: ARGUMENT_INVALID without songs; STEM_UNKNOWN where no song has the stem
            that is the focus.
    """
    if not songs:
        raise StemliftError(
            Reason.ARGUMENT_INVALID, "There is no song for the session.", "Name at least one."
        )
    places = placed(songs, gap=gap)
    regions = [Marker(p.position, p.song.name, p.song.length) for p in places if len(places) > 1]
    return Session(
        name=name,
        sample_rate=songs[0].sample_rate,
        tracks=tracks_of(places, template, focus=focus, chains=chains),
        tempo=tempo_of(Stretch(p.position, p.end, p.song.tempo) for p in places),
        markers=tuple(
            sorted([*regions, *_markers(places)], key=lambda m: (m.position, m.length is None))
        ),
    )


def tracks_of(
    places: Sequence[Placed],
    template: Template,
    *,
    focus: str | None = None,
    chains: bool = False,
) -> tuple[Track, ...]:
    """The tracks of songs that lie somewhere on a timeline, as `build_session` lays them out.

    Raises:
        StemliftError: STEM_UNKNOWN where no song has the stem that is the focus.
    """
    about = template.focus if focus is None else focus
    names = tuple(dict.fromkeys(s.name for place in places for s in place.song.stems))
    require_focus(about, names)
    layout = _Layout(template, tuple(places), names, about, chains)
    return tuple(layout.tracks())


def require_focus(focus: str, names: Iterable[str]) -> None:
    """Raises StemliftError (STEM_UNKNOWN) for a focus that is none of the songs' stems."""
    there = tuple(dict.fromkeys(names))
    if focus and focus not in there:
        raise StemliftError(
            Reason.STEM_UNKNOWN,
            f"The session is about the stem {focus!r}, which no song has.",
            f"Choose from: {', '.join(there)}.",
        )


@dataclass(frozen=True, slots=True)
class _Layout:
    """names: all stems of the songs. focus: one of them, or empty."""

    template: Template
    places: tuple[Placed, ...]
    names: tuple[str, ...]
    focus: str
    chains: bool

    def tracks(self) -> Iterator[Track]:
        """The template's tracks that have something on them, in their folders."""
        inside: dict[str | None, list[Track | str]] = {None: []}
        for one, track in self._flat():
            place = one.folder
            inside.setdefault(place, []).append(track)
            while place is not None:
                above = self._folder(place).folder
                siblings = inside.setdefault(above, [])
                if place in siblings:
                    break
                siblings.append(place)
                place = above
        return self._nested(inside, None)

    def _nested(
        self, inside: dict[str | None, list[Track | str]], place: str | None
    ) -> Iterator[Track]:
        for one in inside[place]:
            if isinstance(one, Track):
                yield one
                continue
            folder = self._folder(one)
            yield Track(
                folder.name,
                folder.rgb,
                folder.gain_db,
                folder.pan,
                folder.mute,
                effects=self._effects(folder.effects),
                children=tuple(self._nested(inside, one)),
                channels=self._channels,
            )

    def _folder(self, name: str) -> Folder:
        return next(folder for folder in self.template.folder if folder.name == name)

    def _flat(self) -> Iterator[tuple[TrackLayout, Track]]:
        named = [self._filled(t.stem) for t in self._there if t.stem and t.stem != REST]
        taken: set[str] = set()
        for one in self._there:
            if one.stem == REST:
                rest = (name for name in self.names if name not in named)
                yield from ((one, self._stem(one, name)) for name in rest)
            elif one.stem is not None:
                name = self._filled(one.stem)
                if name in self.names and name not in taken:
                    taken.add(name)
                    yield one, self._stem(one, name)
            elif one.plays == "mix":
                clips = [_mix_clip(place) for place in self.places]
                found = tuple(clip for clip in clips if clip is not None)
                if found:
                    yield one, self._made(one, one.name or ORIGINAL, found)
            elif one.plays == "click":
                clicks = [(p, p.song.click) for p in self.places if p.song.click is not None]
                found = tuple(_clip(p, media, CLICK) for p, media in clicks if media)
                if found:
                    yield one, self._made(one, one.name or CLICK, found)
            else:
                yield one, self._made(one, one.name or "", ())

    @property
    def _there(self) -> tuple[TrackLayout, ...]:
        return tuple(one for one in self.template.track if self.focus or not one.needs_focus)

    @property
    def _channels(self) -> int:
        return max([2, *(place.song.channels for place in self.places)])

    def _filled(self, text: str) -> str:
        return text.replace(FOCUS, self.focus)

    def _stem(self, one: TrackLayout, stem: str) -> Track:
        clips = tuple(
            _clip(place, found.media, f"{place.song.name} - {title(stem)}")
            for place in self.places
            for found in place.song.stems
            if found.name == stem
        )
        standard = self.template.chains == "standard"
        chain = one.effects or (standard_chains().get(stem, ()) if standard else ())
        name = _worded(one.name or STEM, STEM, stem)
        return self._made(one, name, clips, chain, colour(stem))

    def _made(
        self,
        one: TrackLayout,
        name: str,
        clips: tuple[Clip, ...],
        chain: Effects | None = None,
        own: tuple[int, int, int] | None = None,
    ) -> Track:
        return Track(
            _worded(name, FOCUS, self.focus),
            one.rgb or own,
            one.gain_db,
            one.pan,
            one.mute,
            effects=self._effects(one.effects if chain is None else chain),
            clips=clips,
            channels=max([2, *(clip.media.channels for clip in clips)]),
        )

    def _effects(self, chain: Effects) -> tuple[Effect, ...]:
        return tuple(effect.made(enabled=self.chains) for effect in chain)


def _worded(name: str, sign: str, stem: str) -> str:
    """The name with a stem in place of the sign; with a capital where it begins."""
    words = title(stem)
    if not name.startswith(sign):
        words = words[:1].lower() + words[1:]
    return name.replace(sign, words)


def _clip(place: Placed, media: Media, name: str) -> Clip:
    return Clip(media, place.position, media.duration, name=name)


def _mix_clip(place: Placed) -> Clip | None:
    """The part of the song that its stems are made of."""
    song = place.song
    if song.mix is None:
        return None
    start = min(song.start, song.mix.duration)
    length = min(song.length, song.mix.duration - start)
    if length <= 0:
        return None
    return Clip(song.mix, place.position, length, start, name=song.name)


def _markers(places: Sequence[Placed]) -> Iterator[Marker]:
    for place in places:
        for marker in place.song.markers:
            if marker.position < place.song.length:
                yield replace(marker, position=place.position + marker.position)
