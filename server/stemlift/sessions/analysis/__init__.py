"""What a song is: its tempo, bars, key and sections, for the timeline of a session.

It looks at sound files and changes none; what it finds comes with figures of how sure it is.
"""

from stemlift.sessions.analysis.control import Control, Step
from stemlift.sessions.analysis.grid import markers, tempo_map
from stemlift.sessions.analysis.result import (
    Analysis,
    KeyEstimate,
    Knot,
    Section,
    TempoEstimate,
    key_name,
)
from stemlift.sessions.analysis.song import analyse

__all__ = [
    "Analysis",
    "Control",
    "KeyEstimate",
    "Knot",
    "Section",
    "Step",
    "TempoEstimate",
    "analyse",
    "key_name",
    "markers",
    "tempo_map",
]
