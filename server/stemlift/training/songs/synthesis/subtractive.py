"""Synthesizers of oscillators and a filter: basses, leads, plucks, pads, organs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import filters
from stemlift.training.songs.synthesis.waves import (
    RATE,
    Sound,
    cycles,
    empty,
    envelope,
    frequency,
    harmonics_below,
    pick,
    place,
    read,
    table,
)

_FRAMES = 40
_LOWEST, _HIGHEST = 60.0, 18000.0


@dataclass(frozen=True, slots=True)
class Patch:
    """The free parameters of a synthesizer.

    Attributes:
        wave: saw, square, pulse, triangle, sine, or rich for harmonics by chance.
        unison: oscillators a note.
        spread: cents between the outermost of them.
        cutoff: Hz at rest, at C4; it follows the keys by `tracking`.
        opening: octaves that the envelope opens the filter.
        filter_times: attack and decay of that envelope, seconds.
        resonance: the filter's quality factor.
        slope: 1 for 12 dB an octave, 2 for 24.
        amplitude: attack, decay, sustain level, release.
        wobble: rate in Hz and depth in octaves of the filter's slow oscillation.
        sub: level of a sine an octave below.
        gain: drive of the whole part; 0 for none.
        wide: stereo or mono.
    """

    wave: str
    unison: int
    spread: float
    cutoff: float
    opening: float
    filter_times: tuple[float, float]
    resonance: float
    slope: int
    amplitude: tuple[float, float, float, float]
    wobble: tuple[float, float] = (0.0, 0.0)
    tracking: float = 0.5
    sub: float = 0.0
    gain: float = 0.0
    wide: bool = True


def patch(rng: np.random.Generator, kind: str) -> Patch:
    """A patch by chance: lead, pluck, pad, brass, supersaw, arp, or a bass, see `basses`."""
    wave = str(rng.choice(["saw", "saw", "square", "pulse", "triangle", "rich"]))
    slope = int(rng.integers(1, 3))
    wobble = (
        (pick(rng, 0.1, 6.0), float(rng.uniform(0.1, 1.2))) if rng.random() < 0.3 else (0.0, 0.0)
    )
    resonance = pick(rng, 0.6, 4.0)
    gain = pick(rng, 1.0, 8.0) if rng.random() < 0.25 else 0.0
    wide = bool(rng.random() < 0.7)
    if kind == "pad":
        amplitude = (pick(rng, 0.1, 1.2), 1.0, 0.9, pick(rng, 0.4, 2.0))
        return Patch(
            wave, int(rng.integers(3, 6)), pick(rng, 8, 40), pick(rng, 300, 4000),
            float(rng.uniform(0, 2)), (pick(rng, 0.2, 2.0), pick(rng, 0.5, 3.0)), resonance, slope,
            amplitude, wobble, 0.4, 0.0, 0.0, True,
        )  # fmt: skip
    if kind == "supersaw":
        amplitude = (pick(rng, 0.003, 0.05), 0.6, float(rng.uniform(0.5, 1)), pick(rng, 0.08, 0.6))
        return Patch(
            "saw", int(rng.integers(5, 8)), pick(rng, 20, 60), pick(rng, 2000, 12000),
            float(rng.uniform(0, 1)), (0.01, 0.5), 0.8, 1, amplitude, (0.0, 0.0), 0.3, 0.0, 0.0,
            True,
        )  # fmt: skip
    if kind in ("pluck", "arp"):
        decay = pick(rng, 0.06, 0.5)
        amplitude = (0.002, decay * 2.0, float(rng.choice([0.0, 0.0, 0.3])), pick(rng, 0.05, 0.5))
        return Patch(
            wave, int(rng.integers(1, 4)), pick(rng, 4, 25), pick(rng, 150, 1500),
            float(rng.uniform(2, 5)), (0.002, decay), resonance, slope, amplitude, wobble, 0.6,
            0.0, gain, wide,
        )  # fmt: skip
    if kind == "brass":
        amplitude = (pick(rng, 0.02, 0.1), 0.5, 0.8, pick(rng, 0.1, 0.4))
        return Patch(
            "saw", 3, pick(rng, 8, 25), pick(rng, 250, 1000), float(rng.uniform(2, 4)),
            (pick(rng, 0.03, 0.2), pick(rng, 0.4, 1.5)), 0.8, 2, amplitude, (0.0, 0.0), 0.6, 0.0,
            gain, wide,
        )  # fmt: skip
    amplitude = (pick(rng, 0.002, 0.06), 0.5, float(rng.uniform(0.5, 1.0)), pick(rng, 0.05, 0.4))
    return Patch(
        wave, int(rng.integers(1, 4)), pick(rng, 4, 30), pick(rng, 500, 6000),
        float(rng.uniform(0, 3)), (0.01, pick(rng, 0.1, 1.0)), resonance, slope, amplitude, wobble,
        0.6, 0.0, gain, wide,
    )  # fmt: skip


def spectrum(
    rng: np.random.Generator, wave: str, numbers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Amplitudes of the harmonics of a wave."""
    if wave == "saw":
        return np.asarray(1.0 / numbers)
    if wave == "square":
        return (numbers % 2) / numbers
    if wave == "pulse":
        return np.asarray(np.abs(np.sin(np.pi * numbers * 0.17)) / numbers)
    if wave == "triangle":
        return (numbers % 2) / numbers**2
    if wave == "sine":
        return np.asarray(numbers == 1.0, np.float64)
    return np.asarray(rng.exponential(1.0, len(numbers)) / numbers ** rng.uniform(0.8, 1.6))


def play(tones: Sequence[Tone], seconds: float, settings: Patch, rng: np.random.Generator) -> Sound:
    """The tones through a patch: (frames, 2) where it is wide, else (frames, 1)."""
    out = empty(seconds, 2 if settings.wide else 1)
    wave_seed = int(rng.integers(2**31))
    tables: dict[float, Sound] = {}
    cents = (
        np.linspace(-0.5, 0.5, settings.unison) * settings.spread if settings.unison > 1 else [0.0]
    )
    attack, decay, sustain, release = settings.amplitude
    for tone in tones:
        frames = int((tone.length + release) * RATE)
        if tone.pitch not in tables:
            tables[tone.pitch] = _filtered(tone.pitch, settings, wave_seed)
        level = envelope(frames, tone.length, attack, decay, sustain, release)
        position = _position(frames, tone, settings)
        note = np.zeros((frames, out.shape[1]), np.float32)
        for voice, cent in enumerate(cents):
            phase = cycles(tone, frames, float(cent)) + float(rng.random())
            sound = read(tables[tone.pitch], phase, position)
            if out.shape[1] == 1 or settings.unison == 1:
                note += sound[:, None]
            else:
                right = voice / (settings.unison - 1)
                if voice % 2:
                    right = 1.0 - right
                note[:, 0] += np.float32(np.sqrt(1.0 - right)) * sound
                note[:, 1] += np.float32(np.sqrt(right)) * sound
        if settings.sub:
            low = np.sin(np.pi * cycles(tone, frames)).astype(np.float32)
            note += np.float32(settings.sub) * low[:, None]
        place(out, note * level[:, None], tone.start, tone.velocity**1.5)
    return filters.drive(out, settings.gain) if settings.gain else out


def _filtered(pitch: float, settings: Patch, wave_seed: int) -> Sound:
    hertz = frequency(pitch)
    numbers = harmonics_below(hertz)
    amplitudes = spectrum(np.random.default_rng(wave_seed), settings.wave, numbers)
    cutoffs = np.geomspace(_LOWEST, _HIGHEST, _FRAMES)[:, None]
    ratio = numbers[None, :] * hertz / cutoffs
    response = 1.0 / np.sqrt((1.0 - ratio**2) ** 2 + (ratio / settings.resonance) ** 2)
    if settings.slope == 2:
        response = response / np.sqrt(1.0 + ratio**4)
    shift = np.random.default_rng(wave_seed + 1).uniform(0.0, 0.5 * np.pi, len(numbers))
    return table(amplitudes[None, :] * response, shift - 0.5 * np.pi)


def _position(frames: int, tone: Tone, settings: Patch) -> NDArray[np.int64]:
    attack, decay = settings.filter_times
    time = np.arange(frames, dtype=np.float32) / RATE
    octaves = np.minimum(1.0, time / attack) * np.exp(-np.maximum(0.0, time - attack) / decay)
    octaves *= settings.opening * (0.5 + 0.5 * tone.velocity)
    octaves += settings.tracking * (tone.pitch - 60.0) / 12.0
    rate, depth = settings.wobble
    if depth:
        octaves += depth * np.sin(2.0 * np.pi * rate * (time + tone.start))
    octaves += np.log2(settings.cutoff / _LOWEST)
    share = octaves * ((_FRAMES - 1) / np.log2(_HIGHEST / _LOWEST))
    return np.asarray(np.clip(share, 0, _FRAMES - 1), np.int64)


def organ(tones: Sequence[Tone], seconds: float, rng: np.random.Generator) -> Sound:
    """Drawbars through a turning loudspeaker."""
    ratios = np.array([0.5, 1.5, 1, 2, 3, 4, 5, 6, 8])
    bars = rng.integers(0, 9, 9) / 8.0
    bars[[0, 2]] = np.maximum(bars[[0, 2]], 0.6)
    amplitudes = np.zeros(16)
    amplitudes[(2 * ratios).astype(int) - 1] = bars
    periods = table(amplitudes[None, :], rng.uniform(0, 2 * np.pi, 16))
    out = empty(seconds, 1)
    knock = float(rng.choice([0.0, 0.4]))
    for tone in tones:
        frames = int((tone.length + 0.06) * RATE)
        phase = cycles(tone, frames)
        sound = read(periods, phase / 2.0)
        if knock:
            click = np.exp(-np.arange(frames) / (0.12 * RATE)) * np.sin(6 * np.pi * phase)
            sound = sound + np.float32(knock) * click.astype(np.float32)
        place(
            out,
            (sound * envelope(frames, tone.length, 0.004, 1, 1, 0.04))[:, None],
            tone.start,
            0.7,
        )
    if rng.random() < 0.5:
        out = filters.drive(out, pick(rng, 1.0, 6.0), 0.2)
    turn = 2.0 * np.pi * float(rng.choice([0.8, 6.5])) * np.arange(len(out)) / RATE
    depth = float(rng.uniform(0.1, 0.4))
    sides = [1.0 + depth * np.sin(turn), 1.0 + depth * np.cos(turn)]
    return filters.band(out * np.stack(sides, axis=1).astype(np.float32), 0.0, 9000.0)
