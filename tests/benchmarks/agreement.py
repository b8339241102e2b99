"""How far two programs' stems of one song lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from stemlift.quality.sdr import sdr


def agreement(reference: Mapping[str, Path], estimate: Mapping[str, Path]) -> dict[str, float]:
    """The largest difference of a sample (full scale: 1), and the SDR in dB of the worst stem.

    Raises:
        ValueError: the stems, or their lengths, are not the same.
    """
    if not reference or set(reference) != set(estimate):
        raise ValueError(f"stems differ: {sorted(reference)} and {sorted(estimate)}")
    differences, ratios, peaks = [], [], []
    for stem, file in reference.items():
        truth, _ = soundfile.read(file, always_2d=True)
        guess, _ = soundfile.read(estimate[stem], always_2d=True)
        if truth.shape != guess.shape:
            raise ValueError(f"{stem}: {truth.shape} and {guess.shape}")
        differences.append(float(np.abs(truth - guess).max()))
        ratios.append(sdr(truth, guess))
        peaks.append(float(np.abs(truth).max()))
    return {
        "largest_difference": max(differences),
        "worst_sdr_db": round(min(ratios), 2),
        # Near silence everything would agree.
        "quietest_stem_peak": round(min(peaks), 4),
    }
