"""Every ingredient of the training songs, its licence, and which split may use it.

A model inherits doubts from what it learned from. So nothing sounds in a song that is not
listed here, and everything listed allows any use of what is made with it. TimGM6mb, which
Debian also carries, is left out: it is under the GPL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stemlift.errors import Reason, StemliftError

Split = Literal["train", "valid", "test"]

_SAMPLES = Path("/usr/share/sounds")


@dataclass(frozen=True, slots=True)
class Ingredient:
    """Something that songs are made from.

    Attributes:
        name: short and unique.
        what: one sentence.
        licence: SPDX identifiers, the whole of what applies.
        origin: who made it, and where the licence is stated.
        splits: the parts of the data that may use it.
        package: the Debian package that carries it; empty for what is in this repository.
        files: where it may lie, the first that exists is used.
    """

    name: str
    what: str
    licence: str
    origin: str
    splits: tuple[Split, ...]
    package: str = ""
    files: tuple[Path, ...] = ()


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
    ),
)

OWN = (
    Ingredient(
        name="scores",
        what="Chords, grooves, bass lines, melodies and words, composed by chance from rules.",
        licence="MIT",
        origin="This repository, stemlift.training.songs.",
        splits=("train", "valid", "test"),
    ),
    Ingredient(
        name="synthesis",
        what="Synthesised drums, basses, guitars, organs, synthesizers and effects.",
        licence="MIT",
        origin="This repository, stemlift.training.songs.synthesis.",
        splits=("train", "valid", "test"),
    ),
)

TOOLS = (
    Ingredient(
        name="FluidSynth",
        what="Plays SoundFonts. A tool: its licence does not reach what is played.",
        licence="LGPL-2.1-or-later",
        origin="Peter Hanappe and others; copyright file of the package libfluidsynth3.",
        splits=("train", "valid", "test"),
        package="libfluidsynth3",
    ),
)


def ingredients(split: Split) -> tuple[Ingredient, ...]:
    """What songs of a split may be made from, tools left out."""
    return tuple(entry for entry in (*SOUNDFONTS, *OWN) if split in entry.splits)


def soundfont_for(split: Split) -> Path:
    """The SoundFont that plays a split.

    Raises:
        StemliftError: FILE_NOT_FOUND, where its package is not installed.
    """
    entry = next(font for font in SOUNDFONTS if split in font.splits)
    for file in entry.files:
        if file.is_file():
            return file
    raise StemliftError(
        Reason.FILE_NOT_FOUND,
        f"The SoundFont {entry.name}, which plays the {split} songs, is not at {entry.files[0]}.",
        f"Install it: apt-get install {entry.package}",
    )
