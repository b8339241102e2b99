"""One tempo and one key for songs that have different ones.

A song may run at half or double time: 70 bpm under 140 needs no stretch. A minor key counts as
its relative major: they share their notes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.analysis.result import NOTES, KeyEstimate

SLOWEST, FASTEST = 60.0, 200.0
"""Tempi that are chosen lie between these; one that is given may lie outside."""

_MULTIPLES = (Fraction(1), Fraction(2), Fraction(1, 2))
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_KEY = re.compile(r"\s*([A-Ga-g])\s*([#♯b♭]?)\s*(m|min|minor|maj|major|)\s*", re.ASCII)


def multiple_for(bpm: float, target: float) -> Fraction:
    """1, 2 or 1/2: as how many beats of the target a beat of the song's count is taken, so that
    the least is stretched. The song's own count wins where two are the same."""
    return min(_MULTIPLES, key=lambda m: (round(abs(math.log2(target / (bpm * m))), 9), m != 1))


def octaves(bpm: float, target: float) -> float:
    """How much a song is stretched for a tempo, half and double time considered; 1 is twice."""
    return abs(math.log2(target / (bpm * multiple_for(bpm, target))))


def least_stretch(tempi: Sequence[float]) -> float:
    """The tempo that the most stretched song needs the least for; of several the one that is
    nearest to the first song's.

    It is halfway between two of the songs, each at its own, half or double count.
    """
    counts = [bpm * float(m) for bpm in tempi for m in (*_MULTIPLES, Fraction(4), Fraction(1, 4))]
    middles = {math.sqrt(a * b) for a, b in combinations_with_replacement(counts, 2)}
    inside = sorted(t for t in middles if SLOWEST <= t <= FASTEST) or [tempi[0]]

    def cost(target: float) -> tuple[float, float, float]:
        needed = [octaves(bpm, target) for bpm in tempi]
        return round(max(needed), 6), round(sum(needed), 6), abs(math.log2(target / tempi[0]))

    return min(inside, key=cost)


def notes_of(tonic: int, minor: bool) -> int:
    """The major key of the same notes, in semitones above C."""
    return (tonic + 3 * minor) % 12


def transposition(key: KeyEstimate, target: int) -> int:
    """Semitones, -5 to 6, that bring a key to the notes of a major key."""
    if key.tonic is None:
        return 0
    up = (target - notes_of(key.tonic, key.minor)) % 12
    return up - 12 if up > 6 else up


def least_transposition(keys: Iterable[KeyEstimate]) -> int | None:
    """The major key whose notes the songs are nearest to in all; of several the one where the
    farthest has the least to go, then the one of the first song. None where no key is known."""
    known = [key for key in keys if key.tonic is not None]
    if not known:
        return None

    def cost(target: int) -> tuple[int, int, int]:
        steps = [abs(transposition(key, target)) for key in known]
        return sum(steps), max(steps), steps[0]

    return min(range(12), key=cost)


def parse_key(text: str) -> tuple[int, bool]:
    """Tonic in semitones above C, and whether it is minor: of "F# minor", "Bbm", "C".

    Raises:
        StemliftError: ARGUMENT_INVALID.
    """
    found = _KEY.fullmatch(text)
    if found is None:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{text!r} is no key.",
            'Write it as "F# minor", "Bbm" or "C"; or first, least or keep.',
        )
    letter, sign, mode = found.groups()
    tonic = _LETTERS[letter.upper()] + {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[sign]
    return tonic % 12, mode.startswith("m") and not mode.startswith("maj")


def both_names(target: int) -> str:
    """A key with its relative: "C major / A minor"."""
    return f"{NOTES[target % 12]} major / {NOTES[(target - 3) % 12]} minor"
