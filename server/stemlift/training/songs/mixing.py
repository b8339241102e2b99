"""A song's parts become four stems, and the stems add up to the mix.

Parts and stems are shaped one by one. What is done to the whole mix afterwards (bus
compression, limiting, clipping, lossy coding) is found from the mix and done as the same gain
to every stem, so that the stems still add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stemlift.training.songs import dynamics, spaces, wear
from stemlift.training.songs.equalising import band_pass, equalise
from stemlift.training.songs.spaces import Stereo

STEMS = ("drums", "bass", "other", "vocals")
RATE = 44_100
CEILING = 0.985

_LEVEL_DB = {"drums": 0.0, "bass": -2.0, "other": -2.0, "vocals": 2.5}


@dataclass(frozen=True)
class Layer:
    """A part to be mixed.

    Attributes:
        stem: one of STEMS.
        signal: (samples,) or (2, samples), float32.
        gain_db: beside the other parts of its stem.
        pan: −1 left to 1 right; the mixer moves parts of 0 in `other` by itself.
    """

    stem: str
    signal: np.ndarray
    gain_db: float = 0.0
    pan: float = 0.0


@dataclass(frozen=True)
class Mixed:
    """Stems float32 (4, 2, samples) in the order of STEMS, and what was done, for the manifest."""

    stems: np.ndarray
    done: dict[str, object]


def mix(layers: list[Layer], samples: int, rng: np.random.Generator) -> Mixed:
    """Mix the layers of a song."""
    stems = np.zeros((len(STEMS), 2, samples), dtype=np.float32)
    halls = {kind: spaces.impulse(kind, rng) for kind in _spaces(rng)}
    dry_song = rng.random() < 0.15
    for index, stem in enumerate(STEMS):
        own = [layer for layer in layers if layer.stem == stem]
        for layer in own:
            stems[index] += _layer(layer, samples, rng)
        if own:
            stems[index] = _stem(stems[index], stem, halls, dry_song, rng)
    mixed = master(stems, rng)
    mixed.done["spaces"] = list(halls)
    return mixed


def master(stems: np.ndarray, rng: np.random.Generator) -> Mixed:
    """Bring the song to a loudness, as records are: the same gain for every stem."""
    done: dict[str, object] = {}
    bounce = wear.any_wear(rng)
    stems = wear.apply_linear(stems, bounce, rng)
    done["wear"] = bounce
    whole = stems.sum(axis=0)
    level = dynamics.loudness(whole)
    if level <= -119.0:
        return Mixed(stems, {**done, "loudness": -120.0})
    stems *= np.float32(10.0 ** ((-16.0 - level) / 20.0))
    if rng.random() < 0.6:
        gain = dynamics.compression(
            stems.sum(axis=0),
            float(rng.uniform(-16.0, -6.0)),
            float(rng.uniform(1.3, 4.0)),
            float(rng.uniform(0.003, 0.03)),
            float(rng.uniform(0.06, 0.4)),
        )
        stems *= gain
        done["bus"] = round(float(20.0 * np.log10(gain.mean())), 2)
    target = float(rng.choice([rng.uniform(-24.0, -14.0), rng.uniform(-14.0, -7.0)], p=[0.4, 0.6]))
    stems *= np.float32(10.0 ** ((target - dynamics.loudness(stems.sum(axis=0))) / 20.0))
    if rng.random() < 0.5:
        knee = float(rng.uniform(0.5, 0.95))
        stems *= _clipping(stems.sum(axis=0), knee)
        done["clip"] = round(knee, 3)
    else:
        stems *= dynamics.limiting(stems.sum(axis=0), CEILING)
    if bounce == "coded":
        stems = wear.coded(stems, rng)
    # No stem may leave the 16 bits that it is written in, even where two cancel in the mix.
    peak = float(max(np.abs(stems.sum(axis=0)).max(), np.abs(stems).max()))
    if peak > CEILING:
        stems *= np.float32(CEILING / peak)
    done["loudness"] = round(dynamics.loudness(stems.sum(axis=0)), 2)
    return Mixed(stems, done)


def _layer(layer: Layer, samples: int, rng: np.random.Generator) -> Stereo:
    source = np.asarray(layer.signal, dtype=np.float32)
    signal = np.zeros((2, samples), dtype=np.float32)
    count = min(samples, source.shape[-1])
    signal[:, :count] = source[..., :count]
    pan = layer.pan
    if layer.stem == "other" and pan == 0.0:
        pan = float(np.clip(rng.normal(0.0, 0.45), -1.0, 1.0))
    if rng.random() < 0.5:
        signal = equalise(signal, rng, 4.0)
    if layer.stem == "other" and rng.random() < 0.2:
        signal = spaces.swirl(signal, str(rng.choice(["chorus", "flanger", "phaser"])), rng)
    if layer.stem == "other" and source.ndim == 1 and rng.random() < 0.3:
        late = int(rng.uniform(0.006, 0.025) * RATE)
        signal[1, late:] = signal[1, :-late].copy()
    angle = (pan + 1.0) * np.pi / 4.0
    sides = np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2.0)
    signal *= (sides * 10.0 ** (layer.gain_db / 20.0)).astype(np.float32)[:, None]
    if rng.random() < 0.1:
        ends = rng.uniform(0.3, 1.2, size=5)
        signal *= np.interp(np.linspace(0, 4, samples), np.arange(5), ends).astype(np.float32)
    return signal


def _stem(
    signal: Stereo, stem: str, halls: dict[str, Stereo], dry: bool, rng: np.random.Generator
) -> Stereo:
    signal = equalise(signal, rng, 5.0)
    if stem == "vocals":
        signal = band_pass(signal, float(rng.uniform(60.0, 140.0)), None)
    signal = _to_level(signal, -16.0)
    if rng.random() < 0.6:
        signal = signal * dynamics.compression(
            signal,
            float(rng.uniform(-22.0, -8.0)),
            float(rng.uniform(1.5, 8.0)),
            float(rng.uniform(0.001, 0.03)),
            float(rng.uniform(0.05, 0.3)),
        )
    if rng.random() < 0.3:
        signal = dynamics.saturate(signal, float(rng.uniform(0.5, 3.0)))
    wet = np.zeros_like(signal)
    chance = {"drums": 0.5, "bass": 0.1, "other": 0.6, "vocals": 0.85}[stem]
    if not dry and halls and rng.random() < chance:
        hall = halls[str(rng.choice(list(halls)))]
        share = float(rng.uniform(-24.0, -9.0)) + (3.0 if stem == "vocals" else 0.0)
        wet += 10.0 ** (share / 20.0) * spaces.reverb(signal, hall)
    if not dry and rng.random() < {"drums": 0.03, "bass": 0.02, "other": 0.2, "vocals": 0.4}[stem]:
        repeats = spaces.echo(
            signal,
            float(rng.uniform(0.08, 0.6)),
            float(rng.uniform(0.1, 0.6)),
            bool(rng.random() < 0.5),
        )
        wet += 10.0 ** (float(rng.uniform(-20.0, -8.0)) / 20.0) * repeats
    signal = signal + wet
    if stem != "bass" and rng.random() < 0.3:
        middle = signal.mean(axis=0)
        side = (signal[0] - signal[1]) / 2.0 * float(rng.uniform(0.0, 1.7))
        signal = np.stack([middle + side, middle - side])
    level = _LEVEL_DB[stem] + float(np.clip(rng.normal(0.0, 3.0), -8.0, 6.0))
    return _to_level(np.asarray(signal, dtype=np.float32), -18.0 + level)


def _to_level(signal: Stereo, lufs: float) -> Stereo:
    now = dynamics.loudness(signal)
    return signal if now <= -119.0 else signal * np.float32(10.0 ** ((lufs - now) / 20.0))


def _clipping(whole: Stereo, knee: float) -> Stereo:
    """The gain, sample by sample, that a soft clipper makes of the mix."""
    size = np.abs(whole)
    room = CEILING - knee
    over = np.maximum(size - knee, 0.0)
    bent = np.minimum(size, knee) + room * np.tanh(over / room)
    return np.asarray(np.where(size > knee, bent / np.maximum(size, 1e-9), 1.0), dtype=np.float32)


def _spaces(rng: np.random.Generator) -> list[str]:
    kinds = ["room", "hall", "plate", "spring"]
    return [str(kind) for kind in rng.choice(kinds, size=2, replace=False, p=[0.3, 0.3, 0.3, 0.1])]
