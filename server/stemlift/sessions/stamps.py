"""Sound files put where their time stamps say: what "spot to original timestamp" does in a DAW.

The stamp is TimeReference of the chunk bext: the frames since midnight at the file's own rate
(EBU Tech 3285).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.looks import colour
from stemlift.sessions.media import media_of
from stemlift.sessions.timeline import Media, Seconds, Session, Track, at_frame, whole

_WAVES = (".wav", ".wave", ".bwf", ".rf64")


def stamped(file: Path) -> tuple[Media, Seconds | None]:
    """A sound file and its time stamp; None where it has none.

    Raises:
        StemliftError: what `stemlift.audio.probe.probe` raises.
    """
    # On demand: it brings decoders.
    from stemlift.audio.probe import probe

    bext = probe(file).bext
    media = media_of(file)
    return media, at_frame(bext.time_reference, media.sample_rate) if bext else None


def session_of_stamps(
    files: Sequence[Path], *, name: str = "stems", origin: Seconds | None = None
) -> Session:
    """A session with one track for each file, each file where its stamp puts it.

    Args:
        origin: the time of day that is the session's start; None for the earliest stamp. A
            file without a stamp lies at the start.

    Raises:
        StemliftError: FILE_NOT_FOUND for no files, RANGE_OUTSIDE for a file that starts before
            `origin`, and what `stemlift.audio.probe.probe` raises.
    """
    found = [stamped(file) for file in files]
    if not found:
        raise StemliftError(
            Reason.FILE_NOT_FOUND, "There are no files to place.", "Name a folder of WAV files."
        )
    stamps = [stamp for _, stamp in found if stamp is not None]
    start = min(stamps, default=Fraction(0)) if origin is None else origin
    tracks = []
    for media, stamp in found:
        position = Fraction(0) if stamp is None else stamp - start
        if position < 0:
            raise StemliftError(
                Reason.RANGE_OUTSIDE,
                f"{media.file} starts {float(-position):.3f} s before the session does.",
                "Let the session start earlier.",
            )
        stem = media.file.stem
        looks = colour(stem.rpartition(" - ")[2].lower())
        tracks.append(Track(stem, looks, clips=(whole(media, position),)))
    return Session(name, found[0][0].sample_rate, tuple(tracks))


def session_of_stamped_folder(folder: Path, *, origin: Seconds | None = None) -> Session:
    """The same of all WAV files in a folder, by name, those whose names begin with a point left
    out.

    Raises:
        StemliftError: as `session_of_stamps`; FILE_NOT_FOUND where there is no such folder.
    """
    if not folder.is_dir():
        raise StemliftError(
            Reason.FILE_NOT_FOUND, f"There is no folder {folder}.", "Check the path."
        )
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in _WAVES and not file.name.startswith(".") and file.is_file()
    ]
    return session_of_stamps(files, name=folder.name, origin=origin)
