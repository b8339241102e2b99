"""The session of a result folder: what extras write for a DAW."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stemlift.watch.manifest import Manifest

if TYPE_CHECKING:
    from stemlift.sessions.timeline import Session


def session_of(folder: Path, manifest: Manifest) -> Session:
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
