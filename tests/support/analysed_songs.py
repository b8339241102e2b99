"""Small songs of known tempo, bars and key, for the analysis of songs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stemlift.demo import instruments

RATE = 22050

Signal = NDArray[np.float64]

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
# Degrees of the scale, a chord each bar. The last of the minor ones is that of half of all pop
# songs, and as much at home in the relative major.
PROGRESSIONS = {
    False: ((0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 3, 4), (0, 3, 0, 4)),
    True: ((0, 3, 0, 4), (0, 3, 4, 0), (0, 6, 5, 4), (0, 3, 5, 4), (0, 5, 2, 6)),
}
GROOVES = {
    "rock": ("x...x...", "..x...x.", "xxxxxxxx"),
    "house": ("x.x.x.x.", "..x...x.", ".x.x.x.x"),
    "syncopated": ("x..x..x.", "..x...x.", "xxxxxxxx"),
    "half-time": ("x.....x.", "....x...", "x.x.x.x."),
    "waltz": ("x.....", "..x.x.", "x.x.x."),
    "waltz-busy": ("x....x", "....x.", "xxxxxx"),
}
"""Kick, snare and hat, in eighths of a bar."""


@dataclass(frozen=True)
class Plan:
    """A song. tempi: (bars, bpm) one after the other. tonic: semitones above C. lead: seconds
    before the first bar. swing: how much later, in beats, the second eighth of a beat comes.
    parts: how many bars with which players, over and over the tempi's bars.
    """

    tempi: tuple[tuple[int, float], ...]
    tonic: int = 0
    minor: bool = False
    groove: str = "rock"
    progression: int = 0
    lead: float = 0.0
    swing: float = 0.0
    cents: float = 0.0
    parts: tuple[tuple[int, str], ...] = ()
    seed: int = 0

    @property
    def beats_per_bar(self) -> int:
        return len(GROOVES[self.groove][0]) // 2


@dataclass
class Song:
    """downbeats, beats: seconds, the end of the last bar not included."""

    plan: Plan
    drums: Signal
    bass: Signal
    chords: Signal
    beats: list[float] = field(default_factory=list)
    downbeats: list[float] = field(default_factory=list)
    end: float = 0.0

    @property
    def mix(self) -> Signal:
        return self.drums + self.bass + self.chords


def play(plan: Plan) -> Song:
    """The song, mono at RATE; the same plan gives the same samples."""
    tempi = [bpm for bars, bpm in plan.tempi for _ in range(bars)]
    frames = round((plan.lead + sum(plan.beats_per_bar * 60 / bpm for bpm in tempi) + 1) * RATE)
    song = Song(plan, np.zeros(frames), np.zeros(frames), np.zeros(frames))
    players = _players(plan, len(tempi))
    rng = np.random.default_rng(plan.seed)
    time = plan.lead
    for bar, bpm in enumerate(tempi):
        _play_bar(song, bar, time, 60 / bpm, players[bar], rng)
        song.downbeats.append(time)
        song.beats += [time + beat * 60 / bpm for beat in range(plan.beats_per_bar)]
        time += plan.beats_per_bar * 60 / bpm
    song.end = time
    return song


def write(path, samples: Signal, rate: int = RATE, channels: int = 1) -> None:
    import soundfile
    import soxr

    loud = samples / max(1e-9, float(np.abs(samples).max())) * 0.7
    if rate != RATE:
        loud = soxr.resample(loud, RATE, rate)
    soundfile.write(path, np.repeat(loud[:, None], channels, axis=1), rate, subtype="PCM_16")


def _players(plan: Plan, bars: int) -> list[str]:
    if not plan.parts:
        return ["dbc"] * bars
    told = [who for count, who in plan.parts for _ in range(count)]
    return [told[bar % len(told)] for bar in range(bars)]


def _play_bar(
    song: Song, bar: int, start: float, beat: float, who: str, rng: np.random.Generator
) -> None:
    plan = song.plan

    def at(eighth: float) -> float:
        late = plan.swing if eighth % 2 == 1 else 0.0
        return start + (eighth / 2 + late) * beat

    if "d" in who:
        strokes = (("kick", 1.0), ("snare", 0.8), ("hat", 0.35))
        for (stroke, gain), pattern in zip(strokes, GROOVES[plan.groove], strict=True):
            for eighth, sign in enumerate(pattern):
                if sign == "x":
                    loud = gain * rng.uniform(0.8, 1.0)
                    _add(song.drums, _stroke(stroke, int(rng.integers(3))), at(eighth), loud)
    degrees = PROGRESSIONS[plan.minor][plan.progression]
    if "B" in who or "C" in who:  # another part: the same chords, turned around
        degrees = degrees[2:] + degrees[:2]
    chord = _chord(plan, degrees[bar % 4])
    length = plan.beats_per_bar * beat
    if "b" in who.lower():
        root = 36 + chord[0] % 12
        for eighth in range(0, 2 * plan.beats_per_bar, 2):
            note = _note("bass", root + plan.cents / 100, 0.9 * beat)
            _add(song.bass, note, at(eighth), 0.7)
    if "c" in who.lower():
        for pitch in chord:
            note = _note("keys", 60 + pitch % 12 + plan.cents / 100, length)
            _add(song.chords, note, start, 0.25)


def _chord(plan: Plan, degree: int) -> Sequence[int]:
    scale = MINOR if plan.minor else MAJOR
    return [plan.tonic + scale[(degree + step) % 7] for step in (0, 2, 4)]


@cache
def _stroke(name: str, take: int) -> Signal:
    rng = np.random.default_rng([take, len(name)])
    made = {"kick": instruments.kick, "snare": instruments.snare, "hat": instruments.closed_hat}
    return made[name](rng, RATE if name != "hat" else 2 * RATE)[:: 1 if name != "hat" else 2]


@cache
def _note(name: str, midi: float, seconds: float) -> Signal:
    player = instruments.bass if name == "bass" else instruments.keys
    return player(instruments.frequency(midi), seconds, RATE)


def _add(track: Signal, note: Signal, time: float, gain: float) -> None:
    start = round(time * RATE)
    stop = min(len(track), start + len(note))
    track[start:stop] += gain * note[: stop - start]


def add_note(track: Signal, midi: float, time: float, seconds: float) -> None:
    """A note of the keys onto a track."""
    _add(track, _note("keys", midi, seconds), time, 0.5)
