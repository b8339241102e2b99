"""How far the written stems null against the mix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stemlift.audio.levels import SILENCE_DBFS, dbfs


class NullMeter:
    """Peak of (mix - sum of stems), for stems kept as integers and as float32 files.

    Args:
        grid_bits: of the source's integer grid, None for float.
        summing: the stems that are meant to sum to the mix; empty when none are.
    """

    def __init__(self, grid_bits: int | None, summing: tuple[str, ...]) -> None:
        self._scale = 1.0 if grid_bits is None else 0.5 ** (grid_bits - 1)
        self._summing = summing
        self._as_kept = 0.0
        self._as_float = 0.0
        self.mix_peak = 0.0

    def update(self, mix: npt.NDArray[Any], stems: dict[str, npt.NDArray[Any]]) -> None:
        """Add a block of the mix and of every stem, (frames, channels), as they are kept."""
        exact = mix.astype(np.float64) * self._scale
        self.mix_peak = max(self.mix_peak, float(np.abs(exact).max()))
        if not self._summing:
            return
        rest, rounded = exact.copy(), exact
        for name in self._summing:
            scaled = stems[name].astype(np.float64) * self._scale
            rest -= scaled
            rounded = rounded - scaled.astype(np.float32)
        self._as_kept = max(self._as_kept, float(np.abs(rest).max()))
        self._as_float = max(self._as_float, float(np.abs(rounded).max()))

    def dbfs(self, *, written_as_float: bool) -> float | None:
        """In dB relative to max(1, peak of the mix); None where no stems are meant to sum."""
        if not self._summing:
            return None
        peak = self._as_float if written_as_float else self._as_kept
        return dbfs(peak / max(1.0, self.mix_peak)) if peak else SILENCE_DBFS
