"""What a voice has said, taken apart for singing: envelopes, breath, pitch and syllables.

WORLD (Morise et al., 2016) takes speech apart into its spectral envelope, its aperiodicity
and its pitch. They are kept on few bands, one byte each, so that a whole choir of voices
travels in a few megabytes and sings without WORLD or any speaking program.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import whole_file
from stemlift.training.writing import writing_to

Floats = npt.NDArray[np.float32]
Signal = npt.NDArray[np.float64]

BANDS = 96
BREATHS = 12
FRAME_S = 0.005
TOP_HZ = 22_050.0
STEP_DB = 0.5
FLOOR_DB = -110.0

WORD, AAH, OOH, MM, LA, HEY = range(6)
KINDS = {"aah": AAH, "ooh": OOH, "mm": MM, "la": LA, "hey": HEY}


def band_hz(count: int = BANDS) -> Signal:
    """Centre frequencies of `count` bands, evenly on the mel scale, 0 to TOP_HZ inclusive."""
    top = np.log1p(TOP_HZ / 700.0)
    return np.asarray(700.0 * np.expm1(np.linspace(0.0, top, count)), dtype=np.float64)


@dataclass(frozen=True)
class Bank:
    """The sounds of one voice.

    Attributes:
        name: of the voice.
        level_db: uint8 (frames, BANDS): power of the envelope, FLOOR_DB + STEP_DB · value.
        breath: uint8 (frames, BREATHS): aperiodicity, 255 = noise only.
        hertz: float32 (frames,): pitch as spoken, 0 where unvoiced.
        syllables: int32 (count, 6): first frame, vowel's first, vowel's end, end, line, kind.
    """

    name: str
    level_db: npt.NDArray[np.uint8]
    breath: npt.NDArray[np.uint8]
    hertz: Floats
    syllables: npt.NDArray[np.int32]

    @property
    def pitch(self) -> float:
        """The median pitch as spoken, in Hz; 140 where the voice has none (whispers)."""
        voiced = self.hertz[self.hertz > 0.0]
        return float(np.median(voiced)) if voiced.size > 20 else 140.0

    def of_kind(self, kind: int) -> npt.NDArray[np.int32]:
        """The syllables of a kind; those of words where there are none."""
        found = self.syllables[self.syllables[:, 5] == kind]
        return found if len(found) else self.syllables


@dataclass(frozen=True)
class Spoken:
    """One line taken apart, at FRAME_S; the parts of a `Bank` before they are joined."""

    level_db: Signal
    breath: Signal
    hertz: Signal
    kind: int


def take_apart(samples: Signal, rate: int, kind: int) -> Spoken:
    """Analyse a spoken line with WORLD.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE (pyworld is not installed).
    """
    vocoder = world()
    loud = float(np.abs(samples).max(initial=0.0))
    samples = np.ascontiguousarray(samples / max(loud, 1e-6) * 0.5)
    # WORLD divides by what it finds in a frame; digital silence has nothing to divide by.
    samples = samples + 1e-6 * np.random.default_rng(7).standard_normal(samples.size)
    hertz, times = vocoder.dio(samples, rate, f0_floor=60.0, f0_ceil=500.0)
    hertz = vocoder.stonemask(samples, hertz, times, rate)
    power = vocoder.cheaptrick(samples, hertz, times, rate)
    noise = vocoder.d4c(samples, hertz, times, rate, threshold=0.4)
    source = np.linspace(0.0, rate / 2.0, power.shape[1])
    decibels = 10.0 * np.log10(np.maximum(power, 1e-14))
    level = _on_bands(decibels, source, band_hz(BANDS))
    breath = _on_bands(noise, source, band_hz(BREATHS))
    breath[hertz <= 0.0] = 1.0
    return Spoken(_widen(level, hertz, rate / 2.0), _widen_breath(breath, rate / 2.0), hertz, kind)


def build(name: str, spoken: list[Spoken]) -> Bank:
    """Join lines to a bank, and find their syllables."""
    found: list[list[int]] = []
    start = 0
    for line, part in enumerate(spoken):
        for first, vowel, vowel_end, end in syllables(part.level_db, part.hertz):
            found.append(
                [start + first, start + vowel, start + vowel_end, start + end, line, part.kind]
            )
        start += len(part.hertz)
    level = np.concatenate([part.level_db for part in spoken])
    # One loudness for all voices: the loud frames of each have the same power.
    level -= np.percentile(level.max(axis=1), 95)
    bytes_ = np.clip(np.round((level - FLOOR_DB) / STEP_DB), 0, 255).astype(np.uint8)
    breath = np.concatenate([part.breath for part in spoken])
    return Bank(
        name,
        bytes_,
        np.clip(np.round(breath * 255.0), 0, 255).astype(np.uint8),
        np.concatenate([part.hertz for part in spoken]).astype(np.float32),
        np.asarray(found, dtype=np.int32).reshape(-1, 6),
    )


def syllables(level_db: Signal, hertz: Signal) -> list[tuple[int, int, int, int]]:
    """Syllables of a line by the hills of its voiced energy.

    Returns:
        Of each: first frame, first of the vowel, end of the vowel, end.
    """
    bands = band_hz(BANDS)
    middle = (bands > 150.0) & (bands < 3000.0)
    power = 10.0 ** (level_db / 10.0)
    energy = 10.0 * np.log10(np.mean(power[:, middle], axis=1) + 1e-14)
    hissing = 10.0 * np.log10(np.mean(power[:, bands > 3500.0], axis=1) + 1e-14)
    loudest = float(energy.max(initial=-140.0))
    # Whispered voices have no pitch anywhere: all their frames may be vowels.
    voiced = hertz > 0.0 if np.mean(hertz > 0.0) > 0.1 else energy > loudest - 25.0
    # A voiced sibilant is no vowel: held, it would be a whistle.
    voiced = voiced & (energy > hissing + 4.0)
    hill = gaussian_filter1d(np.where(voiced, energy, energy - 12.0), 3.0)
    peaks, _ = find_peaks(hill, height=loudest - 28.0, prominence=2.0, distance=16)
    if not len(peaks):
        return []
    valleys = [int(left + np.argmin(hill[left:right])) for left, right in pairwise(peaks)]
    spoken = np.flatnonzero(energy > loudest - 50.0)
    edges = [max(int(spoken[0]) - 2, 0), *valleys, min(int(spoken[-1]) + 3, len(hill))]
    found = []
    for peak, first, end in zip(peaks.tolist(), edges, edges[1:], strict=False):
        vowel, vowel_end = peak, peak
        while vowel - 1 > first and voiced[vowel - 1] and hill[vowel - 1] > hill[peak] - 5.0:
            vowel -= 1
        while (
            vowel_end + 1 < end and voiced[vowel_end + 1] and hill[vowel_end + 1] > hill[peak] - 5.0
        ):
            vowel_end += 1
        if vowel_end - vowel >= 3 and end - first < 160:
            found.append((first, vowel, vowel_end, end))
    return found


def save(bank: Bank, path: Path) -> None:
    """Write a bank, whole or not at all.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    with (
        writing_to(path.parent),
        whole_file(path) as scratch,
        # By its handle: numpy would give the name another ending.
        scratch.open("wb") as file,
    ):
        np.savez_compressed(
            file,
            level_db=bank.level_db,
            breath=bank.breath,
            hertz=bank.hertz,
            syllables=bank.syllables,
        )


def load(path: Path) -> Bank:
    """Read a bank that `save` wrote; its name is that of the file.

    Raises:
        OSError, ValueError, KeyError: the file cannot be read or is something else.
    """
    with np.load(path) as parts:
        return Bank(
            path.stem, parts["level_db"], parts["breath"], parts["hertz"], parts["syllables"]
        )


def world() -> Any:
    """The module that takes speech apart.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE, where it is not installed.
    """
    try:
        import pyworld
    except ImportError as error:
        raise StemliftError(
            Reason.TRAINING_UNAVAILABLE,
            "The package pyworld, which takes voices apart, is not installed.",
            'Install it: python -m pip install "stemlift[train]".',
        ) from error
    return pyworld


def _on_bands(rows: Signal, source: Signal, target: Signal) -> Signal:
    place = np.interp(target, source, np.arange(source.size))
    left = np.minimum(place.astype(np.int64), source.size - 2)
    part = place - left
    return np.asarray(rows[:, left] * (1.0 - part) + rows[:, left + 1] * part, dtype=np.float64)


def _widen(level: Signal, hertz: Signal, nyquist: float) -> Signal:
    """Go on above what the speech holds: singers' sibilants and air reach 16 kHz and more."""
    bands = band_hz(BANDS)
    edge = 0.88 * nyquist
    known = bands < edge
    if known.all():
        return level
    last = (bands > 0.7 * nyquist) & known
    shelf = level[:, last].mean(axis=1, keepdims=True)
    octaves = np.log2(bands[~known] / edge)[None, :]
    slope = np.where(hertz > 0.0, -14.0, -7.0)[:, None]
    level[:, ~known] = np.maximum(shelf + slope * octaves, FLOOR_DB)
    return level


def _widen_breath(breath: Signal, nyquist: float) -> Signal:
    bands = band_hz(BREATHS)
    known = bands < 0.88 * nyquist
    if not known.all():
        last = breath[:, known][:, -1:]
        breath[:, ~known] = np.maximum(last, 0.8)
    return breath
