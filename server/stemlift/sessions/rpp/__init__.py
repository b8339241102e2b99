"""REAPER projects: written from a session, read, and extended without touching what is there.

>>> from stemlift.sessions.rpp import read_rpp, write_rpp
>>> write_rpp(session, Path("song.rpp"))
>>> add_to_rpp(Path("song.rpp"), [track])
"""

from stemlift.sessions.rpp.project import RppProject, add_to_rpp, read_rpp
from stemlift.sessions.rpp.writer import write_rpp

__all__ = ["RppProject", "add_to_rpp", "read_rpp", "write_rpp"]
