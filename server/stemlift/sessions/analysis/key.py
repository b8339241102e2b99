"""The key: how often each of the twelve notes sounds, against what is usual in each key.

Profiles of J. Albrecht and D. Shanahan, "The use of large corpora to train a new type of
key-finding algorithm", Music Perception 31, 2013, in the way of C. Krumhansl, "Cognitive
Foundations of Musical Pitch", 1990.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.sessions.analysis.control import Control
from stemlift.sessions.analysis.librosa_there import require_librosa
from stemlift.sessions.analysis.listening import RATE, Signal
from stemlift.sessions.analysis.result import KeyEstimate

Floats = NDArray[np.float64]

HOP = 2048
CHROMA_RATE = RATE / HOP

_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)

_OCTAVES = 6
_LOW_OCTAVES = 2
_SHORTEST = 2 * RATE
_CHUNK_SECONDS = 120
_ROOTS = {0: 0.4, 7: 0.2, 5: 0.2}
"""What the bass adds to a key's correlation for each semitone above its tonic, times the share
of the time it plays there."""
_SURE_LEAD = 0.12
"""How far the best key leads where it is beyond doubt."""


@dataclass(frozen=True, slots=True)
class Chroma:
    """all, bass: (12, frames) how loud each note is, C first, CHROMA_RATE frames a second;
    bass of the two octaves from C1. tuning: cents."""

    all: Floats
    bass: Floats
    tuning: float


def find_chroma(samples: Signal, control: Control) -> Chroma:
    """The notes that sound, drums left out as far as they can be."""
    librosa = require_librosa()
    if len(samples) < _SHORTEST or float(np.abs(samples).max()) < 1e-5:
        frames = 1 + len(samples) // HOP
        return Chroma(np.zeros((12, frames)), np.zeros((12, frames)), 0.0)
    with warnings.catch_warnings():
        # It warns where it hears no pitch, which is nothing a user can do something about.
        warnings.simplefilter("ignore", UserWarning)
        tuning = float(librosa.estimate_tuning(y=_middle(samples), sr=RATE))
    pieces = []
    # A piece starts two seconds early and ends two late, for what the filters smear.
    margin, length = 2 * RATE // HOP * HOP, _CHUNK_SECONDS * RATE // HOP * HOP
    for start in range(0, max(1, len(samples)), length):
        control.check()
        before = min(start, margin)
        piece = samples[start - before : start + length + margin]
        loud = np.abs(
            librosa.cqt(
                y=piece,
                sr=RATE,
                hop_length=HOP,
                fmin=librosa.note_to_hz("C1"),
                n_bins=_OCTAVES * 36,
                bins_per_octave=36,
                filter_scale=0.5,
                tuning=3 * tuning,
            )
        )
        count = min(length, len(samples) - start) // HOP + (start + length >= len(samples))
        pieces.append(loud[:, before // HOP : before // HOP + count])
    tones = _steady(np.concatenate(pieces, axis=1))
    tones /= max(float(tones.max()), 1e-9)
    low = _folded(tones[: 36 * _LOW_OCTAVES] ** 2)
    return Chroma(_folded(np.log1p(50 * tones)), low, 100 * tuning)


def find_key(chroma: Chroma) -> KeyEstimate:
    """The key of a whole song."""
    whole = chroma.all.mean(axis=1)
    if whole.max(initial=0.0) < 1e-6 or whole.std() < 0.02 * whole.mean():
        return KeyEstimate(None)
    fitting = _correlations(whole)
    bass = _shares(chroma.bass)
    roots = [gain * np.roll(bass, -above) for above, gain in _ROOTS.items()]
    scores = fitting + np.tile(np.sum(roots, axis=0), 2)
    order = np.argsort(scores)[::-1]
    best, second = (divmod(int(one), 12) for one in order[:2])
    lead = float(scores[order[0]] - scores[order[1]])
    other = next(one for one in order if _notes(int(one)) != _notes(int(order[0])))
    notes_lead = float(scores[order[0]] - scores[other])
    # Noise and drums fit no key well, whichever fits them best.
    fits = float(np.clip((fitting[order[0]] - 0.35) / 0.35, 0, 1))
    if fits < 0.02:
        return KeyEstimate(None)
    return KeyEstimate(
        tonic=best[1],
        minor=best[0] == 1,
        confidence=round(fits * min(1.0, lead / _SURE_LEAD) * _at_home(bass, *best[::-1]), 3),
        tuning=round(chroma.tuning, 1),
        runner_up=(second[1], second[0] == 1),
        notes_confidence=round(fits * min(1.0, notes_lead / _SURE_LEAD), 3),
    )


def _notes(key: int) -> int:
    """The major key of the notes of a key, counted as `_correlations` does."""
    minor, tonic = divmod(key, 12)
    return (tonic + 3 * minor) % 12


def _shares(bass: Floats) -> Floats:
    """(12,): how much of the time the bass plays each note, each frame with the same say."""
    loud = bass.sum(axis=0, keepdims=True)
    if not loud.any():
        return np.zeros(12)
    shares = (bass / (loud + 1e-3 * loud.max())).mean(axis=1)
    return np.asarray(shares / shares.sum())


def _at_home(bass: Floats, tonic: int, minor: int) -> float:
    """How much more the bass is at home in a key than in its relative one, which has the same
    notes: 1 never there, 0.5 as often."""
    here, there = bass[tonic], bass[(tonic + (3 if minor else -3)) % 12]
    return float(here / (here + there)) if here + there > 0.05 else 1.0


def _correlations(notes: Floats) -> Floats:
    """(24,): correlation with each key, majors first."""
    keys = [np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)]
    return np.asarray([np.corrcoef(notes, key)[0, 1] for key in keys])


def _steady(tones: NDArray[np.floating]) -> Floats:
    """What lasts: the median over half a second of each pitch, less what all pitches share, so
    that drums drop out (D. FitzGerald, "Harmonic/percussive separation using median filtering",
    DAFx 2010)."""
    from scipy.ndimage import median_filter

    lasting = median_filter(tones, size=(1, 5), mode="nearest")
    floor = median_filter(lasting, size=(19, 1), mode="nearest")
    return np.asarray(np.maximum(lasting - floor, 0.0), np.float64)


def _folded(notes: Floats) -> Floats:
    """(12, frames) from three bins a semitone, each note the bin in its middle."""
    semitones = np.maximum(
        notes[0::3], 0.5 * np.maximum(notes[1::3], np.roll(notes[2::3], 1, axis=0))
    )
    return np.asarray(semitones.reshape(-1, 12, notes.shape[1]).sum(axis=0))


def _middle(samples: Signal) -> Signal:
    """A minute from the middle, enough for the tuning."""
    spare = max(0, len(samples) - 60 * RATE) // 2
    return samples[spare : spare + 60 * RATE]
