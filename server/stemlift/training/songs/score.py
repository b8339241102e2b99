"""What is played: notes, parts and the song they belong to.

Times and lengths are in beats, and a beat is a quarter note in every meter. Only `timed` turns
beats into seconds. Everything here is a value: a song is written once and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Which stem a part belongs to."""

    DRUMS = "drums"
    BASS = "bass"
    OTHER = "other"
    VOICE = "voice"


class Source(StrEnum):
    """Who makes the sound of an instrument."""

    SOUNDFONT = "soundfont"
    SYNTHESIS = "synthesis"
    VOICE = "voice"


class Role(StrEnum):
    """What a part does in the arrangement."""

    DRUMS = "drums"
    PERCUSSION = "percussion"
    BASS = "bass"
    CHORDS = "chords"
    PAD = "pad"
    ARPEGGIO = "arpeggio"
    RIFF = "riff"
    LEAD = "lead"
    EFFECT = "effect"
    # Voices
    DOUBLE = "double"
    HARMONY = "harmony"
    RAP = "rap"
    ADLIB = "adlib"


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Attributes:
        start: beats from the start of the song, swing and human error included.
        length: beats, more than 0.
        pitch: MIDI key; in a drum part, the key of General MIDI's percussion map.
        velocity: 0 to 1.
        slide: semitones from where the pitch slides into the note; 0 for none.
        vibrato: depth in semitones.
        muted: damped with the palm.
        syllable: what a voice sings. A trailing hyphen says that the word goes on in the next
            note; an empty one holds the vowel before.
    """

    start: float
    length: float
    pitch: int
    velocity: float
    slide: float = 0.0
    vibrato: float = 0.0
    muted: bool = False
    syllable: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What plays a part.

    Attributes:
        source: who makes the sound.
        name: of the synthesised instrument, or a word for the sampled one.
        program: General MIDI program, 0 to 127; of a drum part, the kit.
        seed: settles every free parameter of the sound.
        detune: cents, for the whole part.
    """

    source: Source
    name: str
    program: int = 0
    seed: int = 0
    detune: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One player's notes, in order of their starts.

    Attributes:
        name: unique within the song.
        gain_db: how loud it should stand beside the others, in dB; mixing may differ.
    """

    name: str
    kind: Kind
    role: Role
    instrument: Instrument
    notes: tuple[Note, ...]
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature: 4/4, 3/4 or 6/8."""

    numerator: int
    denominator: int

    @property
    def bar(self) -> float:
        """Beats in a bar."""
        return 4.0 * self.numerator / self.denominator

    @property
    def pulse(self) -> float:
        """Beats from one felt pulse to the next: a dotted quarter in 6/8."""
        return 1.5 if self.denominator == 8 else 1.0

    @property
    def pulses(self) -> int:
        return round(self.bar / self.pulse)

    @property
    def steps(self) -> int:
        """Sixteenths in a bar."""
        return round(self.bar * 4)


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the song with one arrangement.

    Attributes:
        name: intro, verse, chorus, bridge, break, solo, drop or outro.
        start: beats.
        bars: how many.
        energy: 0 to 1; how much is going on.
    """

    name: str
    start: float
    bars: int
    energy: float


@dataclass(frozen=True, slots=True)
class Song:
    """A song as written.

    Attributes:
        genre: its name.
        tonic: pitch class of the key, 0 for C.
        mode: name of the scale, as in `harmony.SCALES`.
        tempo: quarter notes a minute.
        swing: 0 for straight, 1 for triplets.
        seconds: length of the audio to render; notes may ring on past it and are cut.
    """

    genre: str
    tonic: int
    mode: str
    tempo: float
    meter: Meter
    swing: float
    seconds: float
    sections: tuple[Section, ...]
    parts: tuple[Part, ...]

    def of_kind(self, kind: Kind) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.kind is kind)


@dataclass(frozen=True, slots=True)
class Tone:
    """A note in seconds; the other fields are those of `Note`."""

    start: float
    length: float
    pitch: float
    velocity: float
    slide: float = 0.0
    vibrato: float = 0.0
    muted: bool = False
    syllable: str = field(default="", compare=False)


def timed(part: Part, song: Song) -> Iterator[Tone]:
    """The notes of a part in seconds, those that start within the song only."""
    beat = 60.0 / song.tempo
    for note in part.notes:
        start = note.start * beat
        if 0.0 <= start < song.seconds:
            yield Tone(
                start,
                note.length * beat,
                note.pitch + part.instrument.detune / 100.0,
                note.velocity,
                note.slide,
                note.vibrato,
                note.muted,
                note.syllable,
            )
