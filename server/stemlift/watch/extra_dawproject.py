"""A DAWproject beside the stems, with the stems in it."""

from __future__ import annotations

from pathlib import Path

from stemlift.watch.extra_session import session_of
from stemlift.watch.manifest import Manifest
from stemlift.watch.names import file_name


def write_project(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Write "<song>.dawproject", which holds the stems themselves.

    Whole in one file, though it takes their room once more: that is what DAWs write
    themselves, so what all of them read, and it can be taken anywhere without its folder.

    Raises:
        StemliftError: as `write_dawproject`.
    """
    from stemlift.sessions.dawproject import write_dawproject

    name = file_name("{song}", manifest.song, "", "dawproject")
    write_dawproject(session_of(folder, manifest), folder / name, force=True, embed=True)
    return (name,)
