"""Every synthesised instrument by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import (
    basses,
    effects,
    kits,
    modulation,
    strings,
    subtractive,
)
from stemlift.training.songs.synthesis.waves import Player, Sound, pick

SYNTHS = ("lead", "pluck", "pad", "brass", "supersaw", "arp")
GAINS = {"clean guitar": (1.0, 2.5), "crunch guitar": (4.0, 10.0), "metal guitar": (15.0, 60.0)}


def _synth(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str) -> Sound:
    return subtractive.play(tones, seconds, subtractive.patch(rng, kind), rng)


def _electric(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str) -> Sound:
    return strings.electric_guitar(tones, seconds, rng, pick(rng, *GAINS[kind]))


def players() -> dict[str, Player]:
    """What plays each instrument: (tones, seconds, generator) → (frames, 1 or 2) float32."""
    table: dict[str, Player] = {"organ": subtractive.organ}
    for kind in (*basses.STRINGS, *basses.SYNTHS):
        table[kind] = partial(basses.bass, kind=kind)
    for kind in SYNTHS:
        table[kind] = partial(_synth, kind=kind)
    for kind in modulation.KINDS:
        table[kind] = partial(modulation.modulated, kind=kind)
    for kind in effects.KINDS:
        table[kind] = partial(effects.effect, kind=kind)
    for kind in kits.KINDS:
        table[f"{kind} kit"] = partial(kits.kit, kind=kind)
    for kind in GAINS:
        table[kind] = partial(_electric, kind=kind)
    for kind in ("acoustic", "nylon", "harp"):
        table[f"{kind} strings"] = partial(strings.acoustic_guitar, kind=kind)
    return table
