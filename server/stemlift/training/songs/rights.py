"""Every ingredient of the training songs, its licence, and which split may use it.

A model inherits doubts from what it learned from. So nothing sounds in a song that is not
listed here, and all of it is free: instruments and voices that a model learns from come under
licences that ask for no more than a notice, with one exception that its `note` weighs. What
measures a model puts nothing into weights, and may be under the GPL or the LGPL.

TimGM6mb, which Debian also carries, is left out: it is under the GPL. So are the voices of
MBROLA, which may not be sold, and festival's British and Spanish ones, whose dictionary or
recordings are for non-commercial use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stemlift.errors import Reason, StemliftError

Split = Literal["train", "valid", "test"]

_SAMPLES = Path("/usr/share/sounds")
_EVERY: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Ingredient:
    """Something that songs are made from, or with.

    Attributes:
        name: short and unique.
        what: one sentence.
        licence: SPDX identifiers, the whole of what applies to what sounds.
        origin: who made it, and where the licence is stated.
        splits: the parts of the data that may use it.
        package: the Debian package that carries it; empty for what is in this repository, and
            for packages of Python.
        files: where it may lie, the first that exists is used.
        version: of the package, where the songs of the shipped weights were made.
        note: what else to know before relying on the licence.
    """

    name: str
    what: str
    licence: str
    origin: str
    splits: tuple[Split, ...]
    package: str = ""
    files: tuple[Path, ...] = ()
    version: str = ""
    note: str = ""


SOUNDFONTS = (
    Ingredient(
        name="FluidR3",
        what="General MIDI instruments and drum kits.",
        licence="MIT",
        origin=(
            "Frank Wen, 2000-2002 and 2008, own recordings and public domain samples;"
            " copyright file of the package fluid-soundfont-gm."
        ),
        splits=("train",),
        package="fluid-soundfont-gm",
        files=(_SAMPLES / "sf2" / "FluidR3_GM.sf2",),
        version="3.1-5.3",
    ),
    Ingredient(
        name="MuseScore General",
        what=(
            "General MIDI instruments and drum kits. It grew from a mono FluidR3, so some"
            " samples are related; pianos, strings, drum kits and most programs were replaced or"
            " reprogrammed."
        ),
        licence="MIT AND CC0-1.0",
        origin=(
            "S. Christian Collins, 2018-2021, with CC0 samples of MuseScore Drumline, VCSL and"
            " VSCO 2 CE and a public domain grand piano; copyright file of the package"
            " musescore-general-soundfont-lossless."
        ),
        splits=("valid", "test"),
        package="musescore-general-soundfont-lossless",
        files=(
            _SAMPLES / "sf2" / "MuseScore_General_Full.sf2",
            _SAMPLES / "sf3" / "MuseScore_General_Full.sf3",
            _SAMPLES / "sf3" / "MuseScore_General.sf3",
        ),
        version="0.2.1-1",
    ),
)


def _festival(
    name: str, what: str, licence: str, who: str, split: Split, version: str, note: str = ""
) -> Ingredient:
    origin = f"{who}; copyright file of the package."
    return Ingredient(name, what, licence, origin, (split,), name, (), version, note)


_CSTR = "CSTR, University of Edinburgh"
_ITALY = "ISTC-SPFD CNR and ITC-irst, 2008"
_BRAILCOM = "Brailcom, o.p.s."
_FINLAND = "Universities of Helsinki and Joensuu, 2000-2003"
_CATALONIA = "Universitat Politècnica de Catalunya, Antonio Bonafonte and others, 2007-2016"
_DIPHONES = "voice from recorded diphones."
_LESSER_2 = (
    "It names the “Lesser” licence in “version 2”, which was called “Library” then; Debian reads"
    " it as LGPL-2."
)

VOICES = (
    Ingredient(
        name="flite",
        what="Three American voices, made from recordings.",
        licence="MIT-Festival",
        origin=(
            "Carnegie Mellon University, 1999-2018, the voice kal by Kevin A. Lenzo, rms and slt"
            " from the university's own ARCTIC recordings; copyright file of the package flite."
        ),
        splits=("train",),
        package="flite",
        version="2.2-5",
    ),
    Ingredient(
        name="espeak-ng",
        what="Voices of many languages, computed by rules; only some consonants are recorded.",
        licence="GPL-3.0-or-later",
        origin=(
            "Jonathan Duddington, Reece H. Dunn and others, 2005-2016; copyright file of the"
            " package espeak-ng."
        ),
        splits=_EVERY,
        package="espeak-ng",
        version="1.51+dfsg-10+deb12u2",
        note=(
            "Its data hold 162 recorded consonants, none longer than a quarter of a second, most"
            " of them unvoiced, under the GPL as the program. No sample of them is in a song:"
            " WORLD measures what was said, and other pulses and other noise are given the shape"
            " that it found."
        ),
    ),
    _festival(
        "festvox-kdlpc16k",
        f"An American {_DIPHONES}",
        "MIT-Festival",
        f"{_CSTR}, 1997",
        "train",
        "1.4.0-6.1",
    ),
    _festival(
        "festvox-ru",
        "A Russian voice from recorded units.",
        "MIT-Festival",
        "Nickolay V. Shmyrev, 2005",
        "train",
        "0.5+dfsg-6",
    ),
    *(
        _festival(
            f"festvox-{name}",
            f"An Italian {_DIPHONES}",
            "GPL-2.0-or-later",
            _ITALY,
            "valid",
            "2.0+debian0-6",
        )
        for name in ("italp16k", "itapc16k")
    ),
    _festival(
        "festvox-ca-ona-hts",
        "A Catalan voice, a statistical model of recordings.",
        "LGPL-2.1-or-later AND BSD-3-Clause AND MIT-Festival",
        _CATALONIA,
        "valid",
        "1.3-3",
    ),
    *(
        _festival(
            f"festvox-czech-{name}",
            f"A Czech {_DIPHONES}",
            "GPL-3.0-or-later",
            f"{_BRAILCOM}, 2005 and 2010-2011",
            "test",
            "1.0.0-5",
        )
        for name in ("dita", "krb", "machac")
    ),
    _festival(
        "festvox-czech-ph",
        f"A Czech {_DIPHONES}",
        "GPL-2.0-or-later",
        f"{_BRAILCOM}, 2005",
        "test",
        "0.1-6",
    ),
    _festival(
        "festvox-suopuhe-lj",
        f"A Finnish {_DIPHONES}",
        "LGPL-2.0-or-later",
        _FINLAND,
        "test",
        "1.0g-20051204-5",
        _LESSER_2,
    ),
    _festival(
        "festvox-suopuhe-mv",
        f"A Finnish {_DIPHONES}",
        "LGPL-2.0-or-later",
        _FINLAND,
        "test",
        "20041119-3",
        f"{_LESSER_2} Its authors' own README leaves open whether others took part.",
    ),
)

OWN_VOICES = Ingredient(
    name="formant voices",
    what="Voices of our own, computed from the resonances of a throat.",
    licence="MIT",
    origin="This repository, stemlift.training.songs.formant_voice.",
    splits=_EVERY,
)

OWN = (
    Ingredient(
        name="scores",
        what="Chords, grooves, bass lines, melodies and words, composed by chance from rules.",
        licence="MIT",
        origin="This repository, stemlift.training.songs.",
        splits=_EVERY,
    ),
    Ingredient(
        name="synthesis",
        what="Synthesised drums, basses, guitars, organs, synthesizers and effects.",
        licence="MIT",
        origin="This repository, stemlift.training.songs.synthesis.",
        splits=_EVERY,
    ),
    Ingredient(
        name="mixing",
        what="Equalisers, compressors, saturation, rooms, delays, limiters and losses.",
        licence="MIT",
        origin="This repository, stemlift.training.songs.mixing and its neighbours.",
        splits=_EVERY,
    ),
    OWN_VOICES,
)

TOOLS = (
    Ingredient(
        name="FluidSynth",
        what="Plays SoundFonts. A tool: its licence does not reach what is played.",
        licence="LGPL-2.1-or-later",
        origin="Peter Hanappe and others; copyright file of the package libfluidsynth3.",
        splits=_EVERY,
        package="libfluidsynth3",
        version="2.3.1-2",
    ),
    Ingredient(
        name="festival",
        what="Lets the festvox voices speak.",
        licence="MIT-Festival",
        origin="CSTR, University of Edinburgh, 1996-2017; copyright file of the package.",
        splits=_EVERY,
        package="festival",
        version="1:2.5.0-9",
    ),
    _festival(
        "festlex-cmu",
        "Tells how English words are said. Nothing of it sounds, as of all dictionaries.",
        "MIT-Festival",
        f"{_CSTR}, 1996-1997",
        "train",
        "2.4-2",
    ),
    _festival(
        "festlex-poslex",
        "Tells which English words are verbs and which nouns.",
        "MIT-Festival",
        f"{_CSTR}, 1996-1997",
        "train",
        "2.4-1",
    ),
    _festival(
        "festlex-ifd",
        "Tells how Italian words are said.",
        "GPL-2.0-or-later",
        _ITALY,
        "valid",
        "2.0+debian0-6",
    ),
    _festival(
        "festival-ca",
        "Tells how Catalan words are said.",
        "LGPL-2.1-only AND MIT-Festival AND GPL-2.0-or-later AND GPL-3.0-or-later",
        _CATALONIA,
        "valid",
        "3.0.6-2",
    ),
    _festival(
        "festival-czech",
        "Tells how Czech words are said.",
        "GPL-2.0-or-later",
        f"{_BRAILCOM}, 2003-2008",
        "test",
        "0.3-6",
    ),
    _festival(
        "festvox-suopuhe-common",
        "Tells how Finnish words are said.",
        "LGPL-2.0-or-later",
        _FINLAND,
        "test",
        "1.0g-20051204-5",
        _LESSER_2,
    ),
    Ingredient(
        name="pyworld",
        what="WORLD for Python, from the package pyworld-prebuilt: takes what was said apart.",
        licence="MIT AND BSD-3-Clause",
        origin="Contributors of pyworld, 2016; WORLD by Masanori Morise; LICENSE of each.",
        splits=_EVERY,
        version="0.3.6.post1",
    ),
    Ingredient(
        name="NumPy",
        what="Computes.",
        licence="BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
        origin="NumPy's developers; metadata of the package.",
        splits=_EVERY,
        version="2.4.6",
    ),
    Ingredient(
        name="SciPy",
        what="Filters.",
        licence="BSD-3-Clause",
        origin="SciPy's developers; metadata of the package.",
        splits=_EVERY,
        version="1.17.1",
    ),
    Ingredient(
        name="soundfile",
        what="Reads what the voices say, by libsndfile.",
        licence="BSD-3-Clause AND LGPL-2.1-or-later",
        origin="Bastian Bechtold; libsndfile by Erik de Castro Lopo; LICENSE of each.",
        splits=_EVERY,
        version="0.14.0",
    ),
)


def ingredients(split: Split) -> tuple[Ingredient, ...]:
    """What songs of a split may be made from, tools left out."""
    return tuple(entry for entry in (*SOUNDFONTS, *VOICES, *OWN) if split in entry.splits)


def packages(*splits: Split) -> tuple[str, ...]:
    """The Debian packages that songs of these splits need, sorted; tools among them."""
    return tuple(
        sorted(
            entry.package
            for entry in (*SOUNDFONTS, *VOICES, *TOOLS)
            if entry.package and set(entry.splits) & set(splits)
        )
    )


def of_voice(package: str) -> Ingredient:
    """The ingredient that a Debian package with voices is; our own where it is empty.

    Raises:
        KeyError: it is not listed, so that nothing may be sung with it.
    """
    if not package:
        return OWN_VOICES
    return {entry.package: entry for entry in VOICES}[package]


def soundfont_for(split: Split) -> Path:
    """The SoundFont that plays a split.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE, where its package is not installed.
    """
    entry = next(font for font in SOUNDFONTS if split in font.splits)
    for file in entry.files:
        if file.is_file():
            return file
    raise StemliftError(
        Reason.TRAINING_UNAVAILABLE,
        f"The SoundFont {entry.name}, which plays the {split} songs, is not at {entry.files[0]}.",
        f"Install it: apt-get install {entry.package}",
    )
