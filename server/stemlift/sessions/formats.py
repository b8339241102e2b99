"""Session files by the ending of their names: which DAW's format, and what reads and writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.timeline import Session, Track


class Format(StrEnum):
    """The value is the ending of the file's name; that of Ardour is a folder."""

    RPP = ".rpp"
    DAWPROJECT = ".dawproject"
    ARDOUR = ".ardour"


def format_of(path: Path, *, embed: bool = False) -> Format:
    """embed: whether media shall lie in the file itself.

    Raises:
        StemliftError: ARGUMENT_INVALID for a name that says none, or one that holds no media.
    """
    for found in Format:
        if path.suffix.lower() == found and path.stem:
            if embed and found is not Format.DAWPROJECT:
                raise StemliftError(
                    Reason.ARGUMENT_INVALID,
                    f"Media cannot be put into {path}: only a .dawproject holds them.",
                    "Leave --embed out, or use --copy-media to have them copied beside it.",
                )
            return found
    raise StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{path} does not say what session it is.",
        "End its name with .rpp (REAPER), .dawproject (Bitwig, Studio One, Cubase …) or .ardour"
        " (Ardour).",
    )


def check_songs(
    path: Path, songs: Sequence[Path], *, copy_media: bool = False, embed: bool = False
) -> None:
    """Refuse songs that a session of this format cannot hold, before any work is done on them.

    Raises:
        StemliftError: PATH_UNSUPPORTED; RATE_UNSUPPORTED where songs have different rates,
            which Ardour does not play together.
    """
    match format_of(path):
        case Format.RPP if not copy_media:
            _check_names(path, songs)
        case Format.DAWPROJECT if not (copy_media or embed):
            _check_references(path, songs)
        case Format.ARDOUR:
            _check_rates(path, songs)
        case _:
            pass


def plays(path: Path, song: Path) -> bool:
    """Whether a session of this format can play a song from where it is; stems it always can."""
    if format_of(path) is not Format.ARDOUR:
        return True
    from stemlift.sessions.ardour.writer import READABLE

    return song.suffix.lower() in READABLE


def _check_names(path: Path, songs: Iterable[Path]) -> None:
    from stemlift.sessions.rpp.lines import line
    from stemlift.sessions.rpp.tracks import written_path

    for song in songs:
        try:
            line("FILE", written_path(song, path.absolute()))
        except StemliftError as error:
            raise StemliftError(
                error.reason,
                error.message,
                "Rename the file or folder, or have it copied with --copy-media.",
            ) from error


def _check_references(path: Path, songs: Iterable[Path]) -> None:
    from stemlift.sessions.dawproject.references import Outside

    named = Outside(path)
    for song in songs:
        named.path_of(song)


def _check_rates(path: Path, songs: Iterable[Path]) -> None:
    # On demand: it brings decoders.
    from stemlift.audio.probe import probe

    rates = {song: probe(song).sample_rate for song in songs}
    for song, rate in rates.items():
        first = next(iter(rates))
        if rate != rates[first]:
            raise StemliftError(
                Reason.RATE_UNSUPPORTED,
                f"{song} has {rate} Hz and {first} {rates[first]}, but all songs of {path} must"
                " have one rate.",
                "Convert one of them to that rate, or write a session for each.",
            )


def write(
    session: Session,
    path: Path,
    *,
    force: bool = False,
    copy_media: bool = False,
    embed: bool = False,
) -> tuple[str, ...]:
    """Write a session in the format that its name says, whole or not at all.

    embed: put media into the file itself, which a DAWproject can.

    Returns:
        What of the session the format cannot say, in plain sentences.

    Raises:
        StemliftError: ARGUMENT_INVALID, SESSION_EXISTS, MEDIA_MISSING, PATH_UNSUPPORTED,
            OUTPUT_UNWRITABLE, DISK_FULL.
    """
    match format_of(path, embed=embed):
        case Format.RPP:
            from stemlift.sessions.rpp import write_rpp

            write_rpp(session, path, force=force, copy_media=copy_media)
            return ()
        case Format.DAWPROJECT:
            from stemlift.sessions.dawproject import write_dawproject

            return write_dawproject(session, path, force=force, copy_media=copy_media, embed=embed)
        case Format.ARDOUR:
            from stemlift.sessions.ardour import write_ardour

            return write_ardour(session, path, force=force, copy_media=copy_media)


def read(path: Path) -> Session:
    """What a session file holds, as far as a `Session` can say it. Opens none of its media.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE, SESSION_UNREADABLE; ARGUMENT_INVALID
            for an Ardour session, which is only written.
    """
    match format_of(path):
        case Format.RPP:
            from stemlift.sessions.rpp import read_rpp

            return read_rpp(path).session
        case Format.DAWPROJECT:
            from stemlift.sessions.dawproject import read_dawproject

            return read_dawproject(path).session
        case Format.ARDOUR:
            raise _only_written(path)


def add(
    path: Path, tracks: Sequence[Track], *, copy_media: bool = False, embed: bool = False
) -> None:
    """Add tracks behind those of a session file; all else in it stays as it is.

    Raises:
        StemliftError: as `read`, ARGUMENT_INVALID, MEDIA_MISSING, PATH_UNSUPPORTED,
            FILE_CHANGED, OUTPUT_UNWRITABLE, DISK_FULL. Nothing is changed then.
    """
    match format_of(path, embed=embed):
        case Format.RPP:
            from stemlift.sessions.rpp import add_to_rpp

            add_to_rpp(path, tracks, copy_media=copy_media)
        case Format.DAWPROJECT:
            from stemlift.sessions.dawproject import add_to_dawproject

            add_to_dawproject(path, tracks, copy_media=copy_media, embed=embed)
        case Format.ARDOUR:
            raise _only_written(path)


def _only_written(path: Path) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{path} is a session of Ardour, which Stemlift writes but does not read.",
        "Import the stems in Ardour, or write a new session with all songs.",
    )
