"""Which range of a file must be separated, in frames, and which of them are one job.

The range holds all that the item plays. Where the formula offset … offset + length × rate does
not hold (a loop that wraps, stretch markers, spectral edits, a file of unknown length) it is
the whole file, and of a section the whole section, so that the offsets in the chunk stay valid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stemlift.reaper.playing import Playing, wraps

END_SLACK = 0.25
"""Seconds before the end of a file, as REAPER tells it, from which a range goes to its end.

Decoders disagree by some frames on how long a compressed file is.
"""

LEAST_HANDLE = 0.05
"""Seconds kept on both sides whatever was asked for: resamplers and stretchers read ahead."""


@dataclass(frozen=True, slots=True)
class Span:
    """Frames `start` up to `end` of a file, `end` not included; None: to the end."""

    start: int = 0
    end: int | None = None

    @property
    def whole(self) -> bool:
        return self.start == 0 and self.end is None

    @property
    def frames(self) -> int:
        """As the API counts: 0 is to the end."""
        return 0 if self.end is None else self.end - self.start

    def holds(self, other: Span) -> bool:
        if other.start < self.start:
            return False
        return self.end is None or (other.end is not None and other.end <= self.end)

    def padded(self, frames: int) -> Span:
        start = max(0, self.start - frames)
        return Span(start, None if self.end is None else self.end + frames)


WHOLE = Span()


def needed_span(what: Playing, sample_rate: int) -> Span | None:
    """The frames of the file that the take plays, without handles; None when there are none."""
    length = what.file_length
    if length is None or sample_rate <= 0:
        return WHOLE
    if what.edits or (what.section is not None and what.section.deep):
        return WHOLE
    if what.section is not None:
        section = what.section
        if section.length is None:
            return WHOLE
        first = section.start - section.overlap
        last = section.start + section.length + section.overlap
    elif what.markers or wraps(what, 1 / sample_rate):
        return WHOLE
    else:
        first, last = what.offset, what.offset + what.length * what.rate
    first, last = max(first, 0.0), min(last, length)
    # Less than a frame is nothing that could be heard.
    if (last - first) * sample_rate < 0.5:
        return None
    return Span(math.floor(first * sample_rate + 1e-6), math.ceil(last * sample_rate - 1e-6))


def job_spans(needed: Sequence[Span], handle: int, length: int | None, slack: int) -> list[Span]:
    """The fewest ranges that hold all of `needed` with `handle` frames on both sides.

    Ranges that touch or lie closer than two handles are one. length: of the file in frames;
    None: not known.
    """
    merged: list[Span] = []
    for span in sorted(needed, key=lambda s: s.start):
        before = merged[-1] if merged else None
        if before is None or (before.end is not None and span.start - before.end > 2 * handle):
            merged.append(span)
            continue
        ends = (before.end, span.end)
        merged[-1] = Span(before.start, None if None in ends else max(e for e in ends if e))
    return [_to_the_end(span.padded(handle), length, slack) for span in merged]


def _to_the_end(span: Span, length: int | None, slack: int) -> Span:
    if length is not None and span.end is not None and span.end >= length - slack:
        return Span(span.start, None)
    return span
