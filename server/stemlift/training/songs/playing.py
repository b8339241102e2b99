"""A song's instruments, played: every part that is no voice, as audio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemlift.training.songs.fluidsynth import Font
from stemlift.training.songs.score import Part, Song, Source, timed
from stemlift.training.songs.soundfont import play_parts
from stemlift.training.songs.synthesis.instruments import players
from stemlift.training.songs.synthesis.waves import RATE

LOUDNESS = 0.1
"""Root mean square of a part where it sounds, before its `gain_db`; −20 dBFS."""

PEAK = 0.95


def play(song: Song, font: Font | None) -> dict[str, NDArray[np.float32]]:
    """Renders all parts but the voices at one loudness.

    Each is scaled so that it has LOUDNESS where it sounds and a peak of PEAK at most. The
    score's `gain_db` is left to mixing. A part without notes in the song's time is left out.

    Args:
        font: plays what the score gives to a SoundFont; where None, those parts are left out.

    Returns:
        (frames, 1 or 2) at 44.1 kHz by the part's name, in the order of the score.
    """
    sampled = [part for part in song.parts if part.instrument.source is Source.SOUNDFONT]
    played = play_parts(font, song, sampled) if font is not None and sampled else {}
    for part in song.parts:
        if part.instrument.source is Source.SYNTHESIS:
            played[part.name] = _synthesised(part, song)
    levelled = {
        part.name: _levelled(played[part.name]) for part in song.parts if part.name in played
    }
    return {name: sound for name, sound in levelled.items() if sound is not None}


def _synthesised(part: Part, song: Song) -> NDArray[np.float32]:
    rng = np.random.default_rng(part.instrument.seed)
    return players()[part.instrument.name](list(timed(part, song)), song.seconds, rng)


def _levelled(sound: NDArray[np.float32]) -> NDArray[np.float32] | None:
    loudness = active_loudness(sound)
    if loudness < 1e-6:
        return None
    gain = min(LOUDNESS / loudness, PEAK / float(np.max(np.abs(sound))))
    return sound * np.float32(gain)


def active_loudness(sound: NDArray[np.float32]) -> float:
    """Root mean square over the tenths of a second that are within 25 dB of the loudest."""
    length = RATE // 10
    count = max(1, len(sound) // length)
    power = np.array(
        [np.mean(block.astype(np.float64) ** 2) for block in np.array_split(sound, count)]
    )
    loud = power[power > power.max() * 10.0 ** (-2.5)]
    return float(np.sqrt(loud.mean())) if len(loud) else 0.0
