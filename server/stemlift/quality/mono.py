"""What becomes of a stereo signal on a mono loudspeaker."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FLOOR_DB = -300.0
"""What full cancellation is reported as."""


def mono_change_db(audio: NDArray[np.floating]) -> float:
    """Level of the mono sum against the stereo power, in dB.

    10·log₁₀(⟨(l + r)²⟩ / 2⟨l² + r²⟩): 0 for equal channels, −3 for unrelated ones or one
    silent side, FLOOR_DB for opposite ones.

    Args:
        audio: (frames, 2); one channel gives 0, as silence does.

    Raises:
        ValueError: more than two channels.
    """
    frames, channels = audio.shape
    if channels > 2:
        raise ValueError(f"mono compatibility is for two channels, not {channels}")
    signal = audio.astype(np.float64)
    power = 2.0 * float(np.vdot(signal, signal))
    if channels < 2 or frames == 0 or power == 0.0:
        return 0.0
    summed = signal.sum(axis=1)
    level = float(np.vdot(summed, summed))
    if level == 0.0:
        return FLOOR_DB
    return max(FLOOR_DB, 10.0 * math.log10(level / power))
