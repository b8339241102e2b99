"""Melodies: for voices, with words, and for instruments.

A phrase is a rhythm and a contour. Phrases come back, now and then changed, since that is what
makes a tune.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stemlift.training.songs.harmony import Chord, at, nearest
from stemlift.training.songs.score import Meter, Note

WORDS = (
    "love", "night", "fi-re", "ri-ver", "hold", "me", "now", "and", "ne-ver", "let", "go", "in",
    "the", "morn-ing", "light", "I", "will", "fall", "a-way", "to-geth-er", "o-ver", "you", "run",
    "home", "dream-ing", "of", "a", "bet-ter", "day", "shine", "on", "for-ev-er", "stars", "a-bove",
    "be-low", "slow", "danc-ing", "in-side", "my", "heart", "beat", "is", "call-ing", "out", "your",
    "name", "wa-ter", "moun-tain", "road", "that", "leads", "no-where", "rain", "come", "back",
    "again", "sil-ver", "moon", "we", "are", "young", "to-night", "break", "down", "walls", "fly",
    "high", "win-ter", "gold-en", "sum-mer", "time", "took", "it", "all", "yes-ter-day", "shad-ow",
    "wait-ing", "here", "stay", "with", "cit-y", "lights", "burn", "blue", "ech-o", "o-cean",
    "turn", "a-round", "can", "not", "see", "what", "said", "to", "be", "free", "sto-ry", "end",
    "move", "bod-y", "feel", "real", "deep", "down", "low", "mon-ey", "talk", "street", "hus-tle",
    "mid-night", "train", "whis-per", "sing", "hey", "oh", "yeah", "la", "na", "ooh",
)  # fmt: skip
"""Our own list, hyphenated; a singer may put words of another language in place of them."""

ADLIBS = ("yeah", "oh", "hey", "ooh", "come on", "ah", "no", "uh")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a tune goes.

    Attributes:
        low, high: range in keys.
        density: notes a beat, about.
        leap: chance of a leap where a step would do.
        held: chance that a phrase ends on a long note.
        rest: share of a phrase left silent at its end.
        vibrato: depth in semitones on long notes.
        slide: chance that a note is slid into.
    """

    low: int
    high: int
    density: float = 1.2
    leap: float = 0.25
    held: float = 0.7
    rest: float = 0.25
    vibrato: float = 0.2
    slide: float = 0.1


def tune(
    rng: np.random.Generator,
    manner: Manner,
    chords: list[Chord],
    start: float,
    beats: float,
    meter: Meter,
) -> list[Note]:
    """A melody for some beats from `start` on, phrases of two bars mostly."""
    phrase = meter.bar * float(rng.choice([1, 2, 2, 4]))
    shapes = [_rhythm(rng, manner, phrase) for _ in range(2)]
    form = rng.choice(["aaab", "abab", "aabb", "abac"])
    contour_seeds = {letter: int(rng.integers(2**31)) for letter in "abc"}
    notes: list[Note] = []
    last = int(rng.integers(manner.low + 2, max(manner.low + 3, manner.high - 2)))
    for index in range(int(np.ceil(beats / phrase - 1e-6))):
        letter = form[index % len(form)]
        rhythm = shapes[0 if letter == "a" else 1]
        turns = np.random.default_rng(contour_seeds[letter])
        for beat, length in rhythm:
            place = start + index * phrase + beat
            if place + 0.1 >= start + beats:
                break
            last = _step(turns, manner, at(chords, place), last, beat, meter)
            notes.append(_note(rng, manner, place, length, last, beat, meter))
    return notes


def _rhythm(rng: np.random.Generator, manner: Manner, phrase: float) -> list[tuple[float, float]]:
    sung = phrase * (1.0 - manner.rest * float(rng.uniform(0.4, 1.6)))
    lengths = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0])
    wanted = 1.0 / manner.density
    odds = np.exp(-2.0 * np.abs(np.log(lengths / wanted)))
    beat = float(rng.choice([0.0, 0.0, 0.5, 0.25, 1.0]))
    places = []
    while beat < sung:
        length = float(rng.choice(lengths, p=odds / odds.sum()))
        if beat % 0.5 and length > 0.5:
            length = 0.25
        length = min(length, phrase - beat)
        if rng.random() > 0.07:
            places.append((beat, length))
        beat += length
    if places and rng.random() < manner.held:
        beat, _ = places[-1]
        places[-1] = (beat, max(0.25, (phrase - beat) * float(rng.uniform(0.5, 0.95))))
    return places


def _step(
    rng: np.random.Generator, manner: Manner, chord: Chord, last: int, beat: float, meter: Meter
) -> int:
    strong = abs(beat % meter.pulse) < 1e-6
    if strong and rng.random() < 0.75:
        classes = [(chord.root + tone) % 12 for tone in chord.tones]
    else:
        classes = list(chord.scale)
    keys = [key for key in range(manner.low, manner.high + 1) if key % 12 in classes]
    if not keys:
        return nearest(chord.root, last)
    spread = 6.0 if rng.random() < manner.leap else 2.2
    pull = 0.03 * (np.array(keys) - 0.5 * (manner.low + manner.high)) ** 2 / 4.0
    odds = np.exp(-np.abs(np.array(keys) - last) / spread - pull)
    odds[np.array(keys) == last] *= 0.6
    return int(rng.choice(keys, p=odds / odds.sum()))


def _note(
    rng: np.random.Generator,
    manner: Manner,
    place: float,
    length: float,
    key: int,
    beat: float,
    meter: Meter,
) -> Note:
    level = 0.7 + (0.12 if abs(beat % meter.pulse) < 1e-6 else 0.0) + 0.1 * float(rng.random())
    slide = float(rng.choice([-2, -1, -1, 1, -3])) if rng.random() < manner.slide else 0.0
    vibrato = manner.vibrato * float(rng.uniform(0.4, 1.5)) if length >= 0.9 else 0.0
    return Note(place, length * 0.96, key, min(1.0, level), slide=slide, vibrato=vibrato)


def with_words(rng: np.random.Generator, notes: list[Note]) -> list[Note]:
    """The notes with syllables; now and then a vowel is held over two notes."""
    sung: list[Note] = []
    waiting: list[str] = []
    for note in notes:
        if sung and not waiting and rng.random() < 0.06:
            sung.append(replace(note, syllable=""))
            continue
        if not waiting:
            pieces = str(WORDS[int(rng.integers(len(WORDS)))]).split("-")
            waiting = [piece + "-" for piece in pieces[:-1]] + [pieces[-1]]
        sung.append(replace(note, syllable=waiting.pop(0)))
    return sung


def rap(rng: np.random.Generator, start: float, beats: float, key: int) -> list[Note]:
    """Fast speech in rhythm about one pitch, with words."""
    notes = []
    for beat in np.arange(start, start + beats - 0.01, 4.0):
        grid = float(rng.choice([0.25, 0.25, 0.5, 1.0 / 3.0]))
        count = round(4.0 / grid)
        spoken = rng.random(count) < 0.85
        spoken[int(count * rng.uniform(0.75, 1.0)) :] = False
        for index in np.flatnonzero(spoken):
            pitch = key + int(rng.choice([-3, -2, -1, 0, 0, 0, 1, 2]))
            level = 0.7 + 0.2 * float(rng.random())
            notes.append(Note(float(beat) + float(index) * grid, grid * 0.95, pitch, level))
    return with_words(rng, [note for note in notes if note.start < start + beats])


def harmony(
    rng: np.random.Generator, notes: list[Note], chords: list[Chord], above: bool
) -> list[Note]:
    """A second voice a third or so away, in the scale, with the same words."""
    second = []
    distance = int(rng.integers(2, 4))
    for note in notes:
        scale = sorted(at(chords, note.start).scale)
        keys = [key for key in range(note.pitch - 14, note.pitch + 15) if key % 12 in scale]
        place = int(np.argmin([abs(key - note.pitch) for key in keys]))
        place += distance if above else -distance
        second.append(replace(note, pitch=keys[place], velocity=note.velocity * 0.85))
    return second


def adlibs(
    rng: np.random.Generator, notes: list[Note], start: float, beats: float, manner: Manner
) -> list[Note]:
    """Short shouts where the lead pauses."""
    busy = np.array([(note.start, note.start + note.length) for note in notes]).reshape(-1, 2)
    shouts = []
    for beat in np.arange(start, start + beats - 1.0, 1.0):
        free = not np.any((busy[:, 0] < beat + 1.0) & (busy[:, 1] > beat))
        if free and rng.random() < 0.5:
            word = str(ADLIBS[int(rng.integers(len(ADLIBS)))])
            key = int(rng.integers(manner.low, manner.high + 1))
            shouts.append(Note(float(beat), 0.8, key, 0.6, slide=-2.0, syllable=word))
    return shouts
