"""Sessions: tracks and clips on one timeline, written for a DAW.

>>> from stemlift.sessions import new_session
>>> made = new_session("song.wav", "song.rpp", template="practice", focus="drums")
>>> [track.name for track in made.session.tracks]
['Original', 'Click', 'Your drums', 'Drums (muted)', 'Bass', 'Other', 'Vocals']

`new_session` and `add_song` let the server separate and write the session; `each_session` does
so for many songs; `new_mashup` puts stems of different songs together, and `new_samples` cuts them
into a sample library; `render` writes stretched clips as files; `show` reads a session;
`song_of_folder` and `song_of_result` take stems that exist.
The model of a session is in `stemlift.sessions.timeline`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stemlift.sessions.batch import Each, each_session
    from stemlift.sessions.build import build_session
    from stemlift.sessions.making import Made, SessionOptions, add_song, new_session, show
    from stemlift.sessions.mashup import Mashup, MashupOptions, Part, new_mashup
    from stemlift.sessions.rendering import render
    from stemlift.sessions.samples import Library, Sample, SamplesOptions, new_samples
    from stemlift.sessions.separating import separated
    from stemlift.sessions.song import Song, Stem, song_of_result
    from stemlift.sessions.stems_folder import song_of_folder
    from stemlift.sessions.templates import Template, load_template, template_names
    from stemlift.sessions.timeline import Clip, Marker, Media, Session, TempoPoint, Track

__all__ = [
    "Clip",
    "Each",
    "Library",
    "Made",
    "Marker",
    "Mashup",
    "MashupOptions",
    "Media",
    "Part",
    "Sample",
    "SamplesOptions",
    "Session",
    "SessionOptions",
    "Song",
    "Stem",
    "Template",
    "TempoPoint",
    "Track",
    "add_song",
    "build_session",
    "each_session",
    "load_template",
    "new_mashup",
    "new_samples",
    "new_session",
    "render",
    "separated",
    "show",
    "song_of_folder",
    "song_of_result",
    "template_names",
]

_PLACES = {
    "batch": ("Each", "each_session"),
    "build": ("build_session",),
    "making": ("Made", "SessionOptions", "add_song", "new_session", "show"),
    "mashup": ("Mashup", "MashupOptions", "Part", "new_mashup"),
    "rendering": ("render",),
    "samples": ("Library", "Sample", "SamplesOptions", "new_samples"),
    "separating": ("separated",),
    "song": ("Song", "Stem", "song_of_result"),
    "stems_folder": ("song_of_folder",),
    "templates": ("Template", "load_template", "template_names"),
    "timeline": ("Clip", "Marker", "Media", "Session", "TempoPoint", "Track"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    # On demand: a writer of one format shall not load gRPC and pydantic.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
