"""Sound at another tempo and pitch: a stretch by Signalsmith Stretch, then soxr for the pitch.

The stretch alone keeps a tone's pitch to a hundredth of a cent; the library's own transposition
was found up to 30 cents off at 55 Hz, where basses lie. So a piece is stretched by more than its
tempo asks, and resampled to its length, which moves the pitch exactly.

It loses a little of noise and of strokes, as phase vocoders do: 0.7 dB at a tenth of tempo,
2 dB at six semitones. Steady tones keep their level, and nothing is normalised.
Library: https://signalsmith-audio.co.uk/code/stretch (MIT), by the package python-stretch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemlift.errors import Reason, StemliftError

Signal = NDArray[np.float32]
"""(frames, channels)."""

Read = Callable[[int, int], Signal]
"""Frames of a file: from which on, which may lie before it, and how many; silence outside it."""

LARGEST = 1 << 25
"""Samples that are stretched at once: six minutes of stereo, about 800 MB while it goes."""

_LEAD = 0.5
"""Seconds that are stretched before and behind what is kept, for the stretcher to settle."""

_JOINT = 0.02
_BLOCK = 1 << 16
# Its phases are random where sound is noise; one seed gives the same bytes each time.
_SEED = 1


@dataclass(frozen=True, slots=True)
class Change:
    """rate: seconds of the source that one second plays. pitch: factor of its frequencies."""

    rate: Fraction
    pitch: float = 1.0

    @property
    def stretch(self) -> float:
        """What is left for the stretcher: frames in for one frame out."""
        return float(self.rate) / self.pitch


@dataclass(frozen=True, slots=True)
class Source:
    """start: the frame that the first frame of the result is."""

    read: Read
    start: int
    sample_rate: int
    channels: int


def require_stretcher() -> Any:
    """The class that stretches.

    Raises:
        StemliftError: STRETCHING_UNAVAILABLE.
    """
    try:
        from python_stretch import Signalsmith
    except (ImportError, OSError) as error:
        raise StemliftError(
            Reason.STRETCHING_UNAVAILABLE,
            f"Nothing can be rendered, since Signalsmith Stretch does not load: {error}.",
            'Install it with: python -m pip install "stemlift[stretch]"',
        ) from error
    return Signalsmith.Stretch


def changed(
    source: Source, change: Change, frames: int, *, largest: int = LARGEST
) -> Iterator[Signal]:
    """Exactly `frames` frames, in blocks, at the source's sample rate.

    A source of more than `largest` samples is stretched in pieces, which are joined where it is
    quietest, so that memory does not grow with it.

    Raises:
        StemliftError: STRETCHING_UNAVAILABLE, and what `source.read` raises.
    """
    from stemlift.audio.resample import resample_blocks

    # The resampler looks ahead.
    needed = int(np.ceil(frames * change.pitch)) + source.sample_rate // 4
    pieces = _pieces(source, change.stretch, needed, largest // source.channels)
    rate = source.sample_rate
    return resample_blocks(pieces, rate * change.pitch, rate, source.channels, frames)


def _pieces(source: Source, stretch: float, needed: int, most: int) -> Iterator[Signal]:
    """`needed` frames, stretched. most: frames of the source in a piece."""
    lead, joint = int(_LEAD * source.sample_rate), int(_JOINT * source.sample_rate)
    skip = round(lead / stretch)
    rise = np.linspace(0, 1, joint, endpoint=False, dtype=np.float32)[:, None]
    before: Signal | None = None
    at = 0
    while at < needed:
        begin = source.start + round(at * stretch)
        rest = int(np.ceil((needed - at) * stretch))
        last = rest <= most
        # Not by a name of its own: what was read may go as soon as it is stretched.
        out = _stretched(
            source.read(begin - lead, min(rest, most) + 2 * lead), stretch, source.sample_rate
        )[skip:]
        end = needed - at if last else _quietest(out, int(most / stretch), joint)
        if before is not None:
            out[:joint] = before * (1 - rise) + out[:joint] * rise
        for first in range(0, end, _BLOCK):
            yield out[first : min(end, first + _BLOCK)]
        before = out[end : end + joint].copy()
        del out
        at += end


def _stretched(heard: Signal, stretch: float, sample_rate: int) -> Signal:
    """All of it at once, two channels at a time: more the library does not take."""
    if stretch == 1.0:
        return heard
    make = require_stretcher()
    parts = []
    for first in range(0, heard.shape[1], 2):
        pair = np.ascontiguousarray(heard[:, first : first + 2].T)
        stretcher = make(_SEED)
        stretcher.preset(len(pair), sample_rate)
        stretcher.timeFactor = stretch
        parts.append(stretcher.process(pair))
    return (parts[0] if len(parts) == 1 else np.concatenate(parts)).T


def _quietest(out: Signal, length: int, joint: int) -> int:
    """Where the quietest `joint` frames begin in the last fifth before `length`."""
    first = max(joint, length * 4 // 5)
    power = np.square(out[first:length]).sum(axis=1, dtype=np.float64)
    sums = np.cumsum(power)
    return first + int(np.argmin(sums[joint:] - sums[:-joint]))
