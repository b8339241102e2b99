"""Projects for DAWs beside the stems: a DAWproject, and one of REAPER's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stemlift.errors import Reason, StemliftError
from stemlift.watch.extra import Beat, CannotHoldError
from stemlift.watch.manifest import Manifest
from stemlift.watch.names import file_name

if TYPE_CHECKING:
    from stemlift.sessions.timeline import Session


def write_daw_project(folder: Path, manifest: Manifest, _beat: Beat) -> tuple[str, ...]:
    """Write "<song>.dawproject", which holds the stems themselves.

    Whole in one file, though it takes their room once more: that is what DAWs write
    themselves, so what all of them read, and it can be taken anywhere without its folder.

    Raises:
        StemliftError: as `write_dawproject`.
    """
    from stemlift.sessions.dawproject import write_dawproject

    name = file_name("{song}", manifest.song, "", "dawproject")
    write_dawproject(_session_of(folder, manifest), folder / name, force=True, embed=True)
    return (name,)


def write_reaper_project(folder: Path, manifest: Manifest, _beat: Beat) -> tuple[str, ...]:
    """Write "<song>.rpp", which names the stems beside it, so the folder can be moved.

    Raises:
        CannotHoldError: a name of a stem that no project can hold.
        StemliftError: as `write_rpp`.
    """
    from stemlift.sessions.rpp import write_rpp

    name = file_name("{song}", manifest.song, "", "rpp")
    try:
        write_rpp(_session_of(folder, manifest), folder / name, force=True)
    except StemliftError as error:
        if error.reason != Reason.PATH_UNSUPPORTED:
            raise
        raise CannotHoldError(
            "No RPP was written: REAPER's projects cannot hold the names of these stems."
        ) from error
    return (name,)


def _session_of(folder: Path, manifest: Manifest) -> Session:
    """Every stem on a track of its own, named and coloured, from the start of the session.

    From the start also where the song has a time stamp: whoever opens the session of a song
    that was bounced at ten in the morning wants no ten hours of silence before it. The stems
    carry the stamp, so a DAW can still spot them to it. The song itself is left out: it lies
    outside of the folder, may be moved or deleted by the recipe, and is the sum of the stems.
    """
    # Models of sessions cost a program's start that most watchers never need.
    from stemlift.sessions.build import build_session
    from stemlift.sessions.song import Song, Stem
    from stemlift.sessions.templates.loading import PLAIN, load_template
    from stemlift.sessions.timeline import Media

    facts = manifest.source
    stems = tuple(
        Stem(
            stem.name,
            Media(folder / stem.file, facts.sample_rate, facts.channels, facts.frames),
        )
        for stem in manifest.stems
    )
    return build_session([Song(manifest.song, stems)], load_template(PLAIN), name=manifest.song)
