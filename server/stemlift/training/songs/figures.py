"""What players make of chords: held, strummed, broken, chugged, as riffs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stemlift.training.songs.harmony import Chord, at, root_key, voicing
from stemlift.training.songs.melodies import Manner, tune
from stemlift.training.songs.score import Meter, Note

# Hits of a bar in sixteenths of 4/4; in a shorter bar what does not fit is left out.
_PATTERNS: dict[str, tuple[str, ...]] = {
    "strum": ("x...x.x...x.x.x.", "x.x.x.x.x.x.x.x.", "x...x.xx..x.x.xx", "x.....x...x.x..."),
    "pulse": ("x.x.x.x.x.x.x.x.", "x...x...x...x...", "x..x..x.x..x..x."),
    "power": ("x...............", "x.......x.......", "x..x..x.........", "x.....x.x.......",
        "x...x...x.x...x."),
    "power eighths": ("x.x.x.x.x.x.x.x.",),
    "comp": ("x..x......x.....", "..x...x...x..x..", "x.....x.........", "......x.......x.",
        "x..x..x...x..x.."),
    "stab": ("x...............", "..x.......x.....", "x..x..x.........", "....x..x........",
        "x.xx....x.......", "x..x..x..x..x.x."),
    "offbeat": ("..x...x...x...x.", "....x.......x...", "..xx..xx..xx..xx"),
    "bubble": ("..x.x.x...x.x.x.", ".xx..xx..xx..xx."),
    "funk strum": ("x.xx.x.xx.xx.x.x", "..xx..x.xx.x..xx", "x..xx.x...xx.x.x"),
    "montuno": ("x.xx.xx.x.xx.xx.", "x.x.x.xx.x.x.xx."),
}  # fmt: skip

_SHORT = ("stab", "offbeat", "bubble", "funk strum")


def figure(
    rng: np.random.Generator,
    style: str,
    chords: list[Chord],
    start: float,
    beats: float,
    meter: Meter,
    centre: int,
) -> list[Note]:
    """Notes of a style over chords for some beats from `start` on.

    Args:
        centre: key about which chords and tunes lie.
    """
    if style == "held":
        return _held(rng, chords, centre)
    if style in ("arpeggio", "ostinato"):
        return _broken(rng, chords, start, beats, meter, centre, style == "ostinato")
    if style in ("chug", "gallop"):
        return _chugged(rng, style, chords, start, beats)
    if style == "riff":
        return _riff(rng, chords, start, beats, meter, centre)
    if style == "lead":
        manner = Manner(
            centre - 6,
            centre + 12,
            rng.uniform(0.8, 2.2),
            0.3,
            0.7,
            0.3,
            0.3,
            rng.uniform(0.05, 0.35),
        )
        return tune(rng, manner, chords, start, beats, meter)
    if style == "shred":
        manner = Manner(centre, centre + 19, rng.uniform(2.5, 4.0), 0.1, 0.6, 0.2, 0.4, 0.1)
        return tune(rng, manner, chords, start, beats, meter)
    if style == "counter":
        manner = Manner(centre - 5, centre + 9, rng.uniform(0.3, 0.7), 0.2, 0.9, 0.1, 0.2, 0.05)
        return tune(rng, manner, chords, start, beats, meter)
    return _struck(rng, style, chords, start, beats, meter, centre)


def _held(rng: np.random.Generator, chords: list[Chord], centre: int) -> list[Note]:
    notes: list[Note] = []
    before: tuple[int, ...] = ()
    size = int(rng.choice([0, 0, 4, 5]))
    low = bool(rng.random() < 0.3)
    for chord in chords:
        before = voicing(chord, centre - 9, centre + 9, before, size)
        keys = (*before, root_key(chord, centre - 24)) if low else before
        level = float(rng.uniform(0.55, 0.75))
        notes.extend(Note(chord.start, chord.length * 0.98, key, level) for key in keys)
    return notes


def _struck(
    rng: np.random.Generator,
    style: str,
    chords: list[Chord],
    start: float,
    beats: float,
    meter: Meter,
    centre: int,
) -> list[Note]:
    patterns = _PATTERNS[style]
    bars = [patterns[int(rng.integers(len(patterns)))] for _ in range(2)]
    if rng.random() < 0.5:
        bars[1] = bars[0]
    length = float(rng.choice([0.12, 0.25, 0.4])) if style in _SHORT else 0.0
    power = style.startswith("power")
    size = {"strum": int(rng.integers(4, 7)), "montuno": 2}.get(style, int(rng.choice([0, 3, 4])))
    voicings: dict[float, tuple[int, ...]] = {}
    before: tuple[int, ...] = ()
    notes: list[Note] = []
    for bar in range(int(np.ceil(beats / meter.bar - 1e-6))):
        row = bars[bar % 2][: meter.steps]
        hits = [step for step, mark in enumerate(row) if mark == "x"]
        for hit, following in zip(hits, [*hits[1:], meter.steps], strict=True):
            beat = start + bar * meter.bar + hit / 4.0
            chord = at(chords, beat)
            if chord.start not in voicings:
                if power:
                    root = root_key(chord, 40)
                    voicings[chord.start] = (root, root + 7, root + 12)
                else:
                    before = voicing(chord, centre - 10, centre + 8, before, size)
                    voicings[chord.start] = before
            keys = voicings[chord.start]
            if style == "montuno":
                keys = (keys[0], keys[0] + 12) if hit % 4 == 0 else keys[1:]
            ghost = style == "funk strum" and rng.random() < 0.35
            level = (0.4 if ghost else 0.75) + float(rng.uniform(-0.08, 0.1))
            rings = length or (following - hit) / 4.0 * 0.95
            notes.extend(
                Note(beat, 0.08 if ghost else rings, key, level, muted=ghost) for key in keys
            )
    return notes


def _broken(
    rng: np.random.Generator,
    chords: list[Chord],
    start: float,
    beats: float,
    meter: Meter,
    centre: int,
    dense: bool,
) -> list[Note]:
    grid = 0.25 if dense else float(rng.choice([0.25, 0.5, 0.5, 1.0 / 3.0, 0.75]))
    if meter.denominator == 8:
        grid = 0.5 if not dense else 0.25
    way = str(rng.choice(["up", "down", "both", "chance", "alberti"]))
    octaves = int(rng.integers(1, 3))
    rings = float(rng.choice([0.5, 0.9, 2.0]))
    gaps = rng.random(16) < (0.2 if rng.random() < 0.3 else 0.0)
    before: tuple[int, ...] = ()
    last: Chord | None = None
    order: list[int] = []
    notes = []
    for index in range(int(beats / grid + 1e-6)):
        beat = start + index * grid
        chord = at(chords, beat)
        if chord is not last:
            last = chord
            before = voicing(chord, centre - 8, centre + 6, before)
            up = [key + 12 * octave for octave in range(octaves) for key in before]
            order = {
                "up": up, "down": up[::-1], "both": up + up[-2:0:-1],
                "alberti": [up[0], up[-1], up[len(up) // 2], up[-1]],
            }.get(way, up)  # fmt: skip
        key = int(rng.choice(order)) if way == "chance" else order[index % len(order)]
        if not gaps[index % 16]:
            level = 0.6 + (0.15 if index % 4 == 0 else 0.0) + float(rng.uniform(-0.06, 0.06))
            notes.append(Note(beat, grid * rings, key, level))
    return notes


def _chugged(
    rng: np.random.Generator, style: str, chords: list[Chord], start: float, beats: float
) -> list[Note]:
    """Palm-muted roots with open power chords on the accents, as metal guitars play them."""
    low = int(rng.integers(33, 41))
    cells = (
        ["x.xx", "xx.x", "xxx."] if style == "gallop" else ["xxxx", "x.xx", "x.x.", "xx.x", "x..x"]
    )
    rows = ["".join(rng.choice(cells, size=4)) for _ in range(2)]
    accents = rng.random(32) < 0.15
    accents[0] = True
    notes: list[Note] = []
    for step in range(int(beats * 4)):
        if rows[(step // 16) % 2][step % 16] == ".":
            continue
        beat = start + step / 4.0
        root = root_key(at(chords, beat), low)
        if accents[step % 32]:
            length = float(rng.choice([0.25, 0.5, 1.0]))
            notes.extend(Note(beat, length, root + tone, 0.9) for tone in (0, 7, 12))
        else:
            tones = (0, 7) if rng.random() < 0.5 else (0,)
            notes.extend(Note(beat, 0.22, root + tone, 0.75, muted=True) for tone in tones)
    return notes


def _riff(
    rng: np.random.Generator,
    chords: list[Chord],
    start: float,
    beats: float,
    meter: Meter,
    centre: int,
) -> list[Note]:
    """A short tune that comes back every bar or two, following the roots or not."""
    length = meter.bar * float(rng.choice([1, 1, 2]))
    first = at(chords, start)
    manner = Manner(centre - 7, centre + 8, rng.uniform(1.2, 3.0), 0.35, 0.3, 0.2, 0.15, 0.12)
    still = [Chord(start, length, first.root, first.tones, first.scale)]
    phrase = tune(rng, manner, still, start, length, meter)
    follows = rng.random() < 0.5
    notes: list[Note] = []
    for turn in range(int(np.ceil(beats / length - 1e-6))):
        shift = start + turn * length
        move = (at(chords, shift).root - first.root + 6) % 12 - 6 if follows else 0
        notes.extend(
            replace(note, start=note.start + turn * length, pitch=note.pitch + move)
            for note in phrase
            if note.start + turn * length < start + beats - 0.05
        )
    return notes
