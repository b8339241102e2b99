"""Whole sessions: songs separated by the server, laid out by a template, written for a DAW."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from stemlift.errors import Reason, StemliftError
from stemlift.sessions import formats
from stemlift.sessions.build import GAP, Placed, build_session, require_focus, tracks_of
from stemlift.sessions.checks import mono_notes
from stemlift.sessions.files import refuse_existing
from stemlift.sessions.hearing import (
    Markers,
    Tempo,
    checked_markers,
    checked_tempo,
    heard,
    with_click,
)
from stemlift.sessions.separating import OnUpdate, media_folder, separated
from stemlift.sessions.song import Song
from stemlift.sessions.sources import PathLike, Source, expanded
from stemlift.sessions.templates.loading import PLAIN, load_template
from stemlift.sessions.templates.template import Template
from stemlift.sessions.timeline import ZERO, Session, Track

if TYPE_CHECKING:
    from stemlift.rpc.client import Client
    from stemlift.rpc.requests import SeparateOptions
    from stemlift.rpc.results import JobUpdate

_LONGEST = 10_000_000


class SessionOptions(TypedDict, total=False):
    """The optional arguments of `new_session` and `add_song`.

    template: a name from `template_names()`, the path of a .toml file, or a `Template`.
    focus: the stem that the session is about, for templates that have one.
    chains: whether the template's effects are on; they are bypassed otherwise.
    model: a name from `Client.models()`, or "auto".
    stems: names of stems to ask for; None: the template's.
    start, duration: the range of each song in seconds; None: all of it.
    separation: what else `Client.separate` takes, e.g. {"mask": "ratio", "format": "flac"}.
    tempo: "auto" listens, "off" does not, a number is beats per minute; None: the template's.
    markers: "auto" for a marker at each change, or "off"; None: the template's.
    gap: seconds between two songs, at least.
    copy_media: copy songs beside the session, so that its folder holds all that it needs.
    embed: put songs and stems into the session file itself, which a .dawproject can hold.
    client: to the server; None: this user's, which is started where none runs.
    on_update: called with the song and its job at every change.
    on_note: called with a sentence for a person, e.g. how sure the tempo is.
    beat: called now and then; what it raises ends the work, and nothing is half written.
    """

    template: PathLike | Template
    focus: str | None
    chains: bool
    model: str
    stems: Sequence[str] | None
    start: float | None
    duration: float | None
    separation: SeparateOptions
    tempo: Tempo | None
    markers: Markers | None
    gap: float
    copy_media: bool
    embed: bool
    client: Client | None
    on_update: OnUpdate
    on_note: Callable[[str], None]
    beat: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A session that was written. notes: what there is to know about it, as sentences."""

    path: Path
    session: Session
    songs: tuple[Song, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `stemlift session new --json` prints it. Times in seconds."""
        return {
            "session": str(self.path.absolute()),
            "format": formats.format_of(self.path).removeprefix("."),
            "sample_rate": self.session.sample_rate,
            "length": float(self.session.end),
            "songs": [
                {
                    "name": song.name,
                    "source": None if song.mix is None else str(song.mix.file),
                    "stems": {stem.name: str(stem.media.file) for stem in song.stems},
                    "bpm": song.tempo[0].bpm if song.tempo else None,
                }
                for song in self.songs
            ],
            "notes": list(self.notes),
        }


def new_session(
    songs: Source | Sequence[Source],
    path: PathLike,
    *,
    force: bool = False,
    **options: Unpack[SessionOptions],
) -> Made:
    """Separate songs and write a session of them, one after another on the timeline.

    Stems go to the folder "Media" beside the session. They stay when something fails after
    them, and are found again the next time.

    >>> new_session("song.wav", "song.rpp", template="remix", tempo="auto").path
    PosixPath('song.rpp')

    Args:
        songs: sound files, folders of songs, folders of stems with a stems.json, or `Song`s.
        path: ends with .rpp, .dawproject or .ardour.
        force: replace a session that exists.

    Raises:
        StemliftError: SESSION_EXISTS, TEMPLATE_INVALID, ARGUMENT_INVALID, what is wrong with a
            song or why it could not be separated, MEDIA_MISSING, OUTPUT_UNWRITABLE, DISK_FULL.
            No session is written then.
    """
    work = _Work.of(Path(path), options)
    formats.format_of(work.path, embed=work.options.get("embed", False))
    if not force:
        refuse_existing(work.path)
    found = work.songs(_several(songs))
    session = build_session(
        found,
        work.template,
        name=work.path.stem,
        focus=work.focus,
        chains=work.options.get("chains", False),
        gap=work.gap,
    )
    work.measure(found)
    told = formats.write(
        session,
        work.path,
        force=force,
        copy_media=work.options.get("copy_media", False),
        embed=work.options.get("embed", False),
    )
    for note in told:
        work.note(note)
    return Made(work.path, session, found, tuple(work.notes))


def add_song(
    path: PathLike, song: Source, *, at: float | None = None, **options: Unpack[SessionOptions]
) -> Made:
    """Add the stems of a song to a session that exists; nothing else in it changes.

    They come in a folder track with the song's name, behind the last track. The session's
    tempo and markers stay as they are; a click has the song's tempo.

    Args:
        song: one song, as `new_session` takes them.
        at: where it begins on the timeline, in seconds; None: behind all that is there, on the
            first whole second that leaves the gap.

    Raises:
        StemliftError: as `new_session`, and FILE_NOT_FOUND, SESSION_UNREADABLE or FILE_CHANGED
            of the session, which is as it was then.
    """
    work = _Work.of(Path(path), options).adding()
    position = None if at is None else _seconds("at", at)
    formats.format_of(work.path, embed=work.options.get("embed", False))
    # Read before the long work, so that a session that cannot be extended is told of at once.
    session = formats.read(work.path)
    found = work.songs([song])
    if position is None:
        position = Fraction(math.ceil(session.end + work.gap)) if session.end else ZERO
    places = []
    for one in found:
        places.append(Placed(one, position))
        position = Fraction(math.ceil(places[-1].end + work.gap))
    chains = work.options.get("chains", False)
    tracks = tuple(
        Track(
            place.song.name,
            children=tracks_of([place], work.template, focus=work.focus, chains=chains),
            channels=max(2, place.song.channels),
        )
        for place in places
    )
    work.measure(found)
    formats.add(
        work.path,
        tracks,
        copy_media=work.options.get("copy_media", False),
        embed=work.options.get("embed", False),
    )
    return Made(
        work.path, session.with_tracks((*session.tracks, *tracks)), found, tuple(work.notes)
    )


def show(path: PathLike) -> Session:
    """What a session file holds, as far as a `Session` can say it. Opens none of its media.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE, SESSION_UNREADABLE, ARGUMENT_INVALID.
    """
    return formats.read(Path(path))


@dataclass(frozen=True, slots=True)
class _Work:
    """One call. focus: empty for none."""

    path: Path
    options: SessionOptions
    template: Template
    focus: str
    tempo: Tempo
    markers: Markers
    gap: Fraction
    notes: list[str]

    @classmethod
    def of(cls, path: Path, options: SessionOptions) -> _Work:
        """Raises StemliftError (TEMPLATE_INVALID, ARGUMENT_INVALID)."""
        wanted = options.get("template", PLAIN)
        template = wanted if isinstance(wanted, Template) else load_template(wanted)
        focus = options.get("focus")
        tempo, markers = options.get("tempo"), options.get("markers")
        return cls(
            path,
            options,
            template,
            template.focus if focus is None else focus,
            checked_tempo(template.tempo if tempo is None else tempo),
            checked_markers(template.markers if markers is None else markers),
            _seconds("gap", options.get("gap", float(GAP))),
            [],
        )

    def adding(self) -> _Work:
        """Where nothing but a click needs the tempo, only a click makes it be listened for."""
        clicks = self.template.has_click or self.options.get("tempo") is not None
        return replace(self, tempo=self.tempo if clicks else "off", markers="off")

    def songs(self, sources: Sequence[Source]) -> tuple[Song, ...]:
        """The songs with their stems, tempo, markers and click."""
        meant = expanded(sources)
        waiting = [song for song in meant if isinstance(song, Path)]
        copied = self.options.get("copy_media", False)
        embed = self.options.get("embed", False)
        formats.check_songs(self.path, waiting, copy_media=copied, embed=embed)
        ready = [song for song in meant if isinstance(song, Song)]
        self._check_range(ready)
        there = [stem.name for song in ready for stem in song.stems]
        if not waiting:
            require_focus(self.focus, there)
        done = iter(self._separated(waiting, there) if waiting else ())
        stemmed = [song if isinstance(song, Song) else next(done) for song in meant]
        return tuple(self._playable(self._heard(song)) for song in stemmed)

    def _playable(self, song: Song) -> Song:
        if song.mix is None or formats.plays(self.path, song.mix.file):
            return song
        self.note(
            f"{song.mix.file.name} is not in the session itself, for Ardour cannot play it."
            " Convert it to WAV or FLAC to have it there."
        )
        return replace(song, mix=None)

    def measure(self, songs: Sequence[Song]) -> None:
        for note in mono_notes(songs, self.template, self.focus):
            self.note(note)

    def _check_range(self, ready: Sequence[Song]) -> None:
        """Stems that exist are taken as they are; a part of them would be asked for in vain."""
        for option in ("stems", "start", "duration"):
            if ready and self.options.get(option) is not None:
                raise StemliftError(
                    Reason.ARGUMENT_INVALID,
                    f"{option} says what to separate, but {ready[0].name} has its stems already.",
                    "Leave it out, or name the song itself instead of its stems.",
                )

    def _check_focus(self, client: Client, there: Sequence[str]) -> None:
        """Before the work; the server knows what stems there are, and checks those asked for."""
        asked = self._separation().get("stems")
        if not self.focus or self.focus in there or (asked and self.focus in asked):
            return
        names = [*there, *(asked or ())]
        if not asked:
            wanted = self.options.get("model", "auto")
            models = client.models().models
            names += [
                stem
                for model in models
                if (model.installed if wanted == "auto" else model.name == wanted)
                for stem in model.stems
            ]
            if wanted != "auto" and wanted not in [model.name for model in models]:
                # Of a model that is not known, the server tells.
                return
        require_focus(self.focus, names)

    def _separated(self, songs: Sequence[Path], there: Sequence[str]) -> tuple[Song, ...]:
        beat = self.options.get("beat", _nothing)
        with ExitStack() as kept:
            client = self.options.get("client")
            if client is None:
                # On demand: sessions of stems that exist need no server.
                from stemlift.rpc.client import Client

                told = self.options.get("on_note", _no_note)
                client = kept.enter_context(Client(heartbeat=beat, on_wait=told))
            self._check_focus(client, there)
            return separated(
                client,
                songs,
                media_folder(self.path),
                self._separation(),
                on_update=self.options.get("on_update", _no_update),
                on_found=lambda song: self.note(f"{song.name}: its stems are there already."),
                beat=beat,
            )

    def _separation(self) -> SeparateOptions:
        stems = self.options.get("stems")
        asked = self.template.asked(self.focus) if stems is None else tuple(stems)
        found: SeparateOptions = {
            "model": self.options.get("model", "auto"),
            "stems": list(asked) or None,
            "remainder": self.template.remainder,
            "start": self.options.get("start"),
            "duration": self.options.get("duration"),
        }
        return {**found, **self.options.get("separation", {})}

    def _heard(self, song: Song) -> Song:
        """Where only the template asked to listen, a song does without what cannot be heard."""
        if "auto" in (self.tempo, self.markers):
            self.options.get("on_note", _no_note)(f"{song.name}: listening for beats and parts.")
        asked = self.options.get("tempo") == "auto" or self.options.get("markers") == "auto"
        try:
            found = heard(song, self.tempo, self.markers, self.options.get("beat", _nothing))
        except StemliftError as error:
            if asked or error.reason is not Reason.ANALYSIS_UNAVAILABLE:
                raise
            self.note(f"{error.message} The session has no tempo and no markers.")
            found = heard(song, "off", "off", _nothing)
        clicked = with_click(found.song, self.template, media_folder(self.path))
        for note in (*found.notes, *clicked.notes):
            self.note(note)
        return clicked.song

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.options.get("on_note", _no_note)(text)


def _several(songs: Source | Sequence[Source]) -> Sequence[Source]:
    if isinstance(songs, Song | str | os.PathLike):
        return [songs]
    return list(songs)


def _seconds(option: str, value: float) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{option} cannot be {value!r}.",
            f"Accepted: seconds from 0 to {_LONGEST:,}, e.g. 12.5.",
        )
    return Fraction(repr(float(value)))


def _nothing() -> None:
    pass


def _no_update(song: Path, update: JobUpdate) -> None:
    pass


def _no_note(text: str) -> None:
    pass
