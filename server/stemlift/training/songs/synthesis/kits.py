"""Drum kits: a set of strokes that belong together, played in stereo, with a room."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from stemlift.training.songs import grooves
from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import drums, filters
from stemlift.training.songs.synthesis.waves import RATE, Sound, empty, pick, place

KINDS = ("electronic", "acoustic", "808", "lo-fi", "brush", "industrial")

_TOM_HERTZ = dict(zip(grooves.TOMS, (220.0, 185.0, 155.0, 130.0, 105.0, 85.0), strict=True))
_SKINS = {
    grooves.BONGO_HIGH: 400.0, grooves.BONGO_LOW: 300.0, grooves.CONGA_MUTE: 260.0,
    grooves.CONGA_HIGH: 240.0, grooves.CONGA_LOW: 170.0, grooves.TIMBALE_HIGH: 420.0,
    grooves.TIMBALE_LOW: 320.0,
}  # fmt: skip


def kit(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str) -> Sound:
    """A drum part on a kit of a kind of KINDS, (frames, 2)."""
    electronic = kind in ("electronic", "808", "industrial")
    out = empty(seconds, 2)
    seed = int(rng.integers(2**31))
    tuning = float(rng.uniform(0.85, 1.15))
    sides = 0.0 if rng.random() < 0.2 else float(rng.uniform(0.1, 0.8))
    strokes: dict[tuple[int, int], Sound] = {}
    takes = 1 if electronic else 2
    cut = _choked(tones)
    for index, tone in enumerate(tones):
        key = int(tone.pitch)
        stroke = (key, int(rng.integers(takes)))
        if stroke not in strokes:
            strokes[stroke] = _stroke(seed, key, stroke[1], kind, electronic, tuning)
        sound = strokes[stroke]
        if cut[index]:
            sound = sound[: int(cut[index] * RATE)].copy()
            fade = min(len(sound), 300)
            sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        angle = (0.5 + 0.5 * sides * _side(key)) * np.pi / 2.0
        pair = sound[:, None] * np.array([np.cos(angle), np.sin(angle)], np.float32)
        place(out, pair, tone.start, tone.velocity**1.6 * _level(key) * _balance(seed, key))
    if kind == "lo-fi":
        out = filters.crush(out / np.float32(3.0), pick(rng, 6, 10), int(rng.integers(1, 5)))
        out = filters.band(out, 40.0, pick(rng, 4000, 9000))
    if kind == "industrial":
        out = filters.drive(out, pick(rng, 2, 10))
    if rng.random() < (0.35 if electronic else 0.75):
        out = filters.room(out, rng, pick(rng, 0.15, 0.7), float(rng.uniform(0.05, 0.4)))
    return out


def _choked(tones: Sequence[Tone]) -> list[float]:
    """Seconds after which the next stroke on the hi-hat ends an open one; 0 for never."""
    ends = [0.0] * len(tones)
    hats = [
        (tone.start, index)
        for index, tone in enumerate(tones)
        if int(tone.pitch) in (grooves.CLOSED, grooves.OPEN, grooves.PEDAL)
    ]
    hats.sort()
    for (start, index), (following, _) in pairwise(hats):
        if int(tones[index].pitch) == grooves.OPEN and following - start > 0.02:
            ends[index] = following - start
    return ends


def _stroke(seed: int, key: int, take: int, kind: str, electronic: bool, tuning: float) -> Sound:
    # The takes of a drum have one seed, so that they are one drum hit a little otherwise.
    rng = np.random.default_rng((seed, key))
    if take:
        made = _made(rng, key, kind, electronic, tuning * 1.006)
        return filters.band(made, 0.0, 14000.0, 1)
    return _made(rng, key, kind, electronic, tuning)


def _made(rng: np.random.Generator, key: int, kind: str, electronic: bool, tuning: float) -> Sound:
    if key in _TOM_HERTZ:
        return drums.tom(rng, _TOM_HERTZ[key] * tuning, electronic)
    if key in _SKINS:
        return drums.tom(rng, _SKINS[key] * tuning, False)
    if key in (grooves.SNARE, grooves.SNARE2):
        if kind == "brush":
            return drums.brush(rng)
        made = drums.snare(rng, electronic)
        if electronic and rng.random() < 0.4:
            layer = drums.clap(rng)
            size = max(len(made), len(layer))
            made = np.pad(made, (0, size - len(made))) + np.pad(layer, (0, size - len(layer)))
        return made
    if key == grooves.KICK:
        return drums.kick(rng, electronic)
    if key in (grooves.CLOSED, grooves.PEDAL):
        return drums.hat(rng, pick(rng, 0.015, 0.06), electronic)
    if key == grooves.OPEN:
        return drums.hat(rng, pick(rng, 0.12, 0.4), electronic)
    if key in (grooves.RIDE, grooves.BELL):
        return drums.cymbal(rng, 1.6, pick(rng, 0.3, 1.5), 0.3)
    if key in (grooves.CRASH, grooves.CRASH2, grooves.CHINA, grooves.SPLASH):
        length = 0.8 if key == grooves.SPLASH else pick(rng, 1.3, 2.4)
        return drums.cymbal(rng, length, 0.05, pick(rng, 0.6, 2.0))
    if key == grooves.CLAP:
        return drums.clap(rng)
    if key == grooves.COWBELL:
        return drums.cowbell(rng)
    if key in (grooves.TAMBOURINE, grooves.CABASA, grooves.MARACAS):
        return drums.shaker(rng, key == grooves.TAMBOURINE)
    if key == grooves.CLAVES:
        return drums.block(rng, pick(rng, 1800, 2800))
    return drums.stick(rng)


def _side(key: int) -> float:
    """-1 left to 1 right, as the drummer does not see it."""
    if key in _TOM_HERTZ:
        return 0.8 - 1.6 * grooves.TOMS.index(key) / 5.0
    return {
        grooves.CLOSED: 0.5, grooves.OPEN: 0.5, grooves.PEDAL: 0.5, grooves.RIDE: -0.6,
        grooves.BELL: -0.6, grooves.CRASH: 0.6, grooves.CRASH2: -0.7, grooves.CHINA: -0.8,
        grooves.TAMBOURINE: -0.5, grooves.CABASA: 0.7, grooves.MARACAS: 0.6,
        grooves.COWBELL: 0.3, grooves.CONGA_HIGH: -0.4, grooves.CONGA_LOW: -0.6,
        grooves.BONGO_HIGH: 0.4, grooves.BONGO_LOW: 0.6, grooves.CLAVES: -0.3,
    }.get(key, 0.0)  # fmt: skip


def _level(key: int) -> float:
    if key in (grooves.KICK, grooves.SNARE):
        return 1.0
    if key in (grooves.CLAP, grooves.SNARE2) or key in _TOM_HERTZ:
        return 0.8
    if key in (grooves.CRASH, grooves.CRASH2, grooves.CHINA):
        return 0.5
    return 0.35


def _balance(seed: int, key: int) -> float:
    """Each drum's own level in this kit, within 5 dB."""
    return float(10.0 ** (np.random.default_rng((seed, key, 1)).uniform(-5.0, 5.0) / 20.0))
