"""DAWproject files: written from a session, read, and extended without touching what is there.

The format is that of https://github.com/bitwig/dawproject: a ZIP with project.xml,
metadata.xml and media.

>>> from stemlift.sessions.dawproject import read_dawproject, write_dawproject
>>> write_dawproject(session, Path("song.dawproject"), embed=True)
>>> add_to_dawproject(Path("song.dawproject"), [track])
"""

from stemlift.sessions.dawproject.project import DawProject, add_to_dawproject, read_dawproject
from stemlift.sessions.dawproject.writer import write_dawproject

__all__ = ["DawProject", "add_to_dawproject", "read_dawproject", "write_dawproject"]
