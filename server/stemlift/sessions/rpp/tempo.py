"""The tempo map and the markers of a project."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from stemlift.reaper.clone import Guids
from stemlift.sessions.rpp.lines import block, colour_number, label, line
from stemlift.sessions.timeline import Marker, Session, TempoPoint

_SQUARE = 1
_SETS_SIGNATURE = 1
_PARTIAL_MEASURE = 4
# A bar line may be off by what a beat tracker's rounding costs; half a millibeat is no music.
_NEAR = Fraction(1, 2000)


def tempo_lines(session: Session, guids: Guids) -> list[str]:
    """The entry TEMPO, and the envelope where there is more than one tempo.

    A point changes the tempo at once ("square"). Where a time signature begins anywhere but on
    a bar line, it says that the measure before it is cut short, or REAPER would move it.
    """
    points = session.tempo_points()
    first = points[0]
    lines = [line("TEMPO", first.bpm, first.numerator, first.denominator)]
    if len(points) == 1:
        return lines
    head = [f"EGUID {guids()}", "ACT 1 -1", "VIS 1 0 1", "LANEHEIGHT 0 0", "ARM 0"]
    return lines + block("TEMPOENVEX", head, ["DEFSHAPE 1 -1 -1"], _points(session, points))


def _points(session: Session, points: Sequence[TempoPoint]) -> list[str]:
    lines: list[str] = []
    before: TempoPoint | None = None
    bar = Fraction(0)
    for point in points:
        values: list[float | Fraction] = [point.position, point.bpm, _SQUARE]
        signature = (point.numerator, point.denominator)
        if before is None or signature != (before.numerator, before.denominator):
            flags = _SETS_SIGNATURE
            beat = session.beats_at(point.position)
            if before is not None:
                bars = (beat - bar) / Fraction(4 * before.numerator, before.denominator)
                flags |= _PARTIAL_MEASURE if abs(bars - round(bars)) > _NEAR else 0
            bar = beat
            values += [65536 * point.denominator + point.numerator, 0, flags]
        lines.append(line("PT", *values))
        before = point
    return lines


def read_tempo(numbers: Sequence[float]) -> tuple[int, int] | None:
    """The time signature of a PT's values, None where it sets none."""
    packed = int(numbers[3]) if len(numbers) > 3 else 0
    numerator, denominator = packed & 0xFFFF, packed >> 16
    return (numerator, denominator) if numerator > 0 and denominator > 0 else None


def marker_lines(markers: Sequence[Marker], guids: Guids) -> list[str]:
    """Markers and regions, each counted from 1; a region is two entries of one number."""
    lines: list[str] = []
    counts = [0, 0]
    for marker in markers:
        region = marker.length is not None
        counts[region] += 1
        number, name = counts[region], label(marker.name)
        colour = colour_number(marker.colour, 0)
        # R: red is the lowest byte of the colour.
        more = (int(region), colour, 1, "R", guids(), 0)
        lines.append(line("MARKER", number, marker.position, name, *more))
        if marker.length is not None:
            lines.append(line("MARKER", number, marker.position + marker.length, "", 1))
    return lines
