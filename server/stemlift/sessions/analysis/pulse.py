"""The tempo as it is heard, window by window: how well the onsets repeat after a beat.

A comb over the autocorrelation of the onsets at one to four beats, weighted by a preference for
the tempi people tap to (D. Ellis, "Beat tracking by dynamic programming", JNMR 36, 2007), and
the best path through the windows, which changes tempo seldom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.sessions.analysis.onsets import FRAMES_PER_SECOND

Floats = NDArray[np.float64]

SLOWEST, FASTEST = 50.0, 230.0
TEMPI: Floats = np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST), 0.01))
"""Beats per minute, one per cent apart."""

_WINDOW_SECONDS = 12.0
_STEP_SECONDS = 1.0
_TAPPED, _SPREAD = 118.0, 0.8
"""The preferred tempo, and how many octaves from it count 0.6 as much."""
_JUMP, _GLIDE = 1.2, 0.06
"""What a change of tempo costs at most, and what one by one per cent does."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """times: the centres of the windows, in seconds. bpm: (windows,), the tempo there.
    clarity: (windows,), -1 to 1, the autocorrelation at beats of that tempo.
    salience: (TEMPI,), how strong each tempo is over all, preference included.
    """

    times: Floats
    bpm: Floats
    clarity: Floats
    salience: Floats

    def at(self, seconds: Floats) -> Floats:
        """The tempo at any time."""
        between = (self.times[1:] + self.times[:-1]) / 2
        return np.asarray(self.bpm[np.searchsorted(between, seconds)])


def find_pulse(strength: Floats) -> Pulse | None:
    """The tempo over time of onsets; None where there are none, or too few for a tempo."""
    window = min(len(strength), round(_WINDOW_SECONDS * FRAMES_PER_SECOND))
    if window < 4 * FRAMES_PER_SECOND or not strength.any():
        return None
    step = round(_STEP_SECONDS * FRAMES_PER_SECOND)
    starts = np.arange(0, len(strength) - window + 1, step)
    combs = np.stack([_comb(_repetition(strength[start : start + window])) for start in starts])
    preference = np.exp(-0.5 * (np.log2(TEMPI / _TAPPED) / _SPREAD) ** 2)
    liked = np.maximum(combs, 0.0) * preference
    salience = liked.mean(axis=0)
    # What holds for the whole song counts in every window, so that a break does not mislead.
    states = _best_path(liked + salience)
    times = np.asarray((starts + window / 2) / FRAMES_PER_SECOND, np.float64)
    return Pulse(times, TEMPI[states], combs[np.arange(len(starts)), states], salience)


def _repetition(strength: Floats) -> Floats:
    """The autocorrelation, 1 at lag 0, for lags up to 4 beats of the slowest tempo."""
    centred = strength - strength.mean()
    size = 1 << (2 * len(centred)).bit_length()
    spectrum = np.fft.rfft(centred, size)
    lags = min(len(centred) // 2, int(4.1 * 60 * FRAMES_PER_SECOND / SLOWEST))
    raw = np.fft.irfft(np.abs(spectrum) ** 2, size)[:lags]
    overlap = 1 - np.arange(lags) / len(centred)
    repetition = raw / overlap / max(raw[0], 1e-12)
    # Onsets are one or two frames wide, and beats fall between frames.
    return np.asarray(
        np.maximum(repetition, np.maximum(np.roll(repetition, 1), np.roll(repetition, -1)))
    )


def _comb(repetition: Floats) -> Floats:
    """(TEMPI,): the mean of the autocorrelation at one to four beats of each tempo."""
    period = 60 * FRAMES_PER_SECOND / TEMPI
    lags = np.arange(len(repetition))
    found, count = np.zeros_like(TEMPI), np.zeros_like(TEMPI)
    for beats in (1, 2, 3, 4):
        inside = period * beats < len(repetition) - 1
        found += inside * np.interp(period * beats, lags, repetition)
        count += inside
    return np.asarray(found / np.maximum(count, 1))


def _best_path(scores: Floats) -> NDArray[np.int64]:
    """The state of each row that makes the sum of the scores, less the changes, largest."""
    states = np.arange(scores.shape[1])
    cost = np.minimum(_GLIDE * np.abs(states[:, None] - states[None, :]), _JUMP)
    best, came = scores[0], np.zeros(scores.shape, np.int64)
    for row in range(1, len(scores)):
        reached = best[:, None] - cost
        came[row] = reached.argmax(axis=0)
        best = reached.max(axis=0) + scores[row]
    path = np.zeros(len(scores), np.int64)
    path[-1] = int(best.argmax())
    for row in range(len(scores) - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path
