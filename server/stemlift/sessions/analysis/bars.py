"""Bars: how many beats they have and which beat starts one.

Bars repeat, so the beats of one sound like those of the next; at their start chords change and
the low end plays (M. Goto, "An audio-based real-time beat tracking system for music with or
without drum-sounds", JNMR 30, 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.sessions.analysis.beats import Beats
from stemlift.sessions.analysis.onsets import FRAMES_PER_SECOND, Onsets, frame_of

Floats = NDArray[np.float64]

_SLIP = 6.0
"""What it costs that a bar has another number of beats than the rest."""


@dataclass(frozen=True, slots=True)
class Bars:
    """beats_per_bar: of most. downbeats: indices into the beats. confidence: 0 to 1."""

    beats_per_bar: int
    downbeats: NDArray[np.int64]
    confidence: float


@dataclass(frozen=True, slots=True)
class BeatSounds:
    """Each beat up to the next. chroma: (beats, 12), of length 1 or 0. bass: (beats, 12), the
    same of the low end. mel: (beats, bands), dB. low, strength: (beats,) onsets at its start.
    """

    chroma: Floats
    bass: Floats
    mel: Floats
    low: Floats
    strength: Floats


def sounds_of(
    beats: Beats, onsets: Onsets, chroma: Floats, bass: Floats, chroma_rate: float
) -> BeatSounds:
    """What sounds at each beat. chroma, bass: (12, frames), chroma_rate of them a second."""
    edges = np.append(beats.times, 2 * beats.times[-1] - beats.times[-2])
    # A chord is clearest after its attack.
    start = edges[:-1] + 0.1 * np.diff(edges)
    frames = np.round(frame_of(beats.times)).astype(np.int64)
    return BeatSounds(
        _unit(_means(chroma, start * chroma_rate, edges[1:] * chroma_rate)),
        _unit(_means(bass, start * chroma_rate, edges[1:] * chroma_rate)),
        _means(onsets.mel, edges[:-1] * FRAMES_PER_SECOND, edges[1:] * FRAMES_PER_SECOND),
        _around(onsets.low, frames),
        _around(onsets.strength, frames),
    )


def find_bars(sounds: BeatSounds) -> Bars:
    """The bars by what sounds at each beat."""
    count = len(sounds.low)
    if count < 12:
        return Bars(4, np.arange(0, count, 4), 0.0)
    evidence = _evidence(sounds)
    repeats = _repetition(sounds)
    found = {}
    for length in (3, 4):
        phases = np.array([evidence[phase::length].mean() for phase in range(length)])
        stands_out = phases.max() - np.median(phases)
        found[length] = repeats[length] + 0.25 * stands_out / (evidence.std() + 1e-9)
    length = max(found, key=lambda key: found[key])
    return with_evidence(evidence, length, meter_margin=abs(found[3] - found[4]))


def from_downbeats(times: Floats, downbeats: Floats) -> Bars:
    """The bars by beats and downbeats that are known, both in seconds."""
    starts = np.unique([int(np.abs(times - one).argmin()) for one in downbeats]).astype(np.int64)
    if len(starts) < 3:
        return Bars(4, np.arange(0, len(times), 4), 0.0)
    length = int(np.clip(np.bincount(np.diff(starts)).argmax(), 2, 12))
    evidence = np.zeros(len(times))
    evidence[starts] = 1.0
    return with_evidence(evidence, length)


def prefers(one: BeatSounds, other: BeatSounds) -> bool:
    """Whether the beats of one are the beats rather than those of the other, which lie between:
    more starts there, and chords change there as if in bars."""
    strengths = [float((each.strength + 0.7 * each.low).mean()) for each in (one, other)]
    contrasts = [
        max(_contrast(_changes(each), length) for length in (3, 4)) for each in (one, other)
    ]
    shares = [pair[0] / (sum(pair) + 1e-9) for pair in (strengths, contrasts)]
    return sum(shares) > 1.0


def _contrast(evidence: Floats, length: int) -> float:
    means = np.array([evidence[phase::length].mean() for phase in range(length)])
    return float(max(0.0, means.max() - evidence.mean()))


def with_evidence(evidence: Floats, length: int, meter_margin: float = 1.0) -> Bars:
    """Bars of so many beats, by how likely each beat starts one.

    The phase holds from start to end unless the evidence for another one is strong.
    """
    scaled = (evidence - evidence.mean()) / (evidence.std() + 1e-9)
    # Against an outlier that would buy a slip.
    scaled = np.clip(scaled, -2.0, 2.0)
    phase = _phases(scaled, length)
    downbeats = np.flatnonzero(phase == 0)
    ahead = np.array([scaled[(phase == one)].mean() for one in range(length)])
    lead = ahead[0] - np.delete(ahead, 0).max()
    sure = np.clip(lead / 1.2, 0, 1) * np.clip(meter_margin / 0.25, 0.3, 1)
    return Bars(length, downbeats, float(sure * min(1.0, len(evidence) / 32)))


def _phases(evidence: Floats, length: int) -> NDArray[np.int64]:
    """The place of each beat in its bar, by the path with the most evidence at its downbeats."""
    states = np.arange(length)
    cost = np.full((length, length), _SLIP)
    cost[states, (states + 1) % length] = 0.0
    best = np.where(states == 0, evidence[0], 0.0)
    came = np.zeros((len(evidence), length), np.int64)
    for row in range(1, len(evidence)):
        reached = best[:, None] - cost
        came[row] = reached.argmax(axis=0)
        best = reached.max(axis=0)
        best[0] += evidence[row]
    path = np.zeros(len(evidence), np.int64)
    path[-1] = int(best.argmax())
    for row in range(len(evidence) - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path


def _evidence(sounds: BeatSounds) -> Floats:
    """How likely each beat starts a bar."""
    low = sounds.low / (sounds.low.std() + 0.2)
    return np.asarray(_changes(sounds) + 0.5 * low)


def _changes(sounds: BeatSounds) -> Floats:
    """How much the notes change at each beat."""
    chord = 1 - (sounds.chroma[1:] * sounds.chroma[:-1]).sum(axis=1)
    root = 1 - (sounds.bass[1:] * sounds.bass[:-1]).sum(axis=1)
    changes = np.concatenate(([0.0], 3 * chord + 1.5 * root))
    changes[0] = changes.mean()
    return np.asarray(changes)


def _repetition(sounds: BeatSounds) -> dict[int, float]:
    """How alike beats are that lie one or two bars of 3 and of 4 apart."""
    change = _evidence(sounds)
    colour = sounds.mel - sounds.mel.mean(axis=0)
    parts = [_unit(colour), _standard(sounds.low)[:, None], _standard(change)[:, None]]
    alike: dict[int, float] = {}
    for lag in (3, 6, 4, 8):
        scores = [
            float((part[lag:] * part[:-lag]).sum(axis=1).mean())
            for part in parts
            if len(part) > lag
        ]
        alike[lag] = sum(scores) / len(parts)
    return {3: (alike[3] + alike[6]) / 2, 4: (alike[4] + alike[8]) / 2}


def _means(rows: NDArray[np.float64] | NDArray[np.float32], start: Floats, stop: Floats) -> Floats:
    """(pieces, rows): the mean of each row from start to stop, in its frames."""
    total = np.concatenate((np.zeros((len(rows), 1)), np.cumsum(rows, axis=1, dtype=np.float64)), 1)
    last = rows.shape[1]
    first = np.clip(np.round(start).astype(np.int64), 0, last - 1)
    end = np.clip(np.round(stop).astype(np.int64), first + 1, last)
    return np.asarray(((total[:, end] - total[:, first]) / (end - first)).T)


def _around(values: Floats, frames: NDArray[np.int64]) -> Floats:
    around = np.clip(frames[:, None] + np.arange(-3, 4)[None, :], 0, len(values) - 1)
    return np.asarray(np.minimum(values[around].max(axis=1), 5.0))


def _unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-9))


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / (values.std() + 1e-9))
