"""What becomes of a stereo signal on a mono loudspeaker, and how wide it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.decibels import FLOOR_DB, power_db

__all__ = ["FLOOR_DB", "Stereo", "StereoMeter", "mono_change_db"]

Audio = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Stereo:
    """A stereo signal.

    correlation: ⟨l·r⟩ / √(⟨l²⟩·⟨r²⟩), −1 to 1, as a phase meter shows it; 1 for silence
        and for one channel, 0 where one side is silent.
    side_mid_db: 10·log₁₀(⟨s²⟩ / ⟨m²⟩) with m = (l + r)/2 and s = (l − r)/2: FLOOR_DB for
        equal channels, 0 for unrelated ones, −FLOOR_DB for opposite ones.
    mono_change_db: level of the mono sum against the stereo power,
        10·log₁₀(⟨(l + r)²⟩ / 2⟨l² + r²⟩): 0 for equal channels, −3 for unrelated ones or one
        silent side, FLOOR_DB for opposite ones.
    """

    correlation: float
    side_mid_db: float
    mono_change_db: float


class StereoMeter:
    """Takes a signal block by block; sums in float64."""

    def __init__(self) -> None:
        self._left = 0.0
        self._right = 0.0
        self._mid = 0.0
        self._side = 0.0

    def update(self, block: Audio) -> None:
        """A block (frames, channels) of one or two channels.

        Raises:
            ValueError: more than two channels.
        """
        channels = block.shape[1]
        if channels > 2:
            raise ValueError(f"mono compatibility is for two channels, not {channels}")
        left = block[:, 0].astype(np.float64)
        right = block[:, -1].astype(np.float64)
        self._left += float(np.vdot(left, left))
        self._right += float(np.vdot(right, right))
        summed, difference = left + right, left - right
        self._mid += float(np.vdot(summed, summed))
        self._side += float(np.vdot(difference, difference))

    def result(self) -> Stereo:
        both = math.sqrt(self._left) * math.sqrt(self._right)
        # ⟨lr⟩ = (⟨(l + r)²⟩ − ⟨(l − r)²⟩) / 4
        correlation = (self._mid - self._side) / (4.0 * both) if both > 0.0 else 0.0
        total = 2.0 * (self._left + self._right)
        if total == 0.0:
            return Stereo(1.0, FLOOR_DB, 0.0)
        wide = -FLOOR_DB if self._mid == 0.0 else power_db(self._side, self._mid)
        change = power_db(self._mid, total)
        return Stereo(max(-1.0, min(1.0, correlation)), wide, change)


def mono_change_db(audio: Audio) -> float:
    """Level of the mono sum against the stereo power in dB; see `Stereo`.

    Args:
        audio: (frames, 2); one channel gives 0, as silence does.

    Raises:
        ValueError: more than two channels.
    """
    meter = StereoMeter()
    meter.update(audio)
    return meter.result().mono_change_db
