"""From a plan to a session: the stems of the songs on the tracks of a template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from stemlift.sessions.build import Placed, tracks_of
from stemlift.sessions.mashup_plan import Fit, Plan
from stemlift.sessions.song import Song
from stemlift.sessions.templates.template import Template
from stemlift.sessions.timeline import ZERO, Clip, Marker, Session, TempoPoint, Track

WITHOUT_PITCH = frozenset(
    ("drums", "percussion", "kick", "snare", "toms", "cymbals", "hihat", "hh", "ride", "crash")
)
"""Stems that a key means nothing to: they are never transposed."""

MEETING = "First downbeat"

_FADE = Fraction(1, 200)


@dataclass(frozen=True, slots=True)
class Fitted:
    """song: with the stems that are used, and no others."""

    song: Song
    fit: Fit


def mashup_session(
    name: str,
    songs: Sequence[Fitted],
    plan: Plan,
    template: Template,
    *,
    chains: bool = False,
) -> Session:
    """The stems as stretched and transposed clips; no audio is changed.

    Each stem has a track with the names of its song and its own, in the template's folders.
    """
    tracks: tuple[Track, ...] = ()
    for one in songs:
        song = replace(one.song, mix=None, click=None, tempo=(), markers=())
        laid = tracks_of([Placed(song, ZERO)], template, focus="", chains=chains)
        tracks = _merged(tracks, tuple(_fitted(laid, one)))
    return Session(
        name,
        songs[0].song.sample_rate,
        tracks,
        (TempoPoint(ZERO, plan.tempo, plan.beats_per_bar),),
        (Marker(plan.meeting, MEETING),),
    )


def _fitted(tracks: Iterable[Track], one: Fitted) -> Iterator[Track]:
    """The tracks with fitted clips; those with nothing on them are left out."""
    stems = {stem.media: stem.name for stem in one.song.stems}
    for track in tracks:
        children = tuple(_fitted(track.children, one))
        clips = tuple(
            part
            for clip in track.clips
            for part in _parts(clip, one.fit, pitched=stems[clip.media] not in WITHOUT_PITCH)
        )
        if clips:
            yield replace(track, name=f"{one.song.name} - {track.name}", clips=clips)
        elif children:
            yield replace(track, children=children)


def _parts(clip: Clip, fit: Fit, *, pitched: bool) -> Iterator[Clip]:
    """A clip of a whole stem as pieces of one tempo each; two that meet are crossfaded."""
    last = len(fit.pieces) - 1
    for number, piece in enumerate(fit.pieces):
        before = _FADE if number else ZERO
        behind = _FADE if number < last else ZERO
        start = max(ZERO, piece.start - before * piece.stretch)
        end = min(clip.media.duration, piece.end + behind * piece.stretch)
        if end <= start:
            continue
        early = (piece.start - start) / piece.stretch
        length = (end - start) / piece.stretch
        # A piece that is shorter than its fades has none.
        short = 2 * (before + behind) > length
        yield replace(
            clip,
            position=max(ZERO, piece.position - early),
            length=length,
            source_start=start,
            stretch=piece.stretch,
            pitch=float(fit.pitch) if pitched else 0.0,
            fade_in=ZERO if short else 2 * before,
            fade_out=ZERO if short else 2 * behind,
        )


def _merged(tracks: tuple[Track, ...], more: tuple[Track, ...]) -> tuple[Track, ...]:
    """Tracks with more behind them; folders of one name become one."""
    found = list(tracks)
    for track in more:
        places = [
            place
            for place, there in enumerate(found)
            if track.children and there.children and there.name == track.name
        ]
        if not places:
            found.append(track)
            continue
        there = found[places[0]]
        found[places[0]] = replace(
            there,
            children=_merged(there.children, track.children),
            channels=max(there.channels, track.channels),
        )
    return tuple(found)
