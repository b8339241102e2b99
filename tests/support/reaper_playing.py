"""Where in its file a take plays: the semantics that plans are held against."""

from __future__ import annotations

from stemlift.reaper.playing import Playing


def source_time(what: Playing, time: float) -> float | None:
    """The time of the file that plays at the project's `time`; None where nothing sounds.

    For takes without stretch markers. A crossfade at the seam of a loop is left out.
    """
    if not what.position <= time < what.end:
        return None
    at = what.offset + (time - what.position) * what.rate
    cycle = what.cycle
    if what.loop and cycle:
        at %= cycle
    if at < 0 or (cycle is not None and at >= cycle):
        return None
    section = what.section
    if section is None:
        return at
    if section.reverse:
        return None if cycle is None else section.start + cycle - at
    return section.start + at
