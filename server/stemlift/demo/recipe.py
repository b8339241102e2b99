"""The recipe of a song, checked before anything is rendered."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

STEPS = 16
"""Steps of a bar: sixteenth notes in 4/4."""

BEATS = 4

Player = Literal["kick", "snare", "hat", "open", "crash", "bass", "keys", "guitar", "pad", "vocals"]
DrumName = Literal["kick", "snare", "hat", "open", "crash"]

Level = Annotated[float, Field(ge=-60.0, le=0.0)]
Pan = Annotated[float, Field(ge=-1.0, le=1.0)]

_NOTE = re.compile(r"([A-G])([#b]?)(-?\d)")
_CHORD = re.compile(r"([A-G])([#b]?)(maj7|m7|sus4|m|7|)")
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "b": -1, "": 0}
_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "sus4": (0, 5, 7),
}


# How vowels are spelt in a syllable; the first that fits counts.
_VOWELS = {"ee": "i", "oo": "u", "ay": "e", "a": "a", "e": "e", "i": "i", "o": "o"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Drum(_Strict):
    """pattern: x loud, o soft, "." silent. level in dB."""

    pattern: Annotated[str, StringConstraints(pattern=r"^[xo.]{16}$")] = "x" + "." * 15
    level: Level
    pan: Pan = 0.0


class Bass(_Strict):
    pattern: Annotated[str, StringConstraints(pattern=r"^[r58=.]{16}$")]
    level: Level


class Keys(_Strict):
    pattern: Annotated[str, StringConstraints(pattern=r"^[x=.]{16}$")]
    level: Level
    pan: Pan


class Guitar(_Strict):
    pattern: Annotated[str, StringConstraints(pattern=r"^[1234.]{16}$")]
    level: Level
    pan: Pan


class Pad(_Strict):
    """width: 0 both channels alike, 1 wholly different."""

    level: Level
    width: float = Field(ge=0.0, le=1.0)


class Vocals(_Strict):
    """reverb in dB against the dry voice, vibrato in cents, transpose in semitones.

    tract: length of the vocal tract; the formants are divided by it.
    """

    level: Level
    pan: Pan = 0.0
    reverb: Level = -19.0
    tract: float = Field(default=1.0, ge=0.7, le=1.4)
    vibrato: float = Field(default=45.0, ge=0.0, le=200.0)
    transpose: int = Field(default=0, ge=-24, le=24)


class Section(_Strict):
    """Some bars with the same players; melody is for the voice, see `parse_melody`."""

    name: str
    bars: int = Field(ge=1, le=64)
    plays: tuple[Player, ...]
    melody: str = ""

    @model_validator(mode="after")
    def _melody_fits(self) -> Self:
        sung = sum(note.beats for note in parse_melody(self.melody))
        if sung > self.bars * BEATS:
            raise ValueError(f"the melody is {sung:g} beats long, {self.name} {self.bars * BEATS}")
        if "vocals" in self.plays and not self.melody:
            raise ValueError(f"{self.name} has vocals but no melody")
        return self


class Recipe(_Strict):
    """A song. tempo in beats a minute, transpose in semitones, peak in dBFS."""

    title: str
    tempo: float = Field(ge=40.0, le=240.0)
    seed: int = Field(ge=0)
    progression: tuple[str, ...] = Field(min_length=1)
    transpose: int = Field(default=0, ge=-24, le=24)
    peak: float = Field(default=-1.0, ge=-40.0, le=0.0)
    sections: tuple[Section, ...] = Field(min_length=1)
    drums: dict[DrumName, Drum]
    bass: Bass
    keys: Keys
    guitar: Guitar
    pad: Pad
    vocals: Vocals

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for chord in self.progression:
            parse_chord(chord)
        for section in self.sections:
            for player in section.plays:
                if player in DRUMS and player not in self.drums:
                    raise ValueError(f"{section.name} plays {player}, which [drums] lacks")
        return self

    @property
    def bars(self) -> int:
        return sum(section.bars for section in self.sections)

    @property
    def seconds(self) -> float:
        return self.bars * BEATS * 60.0 / self.tempo


DRUMS: tuple[DrumName, ...] = ("kick", "snare", "hat", "open", "crash")


class Sung(_Strict):
    """One syllable: MIDI pitches at its start and end, None for a rest.

    vowel: a, e, i, o or u as in Italian; empty for a rest.
    """

    start: int | None
    end: int | None
    beats: float
    syllable: str
    vowel: str


def parse_melody(text: str) -> list[Sung]:
    """Read "A4 1 la; C5>D5 0.5 no; - 1": pitch, beats, syllable; ";" or a new line parts them.

    Raises:
        ValueError: naming the part that cannot be read.
    """
    notes = []
    for part in re.split(r"[;\n]", text):
        words = part.split()
        if not words:
            continue
        if len(words) != (2 if words[0] == "-" else 3):
            raise ValueError(f"cannot read the melody at {part.strip()!r}")
        try:
            beats = float(words[1])
        except ValueError:
            raise ValueError(f"no length in beats at {part.strip()!r}") from None
        if not 0 < beats <= 64:
            raise ValueError(f"no length in beats at {part.strip()!r}")
        if words[0] == "-":
            notes.append(Sung(start=None, end=None, beats=beats, syllable="", vowel=""))
            continue
        first, _, last = words[0].partition(">")
        start = parse_note(first)
        end = parse_note(last) if last else start
        syllable = words[2]
        vowel = next((vowel for spelt, vowel in _VOWELS.items() if spelt in syllable), None)
        if vowel is None:
            raise ValueError(f"no vowel in the syllable {syllable!r}")
        notes.append(Sung(start=start, end=end, beats=beats, syllable=syllable, vowel=vowel))
    return notes


def parse_note(name: str) -> int:
    """MIDI number of a note such as "C#4"; C4 is 60. Raises ValueError."""
    match = _NOTE.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a note such as C#4")
    letter, accidental, octave = match.groups()
    return 12 * (int(octave) + 1) + _SEMITONES[letter] + _ACCIDENTALS[accidental]


def parse_chord(name: str) -> tuple[int, ...]:
    """Semitones above C of a chord such as "F#m7", the root first. Raises ValueError."""
    match = _CHORD.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a chord such as F#m7")
    letter, accidental, quality = match.groups()
    root = _SEMITONES[letter] + _ACCIDENTALS[accidental]
    return tuple(root + step for step in _QUALITIES[quality])


def load_recipe(path: Path | None = None) -> Recipe:
    """Read a recipe; without a path, the one of the demo song.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not TOML, or not a recipe; the message names the field.
    """
    source = path or Path(__file__).with_name("song.toml")
    return Recipe.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
