"""How a voice moves along a melody: glides, scoops, vibrato, drift, and its loudness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

Signal = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SungNote:
    """A note of a melody: `start` and `length` in seconds, `pitch` in MIDI numbers.

    `velocity` is 0 to 1. A `held` note goes on with the vowel of the one before it.
    """

    start: float
    length: float
    pitch: float
    velocity: float = 0.8
    held: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """A way to sing.

    Attributes:
        glide_s: time to slide from note to note.
        scoop: semitones below a note that its beginning comes from; the most of them.
        vibrato_hz, vibrato: rate, and depth in semitones.
        vibrato_after_s: how long a note stands before it begins to swing.
        drift: semitones that the pitch strays by.
        inhales: how likely a breath is before a phrase.
        staccato: share of each note that is silent at its end.
        spoken_pitch: factor on the pitch of speech, in rap.
    """

    glide_s: float = 0.05
    scoop: float = 1.0
    vibrato_hz: float = 5.5
    vibrato: float = 0.4
    vibrato_after_s: float = 0.3
    drift: float = 0.12
    inhales: float = 0.6
    staccato: float = 0.0
    spoken_pitch: float = 1.0

    def shape(self, frames: int, rng: np.random.Generator) -> Signal:
        """Loudness of a note in dB: swells, dies away, ends."""
        at = np.linspace(0.0, 1.0, frames)
        swell = float(rng.uniform(-1.0, 3.0)) * np.sin(np.pi * at)
        fall = -float(rng.uniform(0.0, 6.0)) * at**2
        level = swell + fall
        stop = int(frames * (1.0 - self.staccato))
        if stop < frames:
            level[stop:] = -90.0
        edge = min(4, frames // 3)
        if edge > 1:
            level[:edge] += np.linspace(-18.0, 0.0, edge)
            level[max(stop - edge, 0) : stop] += np.linspace(0.0, -24.0, min(edge, stop))
        return np.asarray(level, dtype=np.float64)


TUNED = Manner(glide_s=0.004, scoop=0.0, vibrato=0.0, drift=0.0, inhales=0.3)
"""As pitch correction at its hardest leaves a voice."""


def any_manner(rng: np.random.Generator) -> Manner:
    """A manner by chance, among all that singers do."""
    if rng.random() < 0.15:
        return TUNED
    return Manner(
        glide_s=float(rng.uniform(0.015, 0.12)),
        scoop=float(rng.choice([0.0, 0.5, 1.5, 3.0])),
        vibrato_hz=float(rng.uniform(4.6, 6.9)),
        vibrato=float(rng.choice([0.0, 0.15, 0.35, 0.6, 1.0])),
        vibrato_after_s=float(rng.uniform(0.1, 0.6)),
        drift=float(rng.uniform(0.03, 0.25)),
        inhales=float(rng.uniform(0.0, 1.0)),
        staccato=float(rng.choice([0.0, 0.0, 0.05, 0.3])),
        spoken_pitch=float(rng.uniform(0.8, 1.6)),
    )


def melody(
    notes: list[SungNote], manner: Manner, frames: int, step: float, rng: np.random.Generator
) -> Signal:
    """Pitch in Hz of each frame, `step` seconds apart; it stays where it is in rests."""
    if not notes:
        return np.full(frames, 200.0)
    pitch = np.full(frames, float(notes[0].pitch))
    bend = np.zeros(frames)
    for note in notes:
        start = min(max(round(note.start / step), 0), frames)
        end = min(max(round((note.start + note.length) / step), start), frames)
        # A consonant before the beat has the pitch of its own vowel.
        pitch[max(start - round(0.06 / step), 0) :] = note.pitch
        time = np.arange(end - start) * step
        if manner.scoop and not note.held and rng.random() < 0.5:
            depth = float(rng.uniform(0.2, 1.0)) * manner.scoop
            bend[start:end] -= depth * np.exp(-time / float(rng.uniform(0.03, 0.1)))
        if manner.scoop and rng.random() < 0.1:
            bend[start:end] -= float(rng.uniform(1.0, 4.0)) * np.clip(
                (time - note.length + 0.15) / 0.15, 0.0, 1.0
            )
        if manner.vibrato:
            depth = manner.vibrato * float(rng.uniform(0.5, 1.2))
            rate = manner.vibrato_hz * (1.0 + 0.06 * np.sin(2.1 * time + rng.uniform(0.0, 6.3)))
            ramp = np.clip((time - manner.vibrato_after_s) / 0.35, 0.0, 1.0)
            bend[start:end] += depth * ramp * np.sin(2.0 * np.pi * np.cumsum(rate) * step)
    pitch = gaussian_filter1d(pitch, max(manner.glide_s / step / 2.0, 0.2))
    if manner.drift:
        slow = gaussian_filter1d(rng.standard_normal(frames), 0.12 / step)
        fast = gaussian_filter1d(rng.standard_normal(frames), 0.012 / step)
        pitch = pitch + manner.drift * (slow / max(slow.std(), 1e-9) + 0.3 * fast)
    return np.asarray(440.0 * 2.0 ** ((pitch + bend - 69.0) / 12.0), dtype=np.float64)
