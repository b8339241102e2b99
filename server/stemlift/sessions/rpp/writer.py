"""A session as a REAPER project."""

from __future__ import annotations

from pathlib import Path

from stemlift.errors import StemliftError
from stemlift.reaper.clone import Guids
from stemlift.sessions.files import refuse_existing, write_session
from stemlift.sessions.media import FOLDER, Copies, require_media
from stemlift.sessions.rpp.lines import block, line, with_guids
from stemlift.sessions.rpp.tempo import marker_lines, tempo_lines
from stemlift.sessions.rpp.tracks import channels_of, tracks_lines
from stemlift.sessions.timeline import Session, checked

# The oldest REAPER that reads all of it without asking; a newer one converts nothing.
_VERSION = "6.80/stemlift"


def write_rpp(
    session: Session, path: Path, *, force: bool = False, copy_media: bool = False
) -> None:
    """Write a project. Twice the same session gives twice the same bytes.

    Media are named relative to the project where they lie under its folder. Effects become
    ReaEQ and ReaComp.

    Args:
        force: replace a file that exists.
        copy_media: copy the media into the folder "Media" beside the project first, so that
            the folder holds all that the project needs.

    Raises:
        StemliftError: SESSION_EXISTS, ARGUMENT_INVALID, MEDIA_MISSING, PATH_UNSUPPORTED,
            OUTPUT_UNWRITABLE, DISK_FULL. Nothing is written then.
    """
    path = path.absolute()
    if not force:
        refuse_existing(path)
    checked(session)
    require_media(session)
    copies = Copies(path.parent / FOLDER)
    try:
        placed = copies.of(session) if copy_media else session
        write_session(path, rpp_text(placed, path).encode("utf-8", "surrogateescape"), force=force)
    except StemliftError:
        copies.undo()
        raise


def rpp_text(session: Session, path: Path) -> str:
    """The project that would be written to `path`.

    Raises:
        StemliftError: PATH_UNSUPPORTED.
    """
    lines = with_guids(lambda guids: _project(session, path.absolute(), guids))
    return "".join(f"{one}\n" for one in lines)


def _project(session: Session, path: Path, guids: Guids) -> list[str]:
    return block(
        f'REAPER_PROJECT 0.1 "{_VERSION}" 0',
        [
            "RIPPLE 0",
            "PANLAW 1",
            "PROJOFFS 0 0 0",
            "PANMODE 3",
            "CURSOR 0",
            # Items keep their time when the tempo is corrected: a session never moves audio.
            "TIMELOCKMODE 0",
            "TEMPOENVLOCKMODE 0",
            "ITEMMIX 1",
            # What items that are stretched or pitched take: élastique Pro.
            "DEFPITCHMODE 589824 0",
            line("SAMPLERATE", session.sample_rate, 1, 0),
        ],
        tempo_lines(session, guids),
        [
            "PLAYRATE 1 0 0.25 4",
            line("MASTER_NCH", max([2, *map(channels_of, session.tracks)]), 2),
            "MASTER_VOLUME 1 0 -1 -1 1",
            "MASTER_PANMODE 3",
            "MASTER_FX 1",
        ],
        marker_lines(session.markers, guids),
        *tracks_lines(session.tracks, path, guids),
    )
