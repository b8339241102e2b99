"""Ardour's times, and the tempo map in them.

Audio has superclocks, 282,240,000 in a second: a whole number of them in a frame of every
common sample rate. Music has quarter notes with 1920 ticks, and bars|beats|ticks.
"""

from __future__ import annotations

from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from stemlift.sessions.timeline import Seconds, Session, TempoPoint

SUPERCLOCKS = 282_240_000
_TICKS = 1920


def superclocks(time: Seconds) -> int:
    return round(time * SUPERCLOCKS)


def position(time: Seconds) -> str:
    """A point of time, as an attribute has it."""
    return f"a{superclocks(time)}"


def span(length: Seconds, start: Seconds) -> str:
    """A length from a point on."""
    return f"a{superclocks(length)}@a{superclocks(start)}"


def tempo_map(session: Session) -> tuple[Element, tuple[str, ...]]:
    """The element TempoMap, and what of the session's map had to give way, in sentences.

    A time signature begins on a bar line; one that begins elsewhere is moved to the next one.
    """
    root = Element("TempoMap", {"superclocks-per-second": str(SUPERCLOCKS)})
    tempos, meters = SubElement(root, "Tempos"), SubElement(root, "Meters")
    SubElement(root, "MusicTimes")
    told: list[str] = []
    counting = _Bars()
    for point in session.tempo_points():
        beats = session.beats_at(point.position)
        if (point.numerator, point.denominator) != counting.meter:
            bar = counting.begin(beats, point)
            moved = session.position_of(bar)
            if bar != beats:
                told.append(
                    f"The time signature at {float(point.position):.3f} s begins at the next "
                    f"bar line, {float(moved):.3f} s."
                )
            SubElement(
                meters,
                "Meter",
                {
                    "note-value": str(point.denominator),
                    "divisions-per-bar": str(point.numerator),
                    "sclock": str(superclocks(moved)),
                    "quarters": _quarters(bar),
                    "bbt": counting.bbt(bar),
                },
            )
        SubElement(
            tempos,
            "Tempo",
            {
                "npm": repr(point.bpm),
                "enpm": repr(point.bpm),
                "note-type": "4",
                "type": "Tempo::Constant",
                "active": "1",
                "locked-to-meter": "0",
                "continuing": "0",
                "sclock": str(superclocks(point.position)),
                "quarters": _quarters(beats),
                "bbt": counting.bbt(beats),
                "omega": "0",
            },
        )
    return root, tuple(told)


class _Bars:
    """Counts bars. Each meter is where it begins, in quarter notes, and the number of its bar."""

    def __init__(self) -> None:
        self._meters: list[tuple[Fraction, int, int, int]] = []

    @property
    def meter(self) -> tuple[int, int] | None:
        return self._meters[-1][2:] if self._meters else None

    def begin(self, beats: Fraction, point: TempoPoint) -> Fraction:
        """A new meter from the bar line at or behind `beats` on; where that is."""
        start, bar = Fraction(0), 1
        if self._meters:
            begun, first, numerator, denominator = self._meters[-1]
            length = Fraction(4 * numerator, denominator)
            bars = (max(beats, begun) - begun) / length
            # Half a tick is what the positions of a map are rounded to.
            whole = round(bars) if abs(bars - round(bars)) * length * _TICKS < 1 else -(-bars // 1)
            start, bar = begun + whole * length, first + int(whole)
            if abs(start - beats) * _TICKS < 1:
                start = beats
        self._meters.append((start, bar, point.numerator, point.denominator))
        return start

    def bbt(self, beats: Fraction) -> str:
        found = [one for one in self._meters if one[0] <= beats] or self._meters[:1]
        begun, first, numerator, denominator = found[-1]
        grid = Fraction(4, denominator)
        ticks = round((beats - begun) * _TICKS)
        in_grid = int(grid * _TICKS)
        divisions, left = divmod(ticks, in_grid)
        bar, beat = divmod(divisions, numerator)
        return f"{first + bar}|{beat + 1}|{left}"


def _quarters(beats: Fraction) -> str:
    whole, ticks = divmod(round(beats * _TICKS), _TICKS)
    return f"{whole}:{ticks}"
