"""Several songs through the server: submitted all at once, reported in their order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stemlift.cli.interrupts import Interrupts
from stemlift.cli.model_words import licence_in_words, parts_of, size_in_words
from stemlift.cli.progress import show_progress
from stemlift.cli.reporting import note, print_error, print_error_json, print_json
from stemlift.cli.summary import print_summary
from stemlift.errors import Exit, Reason, StemliftError, severity
from stemlift.rpc.client import Client, RemoteJob
from stemlift.rpc.gen.separation_pb2 import CreateJobRequest
from stemlift.rpc.requests import SeparateOptions, build_request
from stemlift.rpc.results import SeparationResult, error_to_json

# How long a cancelled job may take to reach the end of its batch.
CANCEL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Voice:
    """How the command speaks."""

    json: bool = False
    quiet: bool = False
    report: bool = False
    """Whether a page about each song is written beside its stems."""

    @property
    def chatty(self) -> bool:
        return not self.json and not self.quiet


@dataclass(slots=True)
class Song:
    """One song on its way through the command."""

    source: str
    request: CreateJobRequest | None = None
    job: RemoteJob | None = None
    error: StemliftError | None = None
    code: int | None = None

    @property
    def name(self) -> str:
        return Path(self.source).name

    @property
    def waiting(self) -> RemoteJob | None:
        """Its job, while there is one whose end was not reported."""
        return self.job if self.code is None else None


def run(sources: Sequence[str], options: SeparateOptions, voice: Voice) -> int:
    """Separate all of them; returns the worst exit code."""
    songs = [_prepare(source, options) for source in sources]
    # Python stops gRPC's threads wherever they are when the program ends; the client is
    # closed before, so that none is in the middle of something.
    with Interrupts() as interrupts, ExitStack() as kept:
        try:
            _submit(songs, options, voice, interrupts, kept)
            for song in songs:
                _wait(song, voice, interrupts)
        except KeyboardInterrupt:
            _cancel(songs, voice)
            return Exit.CANCELLED
    codes = [song.code for song in songs if song.code is not None]
    return max(codes, key=severity, default=Exit.DONE)


def _prepare(source: str, options: SeparateOptions) -> Song:
    try:
        return Song(source, build_request(source, **options))
    except StemliftError as error:
        return Song(source, error=error)


def _submit(
    songs: Sequence[Song],
    options: SeparateOptions,
    voice: Voice,
    interrupts: Interrupts,
    kept: ExitStack,
) -> None:
    """Submit all of them through one client, which `kept` closes: the jobs go on using it."""
    able = [(song, song.request) for song in songs if song.request is not None]
    if not able:
        return
    broken: StemliftError | None = None
    try:
        client = kept.enter_context(
            Client(on_wait=None if voice.json else note, heartbeat=interrupts.check)
        )
        if voice.chatty:
            advise(client, options.get("model", "auto"))
    except StemliftError as error:
        broken = error
    for song, request in able:
        # Without a server there is no use in asking it again for every song.
        if broken is not None:
            song.error = broken
            continue
        try:
            song.job = client.submit(request)
            interrupts.check()
        except StemliftError as error:
            song.error = error
            if error.exit_code == Exit.SERVER:
                broken = error


def advise(client: Client, name: str) -> None:
    """Say once what a better model would need, or what is fetched before the first song."""
    if name == "auto":
        advice = client.models().advice
        if advice:
            note(advice)
        return
    try:
        model = client.model(name)
        missing = [part for part in parts_of(client, model) if not part.installed]
    except StemliftError as error:
        if error.exit_code == Exit.SERVER:
            raise
        # Every song is told of a wrong name.
        return
    for part in missing:
        note(
            f"{part.name} is fetched once, {size_in_words(part)}. Licence of the weights: "
            f"{licence_in_words(part)}"
        )


def _wait(song: Song, voice: Voice, interrupts: Interrupts) -> None:
    if song.job is not None:
        try:
            with show_progress(song.name, lines=voice.chatty) as show:
                for update in song.job:
                    show(update)
            result = song.job.result()
        except StemliftError as error:
            song.error = error
        else:
            _report(song, result, voice, interrupts)
            return
    if song.error is not None:
        _report_error(song, song.error, voice)


def _report(
    song: Song, result: SeparationResult, voice: Voice, interrupts: Interrupts | None = None
) -> None:
    # Before the printing: an interrupt in its middle must not report the song again.
    song.code = Exit.DONE
    if not voice.json:
        print_summary(song.name, result)
    line = result.to_json()
    if voice.report and interrupts is not None:
        try:
            line |= _page(song, result, voice, interrupts)
        except KeyboardInterrupt:
            # Its stems are there all the same.
            if voice.json:
                print_json(line | {"report": None})
            raise
    if voice.json:
        print_json(line)


def _page(
    song: Song, result: SeparationResult, voice: Voice, interrupts: Interrupts
) -> dict[str, Any]:
    """Write the report of a song whose stems are there; returns what JSON says of it.

    The stems stay if it fails, and the song counts as done but for the exit code.
    """
    from stemlift.cli.report import report_of

    try:
        path = report_of(Path(song.source).absolute(), result, interrupts.check)
    except StemliftError as error:
        song.code = error.exit_code
        if not voice.json:
            print_error(error)
        return {"report": None, "report_error": error_to_json(error)}
    if not voice.json:
        note(f"Report: {path}")
    return {"report": str(path)}


def _report_error(song: Song, error: StemliftError, voice: Voice) -> None:
    song.code = error.exit_code
    if error.job_id is None and song.job is not None:
        error.job_id = song.job.id
    if voice.json:
        print_error_json(error, song.source)
    else:
        if song.name not in error.message:
            note(f"{song.name}:")
        print_error(error)


def _cancel(songs: Sequence[Song], voice: Voice) -> None:
    """Cancel what was submitted and not reported, and see it end."""
    jobs = [song.waiting for song in songs if song.waiting is not None]
    note(f"Cancelling {len(jobs)} job{'s' * (len(jobs) != 1)}; once more leaves at once.")
    for song in songs:
        if song.waiting is not None:
            try:
                song.waiting.cancel()
            except StemliftError as error:
                song.error = error
    deadline = time.monotonic() + CANCEL_SECONDS
    for song in songs:
        if song.code is None:
            _see_end(song, voice, deadline)


def _see_end(song: Song, voice: Voice, deadline: float) -> None:
    error = song.error
    if song.job is not None and error is None:
        try:
            # It may have been done before the cancellation reached it.
            _report(song, song.job.result(max(0.1, deadline - time.monotonic())), voice)
        except StemliftError as found:
            error = found
        except TimeoutError:
            error = StemliftError(
                Reason.CANCELLED,
                f"{song.source}: the server was told to cancel job {song.job.id}, and has not"
                " yet ended it.",
                f"See `stemlift jobs show {song.job.id}`.",
            )
        else:
            return
    if error is None:
        error = StemliftError(Reason.CANCELLED, f"{song.source}: cancelled before it began.")
    _report_error(song, error, voice)
