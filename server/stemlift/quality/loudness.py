"""Loudness and true peak after ITU-R BS.1770-4.

Integrated loudness: each channel passes the K weighting, of which pyloudnorm has the filters
for any rate; blocks of 400 ms, a new one every 100 ms, have the mean squares

    zⱼ = Σ_channel G · ⟨y²⟩,   Lⱼ = −0.691 + 10·log₁₀ zⱼ

and the loudness is that of the mean z of all blocks above −70 LUFS and above the relative gate,
10 LU below the loudness of the mean z of the blocks above −70 LUFS (Annex 1). pyloudnorm's own
meter wants the whole song several times over in memory; here it passes in blocks, to the same
figures.

True peak: the highest sample after resampling to four times the rate by the filter of Annex 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyloudnorm import IIRfilter
from scipy.signal import lfilter

from stemlift.quality.decibels import amplitude_db

Audio = NDArray[np.floating]

_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_OFFSET = -0.691
_HOPS = 4
"""Of 100 ms in a block of 400 ms."""

_SURROUND = (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)
"""Left, right, centre, low frequencies, and the two behind."""

# fmt: off
_PHASES = np.array(
    [
        [0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000,
         -0.0594482421875, 0.1373291015625, 0.9721679687500, -0.1022949218750,
         0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500],
        [-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250,
         -0.1665039062500, 0.4650878906250, 0.7797851562500, -0.2003173828125,
         0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375],
    ],
    np.float32,
)
# fmt: on
_TRUE_PEAK = np.concatenate((_PHASES, _PHASES[::-1, ::-1]))
"""(phase, tap) of BS.1770-4, Annex 2: the later phases are the earlier ones turned round."""

_PIECE = 2048
_HIGHEST_GAIN = float(np.abs(_TRUE_PEAK).sum(axis=1).max())


@dataclass(frozen=True, slots=True)
class Loudness:
    """integrated_lufs: None for what is shorter than 400 ms or never above −70 LUFS.

    true_peak_dbtp: relative to full scale; −300 for silence.
    """

    integrated_lufs: float | None
    true_peak_dbtp: float


class LoudnessMeter:
    """Takes a signal block by block; keeps eight bytes for each 100 ms of it."""

    def __init__(self, rate: int, channels: int) -> None:
        # De Man's two designs give the very coefficients of the recommendation at 48 kHz.
        shelf = IIRfilter(3.99984385397, 0.7071752369554193, 1681.9744509555319, rate,
                          "high_shelf_DeMan")  # fmt: skip
        low_cut = IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, rate, "high_pass_DeMan")
        self._filters = [
            (np.asarray(each.b, np.float64), np.asarray(each.a, np.float64))
            for each in (shelf, low_cut)
        ]
        self._states = [np.zeros((2, channels)) for _ in self._filters]
        self._weights = np.array(_SURROUND) if channels == len(_SURROUND) else np.ones(channels)
        self._rate = rate
        self._seen = 0
        self._current = 0.0
        self._hops: list[float] = []
        self._peaks = _PeakMeter(channels)

    def update(self, block: Audio) -> None:
        """A block (frames, channels), 1.0 is full scale."""
        self._peaks.update(block)
        heard = block.astype(np.float64, copy=False)
        for place, (b, a) in enumerate(self._filters):
            heard, self._states[place] = lfilter(b, a, heard, axis=0, zi=self._states[place])
        powers = np.square(heard) @ self._weights
        sums = np.concatenate(([0.0], np.cumsum(powers)))
        at = 0
        while at < len(powers):
            # Hops lie where 100 ms times their number ends, so that no error adds up.
            end = min(len(powers), at + self._end_of(len(self._hops)) - self._seen)
            self._current += float(sums[end] - sums[at])
            self._seen += end - at
            at = end
            if self._seen == self._end_of(len(self._hops)):
                self._hops.append(self._current)
                self._current = 0.0

    def result(self) -> Loudness:
        return Loudness(self._integrated(), self._peaks.result())

    def _end_of(self, hop: int) -> int:
        return (hop + 1) * self._rate // 10

    def _integrated(self) -> float | None:
        if len(self._hops) < _HOPS:
            return None
        hops = np.array(self._hops)
        blocks = np.convolve(hops, np.ones(_HOPS), "valid") / (0.4 * self._rate)
        for gate in (_ABSOLUTE_GATE, None):
            level = _loudness(blocks)
            least = level + _RELATIVE_GATE if gate is None else gate
            blocks = blocks[blocks > 10.0 ** ((least - _OFFSET) / 10.0)]
            if not len(blocks):
                return None
        return _loudness(blocks)


def _loudness(blocks: NDArray[np.float64]) -> float:
    mean = float(blocks.mean())
    return _OFFSET + 10.0 * math.log10(mean) if mean > 0.0 else -math.inf


class _PeakMeter:
    """The highest of the samples and of what lies between them."""

    def __init__(self, channels: int) -> None:
        self._before = np.zeros((_TRUE_PEAK.shape[1] - 1, channels), np.float32)
        self._highest = 0.0

    def update(self, block: Audio) -> None:
        sound = np.concatenate((self._before, block.astype(np.float32, copy=False)))
        keep = len(self._before)
        self._before = sound[-keep:]
        self._highest = max(self._highest, float(np.abs(block).max(initial=0.0)))
        for start in range(0, len(sound) - keep, _PIECE):
            piece = sound[start : start + _PIECE + keep]
            # Where even the filter's largest gain finds nothing higher, it need not look.
            if float(np.abs(piece).max()) * _HIGHEST_GAIN > self._highest:
                self._look(piece)

    def _look(self, piece: NDArray[np.float32]) -> None:
        taps = _TRUE_PEAK.shape[1]
        for channel in piece.T:
            # The filter runs backwards over the taps, as every convolution.
            runs = np.lib.stride_tricks.sliding_window_view(channel, taps)[:, ::-1]
            self._highest = max(self._highest, float(np.abs(runs @ _TRUE_PEAK.T).max()))

    def result(self) -> float:
        return amplitude_db(self._highest)


def loudness(audio: Audio, rate: int) -> Loudness:
    """Of a whole signal (frames, channels), 1.0 is full scale."""
    meter = LoudnessMeter(rate, audio.shape[1])
    meter.update(audio)
    return meter.result()
