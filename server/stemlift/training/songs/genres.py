"""What genres are made of: tempos, meters, grooves, and who plays.

An instrument is written as `gm:30`, a General MIDI program (in `kits` a kit), or by its name in
`synthesis.instruments`. Choir and voice programs (52 to 54, 85, 91) are left out everywhere:
what sounds like singing must be in the vocals.
"""

from __future__ import annotations

from dataclasses import dataclass

from stemlift.training.songs.score import Meter, Role

FOUR, THREE, SIX = Meter(4, 4), Meter(3, 4), Meter(6, 8)


@dataclass(frozen=True, slots=True)
class Layer:
    """A player who may be in the arrangement.

    Attributes:
        styles: figures, as in `figures.figure`, one of them is taken.
        instruments: one of them is taken.
        chance: that the player is there at all.
    """

    role: Role
    styles: tuple[str, ...]
    instruments: tuple[str, ...]
    chance: float


@dataclass(frozen=True, slots=True)
class Genre:
    """A kind of music.

    Attributes:
        tempo: quarter notes a minute, from and to.
        meters: one of them is taken.
        swing: from and to; 1 is a triplet.
        swing_unit: beats that are swung in two, 1 for eighths, 0.5 for sixteenths.
        families: of progressions, see `harmony`.
        richness: of chords, 0 to 1.
        machine: played by a machine: exact times, electronic fills, builds and drops.
        voices: chances of singing and of rap; the rest is instrumental.
    """

    name: str
    tempo: tuple[float, float]
    meters: tuple[Meter, ...]
    swing: tuple[float, float]
    swing_unit: float
    modes: tuple[str, ...]
    families: tuple[str, ...]
    richness: float
    grooves: tuple[str, ...]
    kits: tuple[str, ...]
    basses: tuple[str, ...]
    bass_styles: tuple[str, ...]
    layers: tuple[Layer, ...]
    machine: bool
    voices: tuple[float, float]


def _gm(*programs: int) -> tuple[str, ...]:
    return tuple(f"gm:{program}" for program in programs)


_PIANOS = _gm(0, 1, 2, 3)
_E_PIANOS = (*_gm(4, 5), "e-piano", "e-piano")
_ORGANS = (*_gm(16, 17, 18, 19), "organ", "organ", "organ")
_ACOUSTIC = (*_gm(24, 25), "acoustic strings", "acoustic strings", "nylon strings")
_CLEAN = (*_gm(26, 27, 28), "clean guitar", "clean guitar")
_CRUNCH = (*_gm(29), "crunch guitar", "crunch guitar")
_METAL = (*_gm(30), "metal guitar", "metal guitar", "metal guitar")
_STRINGS = _gm(48, 49, 50, 51, 44)
_SOLO_STRINGS = _gm(40, 41, 42, 110)
_BRASS = (*_gm(56, 57, 60, 61, 62, 63), "brass")
_SAXES = _gm(64, 65, 66, 67)
_WINDS = _gm(68, 69, 70, 71, 72, 73, 74, 75, 77, 79)
_MALLETS = (*_gm(8, 9, 11, 12, 13, 14, 114, 108), "bell", "mallet", "glass")
_LEADS = (*_gm(80, 81, 82, 84, 87), "lead", "lead", "lead")
_PADS = (*_gm(88, 89, 90, 92, 93, 94, 95, 50, 51), "pad", "pad", "pad", "pad")
_PLUCKS = ("pluck", "pluck", "arp", "bell", *_gm(45, 46, 96, 98))
_SUPERSAWS = ("supersaw", "supersaw", "brass", *_gm(62, 81))
_EFFECTS = ("riser", "fall", "impact", "atmosphere", "laser")

_ROOMS = (*_gm(0, 1, 8, 16), "acoustic kit", "acoustic kit")
_MACHINES = (*_gm(24, 25), "electronic kit", "electronic kit", "808 kit", "industrial kit")
_ELECTRIC = (*_gm(33, 34, 35), "fingered", "fingered", "picked")
_SYNTH_BASSES = (*_gm(38, 39), "reese", "acid", "square bass", "saw bass", "pluck bass", "fm bass")

_FX = Layer(Role.EFFECT, ("effects",), _EFFECTS, 0.5)
_FEW_FX = Layer(Role.EFFECT, ("effects",), _EFFECTS, 0.12)
_SHAKERS = ("electronic kit", "acoustic kit", *_gm(0, 8))
_PERCUSSION = Layer(Role.PERCUSSION, ("percussion",), _SHAKERS, 0.35)

_CHORDS, _PAD, _ARP, _RIFF, _LEAD = Role.CHORDS, Role.PAD, Role.ARPEGGIO, Role.RIFF, Role.LEAD

GENRES: tuple[Genre, ...] = (
    Genre(
        "ballad", (60, 92), (FOUR, FOUR, SIX, THREE), (0, 0.1), 1.0, ("major", "minor"),
        ("major", "minor"), 0.3, ("ballad",), _ROOMS, _ELECTRIC, ("whole", "fifths", "melodic"),
        (
            Layer(_CHORDS, ("held", "arpeggio", "pulse"), (*_PIANOS, *_E_PIANOS), 0.9),
            Layer(_CHORDS, ("arpeggio", "strum"), (*_ACOUSTIC, *_CLEAN), 0.5),
            Layer(_PAD, ("held",), (*_STRINGS, *_PADS), 0.7),
            Layer(_LEAD, ("lead", "counter"), (*_SOLO_STRINGS, *_SAXES, *_CRUNCH, *_WINDS), 0.4),
            _FEW_FX,
        ), False, (0.95, 0.0),
    ),
    Genre(
        "pop", (88, 130), (FOUR,), (0, 0.15), 0.5, ("major", "minor"), ("major", "minor"), 0.25,
        ("pop", "house", "hip hop"), (*_ROOMS, *_MACHINES),
        (*_ELECTRIC, *_SYNTH_BASSES, "sub"), ("eighths", "syncopated", "pulse", "melodic",
        "octaves"),
        (
            Layer(_CHORDS, ("pulse", "held", "comp", "stab"), (*_PIANOS, *_E_PIANOS, *_SUPERSAWS),
            0.8),
            Layer(_CHORDS, ("strum", "comp", "offbeat"), (*_ACOUSTIC, *_CLEAN), 0.6),
            Layer(_ARP, ("arpeggio",), _PLUCKS, 0.5), Layer(_PAD, ("held",), (*_PADS, *_STRINGS),
            0.6),
            Layer(_LEAD, ("riff", "lead"), (*_LEADS, *_MALLETS, *_BRASS), 0.5),
            _PERCUSSION, _FX,
        ), False, (0.85, 0.1),
    ),
    Genre(
        "rock", (96, 160), (FOUR, FOUR, FOUR, SIX), (0, 0.1), 1.0, ("major", "minor", "mixolydian"),
        ("major", "minor", "blues"), 0.08, ("rock", "shuffle"), _ROOMS,
        (*_ELECTRIC, "picked", "distorted"), ("eighths", "pulse", "melodic", "fifths"),
        (
            Layer(_CHORDS, ("power", "strum", "pulse"), (*_CRUNCH, *_METAL), 0.95),
            Layer(_CHORDS, ("strum", "arpeggio", "power"), (*_CRUNCH, *_CLEAN, *_ACOUSTIC), 0.6),
            Layer(_RIFF, ("riff",), _CRUNCH, 0.45), Layer(_PAD, ("held",), (*_ORGANS, *_STRINGS),
            0.35),
            Layer(_LEAD, ("lead",), (*_CRUNCH, *_METAL), 0.5),
            Layer(_CHORDS, ("pulse", "comp"), _PIANOS, 0.2),
        ), False, (0.9, 0.02),
    ),
    Genre(
        "punk", (150, 190), (FOUR,), (0, 0), 1.0, ("major", "minor"), ("major",), 0.0, ("punk",),
        _ROOMS, ("picked", "distorted", *_gm(34)), ("eighths", "pulse"),
        (
            Layer(_CHORDS, ("power eighths", "power"), (*_METAL, *_CRUNCH), 1.0),
            Layer(_CHORDS, ("power eighths", "power", "riff"), (*_METAL, *_CRUNCH), 0.6),
            Layer(_LEAD, ("lead", "riff"), _CRUNCH, 0.4),
        ), False, (0.92, 0.0),
    ),
    Genre(
        "metal", (90, 190), (FOUR, FOUR, FOUR, SIX), (0, 0), 1.0,
        ("minor", "phrygian", "harmonic minor"), ("metal", "minor"), 0.0, ("metal",),
        (*_gm(16, 8), "acoustic kit", "acoustic kit", "industrial kit"),
        ("distorted", "picked", *_gm(34)), ("gallop", "eighths", "rolling"),
        (
            Layer(_RIFF, ("chug", "gallop", "power"), _METAL, 1.0),
            Layer(_RIFF, ("chug", "gallop", "power", "riff"), _METAL, 0.6),
            Layer(_LEAD, ("shred", "lead"), (*_METAL, *_CRUNCH), 0.6),
            Layer(_PAD, ("held",), (*_STRINGS, *_PADS), 0.2), _FEW_FX,
        ), False, (0.85, 0.05),
    ),
    Genre(
        "funk", (92, 124), (FOUR,), (0, 0.35), 0.5, ("dorian", "mixolydian", "minor"), ("vamp",),
        0.8,
        ("funk",), _ROOMS, ("slap", "fingered", "fingered", *_gm(33, 36, 37)),
        ("syncopated", "octaves", "melodic"),
        (
            Layer(_CHORDS, ("funk strum", "stab", "comp"), _CLEAN, 0.9),
            Layer(_CHORDS, ("comp", "stab"), (*_ORGANS, *_E_PIANOS, "clav", "gm:7"), 0.8),
            Layer(_RIFF, ("stab", "riff"), (*_BRASS, *_SAXES), 0.6),
            Layer(_LEAD, ("lead",), (*_SAXES, *_LEADS, *_BRASS), 0.4), _PERCUSSION,
        ), False, (0.75, 0.1),
    ),
    Genre(
        "soul", (66, 112), (FOUR, SIX), (0, 0.6), 1.0, ("major", "dorian", "mixolydian"),
        ("major", "jazz", "vamp"), 0.7, ("soul", "funk", "hip hop"), _ROOMS,
        ("fingered", "fingered", *_gm(33, 32)), ("syncopated", "melodic", "fifths"),
        (
            Layer(_CHORDS, ("comp", "held"), (*_E_PIANOS, *_ORGANS, *_PIANOS), 0.9),
            Layer(_CHORDS, ("funk strum", "offbeat", "arpeggio"), _CLEAN, 0.7),
            Layer(_PAD, ("held", "counter"), _STRINGS, 0.5), Layer(_RIFF, ("stab",), _BRASS, 0.5),
            Layer(_LEAD, ("lead",), (*_SAXES, *_WINDS), 0.3), _PERCUSSION,
        ), False, (0.9, 0.05),
    ),
    Genre(
        "reggae", (68, 92), (FOUR,), (0, 0.6), 0.5, ("minor", "major", "dorian"), ("vamp",
        "minor", "major"),
        0.2, ("reggae",), _ROOMS, ("fingered", "sub", *_gm(33, 32)), ("reggae", "syncopated"),
        (
            Layer(_CHORDS, ("offbeat",), (*_CLEAN, *_PIANOS), 1.0),
            Layer(_CHORDS, ("bubble", "offbeat"), _ORGANS, 0.8),
            Layer(_LEAD, ("lead", "riff"), (*_BRASS, *_WINDS, "gm:22"), 0.5), _PERCUSSION, _FEW_FX,
        ), False, (0.85, 0.15),
    ),
    Genre(
        "country", (84, 150), (FOUR, FOUR, THREE), (0, 0.4), 1.0, ("major", "mixolydian"),
        ("major", "blues"),
        0.1, ("country", "shuffle"), (*_ROOMS, "brush kit"), (*_gm(32, 33), "upright", "fingered"),
        ("fifths", "pulse", "walking"),
        (
            Layer(_CHORDS, ("strum", "arpeggio"), _ACOUSTIC, 1.0),
            Layer(_ARP, ("arpeggio",), (*_gm(105, 25), "acoustic strings"), 0.5),
            Layer(_LEAD, ("lead",), (*_gm(110, 22, 27), "clean guitar"), 0.7),
            Layer(_CHORDS, ("pulse", "comp"), (*_PIANOS, *_ORGANS), 0.4),
        ), False, (0.92, 0.0),
    ),
    Genre(
        "hip hop", (78, 104), (FOUR,), (0, 0.6), 0.5, ("minor", "dorian"), ("minor", "vamp",
        "jazz"), 0.6,
        ("hip hop",), (*_gm(25, 0), "lo-fi kit", "lo-fi kit", "electronic kit", "acoustic kit"),
        ("sub", "808", "fingered", "upright", "fm bass", "gm:32"), ("syncopated", "sub", "melodic"),
        (
            Layer(_CHORDS, ("held", "comp", "arpeggio"), (*_E_PIANOS, *_PIANOS, *_MALLETS), 0.9),
            Layer(_RIFF, ("riff",), (*_PLUCKS, *_SOLO_STRINGS, *_WINDS, *_BRASS, "nylon strings"),
            0.6),
            Layer(_PAD, ("held",), (*_STRINGS, *_PADS), 0.4),
            Layer(Role.EFFECT, ("vinyl",), ("vinyl",), 0.5), _PERCUSSION,
        ), True, (0.25, 0.65),
    ),
    Genre(
        "trap", (120, 160), (FOUR,), (0, 0.1), 0.5, ("minor", "harmonic minor", "phrygian"),
        ("minor", "vamp"), 0.2, ("trap",), ("808 kit", "808 kit", "electronic kit", "gm:25"),
        ("808", "808", "808", "sub"), ("kick", "kick", "sub"),
        (
            Layer(_RIFF, ("riff", "arpeggio"), (*_MALLETS, *_PLUCKS, *_PIANOS), 0.9),
            Layer(_PAD, ("held",), _PADS, 0.6),
            Layer(_LEAD, ("lead", "counter"), (*_LEADS, *_WINDS, *_STRINGS), 0.4), _FX,
        ), True, (0.25, 0.6),
    ),
    Genre(
        "house", (116, 130), (FOUR,), (0, 0.3), 0.5, ("minor", "dorian", "major"), ("minor",
        "vamp", "major"),
        0.6, ("house",), _MACHINES, (*_SYNTH_BASSES, "sub", "fingered"),
        ("offbeat", "octaves", "syncopated", "rolling"),
        (
            Layer(_CHORDS, ("stab", "offbeat", "comp"), (*_PIANOS, *_ORGANS, *_SUPERSAWS,
            *_E_PIANOS), 0.9),
            Layer(_ARP, ("arpeggio",), _PLUCKS, 0.5), Layer(_PAD, ("held",), (*_PADS, *_STRINGS),
            0.6),
            Layer(_LEAD, ("riff", "lead"), (*_LEADS, *_SAXES), 0.4), _PERCUSSION, _FX,
        ), True, (0.6, 0.05),
    ),
    Genre(
        "techno", (124, 148), (FOUR,), (0, 0.1), 0.5, ("minor", "phrygian"), ("vamp",), 0.3,
        ("techno",),
        ("electronic kit", "industrial kit", "industrial kit", "808 kit", "gm:24"),
        ("acid", "reese", "fm bass", "saw bass", "sub"), ("rolling", "offbeat", "pulse"),
        (
            Layer(_RIFF, ("riff", "arpeggio"), ("arp", "pluck", "lead", "bell", "glass"), 0.9),
            Layer(_CHORDS, ("stab",), (*_SUPERSAWS, "pluck", "organ"), 0.5),
            Layer(_PAD, ("held",), ("pad", *_gm(89, 95)), 0.6), _PERCUSSION, _FX, _FX,
        ), True, (0.2, 0.1),
    ),
    Genre(
        "drum and bass", (165, 180), (FOUR,), (0, 0.1), 0.5, ("minor", "dorian"), ("minor",
        "vamp"), 0.5,
        ("drum and bass",), (*_gm(8, 16), "electronic kit", "acoustic kit", "lo-fi kit"),
        ("reese", "reese", "sub", "saw bass", "fm bass"), ("sub", "syncopated", "rolling", "kick"),
        (
            Layer(_PAD, ("held",), _PADS, 0.8), Layer(_ARP, ("arpeggio",), _PLUCKS, 0.6),
            Layer(_CHORDS, ("stab", "comp"), (*_E_PIANOS, *_PIANOS, *_SUPERSAWS), 0.6),
            Layer(_LEAD, ("lead", "riff"), _LEADS, 0.5), _FX, _PERCUSSION,
        ), True, (0.5, 0.2),
    ),
    Genre(
        "synthwave", (80, 124), (FOUR,), (0, 0), 1.0, ("minor", "major"), ("minor", "major"), 0.2,
        ("synthwave",), ("electronic kit", "808 kit", "gm:24", "gm:16"), ("saw bass",
        "square bass", "reese", "gm:38"),
        ("rolling", "octaves", "eighths"),
        (
            Layer(_PAD, ("held",), (*_PADS, *_SUPERSAWS), 0.9), Layer(_ARP, ("arpeggio",),
            _PLUCKS, 0.8),
            Layer(_LEAD, ("lead", "riff"), (*_LEADS, *_CRUNCH, *_SAXES), 0.7),
            Layer(_CHORDS, ("stab", "pulse"), (*_SUPERSAWS, "e-piano"), 0.5), _FX,
        ), True, (0.6, 0.0),
    ),
    Genre(
        "jazz", (76, 190), (FOUR, FOUR, FOUR, THREE), (0.6, 1.0), 1.0, ("major", "dorian", "minor"),
        ("jazz", "jazz", "blues"), 1.0, ("swing",), (*_gm(32, 40), "brush kit", "acoustic kit"),
        ("upright", "upright", "gm:32"), ("walking", "walking", "fifths"),
        (
            Layer(_CHORDS, ("comp",), (*_PIANOS, *_E_PIANOS, "gm:26", "clean guitar"), 1.0),
            Layer(_LEAD, ("lead", "shred"), (*_SAXES, *_gm(56, 59, 11, 71, 73)), 0.8),
            Layer(_RIFF, ("stab", "counter"), _BRASS, 0.3),
        ), False, (0.6, 0.0),
    ),
    Genre(
        "folk", (70, 140), (FOUR, THREE, SIX), (0, 0.2), 1.0, ("major", "dorian", "mixolydian",
        "minor"),
        ("major", "minor"), 0.1, ("brush", "tribal", "ballad"), (*_ROOMS, "brush kit"),
        ("upright", *_gm(32), "fingered"), ("fifths", "whole", "pulse"),
        (
            Layer(_CHORDS, ("arpeggio", "strum"), _ACOUSTIC, 1.0),
            Layer(_CHORDS, ("strum", "arpeggio"), (*_ACOUSTIC, *_gm(105, 15), "harp strings"), 0.5),
            Layer(_LEAD, ("lead", "counter"), (*_WINDS, *_SOLO_STRINGS, *_gm(21, 22, 109)), 0.7),
            Layer(_PAD, ("held",), (*_gm(20, 21), *_STRINGS), 0.4), _PERCUSSION,
        ), False, (0.92, 0.0),
    ),
    Genre(
        "ambient", (60, 100), (FOUR, SIX), (0, 0), 1.0, ("major", "lydian", "minor", "dorian"),
        ("vamp", "major", "minor"), 0.7, ("ballad", "techno", "brush"),
        ("electronic kit", "808 kit", "lo-fi kit", "brush kit"), ("sub", "fm bass", "reese",
        "gm:39"),
        ("whole", "sub"),
        (
            Layer(_PAD, ("held",), _PADS, 1.0), Layer(_PAD, ("held", "counter"), (*_PADS,
            *_STRINGS), 0.8),
            Layer(_ARP, ("arpeggio", "lead"), (*_MALLETS, *_PLUCKS, *_PIANOS, "harp strings"), 0.7),
            Layer(_LEAD, ("counter", "lead"), (*_LEADS, *_WINDS, *_CLEAN), 0.4),
            Layer(Role.EFFECT, ("effects",), ("atmosphere", "vinyl"), 0.6),
        ), True, (0.45, 0.0),
    ),
    Genre(
        "cinematic", (64, 150), (FOUR, FOUR, THREE, SIX), (0, 0), 1.0, ("minor", "harmonic minor",
        "major"),
        ("minor", "major", "metal"), 0.2, ("tribal", "ballad"), (*_gm(48, 16), "acoustic kit",
        "industrial kit"),
        (*_gm(43, 43, 32), "sub", "saw bass"), ("whole", "pulse", "eighths"),
        (
            Layer(_PAD, ("held",), _STRINGS, 0.95), Layer(_ARP, ("ostinato", "arpeggio"), _gm(48,
            45, 41, 42, 46), 0.8),
            Layer(_CHORDS, ("held", "stab"), _gm(60, 61, 57, 58), 0.7),
            Layer(_LEAD, ("counter", "lead"), (*_WINDS, *_SOLO_STRINGS, *_gm(60, 56)), 0.7),
            Layer(_CHORDS, ("arpeggio", "held"), (*_PIANOS, "harp strings"), 0.4), _FX,
        ), False, (0.35, 0.0),
    ),
    Genre(
        "latin", (86, 132), (FOUR,), (0, 0.1), 1.0, ("minor", "major", "harmonic minor"),
        ("minor", "major", "vamp", "jazz"), 0.4, ("latin",), (*_ROOMS, "acoustic kit"),
        (*_gm(32, 33), "upright", "fingered"), ("tumbao", "syncopated", "fifths"),
        (
            Layer(_CHORDS, ("montuno", "comp"), _PIANOS, 0.9),
            Layer(_CHORDS, ("strum", "funk strum", "arpeggio"), (*_gm(24), "nylon strings"), 0.7),
            Layer(_RIFF, ("stab", "riff"), _BRASS, 0.6),
            Layer(_LEAD, ("lead",), (*_WINDS, *_SAXES, *_BRASS, "nylon strings", "gm:21"), 0.5),
            Layer(Role.PERCUSSION, ("percussion",), (*_gm(0, 8), "acoustic kit"), 0.8),
        ), False, (0.8, 0.1),
    ),
)  # fmt: skip


def named(name: str) -> Genre:
    """The genre of a name; KeyError where there is none."""
    return {genre.name: genre for genre in GENRES}[name]
