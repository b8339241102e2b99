"""Drum parts: grooves, fills, breaks and percussion.

A groove is written as rows of steps, a sixteenth each: `X` loud, `x` plain, `o` a ghost note,
`?` there by chance. Keys are those of General MIDI's percussion map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stemlift.training.songs.score import Meter, Note

KICK, STICK, SNARE, CLAP, SNARE2 = 36, 37, 38, 39, 40
CLOSED, PEDAL, OPEN = 42, 44, 46
TOMS = (50, 48, 47, 45, 43, 41)
CRASH, RIDE, CHINA, BELL, TAMBOURINE, SPLASH, COWBELL, CRASH2 = 49, 51, 52, 53, 54, 55, 56, 57
BONGO_HIGH, BONGO_LOW, CONGA_MUTE, CONGA_HIGH, CONGA_LOW = 60, 61, 62, 63, 64
TIMBALE_HIGH, TIMBALE_LOW, CABASA, MARACAS, CLAVES = 65, 66, 69, 70, 75

_LEVELS = {"X": 0.95, "x": 0.75, "o": 0.32, "?": 0.6}

Rows = dict[int, str]


@dataclass(frozen=True, slots=True)
class Groove:
    """A pattern of one bar or more.

    Attributes:
        rows: steps by key; all rows of one length, a whole number of bars.
        steps: sixteenths in a bar: 16 for 4/4, 12 for 3/4 and 6/8.
    """

    rows: Rows
    steps: int = 16


def _g(steps: int = 16, **rows: str) -> Groove:
    keys = {
        "k": KICK, "s": SNARE, "h": CLOSED, "o": OPEN, "r": RIDE, "b": BELL, "c": CLAP,
        "t": STICK, "p": PEDAL, "m": MARACAS, "w": COWBELL, "f": TOMS[5], "a": CABASA,
        "l": TIMBALE_HIGH, "v": CLAVES, "g": CONGA_HIGH, "u": CONGA_LOW, "x": CHINA,
        "j": TAMBOURINE, "y": SNARE2,
    }  # fmt: skip
    return Groove({keys[name]: row for name, row in rows.items()}, steps)


GROOVES: dict[str, tuple[Groove, ...]] = {
    "ballad": (
        _g(k="X.......x.......", s="....x.......x...", h="x.x.x.x.x.x.x.x."),
        _g(k="X.....x.x.......", t="....x.......x...", h="x.o.x.o.x.o.x.o."),
        _g(k="X.........x.....", s="........X.......", r="x...x...x...x..."),
    ),
    "pop": (
        _g(k="X.....x.x.......", s="....X.......X...", h="x.x.x.x.x.x.x.x."),
        _g(k="X..x....x.x.....", s="....X.......X..o", h="x.x.x.x.x.x.x.x."),
        _g(k="X...x...X...x...", s="....X.......X...", h="..x...x...x...x.", j="x.x.x.x.x.x.x.x."),
        _g(k="X..x..x...x.....", c="....X.......X...", h="xoxoxoxoxoxoxoxo"),
    ),
    "rock": (
        _g(k="X.......X.......", s="....X.......X...", h="X.x.X.x.X.x.X.x."),
        _g(k="X.x.....X.x...?.", s="....X.......X...", h="X.x.X.x.X.x.X.x."),
        _g(k="X.....x.X.x.....", s="....X.......X...", o="X...X...X...X..."),
        _g(k="X.......X.x...x.", s="....X..o.o..X...", r="X.x.X.x.X.x.X.x.", p="....x.......x..."),
    ),
    "punk": (
        _g(k="X.x...x.X.x...x.", s="....X.......X...", h="X.X.X.X.X.X.X.X."),
        _g(k="X...X...X...X...", s="..X...X...X...X.", h="X.X.X.X.X.X.X.X."),
        _g(k="X.....X.X.....X.", s="....X.......X...", o="X...X...X...X..."),
    ),
    "metal": (
        _g(k="XxXxXxXxXxXxXxXx", s="....X.......X...", x="X...X...X...X..."),
        _g(k="X.xxX.xxX.xxX.xx", s="....X.......X...", r="X...X...X...X..."),
        _g(k="X.x.X.x.X.x.X.x.", s=".x.x.x.x.x.x.x.x", r="X.X.X.X.X.X.X.X."),
        _g(k="X..X..X..X..X.X.", s="........X.......", x="X...X...X...X..."),
        _g(k="XxXx..X.XxXx..X.", s="....X.......X...", h="X.X.X.X.X.X.X.X."),
    ),
    "funk": (
        _g(k="X.x....x..x.....", s="....X..o.o..X..o", h="x.x.x.x.x.x.x.x."),
        _g(k="X..x..x...x..x..", s="....X..o.o.oX...", h="xoxoxoxoxoxoxoxo"),
        _g(k="X.x...x.....x.?.", s="..o.X..o.o..X.o.", h="x.xxx.xxx.xxx.x.", o="..............x."),
    ),
    "soul": (
        _g(k="X.....x...x.....", s="....X.......X...", h="x.x.x.x.x.x.x.x.", j="....x.......x..."),
        _g(k="X...x...X...x...", s="X...X...X...X...", h="x.x.x.x.x.x.x.x."),
    ),
    "reggae": (
        _g(k="........X.......", t="........X.......", h="x.o.x.o.x.o.x.o."),
        _g(k="X.......X.......", s="........X.......", h="x.x.x.xxx.x.x.xx"),
        _g(k="X...X...X...X...", t="........X..x....", h="..x...x...x...x."),
    ),
    "country": (
        _g(k="X.......X.......", s="..o.x.o...o.x.o.", h="x.x.x.x.x.x.x.x."),
        _g(k="X.......X.......", s="x.xox.xox.xox.xo"),
        _g(k="X...X...X...X...", t="..x...x...x...x."),
    ),
    "hip hop": (
        _g(k="X......x..x.....", s="....X.......X...", h="x.x.x.x.x.x.x.x."),
        _g(k="X.x......xx.....", s="....X.......X..o", h="x.x.x.xxx.x.x.x."),
        _g(k="X.....x...X..x..", c="....X.......X...", s="....X.......X...", h="x.o.x.o.x.o.x.o."),
    ),
    "trap": (
        _g(k="X.........x.....", c="........X.......", h="x.x.x.x.x.x.x.x."),
        _g(k="X......x....x...", s="........X.......", h="x.xxx.x.x.x.xxxx", o="......x........."),
        _g(k="X..x......x..x..", c="........X.......", h="x.x.xxx.x.x.x.xx", v="...x......x....."),
    ),
    "house": (
        _g(k="X...X...X...X...", c="....X.......X...", o="..X...X...X...X."),
        _g(k="X...X...X...X...", c="....X.......X...", h="xoXoxoXoxoXoxoXo", v="...x..x....x..?."),
        _g(k="X...X...X...X..x", s="....X.......X...", o="..X...X...X...X.", m="xxxxxxxxxxxxxxxx"),
    ),
    "techno": (
        _g(k="X...X...X...X...", h="..X...X...X...X.", t="...x......x....."),
        _g(k="X...X...X...X...", h="xxXxxxXxxxXxxxXx", c="............X..."),
        _g(k="X...X...X...X...", o="..X...X...X...X.", f="...x..x..x....x.", r="x...x...x...x..."),
    ),
    "drum and bass": (
        _g(k="X.........X.....", s="....X.......X...", h="x.x.x.x.x.x.x.x."),
        _g(k="X.X.......XX....", s="....X..o.o..X..o", h="x.x.x.x.x.x.x.x."),
        _g(k="X..X......X.....", s="....X..x.x..X.x.", r="x.x.x.x.x.x.x.x."),
    ),
    "synthwave": (
        _g(k="X...X...X...X...", s="....X.......X...", h="xoxoxoxoxoxoxoxo"),
        _g(k="X.......X.......", s="....X.......X...", h="x.x.x.x.x.x.x.x."),
    ),
    "swing": (
        _g(r="x...x.xox...x.xo", p="....x.......x...", k="o...o...o...o...", s=".......?......o."),
        _g(r="x...x..xx...x..x", p="....x.......x...", k="?.............x.", s="......o....o...?"),
    ),
    "shuffle": (
        _g(k="X.......X.....x.", s="....X.......X...", h="X.xoX.xoX.xoX.xo"),
        _g(k="X...x...X...x...", s="..o.X.o...o.X.o.", h="X.x.X.x.X.x.X.x."),
    ),
    "brush": (
        _g(s="o.o.x.o.o.o.x.o.", k="x.......x......."),
        _g(s="o.oox.o.o.oox.o.", k="x.....?.x.......", p="....x.......x..."),
    ),
    "latin": (
        _g(k="X..x..x.X..x..x.", t="x..x..x...x.x...", a="xoxoxoxoxoxoxoxo"),
        _g(k="X.....x.X.....x.", w="x...x.x.x...x.x.", v="x..x..x...x.x...", g="..x...xx..x...xx"),
        _g(k="X..xX..xX..xX..x", s="...x..x....x..x.", m="xxxxxxxxxxxxxxxx"),
        _g(k="X.....x.x.....x.", l="..x.x.xx..x.x.x.", g="x.x...xxx.x...xx", u="......x.......xx"),
    ),
    "tribal": (
        _g(f="X..x..X.X..x..x.", k="X.......X.......", j="x.x.x.x.x.x.x.x."),
        _g(f="X.xxX.xxX.xxXxxx", y="............X..."),
    ),
    "three": (
        _g(12, k="X...........", s="....x...x...", h="x...x...x..."),
        _g(12, k="X.....x.....", t="....x...x...", h="x.x.x.x.x.x."),
        _g(12, k="X...........", s="........X...", r="x.x.x.x.x.x."),
    ),
    "six": (
        _g(12, k="X...........", s="......X.....", h="x.x.x.x.x.x."),
        _g(12, k="X.......x...", s="......X.....", h="x.o.o.x.o.o."),
        _g(12, k="X....x......", s="......X...o.", r="x.x.x.x.x.x."),
    ),
    "six metal": (_g(12, k="XxXxXxXxXxXx", s="......X.....", x="X.....X....."),),
}  # fmt: skip
"""Grooves by style; "three" and "six" are for 3/4 and 6/8."""


def groove_for(rng: np.random.Generator, style: str, meter: Meter) -> Groove:
    """A groove of a style in a meter, with rows changed and steps moved by chance."""
    if meter.bar == 3.0:
        style = (
            "three"
            if meter.denominator == 4
            else ("six metal" if style in ("metal", "punk") else "six")
        )
    choices = GROOVES[style]
    groove = choices[int(rng.integers(len(choices)))]
    rows = dict(groove.rows)
    if CLOSED in rows and rng.random() < 0.2:
        rows[int(rng.choice([RIDE, OPEN, TAMBOURINE, PEDAL]))] = rows.pop(CLOSED)
    if SNARE in rows and rng.random() < 0.1:
        rows[CLAP if rng.random() < 0.5 else SNARE2] = rows[SNARE]
    if KICK in rows and style not in ("house", "techno", "metal") and rng.random() < 0.4:
        steps = list(rows[KICK])
        place = int(rng.integers(len(steps)))
        steps[place] = "." if steps[place] != "." and place > 0 else "x"
        rows[KICK] = "".join(steps)
    return Groove(rows, groove.steps)


def bars(
    rng: np.random.Generator, groove: Groove, start: float, count: int, energy: float
) -> list[Note]:
    """A groove played for some bars from a beat on; low energy leaves rows and notes out."""
    left_out = {key for key in groove.rows if key != KICK and rng.random() < 0.25 * (1.0 - energy)}
    if energy < 0.2 and rng.random() < 0.5:
        left_out.add(KICK)
    notes = []
    for key, row in groove.rows.items():
        if key in left_out:
            continue
        for bar in range(count):
            for step in range(groove.steps):
                mark = row[(bar * groove.steps + step) % len(row)]
                if mark == "." or (mark == "?" and rng.random() < 0.5):
                    continue
                level = _LEVELS[mark] * (0.75 + 0.25 * energy)
                beat = start + (bar * groove.steps + step) / 4.0
                notes.append(Note(beat, 0.25, key, min(1.0, level)))
    return notes


def rolls(rng: np.random.Generator, notes: list[Note], chance: float) -> list[Note]:
    """The notes with some closed hats split into rolls, as in trap."""
    played = []
    for note in notes:
        if note.pitch != CLOSED or rng.random() >= chance:
            played.append(note)
            continue
        count = int(rng.choice([2, 3, 4, 6]))
        length = 0.25 if rng.random() < 0.6 else 0.5
        rising = rng.random() < 0.5
        for index in range(count):
            share = (index + 1) / count if rising else 1.0 - 0.5 * index / count
            played.append(
                Note(note.start + index * length / count, 0.1, CLOSED, note.velocity * share)
            )
    return played


def fill(rng: np.random.Generator, end: float, electronic: bool) -> tuple[float, list[Note]]:
    """A fill that ends at a beat; where it starts, and its notes."""
    length = float(rng.choice([0.5, 1.0, 2.0, 4.0], p=[0.2, 0.4, 0.3, 0.1]))
    start = end - length
    grid = float(rng.choice([0.25, 0.25, 0.5, 1.0 / 3.0, 0.125]))
    count = max(1, round(length / grid))
    shape = rng.choice(["roll", "down", "mixed", "kicks"])
    notes = []
    for index in range(count):
        done = index / count
        if shape == "roll" or (electronic and shape == "down"):
            key = CLAP if electronic and rng.random() < 0.2 else SNARE
        elif shape == "down":
            key = TOMS[min(5, int(done * 6))]
        elif shape == "kicks":
            key = KICK if index % 3 == 2 else int(rng.choice([SNARE, *TOMS]))
        else:
            key = int(rng.choice([SNARE, KICK, *TOMS]))
        if rng.random() < 0.9:
            level = 0.55 + 0.4 * done if shape == "roll" else 0.7 + 0.25 * rng.random()
            notes.append(Note(start + index * grid, grid, key, level))
    return start, notes


def percussion(rng: np.random.Generator, start: float, beats: float, meter: Meter) -> list[Note]:
    """Shakers, tambourines, congas and the like, one pattern repeated every bar."""
    notes = []
    for key in rng.choice(
        [TAMBOURINE, CABASA, MARACAS, COWBELL, BONGO_HIGH, CONGA_HIGH, CONGA_LOW, CLAVES, STICK],
        size=int(rng.integers(1, 4)),
        replace=False,
    ):
        steady = key in (TAMBOURINE, CABASA, MARACAS)
        chances = np.full(meter.steps, 0.9 if steady else 0.25)
        if steady and rng.random() < 0.7:
            chances[1::2] = 0.0
        pattern = rng.random(meter.steps) < chances
        levels = 0.4 + 0.5 * rng.random(meter.steps)
        for bar in range(int(beats // meter.bar)):
            for step in np.flatnonzero(pattern):
                beat = start + bar * meter.bar + float(step) / 4.0
                notes.append(Note(beat, 0.25, int(key), float(levels[step])))
    return notes
