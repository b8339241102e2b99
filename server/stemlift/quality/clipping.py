"""Samples that were cut off at full scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.floating]

FULL_SCALE = 1.0 - 2.0**-14
"""Just below the largest sample of 16 bits, 1 − 2⁻¹⁵."""

RUN = 3
"""So many samples in a row at full scale are no peak any more: a sine of 440 Hz at 0 dBFS stays
above `FULL_SCALE` for 0.5 samples of 48 kHz; one of 60 Hz for 2.8."""


@dataclass(frozen=True, slots=True)
class Clipping:
    """runs: of at least RUN samples of one channel at or above full scale, of one sign.

    samples: in these runs. over: samples above 1.0, which only float files hold; they are no
    loss until something fixed takes them.
    """

    runs: int
    samples: int
    over: int


class ClippingMeter:
    """Takes a signal block by block."""

    def __init__(self) -> None:
        self._runs = 0
        self._samples = 0
        self._over = 0
        self._open: NDArray[np.int64] | None = None
        """By sign and channel, the length of the run that the last block ended with."""

    def update(self, block: Audio) -> None:
        """A block (frames, channels), 1.0 is full scale."""
        channels = block.shape[1]
        if self._open is None:
            self._open = np.zeros((2, channels), np.int64)
        largest = float(np.abs(block).max(initial=0.0))
        if largest < FULL_SCALE:
            for length in self._open.ravel():
                self._close(int(length))
            self._open[:] = 0
            return
        self._over += int(np.count_nonzero(np.abs(block) > 1.0))
        for place, sign in enumerate((1.0, -1.0)):
            for channel in range(channels):
                full = block[:, channel] * sign >= FULL_SCALE
                self._open[place, channel] = self._runs_of(full, int(self._open[place, channel]))

    def result(self) -> Clipping:
        runs, samples = self._runs, self._samples
        for length in () if self._open is None else self._open.ravel():
            if length >= RUN:
                runs, samples = runs + 1, samples + int(length)
        return Clipping(runs, samples, self._over)

    def _runs_of(self, full: NDArray[np.bool_], before: int) -> int:
        """Count the runs that end here; returns the length of the one that goes on."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], full, [False])).astype(np.int8)))
        starts, ends = edges[::2], edges[1::2]
        lengths = (ends - starts).tolist()
        if before and (not len(starts) or starts[0] > 0):
            self._close(before)
        elif before:
            lengths[0] += before
        goes_on = lengths.pop() if len(ends) and ends[-1] == len(full) else 0
        for length in lengths:
            self._close(length)
        return goes_on

    def _close(self, length: int) -> None:
        if length >= RUN:
            self._runs += 1
            self._samples += length


def clipping(audio: Audio) -> Clipping:
    """Of a whole signal (frames, channels)."""
    meter = ClippingMeter()
    meter.update(audio)
    return meter.result()
