"""From the recipe to the song: every player renders a stem, the mix is their sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from stemlift.demo import instruments
from stemlift.demo.effects import panned, room
from stemlift.demo.recipe import (
    BEATS,
    DRUMS,
    STEPS,
    DrumName,
    Recipe,
    load_recipe,
    parse_chord,
    parse_melody,
)
from stemlift.demo.voice import sing

__all__ = ["Rendered", "load_recipe", "render", "render_to"]

Signal = NDArray[np.float64]

RATE = 44100

_STROKES: dict[DrumName, Callable[[np.random.Generator, int], Signal]] = {
    "kick": instruments.kick,
    "snare": instruments.snare,
    "hat": instruments.closed_hat,
    "open": instruments.open_hat,
    "crash": instruments.crash,
}
_GRID = 2.0**23
"""Samples are rounded to 24 bits, so that sums of stems are exact in any order."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered song.

    mix: (frames, 2) float64. sources: drums, bass, other, vocals, each like mix; their sum
    is the mix exactly.
    """

    sample_rate: int
    mix: Signal
    sources: dict[str, Signal]


def render(recipe: Recipe) -> Rendered:
    """Play the recipe; the same recipe gives the same samples."""
    score = _Score(recipe)
    sources = {
        "drums": _drums(score),
        "bass": _bass(score),
        "other": _keys(score) + _guitar(score) + _pad(score),
        "vocals": _vocals(score),
    }
    loudest = float(np.abs(sum(sources.values(), np.zeros(1))).max())
    gain = 10 ** (recipe.peak / 20) / loudest if loudest else 1.0
    sources = {name: np.round(gain * stem * _GRID) / _GRID for name, stem in sources.items()}
    return Rendered(RATE, sum(sources.values(), np.zeros_like(sources["bass"])), sources)


def render_to(path: Path, recipe: Recipe | None = None) -> Rendered:
    """Write the mix of `recipe`, the demo song by default, as a 16-bit WAV file.

    Raises:
        OSError: the file cannot be written.
    """
    rendered = render(recipe or load_recipe())
    samples = np.round(rendered.mix * 2.0**15).clip(-(2**15), 2**15 - 1).astype(np.int16)
    with path.open("wb") as file:
        soundfile.write(file, samples, rendered.sample_rate, subtype="PCM_16", format="WAV")
    return rendered


class _Score:
    """The recipe laid out in time: where each step lies, who plays in which bar."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.beat = 60.0 / recipe.tempo
        self.step = self.beat * BEATS / STEPS
        self.frames = round(recipe.seconds * RATE)
        self.sections = [section for section in recipe.sections for _ in range(section.bars)]

    def rng(self, player: str) -> np.random.Generator:
        """A source of chance of the player's own, so that a change to one leaves the rest."""
        return np.random.default_rng([self.recipe.seed, *player.encode()])

    def bars(self, player: str) -> list[int]:
        return [bar for bar, section in enumerate(self.sections) if player in section.plays]

    def chord(self, bar: int) -> tuple[int, ...]:
        """Semitones above C, the recipe's transposition included."""
        chord = parse_chord(self.recipe.progression[bar % len(self.recipe.progression)])
        return tuple(note + self.recipe.transpose for note in chord)

    def frame(self, bar: int, step: float) -> int:
        return round((bar * STEPS + step) * self.step * RATE)

    def silence(self) -> Signal:
        return np.zeros(self.frames)

    def add(self, track: Signal, note: Signal, bar: int, step: float, gain: float = 1.0) -> None:
        start = self.frame(bar, step)
        stop = min(self.frames, start + len(note))
        track[start:stop] += gain * note[: stop - start]


def _gain(level: float) -> float:
    return float(10 ** (level / 20))


def _drums(score: _Score) -> Signal:
    kit = np.zeros((score.frames, 2))
    for name in DRUMS:
        drum = score.recipe.drums.get(name)
        if drum is None:
            continue
        rng, track = score.rng(name), score.silence()
        stroke = _STROKES[name]
        for bar in score.bars(name):
            first = bar == 0 or score.sections[bar] is not score.sections[bar - 1]
            if name == "crash" and not first:
                continue
            for step, sign in enumerate(drum.pattern):
                if sign != ".":
                    loud = 1.0 if sign == "x" else 0.45
                    score.add(track, stroke(rng, RATE), bar, step, loud * rng.uniform(0.88, 1.0))
        kit += _gain(drum.level) * panned(track, drum.pan)
    return room(kit, 0.35, -22.0, score.rng("room"), RATE)


def _bass(score: _Score) -> Signal:
    recipe, track = score.recipe.bass, score.silence()
    play = cache(instruments.bass)
    for bar in score.bars("bass"):
        chord = score.chord(bar)
        root = _near(chord[0], 33)
        pitches = {"r": root, "5": _near(chord[2], root + 6), "8": root + 12}
        for step, sign, held in _notes(recipe.pattern):
            pitch = instruments.frequency(pitches[sign])
            score.add(track, play(pitch, held * score.step, RATE), bar, step)
    return _gain(recipe.level) * panned(track, 0.0)


def _keys(score: _Score) -> Signal:
    recipe, track = score.recipe.keys, score.silence()
    play = cache(instruments.keys)
    for bar in score.bars("keys"):
        for step, _, held in _notes(recipe.pattern):
            for pitch in score.chord(bar):
                hertz = instruments.frequency(_near(pitch, 60))
                note = play(hertz, held * score.step, RATE)
                score.add(track, note, bar, step, 0.45)
    return _gain(recipe.level) * panned(track, recipe.pan)


def _guitar(score: _Score) -> Signal:
    recipe, track = score.recipe.guitar, score.silence()
    play = cache(instruments.guitar)
    for bar in score.bars("guitar"):
        notes = sorted(_near(pitch, 57) for pitch in score.chord(bar))
        strings = [*notes, notes[0] + 12, notes[1] + 12][:4]
        for step, sign in enumerate(recipe.pattern):
            if sign != ".":
                hertz = instruments.frequency(strings[int(sign) - 1])
                note = play(hertz, min(6, STEPS - step) * score.step, RATE)
                score.add(track, note, bar, step)
    return _gain(recipe.level) * panned(track, recipe.pan)


def _pad(score: _Score) -> Signal:
    recipe = score.recipe.pad
    sides = [score.silence(), score.silence()]
    play = cache(instruments.pad)
    for bar in score.bars("pad"):
        for pitch in score.chord(bar):
            hertz = instruments.frequency(_near(pitch, 64))
            for side, cents in zip(sides, (-7.0, 6.0), strict=True):
                note = play(hertz, STEPS * score.step, cents, RATE)
                score.add(side, note, bar, 0, 0.5)
    left, right = sides
    blend = (1 - recipe.width) / 2
    stereo = np.stack(
        ((1 - blend) * left + blend * right, blend * left + (1 - blend) * right), axis=1
    )
    return _gain(recipe.level) * stereo


def _vocals(score: _Score) -> Signal:
    recipe, track, bar = score.recipe.vocals, score.silence(), 0
    rng = score.rng("vocals")
    for section in score.recipe.sections:
        if "vocals" in section.plays:
            melody = parse_melody(section.melody)
            line = sing(melody, score.beat, recipe, score.recipe.transpose, rng, RATE)
            score.add(track, line, bar, 0)
        bar += section.bars
    return room(_gain(recipe.level) * panned(track, recipe.pan), 1.1, recipe.reverb, rng, RATE)


def _near(pitch: int, centre: int) -> int:
    """The octave of `pitch` that lies nearest `centre`, from a tritone below it on."""
    return centre - 6 + (pitch - centre + 6) % 12


def _notes(pattern: str) -> list[tuple[int, str, int]]:
    """(step, sign, length in steps) of each note; "=" holds the one before."""
    notes = []
    for step, sign in enumerate(pattern):
        if sign not in ".=":
            held = 1
            while step + held < len(pattern) and pattern[step + held] == "=":
                held += 1
            notes.append((step, sign, held))
    return notes
