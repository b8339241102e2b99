"""Songs into stems by the server, into a folder that a session can keep.

Each song gets a folder in the media folder, whose name ends with a key of all that decides its
stems: the song's bytes and the options. Where that folder is whole, nothing is separated; so a
batch that was broken off goes on where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stemlift.errors import Exit, Reason, StemliftError
from stemlift.reaper.naming import job_key, source_name
from stemlift.rpc.client import Client, RemoteJob
from stemlift.rpc.requests import SeparateOptions, absolute, build_request
from stemlift.rpc.results import JobState, JobUpdate
from stemlift.sessions.media import FOLDER
from stemlift.sessions.song import Song, song_of_result
from stemlift.sessions.stems_folder import StemsFolder, read_record, write_record

OnUpdate = Callable[[Path, JobUpdate], None]
"""Called with the song and its job at every change."""

CANCEL_SECONDS = 15.0
"""How long a cancelled job may take to reach the end of its batch."""

_BLOCK = 1 << 20


def media_folder(session: Path) -> Path:
    """The folder beside a session that its stems go to."""
    return session.absolute().parent / FOLDER


@dataclass(slots=True)
class _Work:
    """A song on its way. job: None where its stems were found, as `known`.

    edited: whether what is left of its stems was changed by somebody.
    """

    source: Path
    folder: Path
    sha256: str
    key: str
    known: StemsFolder | None = None
    edited: bool = False
    job: RemoteJob | None = None
    made_folder: bool = False
    song: Song | None = None


def separated(
    client: Client,
    songs: Sequence[Path],
    folder: Path,
    options: SeparateOptions | None = None,
    *,
    on_update: OnUpdate = lambda _song, _update: None,
    on_found: Callable[[Path], None] = lambda _song: None,
    beat: Callable[[], None] = lambda: None,
) -> tuple[Song, ...]:
    """The songs with their stems, in their order.

    All are queued at once. Leaving by an exception, KeyboardInterrupt too, cancels those that
    have not ended; stems that are done stay and are found again.

    Args:
        folder: the media folder; each song gets a folder in it.
        options: as `Client.separate` takes them; where files go is settled here.
        on_found: called with a song whose stems were there already.
        beat: called now and then while files are read; what it raises ends it.

    Raises:
        StemliftError: what is wrong with a song or an option, before any work; why the first
            of the jobs that failed did, after all others have ended.
    """
    how = SeparateOptions(**(options or {}))
    works = [_looked_at(Path(absolute(song)), folder, how, beat) for song in songs]
    try:
        _submit(client, works, how)
        first: StemliftError | None = None
        for work in works:
            try:
                work.song = _waited(work, on_update, on_found)
            except StemliftError as error:
                if error.exit_code == Exit.SERVER:
                    raise
                first = first or error
        if first is not None:
            raise first
    except BaseException:
        _cancel(works)
        raise
    return tuple(work.song for work in works if work.song is not None)


def _looked_at(
    source: Path, folder: Path, options: SeparateOptions, beat: Callable[[], None]
) -> _Work:
    sha256 = _digest(source, beat)
    deciding = sorted((name, repr(value)) for name, value in options.items())
    key = job_key(sha256, *(part for pair in deciding for part in pair))
    place = folder / f"{source_name(str(source))} {key}"
    known = read_record(place)
    if known is None or known.record.key != key:
        return _Work(source, place, sha256, key)
    return _Work(source, place, sha256, key, known if known.whole else None, known.edited)


def _submit(client: Client, works: Sequence[_Work], options: SeparateOptions) -> None:
    seen: dict[Path, _Work] = {}
    going = _going(client, [work for work in works if work.known is None])
    for work in works:
        if work.known is not None:
            continue
        if work.folder in seen:
            # The same song twice is one job.
            work.job = seen[work.folder].job
            continue
        seen[work.folder] = work
        if work.folder in going:
            work.job = going[work.folder]
            continue
        work.made_folder = not work.folder.exists()
        how: SeparateOptions = {
            **options,
            "out": work.folder,
            "name_template": f"{source_name(str(work.source))} - {{stem}}",
            # What a crash left may go, what somebody edited may not.
            "overwrite": not work.edited,
        }
        request = build_request(work.source, **how)
        work.job = client.submit(request)


def _going(client: Client, works: Sequence[_Work]) -> dict[Path, RemoteJob]:
    """Jobs of these songs by their folders: a batch that was killed left them to the server,
    which goes on with them; they are waited for, not repeated."""
    states = [JobState.QUEUED, JobState.RUNNING]
    if any(work.folder.exists() and not work.edited for work in works):
        states.append(JobState.SUCCEEDED)
    folders = {work.folder for work in works}
    found: dict[Path, RemoteJob] = {}
    for job in client.jobs(states) if works else ():
        result = job.latest.result
        whole = result is None or all(path.is_file() for path in result.stems.values())
        if job.latest.output_folder in folders and whole:
            found.setdefault(job.latest.output_folder, job)
    return found


def _waited(work: _Work, on_update: OnUpdate, on_found: Callable[[Path], None]) -> Song:
    if work.known is not None:
        on_found(work.source)
        return work.known.song(work.source)
    assert work.job is not None
    if not work.job.latest.state.ended:
        for update in work.job:
            on_update(work.source, update)
    result = work.job.result()
    try:
        write_record(work.folder, work.source, work.sha256, work.key, result)
    except OSError as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{work.folder} cannot be written: {error.strerror or error}.",
            "Make it writable, then try again.",
        ) from error
    return song_of_result(work.source, result)


def _cancel(works: Sequence[_Work]) -> None:
    """Cancel what has not ended, see it end, and leave no empty folder."""
    jobs = {work.job.id: work.job for work in works if work.job and work.song is None}
    for job in jobs.values():
        with contextlib.suppress(StemliftError):
            job.cancel()
    for job in jobs.values():
        with contextlib.suppress(StemliftError, TimeoutError):
            job.result(CANCEL_SECONDS)
    for work in works:
        if work.made_folder:
            # Not where there are stems in it.
            with contextlib.suppress(OSError):
                work.folder.rmdir()
                work.folder.parent.rmdir()


def _digest(path: Path, beat: Callable[[], None]) -> str:
    """SHA-256 of a file, in constant memory.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE.
    """
    # On demand: it brings decoders.
    from stemlift.audio.opening import open_regular

    digest = hashlib.sha256()
    file, _ = open_regular(path)
    with file:
        while block := file.read(_BLOCK):
            digest.update(block)
            beat()
    return digest.hexdigest()
