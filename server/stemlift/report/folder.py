"""What a report is about: stems of a folder, and the song they were made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stemlift.audio.probe import probe
from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.sessions.song import Song
from stemlift.sessions.stems_folder import RECORD, read_record, song_of_folder

_ORDER = ("vocals", "drums", "bass", "guitar", "piano", "other", "remainder", "instrumental")

_MIXTURES = ("mix", "mixture")
"""Files of these names in a folder of stems are the mix, as in data sets."""


@dataclass(frozen=True, slots=True)
class Subject:
    """stems: files by name, in the order to show them.

    mix: None where it is not known. start: frame of the mix at which the stems begin.
    model: that made them, "" where nobody tells. notes: sentences for the reader.
    partial: whether they may be fewer than the song has, and need not add up to it.
    """

    title: str
    stems: Mapping[str, Path]
    mix: Path | None = None
    start: int = 0
    model: str = ""
    notes: tuple[str, ...] = ()
    partial: bool = False


def subject_of(folder: Path, mix: Path | None = None) -> Subject:
    """The stems of a folder as `stemlift separate` or the watched folder wrote it.

    Args:
        mix: the song; by default that of stems.json, or the one in or beside the folder.

    Raises:
        StemliftError: FILE_NOT_FOUND where there is no such folder or no stem in it,
            MEDIA_MISSING for a stem that stems.json names, ARGUMENT_INVALID where the mix is
            not that of the stems or several songs have a stem of one name, and reasons of
            reading.
    """
    try:
        # "." has a name, too, which tells what song it holds the stems of.
        folder = folder if folder.name not in ("", "..") else folder.resolve()
        song = song_of_folder(folder)
        known = read_record(folder)
        if known is None:
            _require_one_song(folder, song)
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{display_name(folder)} cannot be read: {error.strerror}.",
            "Name a folder that this user may read.",
        ) from error
    record = None if known is None else known.record
    # "" is the mix's name here.
    stems = {stem.name or stem.media.file.stem: stem.media.file for stem in song.stems}
    if not stems:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"{display_name(folder / RECORD)} names no stems.",
            "Remove it, and the files themselves tell, or separate the song again.",
        )
    whole = next((name for name in stems if name.casefold() in _MIXTURES), None)
    if whole is not None and len(stems) > 1:
        beside = stems.pop(whole)
        mix = mix or beside
    model = "" if record is None else record.model
    some = (
        record is not None and record.null_dbfs is None and "null_dbfs" in record.model_fields_set
    )
    start = round(song.start * song.sample_rate)
    if mix is None:
        found, why = _known_mix(song)
        if found is None:
            why += (
                " The sum of the stems stands for the mix, so nothing tells what the stems lack;"
                " name the song with --mix."
            )
        return subject_of_stems(song.name, stems, found, start, model, why, partial=some)
    if record is None:
        start = _start_in(mix, next(iter(stems.values())))
    return subject_of_stems(song.name, stems, mix, start, model, partial=some)


def subject_of_stems(
    title: str,
    stems: Mapping[str, Path],
    mix: Path | None,
    start: int,
    model: str,
    note: str = "",
    *,
    partial: bool = False,
) -> Subject:
    """Of stems that are known, in the order to show them, without those made of others.

    Args:
        partial: known to be only some of the song's. A single stem is taken as such, and so
            are those that an instrumental stood for, since it may hold more than they do.
    """
    rest = {name.casefold() for name in stems} - {"vocals", "instrumental"}
    dropped = [name for name in stems if name.casefold() == "instrumental" and rest]
    notes = [
        f"{name} is left out: it is the sum of other stems, and would count twice."
        for name in dropped
    ]
    kept = {name: stems[name] for name in sorted(stems, key=_place) if name not in dropped}
    told = (*notes, note) if note else tuple(notes)
    partial = partial or bool(dropped) or len(kept) == 1
    return Subject(title, kept, mix, start if mix is not None else 0, model, told, partial)


def _place(name: str) -> tuple[int, str]:
    known = name.casefold()
    return (_ORDER.index(known) if known in _ORDER else 4, name)


def _require_one_song(folder: Path, song: Song) -> None:
    """That no other song in the folder has a stem of the same name, which would be passed over.

    The same file in another format is no other song.
    """
    taken = {stem.name: stem.media.file for stem in song.stems}
    formats = {file.suffix for file in taken.values()}
    for file in sorted(folder.iterdir()):
        one = taken.get(file.stem.rpartition(" - ")[2])
        if one is None or file.suffix not in formats or file.name.startswith("."):
            continue
        if one.stem != file.stem:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{display_name(Path(one.name))} and {display_name(Path(file.name))} are the"
                " same stem, of two songs.",
                "Put the stems of each song into a folder of their own.",
            )


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
