"""A REAPER project beside the stems."""

from __future__ import annotations

from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.watch.extra import CannotHoldError
from stemlift.watch.extra_session import session_of
from stemlift.watch.manifest import Manifest
from stemlift.watch.names import file_name


def write_project(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Write "<song>.rpp", which names the stems beside it, so the folder can be moved.

    Raises:
        CannotHoldError: a name of a stem that no project can hold.
        StemliftError: as `write_rpp`.
    """
    from stemlift.sessions.rpp import write_rpp

    name = file_name("{song}", manifest.song, "", "rpp")
    try:
        write_rpp(session_of(folder, manifest), folder / name, force=True)
    except StemliftError as error:
        if error.reason != Reason.PATH_UNSUPPORTED:
            raise
        raise CannotHoldError(
            "No RPP was written: REAPER's projects cannot hold the names of these stems."
        ) from error
    return (name,)
