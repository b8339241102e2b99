"""Writing sessions from the command line: progress, interrupts, and what is said at the end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from stemlift.cli.interrupts import Interrupts
from stemlift.cli.progress import Show, ShowShare, show_progress, show_share
from stemlift.cli.reporting import (
    duration,
    note,
    plain,
    print_error,
    print_error_json,
    print_json,
)
from stemlift.errors import Exit, severity
from stemlift.rpc.results import JobUpdate
from stemlift.sessions.batch import Each, each_session
from stemlift.sessions.making import Made, SessionOptions, add_song, new_session
from stemlift.sessions.sources import Source
from stemlift.sessions.stems_folder import song_of_folder
from stemlift.sessions.timeline import walk


@dataclass(frozen=True, slots=True)
class Voice:
    """How the command speaks."""

    json: bool = False
    quiet: bool = False

    @property
    def chatty(self) -> bool:
        return not self.json and not self.quiet

    def note(self, text: str) -> None:
        if self.chatty:
            note(text)


@dataclass(slots=True)
class Bars:
    """One bar at a time, that of the song whose job is waited for, or of what is rendered; gone
    before a note."""

    voice: Voice
    song: Path | None = None
    shown: ExitStack = field(default_factory=ExitStack)
    bar: Show | None = None
    share: ShowShare | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def update(self, song: Path, update: JobUpdate) -> None:
        if update.state.ended and self.bar is None:
            return
        if song != self.song or self.bar is None:
            self.close()
            self.song = song
            self.bar = self.shown.enter_context(show_progress(song.name, lines=self.voice.chatty))
        self.bar(update)
        if update.state.ended:
            # What follows, listening and writing, is no part of it.
            self.close()

    def render(self, share: float) -> None:
        """share: of what is rendered, 0 to 1."""
        if self.share is None:
            self.close()
            self.share = self.shown.enter_context(show_share("rendering", lines=self.voice.chatty))
        self.share(share)

    def note(self, text: str) -> None:
        self.close()
        self.voice.note(text)

    def close(self) -> None:
        self.shown.close()
        self.bar = self.share = None


def new_one(
    songs: Sequence[str],
    out: str,
    options: SessionOptions,
    *,
    have_stems: bool,
    force: bool,
    voice: Voice,
) -> int:
    """`stemlift session new`: one session of all songs."""
    with Interrupts() as interrupts, Bars(voice) as bars:
        try:
            made = new_session(
                _sources(songs, have_stems),
                out,
                force=force,
                **_attended(options, bars, interrupts),
            )
        except KeyboardInterrupt:
            return _cancelled(bars)
    _tell(made, voice)
    return Exit.DONE


def new_each(
    songs: Sequence[str],
    out: str,
    options: SessionOptions,
    *,
    have_stems: bool,
    force: bool,
    voice: Voice,
) -> int:
    """`stemlift session new --each`: a session for every song; the worst of their exit codes."""
    code = Exit.DONE
    with Interrupts() as interrupts, Bars(voice) as bars:
        try:
            sources, how = _sources(songs, have_stems), _attended(options, bars, interrupts)
            for each in each_session(sources, out, force=force, **how):
                bars.close()
                code = max(code, _tell_each(each, voice), key=severity)
                interrupts.check()
        except KeyboardInterrupt:
            return _cancelled(bars)
    return code


def add_one(
    session: str,
    song: str,
    at: float | None,
    options: SessionOptions,
    *,
    have_stems: bool,
    voice: Voice,
) -> int:
    """`stemlift session add`."""
    with Interrupts() as interrupts, Bars(voice) as bars:
        try:
            (source,) = _sources([song], have_stems)
            made = add_song(session, source, at=at, **_attended(options, bars, interrupts))
        except KeyboardInterrupt:
            return _cancelled(bars)
    _tell(made, voice)
    return Exit.DONE


def _sources(songs: Sequence[str], have_stems: bool) -> list[Source]:
    return [song_of_folder(Path(song).absolute()) if have_stems else song for song in songs]


def _attended(options: SessionOptions, bars: Bars, interrupts: Interrupts) -> SessionOptions:
    return {
        **options,
        "on_update": bars.update,
        "on_note": bars.note,
        "beat": interrupts.check,
    }


def _cancelled(bars: Bars) -> int:
    bars.close()
    note("Cancelled. No session was written; stems that are done stay and are found again.")
    return Exit.CANCELLED


def _tell_each(each: Each, voice: Voice) -> int:
    if each.made is not None:
        _tell(each.made, voice)
        return Exit.DONE
    if each.error is not None:
        if voice.json:
            print_error_json(each.error, each.name)
        else:
            note(f"{each.name}:")
            print_error(each.error)
        return each.error.exit_code
    if voice.json:
        print_json({"session": str(each.path.absolute()), "skipped": True})
    else:
        voice.note(f"{each.path} is there already: skipped.")
    return Exit.DONE


def _tell(made: Made, voice: Voice) -> None:
    if voice.json:
        print_json(made.to_json())
        return
    count = sum(1 for _ in walk(made.session.tracks))
    songs = len(made.songs)
    print(  # noqa: T201 - the result of the command
        plain(
            f"{made.path}: {songs} song{'s' * (songs != 1)}, {count} track{'s' * (count != 1)},"
            f" {duration(float(made.session.end))}, {made.session.sample_rate} Hz."
        )
    )
