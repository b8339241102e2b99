"""What a report is about: stems of a folder, and the song they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stemlift.audio.probe import probe
from stemlift.errors import Reason, StemliftError
from stemlift.sessions.song import Song
from stemlift.sessions.stems_folder import read_record, song_of_folder

_ORDER = ("vocals", "drums", "bass", "guitar", "piano", "other", "remainder", "instrumental")

_MIXTURES = ("mix", "mixture")
"""Files of these names in a folder of stems are the mix, as in data sets."""


@dataclass(frozen=True, slots=True)
class Subject:
    """stems: files by name, in the order to show them.

    mix: None where it is not known. start: frame of the mix at which the stems begin.
    model: that made them, "" where nobody tells. notes: sentences for the reader.
    """

    title: str
    stems: Mapping[str, Path]
    mix: Path | None = None
    start: int = 0
    model: str = ""
    notes: tuple[str, ...] = ()


def subject_of(folder: Path, mix: Path | None = None) -> Subject:
    """The stems of a folder as `stemlift separate` or the watched folder wrote it.

    Args:
        mix: the song; by default that of stems.json, or the one in or beside the folder.

    Raises:
        StemliftError: FILE_NOT_FOUND where there is no such folder or no stem in it,
            MEDIA_MISSING for a stem that stems.json names, ARGUMENT_INVALID where the mix is
            not that of the stems, and reasons of reading.
    """
    song = song_of_folder(folder)
    known = read_record(folder)
    record = None if known is None else known.record
    stems = {stem.name: stem.media.file for stem in song.stems}
    whole = next((name for name in stems if name.casefold() in _MIXTURES), None)
    if whole is not None and len(stems) > 1:
        beside = stems.pop(whole)
        mix = mix or beside
    model = "" if record is None else record.model
    start = round(song.start * song.sample_rate)
    if mix is None:
        found, why = _known_mix(song)
        if found is None:
            why += (
                " The sum of the stems stands for the mix, so nothing tells what the stems lack;"
                " name the song with --mix."
            )
        return subject_of_stems(song.name, stems, found, start, model, why)
    if record is None:
        start = _start_in(mix, next(iter(stems.values())))
    return subject_of_stems(song.name, stems, mix, start, model)


def subject_of_stems(
    title: str, stems: Mapping[str, Path], mix: Path | None, start: int, model: str, note: str = ""
) -> Subject:
    """Of stems that are known, in the order to show them, without those made of others."""
    rest = set(stems) - {"vocals", "instrumental"}
    dropped = [name for name in stems if name == "instrumental" and rest]
    notes = [
        f"{name} is left out: it is the sum of other stems, and would count twice."
        for name in dropped
    ]
    kept = {name: stems[name] for name in sorted(stems, key=_place) if name not in dropped}
    told = (*notes, note) if note else tuple(notes)
    return Subject(title, kept, mix, start if mix is not None else 0, model, told)


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else 4, name)


def _known_mix(song: Song) -> tuple[Path | None, str]:
    """The song that stems.json or its place tells, if it fits; else why there is none."""
    if song.mix is None:
        return None, "The song itself was not found."
    first = song.stems[0].media
    info = probe(song.mix.file)
    end = round(song.start * first.sample_rate) + first.frames
    fits = (info.sample_rate, info.channels) == (first.sample_rate, first.channels)
    if not fits or (info.frames is not None and info.frames < end):
        return None, f"{song.mix.file.name} is not as the stems are."
    return song.mix.file, ""


def _start_in(mix: Path, stem: Path) -> int:
    """Frame of the mix at which a stem begins: by its time stamp where it is shorter."""
    whole, part = probe(mix), probe(stem)
    if whole.frames is None or part.frames is None or part.bext is None:
        return 0
    if whole.frames == part.frames:
        return 0
    place = part.bext.time_reference - (whole.bext.time_reference if whole.bext else 0)
    if not 0 <= place <= whole.frames - part.frames:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The time stamp of {stem.name} lies outside of {mix.name}.",
            "Name the song that these stems were made of.",
        )
    return place
