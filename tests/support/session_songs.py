"""Sessions whose sum is known: a mix, parts that add up to it, and clips of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from stemlift.sessions.timeline import Clip, Media, at_frame

Array = npt.NDArray[np.float64]


def parts_of_a_mix(
    folder: Path, rate: int, frames: int, names: tuple[str, ...], channels: int = 2
) -> tuple[Array, dict[str, Media]]:
    """The mix (frames, channels), and float WAVs that add up to it to the last bit of a float."""
    rng = np.random.default_rng(rate + frames)
    grid = 2.0**-20
    parts = {
        name: np.round(rng.uniform(-0.2, 0.2, (frames, channels)) / grid) * grid for name in names
    }
    media = {}
    for name, samples in parts.items():
        path = folder / f"{name}.wav"
        soundfile.write(path, samples, rate, subtype="FLOAT")
        media[name] = Media(path, rate, channels, frames)
    return np.sum(list(parts.values()), axis=0), media


def cut(media: Media, at: int, start: int, length: int, **changes: object) -> Clip:
    """A clip by frames of the file's own rate: on the timeline, in the file, how many."""
    rate = media.sample_rate
    return Clip(
        media,
        position=at_frame(at, rate),
        length=Fraction(length, rate),
        source_start=at_frame(start, rate),
        **changes,  # type: ignore[arg-type]
    )


def peak_db(samples: Array) -> float:
    """Peak in dB relative to full scale; -inf for silence."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    return 20 * np.log10(peak) if peak else -np.inf
