"""Mashups: stems of different songs on one timeline, in one tempo and one key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from stemlift.errors import Reason, StemliftError
from stemlift.sessions import formats
from stemlift.sessions.files import refuse_existing
from stemlift.sessions.hearing import FASTEST, SLOWEST, analysed
from stemlift.sessions.mashup_plan import Ingredient, KeyTarget, Plan, TempoTarget, plan
from stemlift.sessions.mashup_tracks import WITHOUT_PITCH, Fitted, mashup_session
from stemlift.sessions.matching import both_names, parse_key
from stemlift.sessions.media import media_of
from stemlift.sessions.rendering import FOLDER, OnProgress, render
from stemlift.sessions.separating import OnUpdate, media_folder, separated
from stemlift.sessions.song import Song, Stem
from stemlift.sessions.sources import PathLike, Source, expanded
from stemlift.sessions.stretching import require_stretcher
from stemlift.sessions.templates.loading import load_template
from stemlift.sessions.templates.template import Template
from stemlift.sessions.timeline import Session

if TYPE_CHECKING:
    from stemlift.rpc.client import Client
    from stemlift.rpc.requests import SeparateOptions
    from stemlift.rpc.results import JobUpdate

MIX = "mix"
"""Names the song itself, unseparated, where a stem is asked for."""

_PART = re.compile(r"([^:/\\]{2,}):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """Stems of a song, by their names; "mix" is the song itself."""

    stems: tuple[str, ...]
    source: Source


class MashupOptions(TypedDict, total=False):
    """The optional arguments of `new_mashup`.

    tempo: "first" (that of the first song with a beat), "least" (the least stretch), or bpm.
    key: "first", "least" (the least transposition), "keep" (none), or a key such as "F# minor".
    render: write stretched audio for DAWs that do not stretch. Always done for Ardour.
    template, chains, model, separation, copy_media, client, on_update, on_note, beat: as for
        `new_session`; the template is "mashup" by default.
    on_render: called with the share of the rendering that is done, 0 to 1.
    """

    tempo: Literal["first", "least"] | float | str
    key: str
    render: bool
    template: PathLike | Template
    chains: bool
    model: str
    separation: SeparateOptions
    copy_media: bool
    client: Client | None
    on_update: OnUpdate
    on_render: OnProgress
    on_note: Callable[[str], None]
    beat: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Mashup:
    """A mashup that was written. notes: what there is to know about it, as sentences."""

    path: Path
    session: Session
    songs: tuple[Song, ...]
    plan: Plan
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `stemlift session mashup --json` prints it. Times in seconds."""
        return {
            "session": str(self.path.absolute()),
            "format": formats.format_of(self.path).removeprefix("."),
            "sample_rate": self.session.sample_rate,
            "length": float(self.session.end),
            "bpm": self.plan.tempo,
            "key": None if self.plan.key is None else both_names(self.plan.key),
            "first_downbeat": float(self.plan.meeting),
            "songs": [
                {
                    "name": song.name,
                    "stems": {stem.name: str(stem.media.file) for stem in song.stems},
                    "stretch": [float(piece.stretch) for piece in fit.pieces],
                    "semitones": fit.pitch,
                    "position": float(fit.pieces[0].position),
                }
                for song, fit in zip(self.songs, self.plan.fits, strict=True)
            ],
            "notes": list(self.notes),
        }


def parse_part(text: str) -> Part:
    """Of "vocals:A.wav", "bass+other:B.wav" or "mix:C.wav".

    Raises:
        StemliftError: ARGUMENT_INVALID.
    """
    found = _PART.fullmatch(text)
    stems = tuple(name.strip() for name in found[1].split("+")) if found else ()
    if found is None or not all(stems):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{text!r} does not say which stems of which song.",
            'Write it as "vocals:A.wav", with several stems as "bass+drums:B.wav".',
        )
    return Part(stems, found[2])


def parse_tempo(value: object) -> TempoTarget:
    """Raises StemliftError (ARGUMENT_INVALID)."""
    if value in ("first", "least"):
        return "first" if value == "first" else "least"
    try:
        bpm = float(value) if isinstance(value, str | int | float) else 0.0
    except ValueError:
        bpm = 0.0
    if not SLOWEST <= bpm <= FASTEST:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"tempo cannot be {value!r}.",
            f"Accepted: first, least, or {SLOWEST:g} to {FASTEST:g} beats per minute.",
        )
    return bpm


def parse_key_target(text: str) -> KeyTarget:
    """Raises StemliftError (ARGUMENT_INVALID)."""
    for word in ("first", "least", "keep"):
        if text == word:
            return word
    return parse_key(text)


def new_mashup(
    parts: Sequence[str | Part],
    path: PathLike,
    *,
    force: bool = False,
    **options: Unpack[MashupOptions],
) -> Mashup:
    """Separate what is asked of each song, and write a session of it in one tempo and key.

    The clips carry stretch and pitch, which the DAW plays and anybody can change. The songs'
    first downbeats meet on a bar line.

    >>> new_mashup(["vocals:A.wav", "drums+bass:B.wav"], "mashup.rpp").plan.tempo
    120.0

    Args:
        parts: which stems of which songs; a song may be a folder of stems with a stems.json.
        path: ends with .rpp, .dawproject or .ardour.
        force: replace a session that exists.

    Raises:
        StemliftError: SESSION_EXISTS, ARGUMENT_INVALID, TEMPLATE_INVALID, what is wrong with a
            song or why it could not be separated, STEM_UNKNOWN, ANALYSIS_UNAVAILABLE,
            STRETCHING_UNAVAILABLE, OUTPUT_UNWRITABLE, DISK_FULL. No session is written then.
    """
    target = Path(path)
    tempo = parse_tempo(options.get("tempo", "first"))
    key = parse_key_target(options.get("key", "least"))
    wanted = options.get("template", "mashup")
    template = wanted if isinstance(wanted, Template) else load_template(wanted)
    rendered = options.get("render", False)
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        options.get("on_note", _no_note)(text)

    if formats.format_of(target) is formats.Format.ARDOUR and not rendered:
        rendered = True
        note("Ardour plays no clips that a session stretches: the stems are rendered.")
    if not force:
        refuse_existing(target)
    if rendered:
        require_stretcher()
    wanted_songs = _joined(parts)
    _check(wanted_songs, target, copy_media=options.get("copy_media", False))
    whole = _songs(wanted_songs, target, options, note)
    beat = options.get("beat", _nothing)
    songs = tuple(replace(song, stems=_chosen(song, stems)) for song, stems in whole)
    ingredients = [
        Ingredient(
            song.name,
            used.length,
            analysed(song, beat),
            any(stem.name not in WITHOUT_PITCH for stem in used.stems),
        )
        for (song, _), used in zip(whole, songs, strict=True)
    ]
    found = plan(ingredients, tempo, key)
    for text in found.notes:
        note(text)
    fitted = [Fitted(song, fit) for song, fit in zip(songs, found.fits, strict=True)]
    session = mashup_session(
        target.stem, fitted, found, template, chains=options.get("chains", False)
    )
    if rendered:

        def tell(share: float) -> None:
            beat()
            options.get("on_render", _no_share)(share)

        session = render(
            session,
            media_folder(target) / FOLDER,
            tell,
            plays=lambda file: formats.plays(target, file),
        )
    copy_media = options.get("copy_media", False)
    for text in formats.write(session, target, force=force, copy_media=copy_media):
        note(text)
    return Mashup(target, session, songs, found, tuple(notes))


def _joined(parts: Iterable[str | Part]) -> list[tuple[Path | Song, list[str]]]:
    """Each song once, with all stems that are asked of it."""
    found: list[tuple[Path | Song, list[str]]] = []
    for given in parts:
        part = parse_part(given) if isinstance(given, str) else given
        sources = expanded([part.source])
        if len(sources) != 1:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{part.source} is a folder of {len(sources)} songs.",
                "Name the song itself, or a folder of its stems.",
            )
        for there, stems in found:
            if there == sources[0]:
                stems += [name for name in part.stems if name not in stems]
                break
        else:
            found.append((sources[0], list(dict.fromkeys(part.stems))))
    if not found:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            "There is no song for the mashup.",
            'Name at least one, such as "vocals:A.wav".',
        )
    return found


def _check(
    wanted: Sequence[tuple[Path | Song, list[str]]], target: Path, *, copy_media: bool
) -> None:
    """What `formats.check_songs` refuses, before any work is done.

    A song of which only stems are in the session needs no name that the session can write.
    """
    ardour = formats.format_of(target) is formats.Format.ARDOUR
    files = [song for song, stems in wanted if isinstance(song, Path) and (ardour or MIX in stems)]
    formats.check_songs(target, files, copy_media=copy_media)


def _songs(
    wanted: Sequence[tuple[Path | Song, list[str]]],
    target: Path,
    options: MashupOptions,
    note: Callable[[str], None],
) -> list[tuple[Song, list[str]]]:
    """The songs with the stems that are asked for, and perhaps more."""
    beat = options.get("beat", _nothing)
    with ExitStack() as kept:
        client = options.get("client")
        found = []
        for source, stems in wanted:
            if isinstance(source, Song):
                found.append((source, stems))
                continue
            asked = [name for name in stems if name != MIX]
            if not asked:
                found.append((Song(source.stem, (), media_of(source)), stems))
                continue
            if client is None:
                # On demand: songs that have their stems need no server.
                from stemlift.rpc.client import Client

                client = kept.enter_context(Client(heartbeat=beat, on_wait=note))
            (song,) = separated(
                client,
                [source],
                media_folder(target),
                {
                    "model": options.get("model", "auto"),
                    "stems": asked,
                    **options.get("separation", {}),
                },
                on_update=options.get("on_update", _no_update),
                on_found=lambda path: note(f"{path.name}: its stems are there already."),
                beat=beat,
            )
            found.append((song, stems))
    return found


def _chosen(song: Song, names: Sequence[str]) -> tuple[Stem, ...]:
    """The stems of those names, in their order.

    Raises:
        StemliftError: STEM_UNKNOWN.
    """
    there = {stem.name: stem for stem in song.stems}
    if song.mix is not None:
        there.setdefault(MIX, Stem(MIX, song.mix))
    for name in names:
        if name not in there:
            raise StemliftError(
                Reason.STEM_UNKNOWN,
                f"{song.name} has no stem {name!r}.",
                f"Choose from: {', '.join(there)}.",
            )
    return tuple(there[name] for name in names)


def _nothing() -> None:
    pass


def _no_update(song: Path, update: JobUpdate) -> None:
    pass


def _no_note(text: str) -> None:
    pass


def _no_share(share: float) -> None:
    pass
