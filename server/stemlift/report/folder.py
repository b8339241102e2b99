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
    stems = {name: stems[name] for name in sorted(stems, key=_place)}
    whole = next((name for name in stems if name.casefold() in _MIXTURES), None)
    if whole is not None and len(stems) > 1:
        beside = stems.pop(whole)
        mix = mix or beside
    dropped = _made_of_others(stems)
    notes = [
        f"{name} is left out: it is the sum of other stems, and would count twice."
        for name in dropped
    ]
    kept = {name: path for name, path in stems.items() if name not in dropped}
    start, rate = round(song.start * song.sample_rate), song.sample_rate
    chosen = mix
    if chosen is None:
        chosen, why = _known_mix(song)
        if chosen is None:
            notes.append(f"{why} The sum of the stems stands for the mix, so nothing tells what"
                         " the stems lack; name the song with --mix.")  # fmt: skip
    elif record is None or _differs(chosen, rate, record.source.frames):
        start = _start_in(chosen, next(iter(kept.values())))
    return Subject(
        title=song.name,
        stems=kept,
        mix=chosen,
        start=start if chosen is not None else 0,
        model="" if record is None else record.model,
        notes=tuple(notes),
    )


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else 4, name)


def _made_of_others(stems: Mapping[str, Path]) -> tuple[str, ...]:
    """The instrumental, where there are stems besides it and the vocals to make it from."""
    rest = set(stems) - {"vocals", "instrumental"}
    return ("instrumental",) if rest and "instrumental" in stems else ()


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


def _differs(mix: Path, rate: int, frames: int) -> bool:
    info = probe(mix)
    return info.sample_rate == rate and info.frames == frames


def _start_in(mix: Path, stem: Path) -> int:
    """Frame of the mix at which a stem begins: by its time stamp where it is shorter."""
    whole, part = probe(mix), probe(stem)
    if None in (whole.frames, part.frames) or whole.frames == part.frames or part.bext is None:
        return 0
    start = part.bext.time_reference - (whole.bext.time_reference if whole.bext else 0)
    assert whole.frames is not None
    assert part.frames is not None
    if not 0 <= start <= whole.frames - part.frames:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"The time stamp of {stem.name} lies outside of {mix.name}.",
            "Name the song that these stems were made of.",
        )
    return start
