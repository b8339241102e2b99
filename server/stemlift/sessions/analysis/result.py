"""What an analysis found in a song. Times are seconds from the start of its files."""

from __future__ import annotations

from dataclasses import dataclass, field

GUESS = 0.1
"""What is found with less confidence is a guess: nothing should be done by it."""

NOTES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True, slots=True)
class TempoEstimate:
    """The tempo of a song.

    bpm: beats per minute, of the longest stretch where it changes; None where no beat was found.
    confidence: 0 to 1, that there is a steady beat and that the beats found are it.
    octave_confidence: 0 to 1, that it is this tempo rather than half or double of it.
    alternatives: those of half and double tempo that fit nearly as well, the best first.
    constant: whether one tempo holds from start to end.
    """

    bpm: float | None
    confidence: float
    octave_confidence: float = 0.0
    alternatives: tuple[float, ...] = ()
    constant: bool = True


@dataclass(frozen=True, slots=True)
class KeyEstimate:
    """The key of a song.

    tonic: semitones above C, None where no key was found. tuning: of its pitches against
    A4 = 440 Hz, in cents. confidence: 0 to 1; low where another key fits as well, which is
    `runner_up`, most often the relative one or that of the fifth. notes_confidence: 0 to 1, that
    its notes are right, whether it is meant or its relative key, which has the same.
    """

    tonic: int | None
    minor: bool = False
    confidence: float = 0.0
    tuning: float = 0.0
    runner_up: tuple[int, bool] | None = None
    notes_confidence: float = 0.0

    @property
    def name(self) -> str:
        """As in "F# minor"; empty where no key was found."""
        return "" if self.tonic is None else key_name(self.tonic, self.minor)

    @property
    def guessed(self) -> bool:
        """Whether a key was found whose notes are hardly likelier than others."""
        return self.tonic is not None and self.sure_of_notes < GUESS

    @property
    def sure_of_notes(self) -> float:
        """notes_confidence, which is never less than confidence."""
        return max(self.confidence, self.notes_confidence)


@dataclass(frozen=True, slots=True)
class Knot:
    """A place on the grid of beats: between two of them the tempo is constant."""

    beat: int
    time: float


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a song. name: parts that sound alike have the same letter."""

    start: float
    end: float
    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """A song, analysed.

    seconds: how much of it was looked at, from its start.
    beats: times of the beats; downbeats: those that start a bar. Both empty without a beat.
    beats_per_bar: of most bars. bar_confidence: 0 to 1, that bars are so long and start there.
    grid: the tempo as knots through the beats (beat 0 is beats[0]); none where no tempo holds.
    method: "beat_this" or "librosa", which found the beats.
    notes: sentences for the user, of what to mind.
    """

    seconds: float
    tempo: TempoEstimate
    key: KeyEstimate
    beats: tuple[float, ...] = ()
    downbeats: tuple[float, ...] = ()
    beats_per_bar: int = 4
    bar_confidence: float = 0.0
    sections: tuple[Section, ...] = ()
    grid: tuple[Knot, ...] = ()
    method: str = "librosa"
    notes: tuple[str, ...] = field(default=())


def key_name(tonic: int, minor: bool) -> str:
    return f"{NOTES[tonic % 12]} {'minor' if minor else 'major'}"
