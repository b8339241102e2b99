"""How Band-Split RNN cuts the spectrum into bands: fine where the ear and the music are.

A table is a row of (limit, step) pairs in Hz: bands of `step` up to `limit`, then the next
pair's; what is left above the last limit is one more band.

References:
    Y. Luo and J. Yu, "Music Source Separation with Band-split RNN", IEEE/ACM TASLP 31, 2023
        (arXiv 2209.15174): V7, bass and drums.
    Y. Luo and R. Gu, "Improving Music Source Separation with SIMO stereo Band-split RNN",
        ICASSP 2024: one finer table for all stems.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

BandTable = tuple[tuple[float, float], ...]

V7: BandTable = ((1000, 100), (4000, 250), (8000, 500), (16000, 1000), (20000, 2000))
BASS: BandTable = ((500, 50), (1000, 100), (4000, 500), (8000, 1000), (16000, 2000))
DRUMS: BandTable = ((1000, 50), (2000, 100), (4000, 250), (8000, 500), (16000, 1000))
JOINT: BandTable = (*DRUMS, (20000, 2000))

_BY_STEM = {"vocals": V7, "other": V7, "bass": BASS, "drums": DRUMS}


def table_for(stems: Sequence[str]) -> BandTable:
    """The paper's table for a network of that one stem; the joint one for any other."""
    return _BY_STEM.get(stems[0], JOINT) if len(stems) == 1 else JOINT


def bins_by_width(table: BandTable, rate: float, bins: int) -> tuple[int, ...]:
    """Bins of each band, the remainder last, by the width of a band.

    A band of w Hz gets floor(w · bins / (rate / 2)) bins wherever it lies, as in the code
    that the paper's authors published; the bands drift below the frequencies that they are
    named after, and the remainder takes up the rest.

    Raises:
        ValueError: the bands do not fit into the spectrum.
    """
    widths = [
        int(step * (bins / (rate / 2)))
        for low, (limit, step) in _ranges(table, bins)
        for _ in range(round((limit - low) / step))
    ]
    return _with_remainder(widths, bins)


def bins_by_edge(table: BandTable, rate: float, n_fft: int) -> tuple[int, ...]:
    """Bins of each band, the remainder last, by the frequencies between its edges.

    A band holds the bins k with low ≤ k · rate / n_fft < high.

    Raises:
        ValueError: the bands do not fit into the spectrum.
    """
    bins = n_fft // 2 + 1
    edges = [0]
    for low, (limit, step) in _ranges(table, bins):
        high = low + step
        while high < limit + step:
            edges.append(min(bins, _bins_below(high, rate, n_fft)))
            high += step
    return _with_remainder([high - low for low, high in pairwise(edges)], bins)


def _bins_below(frequency: float, rate: float, n_fft: int) -> int:
    return -int(-frequency * n_fft // rate)


def _ranges(table: BandTable, bins: int) -> list[tuple[float, tuple[float, float]]]:
    """Each pair of a table with the limit of the one before it."""
    lows = [0.0, *(limit for limit, _ in table)]
    ranges = list(zip(lows, table, strict=False))
    for low, (limit, step) in ranges:
        if not (step > 0 and limit > low and (limit - low) / step <= bins):
            raise ValueError(f"no bands of {step} Hz between {low} Hz and {limit} Hz")
    return ranges


def _with_remainder(widths: list[int], bins: int) -> tuple[int, ...]:
    left = bins - sum(widths)
    if min(widths, default=0) < 1 or left < 1:
        raise ValueError(f"{len(widths) + 1} bands do not fit into {bins} bins")
    return (*widths, left)
