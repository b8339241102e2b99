"""Folders of stems that exist: their stems.json, or the names of their files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.results import SeparationResult
from stemlift.sessions.media import media_of
from stemlift.sessions.song import Song, Stem, mix_of
from stemlift.sessions.timeline import Media, at_frame
from stemlift.system.whole import write_whole

RECORD = "stems.json"
"""In a folder of stems: what they are. The watched folder writes one of the same name."""

_LARGEST = 4 << 20
_BETWEEN = " - "
_PAGES = (".json", ".txt", ".md", ".html", ".pdf", ".mp4", ".rpp", ".dawproject")
_PEAKS = (".reapeaks", ".asd", ".pkf", ".sfk", ".wfm", ".ovw", ".pk")
"""What audio programs leave beside a sound that they opened."""

_LEFT_OUT = (*_PAGES, *_PEAKS, ".jpg", ".jpeg", ".png", ".db", ".ini")


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True)


class SourceRecord(_Lenient):
    """The song. frames, sample_rate, channels: as the stems have them."""

    path: str
    sha256: str = ""
    frames: int = Field(gt=0)
    sample_rate: int = Field(gt=0)
    channels: int = Field(gt=0)


class StemRecord(_Lenient):
    """file: its name in the folder. bytes: its size."""

    name: str
    file: str
    bytes: int


class StemsRecord(_Lenient):
    """stems.json. start_frame: where in the source the stems begin. key: what they were made of.

    It is what the watched folder writes, less what a session does not need, and more.
    """

    song: str
    source: SourceRecord
    stems: tuple[StemRecord, ...]
    model: str = ""
    job: str = ""
    null_dbfs: float | None = None
    start_frame: int = Field(default=0, ge=0)
    key: str = ""


@dataclass(frozen=True, slots=True)
class StemsFolder:
    path: Path
    record: StemsRecord

    @property
    def whole(self) -> bool:
        """Whether every stem is there; one that somebody edited is."""
        return bool(self.record.stems) and all(
            (self.path / stem.file).is_file() for stem in self.record.stems
        )

    @property
    def edited(self) -> bool:
        """Whether a stem is not what was written."""
        files = ((self.path / stem.file, stem.bytes) for stem in self.record.stems)
        return any(file.is_file() and file.stat().st_size != size for file, size in files)

    def song(self, source: Path | None = None) -> Song:
        """The song with these stems; source: where it lies now, by default where it lay.

        Without the song itself where it is not there any more.

        Raises:
            StemliftError: MEDIA_MISSING for a stem that is gone or was changed.
        """
        facts = self.record.source
        for stem in self.record.stems:
            if not (self.path / stem.file).is_file():
                raise StemliftError(
                    Reason.MEDIA_MISSING,
                    f"{self.path / RECORD} names {stem.file}, which is not there.",
                    "Put the file back, or separate the song again.",
                )
        mix = source or Path(facts.path)
        start, rate = self.record.start_frame, facts.sample_rate
        return Song(
            self.record.song,
            tuple(Stem(stem.name, self._media(stem)) for stem in self.record.stems),
            mix_of(mix, start, facts.frames, rate) if mix.is_file() else None,
            at_frame(start, rate),
        )

    def _media(self, stem: StemRecord) -> Media:
        file, facts = self.path / stem.file, self.record.source
        if file.stat().st_size != stem.bytes:
            return media_of(file)
        return Media(file, facts.sample_rate, facts.channels, facts.frames)


def read_record(folder: Path) -> StemsFolder | None:
    """What stems.json of a folder says; None where there is none that can be used.

    One that names a file outside its folder is not used.
    """
    try:
        with (folder / RECORD).open("rb") as file:
            data = file.read(_LARGEST + 1)
        record = StemsRecord.model_validate_json(data)
    except (OSError, ValidationError):
        return None
    plain = all(Path(s.file).name == s.file and "\\" not in s.file for s in record.stems)
    return StemsFolder(folder, record) if plain and len(data) <= _LARGEST else None


def write_record(
    folder: Path, source: Path, sha256: str, key: str, result: SeparationResult
) -> StemsFolder:
    """Put stems.json into the folder of a result, whole or not at all. Raises OSError."""
    record = StemsRecord(
        song=source.stem,
        source=SourceRecord(
            path=str(source),
            sha256=sha256,
            frames=result.frames,
            sample_rate=result.sample_rate,
            channels=result.channels,
        ),
        stems=tuple(
            StemRecord(name=name, file=path.name, bytes=path.stat().st_size)
            for name, path in result.stems.items()
        ),
        model=result.model,
        job=result.job,
        null_dbfs=result.null_dbfs,
        start_frame=result.start_frame,
        key=key,
    )
    # ASCII: a name that is no Unicode has escapes in it, which UTF-8 would refuse.
    text = json.dumps(record.model_dump(mode="json"), indent=2)
    write_whole(folder / RECORD, f"{text}\n".encode("ascii"))
    return StemsFolder(folder, record)


def song_of_folder(folder: Path) -> Song:
    """A song from a folder of stems: by its stems.json, else by the names of its files.

    "<song> - <stem>" names both, as `stemlift separate` writes them; any other name is that of
    a stem. A folder "<song> stems" has its song beside it.

    Raises:
        StemliftError: FILE_NOT_FOUND where there is no such folder or no stem in it,
            MEDIA_MISSING, and what `stemlift.audio.probe.probe` raises.
    """
    known = read_record(folder)
    if known is not None:
        return known.song()
    if not folder.is_dir():
        raise StemliftError(
            Reason.FILE_NOT_FOUND, f"There is no folder {folder}.", "Check the path."
        )
    stems: dict[str, Media] = {}
    songs: list[str] = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.suffix.lower() in _LEFT_OUT or not file.is_file():
            continue
        song, between, stem = file.stem.rpartition(_BETWEEN)
        if between:
            songs.append(song)
        stems.setdefault(stem, media_of(file))
    if not stems:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There are no stems in {folder}.",
            "Name a folder of sound files that `stemlift separate` wrote.",
        )
    one = len(set(songs)) == 1 and len(songs) == len(stems)
    name = songs[0] if one else folder.name.removesuffix(" stems")
    first = next(iter(stems.values()))
    mix = _beside(folder, first)
    return Song(name, tuple(Stem(stem, media) for stem, media in stems.items()), mix)


def separate_wrote(folder: Path) -> bool:
    """Whether it is "<song> stems" with files "<song> - <stem>" and no other sounds, as
    `stemlift separate` leaves them."""
    song = folder.name.removesuffix(" stems")
    try:
        sounds = [
            file.name
            for file in folder.iterdir()
            if not file.name.startswith(".") and file.suffix.lower() not in _LEFT_OUT
        ]
    except OSError:
        return False
    return (
        song != folder.name
        and bool(sounds)
        and all(name.startswith(f"{song}{_BETWEEN}") for name in sounds)
    )


def _beside(folder: Path, stem: Media) -> Media | None:
    """The song "<song>.*" of the folder "<song> stems", where it is as long as the stems."""
    name = folder.name.removesuffix(" stems")
    if name == folder.name:
        return None
    for file in sorted(folder.parent.iterdir()):
        if file.stem != name or not file.is_file():
            continue
        try:
            media = media_of(file)
        except StemliftError:
            # No song, or one that cannot be read: the stems do without.
            continue
        if (media.sample_rate, media.frames) == (stem.sample_rate, stem.frames):
            return media
    return None
