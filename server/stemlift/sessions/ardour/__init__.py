"""Session folders for Ardour 7 and 8: written from a session.

>>> from stemlift.sessions.ardour import write_ardour
>>> write_ardour(session, Path("song"))

The folder "song" has the session file "song.ardour" in it.
"""

from stemlift.sessions.ardour.writer import write_ardour

__all__ = ["write_ardour"]
