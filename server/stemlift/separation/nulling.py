"""How far the written stems null against the mix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stemlift.audio.levels import SILENCE_DBFS, dbfs

_EXACT = 2**24
"""Up to here float32 has every integer."""


class NullMeter:
    """Peak of (mix - sum of stems), for stems kept as integers and as float32 files.

    Args:
        grid_bits: of the source's integer grid, None for float.
        summing: the stems that are meant to sum to the mix; empty when none are.
    """

    def __init__(self, grid_bits: int | None, summing: tuple[str, ...]) -> None:
        self._scale = 1.0 if grid_bits is None else 0.5 ** (grid_bits - 1)
        self._whole = grid_bits is not None
        self._summing = summing
        self._as_kept = 0.0
        self._as_float = 0.0
        self.mix_peak = 0.0

    def update(self, mix: npt.NDArray[Any], stems: dict[str, npt.NDArray[Any]]) -> None:
        """Add a block of the mix and of every stem, (frames, channels), as they are kept."""
        self.mix_peak = max(self.mix_peak, self._peak(mix))
        if not self._summing:
            return
        rest: npt.NDArray[Any] = mix.astype(np.int64 if self._whole else np.float64)
        rounding: npt.NDArray[np.float64] | None = None
        for name in self._summing:
            stem = stems[name]
            rest -= stem
            if self._whole and max(stem.max(), -stem.min()) > _EXACT:
                error = stem.astype(np.float32).astype(np.float64) - stem
                rounding = error if rounding is None else rounding + error
        kept = self._peak(rest)
        self._as_kept = max(self._as_kept, kept)
        as_float = kept if rounding is None else self._peak(rest - rounding)
        self._as_float = max(self._as_float, as_float)

    def _peak(self, samples: npt.NDArray[Any]) -> float:
        """The largest magnitude, full scale 1."""
        highest, lowest = float(samples.max()), float(samples.min())
        return max(highest, -lowest) * self._scale

    def dbfs(self, *, written_as_float: bool) -> float | None:
        """In dB relative to max(1, peak of the mix); None where no stems are meant to sum."""
        if not self._summing:
            return None
        peak = self._as_float if written_as_float else self._as_kept
        return dbfs(peak / max(1.0, self.mix_peak)) if peak else SILENCE_DBFS
