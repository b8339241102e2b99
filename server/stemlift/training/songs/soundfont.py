"""Parts played by a SoundFont: all of a song in one pass, each on its own output."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stemlift.training.songs.fluidsynth import BLOCK, CHANNELS, RATE, Font
from stemlift.training.songs.score import Kind, Part, Song, Tone, timed

_BEND_RANGE = 12
_DRUM_BANK = 128
_BEND_EVERY = 0.01

# What happens at one moment: first ends, then bends, then beginnings.
_OFF, _BEND, _ON = 0, 1, 2
_Event = tuple[int, int, int, int, int]


def play_parts(font: Font, song: Song, parts: Sequence[Part]) -> dict[str, NDArray[np.float32]]:
    """Renders parts of a song dry, with neither reverb nor chorus.

    Args:
        parts: of `song`, any number; sixteen go in one pass.

    Returns:
        (frames, 2) by the part's name, frames = round(seconds · 44100).
    """
    played: dict[str, NDArray[np.float32]] = {}
    for first in range(0, len(parts), CHANNELS):
        played.update(_pass(font, song, parts[first : first + CHANNELS]))
    return played


def _pass(font: Font, song: Song, parts: Sequence[Part]) -> dict[str, NDArray[np.float32]]:
    frames = round(song.seconds * RATE)
    padded = -(-frames // BLOCK) * BLOCK
    outputs = np.zeros((CHANNELS, 2, padded), np.float32)
    events: list[_Event] = []
    with closing(font.synthesizer()) as synthesizer:
        for channel, part in enumerate(parts):
            drums = part.kind is Kind.DRUMS
            bank, program = (_DRUM_BANK if drums else 0), part.instrument.program
            if not synthesizer.select(channel, bank, program):
                synthesizer.select(channel, bank, 0)
            synthesizer.bend_range(channel, _BEND_RANGE)
            events.extend(_events(channel, list(timed(part, song)), part, padded // BLOCK))
        events.sort()
        now = 0
        for block, what, channel, key, level in events:
            if block > now:
                synthesizer.write(outputs, now * BLOCK, (block - now) * BLOCK)
                now = block
            if what == _ON:
                synthesizer.on(channel, key, level)
            elif what == _OFF:
                synthesizer.off(channel, key)
            else:
                synthesizer.bend(channel, level)
        if now * BLOCK < padded:
            synthesizer.write(outputs, now * BLOCK, padded - now * BLOCK)
    return {
        part.name: np.ascontiguousarray(outputs[channel, :, :frames].T)
        for channel, part in enumerate(parts)
    }


def _events(channel: int, tones: list[Tone], part: Part, blocks: int) -> list[_Event]:
    def block(seconds: float) -> int:
        return min(blocks - 1, max(0, round(seconds * RATE / BLOCK)))

    def wheel(semitones: float) -> int:
        return int(np.clip(8192 + semitones / _BEND_RANGE * 8192, 0, 16383))

    detune = part.instrument.detune / 100.0
    events: list[_Event] = [(0, _BEND, channel, 0, wheel(detune))]
    # The wheel turns the whole channel, so only what is played one note at a time bends.
    alone = _one_at_a_time(tones)
    for tone in tones:
        key = round(tone.pitch - detune)
        if not 0 <= key <= 127:
            continue
        start = block(tone.start)
        end = max(start + 1, block(tone.start + _sounding(tone)))
        level = int(np.clip(tone.velocity * 127.0, 1, 127))
        events.append((start, _ON, channel, key, level))
        events.append((end, _OFF, channel, key, 0))
        if alone and (tone.slide or tone.vibrato):
            events.extend(
                (block(tone.start + at), _BEND, channel, 0, wheel(detune + semitones))
                for at, semitones in _bends(tone)
            )
            events.append((end, _BEND, channel, 0, wheel(detune)))
    return events


def _sounding(tone: Tone) -> float:
    return min(tone.length, 0.12) if tone.muted else tone.length


def _bends(tone: Tone) -> list[tuple[float, float]]:
    """Seconds after the start and semitones of a slide and a vibrato."""
    glide = min(0.3, max(0.03, 0.45 * tone.length))
    moments = np.arange(0.0, tone.length, _BEND_EVERY)
    semitones = tone.slide * np.clip(1.0 - moments / glide, 0.0, 1.0) ** 2
    depth = tone.vibrato * np.clip((moments - 0.2) / 0.3, 0.0, 1.0)
    semitones += depth * np.sin(2.0 * np.pi * 5.5 * moments)
    still = (moments > glide) & (tone.vibrato == 0.0)
    return list(zip(moments[~still].tolist(), semitones[~still].tolist(), strict=True))


def _one_at_a_time(tones: list[Tone]) -> bool:
    ordered = sorted(tone.start for tone in tones)
    return all(later - earlier > 0.03 for earlier, later in pairwise(ordered))
