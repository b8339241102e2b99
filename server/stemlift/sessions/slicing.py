"""Where stems are cut into samples: at bars into loops, at onsets into one-shots. Pure.

A loop begins and ends on the very frames of its bars, so that it is as long as they are. A
one-shot begins a little before its sound, so that the attack is whole, and ends where it has
died away or the next one begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.sessions.analysis.result import Analysis

FADE = 0.002
"""Seconds of the fades at both ends of a sample: too short to be heard, too long to click."""

LONGEST_SHOT = 4.0
SHORTEST_SHOT = 0.05

SILENT_DB = -45.0
"""A sample whose peak lies under this, in dBFS, is bleed or silence, and is left out."""

_OVER = 0.05
_BEFORE = 0.004
_RISE = 0.1
_REACH = 0.03
# Long enough for a cycle of a low drum.
_EARLIER = 0.015
_LOUDER = 1.25
_DEAD_DB = -60.0
_DEAD_SECONDS = 0.05

Mono = NDArray[np.float32]
"""(frames,): the largest of the channels' magnitudes."""


@dataclass(frozen=True, slots=True)
class Slice:
    """frames from `start`. bar: the bar it begins in, counted from 1, 0 before the first one.
    beat: of that bar, from 1. bars: its length in bars; None for a one-shot. bpm: its tempo,
    None where there is none."""

    start: int
    frames: int
    bar: int
    beat: int
    bars: int | None = None
    bpm: float | None = None


def bar_starts(analysis: Analysis, seconds: float) -> tuple[float, ...]:
    """Times of the bar lines within a song of that length, the end of the last bar included: it may
    lie a little behind the song's."""
    lines = [time for time in analysis.downbeats if 0 <= time <= seconds]
    if len(lines) > 1:
        after = 2 * lines[-1] - lines[-2]
        # Songs that were cut to their bars end some milliseconds early or late.
        if after <= seconds + _OVER:
            lines.append(after)
    return tuple(lines)


def loops(analysis: Analysis, seconds: float, rate: int, lengths: Sequence[int]) -> Iterator[Slice]:
    """Loops of each of these lengths in bars, side by side from the first bar line on."""
    lines = bar_starts(analysis, seconds)
    frames = [round(line * rate) for line in lines]
    for length in lengths:
        for bar in range(0, len(lines) - length, length):
            beats = length * analysis.beats_per_bar
            bpm = 60 * beats / (lines[bar + length] - lines[bar])
            begin, end = frames[bar], frames[bar + length]
            yield Slice(begin, end - begin, bar + 1, 1, length, bpm)


def shots(level: Mono, rate: int, onsets: Sequence[float], analysis: Analysis) -> Iterator[Slice]:
    """One-shots: level of the whole stem, and when about something starts to sound in it."""
    begins = sorted({_begin(level, rate, time) for time in onsets})
    begins = [start for start in begins if _rises(level, rate, start)]
    for number, start in enumerate(begins):
        after = begins[number + 1] if number + 1 < len(begins) else len(level)
        end = _end(level, rate, start, min(after, start + round(LONGEST_SHOT * rate)))
        if end - start >= SHORTEST_SHOT * rate:
            yield Slice(start, end - start, *_place(analysis, (start / rate) + _BEFORE))


def _begin(level: Mono, rate: int, time: float) -> int:
    """The frame to cut at: `_BEFORE` before the level rises by a tenth of its way up there."""
    near, early = round(time * rate), round(_EARLIER * rate)
    first, last = max(0, near - early), min(len(level), near + round(_REACH * rate))
    if last <= first:
        return max(0, min(near, len(level)))
    floor = level[max(0, first - early) : first].max(initial=0.0)
    window = level[first:last]
    rise = int(np.argmax(window >= floor + _RISE * (window.max() - floor)))
    return max(0, first + rise - round(_BEFORE * rate))


def _rises(level: Mono, rate: int, start: int) -> bool:
    """Whether it gets louder there: in the tail of a sound, the spectrum alone may change."""
    before = level[max(0, start - round(_EARLIER * rate)) : start].max(initial=0.0)
    after = level[start : start + round(_REACH * rate)].max(initial=0.0)
    return bool(after > _LOUDER * before)


def _end(level: Mono, rate: int, start: int, last: int) -> int:
    """Where the sound has died away for good, at most `last`."""
    step = max(1, round(_DEAD_SECONDS * rate))
    blocks = [level[at : at + step].max() for at in range(start, last, step)]
    limit = 10 ** (_DEAD_DB / 20) * max(blocks, default=0.0)
    loud = [number for number, peak in enumerate(blocks) if peak > limit]
    return min(last, start + step * (loud[-1] + 1)) if loud else start


def _place(analysis: Analysis, time: float) -> tuple[int, int]:
    """Bar and beat of a time."""
    # What sounds a little early belongs to its beat.
    near = time + 0.03
    bar = sum(line <= near for line in analysis.downbeats)
    since = analysis.downbeats[bar - 1] if bar else 0.0
    beat = sum(since - 1e-6 <= at <= near for at in analysis.beats)
    return bar, max(beat, 1)


def faded(block: np.ndarray, rate: int) -> np.ndarray:
    """(frames, channels) with linear fades of `FADE` at both ends; between them as it was.

    Integers stay integers of the same grid.
    """
    length = min(round(FADE * rate), len(block) // 2)
    if length == 0:
        return block
    rise = (np.arange(length, dtype=np.float64) / length)[:, None]
    whole = np.issubdtype(block.dtype, np.integer)
    out = block.copy()
    for part, gain in ((slice(0, length), rise), (slice(len(block) - length, None), rise[::-1])):
        value = block[part] * gain
        out[part] = np.rint(value) if whole else value
    return out
