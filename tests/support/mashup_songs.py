"""Songs of known tempo, key and downbeat as stems: drums that strike each beat, and chords."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from stemlift.sessions.song import Song, Stem
from stemlift.sessions.timeline import Clip, Media

Array = npt.NDArray[np.float64]

# Scale degrees of I, IV, V and vi as semitones above a major tonic.
_CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16))


@dataclass(frozen=True, slots=True)
class Recipe:
    """first: seconds until the first downbeat. tonic: semitones above C, of a major key.
    changes: (beat, bpm), from which beat on the tempo is another."""

    bpm: float
    first: float = 0.0
    tonic: int = 0
    seconds: float = 16.0
    rate: int = 44100
    changes: tuple[tuple[int, float], ...] = ()

    @property
    def beats(self) -> tuple[float, ...]:
        """Times of all beats that are heard."""
        tempi = dict(self.changes)
        found, at, bpm = [], self.first, self.bpm
        while at < self.seconds - 0.2:
            bpm = tempi.get(len(found), bpm)
            found.append(at)
            at += 60 / bpm
        return tuple(found)


def make_song(folder: Path, name: str, recipe: Recipe) -> Song:
    """The stems "drums" and "other" and their sum, 24-bit WAV in stereo."""
    folder.mkdir(parents=True, exist_ok=True)
    drums, chords = _drums(recipe), _chords(recipe)
    stems = []
    for stem, samples in (("drums", drums), ("other", chords)):
        stems.append(Stem(stem, _written(folder / f"{name} - {stem}.wav", samples, recipe.rate)))
    return Song(name, tuple(stems), _written(folder / f"{name}.wav", drums + chords, recipe.rate))


def strokes(file: Path) -> tuple[Array, int]:
    """Times of the strokes in a file of drums, in seconds, and its sample rate.

    A stroke is where the level rises over a fifth of the file's highest, after a quiet moment.
    """
    samples, rate = soundfile.read(file, always_2d=True)
    level = np.abs(samples[:, 0])
    loud = np.flatnonzero(level > 0.2 * level.max())
    starts = loud[np.concatenate([[True], np.diff(loud) > 0.1 * rate])]
    return starts / rate, rate


def heard_at(clip: Clip) -> Array:
    """Where on the timeline the strokes of a plain clip are heard, in seconds."""
    assert clip.plain
    times, _ = strokes(clip.file)
    inside = (times >= float(clip.source_start)) & (times < float(clip.source_start + clip.length))
    return times[inside] - float(clip.source_start) + float(clip.position)


def _written(path: Path, samples: Array, rate: int) -> Media:
    soundfile.write(path, np.stack([samples, samples], axis=1), rate, subtype="PCM_24")
    return Media(path, rate, 2, len(samples))


def _drums(recipe: Recipe) -> Array:
    out = np.zeros(round(recipe.seconds * recipe.rate))
    rng = np.random.default_rng(round(recipe.bpm * 100))
    for number, time in enumerate(recipe.beats):
        at = round(time * recipe.rate)
        length = min(round(0.12 * recipe.rate), len(out) - at)
        t = np.arange(length) / recipe.rate
        kick = 0.5 * np.sin(2 * np.pi * 60 * t + np.pi / 2) * np.exp(-30 * t)
        noise = 0.25 * rng.standard_normal(length) * np.exp(-80 * t)
        out[at : at + length] += (kick if number % 4 == 0 else 0.4 * kick) + noise * (
            1.0 if number % 2 else 0.6
        )
    return out * 0.5


def _chords(recipe: Recipe) -> Array:
    out = np.zeros(round(recipe.seconds * recipe.rate))
    beats = recipe.beats
    for bar in range(0, len(beats), 4):
        begin = round(beats[bar] * recipe.rate)
        until = beats[bar + 4] if bar + 4 < len(beats) else recipe.seconds
        end = min(round(until * recipe.rate), len(out))
        t = np.arange(end - begin) / recipe.rate
        fade = np.minimum(1, np.minimum(t, t[::-1]) / 0.02)
        for note in _CHORDS[(bar // 4) % 4]:
            frequency = 261.6256 * 2 ** ((recipe.tonic + note) / 12)
            out[begin:end] += 0.04 * fade * np.sin(2 * np.pi * frequency * t)
            out[begin:end] += 0.02 * fade * np.sin(4 * np.pi * frequency * t)
    return out
