"""Sample libraries: the stems of a song as loops of bars and as one-shots, with a manifest."""

from __future__ import annotations

import errno
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.looks import title
from stemlift.reaper.naming import source_name
from stemlift.sessions.analysis.result import Analysis, KeyEstimate
from stemlift.sessions.files import make_folder
from stemlift.sessions.hearing import analysed
from stemlift.sessions.mashup_tracks import WITHOUT_PITCH
from stemlift.sessions.media import FOLDER as MEDIA
from stemlift.sessions.sample_files import (
    Tags,
    is_silent,
    level_of,
    peak_dbfs,
    read_slice,
    write_sample,
)
from stemlift.sessions.separating import OnUpdate, separated
from stemlift.sessions.slicing import Slice, loops, shots
from stemlift.sessions.song import Song, Stem
from stemlift.sessions.sources import Source, expanded

if TYPE_CHECKING:
    from stemlift.audio.reader import AudioReader
    from stemlift.rpc.client import Client
    from stemlift.rpc.requests import SeparateOptions
    from stemlift.rpc.results import JobUpdate

MANIFEST = "samples.json"
LOOPS, SHOTS = "Loops", "One-shots"

By = Literal["bars", "onsets", "both"]

_MOST_BARS = 64


class SamplesOptions(TypedDict, total=False):
    """The optional arguments of `new_samples`.

    by: "bars" for loops (the default), "onsets" for one-shots, or "both".
    bars: lengths of the loops; 1, 2 and 4 by default.
    stems: names of stems to ask for; None: every stem of the model.
    model, separation, client, on_update, on_note, beat: as for `new_session`.
    """

    by: str
    bars: Sequence[int]
    stems: Sequence[str] | None
    model: str
    separation: SeparateOptions
    client: Client | None
    on_update: OnUpdate
    on_note: Callable[[str], None]
    beat: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of the library. file: from the library's folder, with "/". kind: "loop" or
    "one-shot". start_frame: in the stem. bar, beat: where it begins, from 1. bars: length of a
    loop. bpm, key: None where unknown, or where the stem has no pitch."""

    file: str
    stem: str
    kind: str
    start_frame: int
    frames: int
    sample_rate: int
    bar: int
    beat: int
    bars: int | None
    bpm: float | None
    key: str | None
    peak_dbfs: float


@dataclass(frozen=True, slots=True)
class Library:
    """A library that was written. path: its folder. skipped: slices left out as silent."""

    path: Path
    song: str
    bpm: float | None
    key: str | None
    samples: tuple[Sample, ...]
    skipped: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `samples.json` has it, and the folder."""
        return {"library": str(self.path), **_manifest(self)}


def new_samples(song: Source, folder: Path | str, **options: Unpack[SamplesOptions]) -> Library:
    """Cut the stems of a song into a library, in a folder of the song's name in `folder`.

    The library appears whole or not at all. Stems that the server makes go to the folder "Media"
    in `folder`, where they are found again.

    Args:
        song: a sound file, a folder of stems with a stems.json, or a `Song`.

    Raises:
        StemliftError: OUTPUT_EXISTS where the song has a library there; ARGUMENT_INVALID, where
            no beat is found, too; what is wrong with the song or why it could not be separated;
            ANALYSIS_UNAVAILABLE, OUTPUT_UNWRITABLE, DISK_FULL.
    """
    by, lengths = _checked(options.get("by", "bars"), options.get("bars", (1, 2, 4)))
    place = Path(folder).absolute()
    sources = expanded([song])
    if len(sources) != 1:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{song} is a folder of {len(sources)} songs.",
            "Name one song; each has a library of its own.",
        )
    (source,) = sources
    name = source.name if isinstance(source, Song) else source.stem
    target = place / source_name(f"{name}.wav")
    _refuse_existing(target)
    found = source if isinstance(source, Song) else _separated(source, place, options)
    beat = options.get("beat", _nothing)
    chosen = _only(found, options.get("stems")) if found is source else found
    analysis = analysed(found, beat)
    make_folder(place)
    scratch = place / f".stemlift-{uuid.uuid4().hex}"
    try:
        scratch.mkdir()
        library = _cut(chosen, target, scratch, analysis, by, lengths, beat)
        text = json.dumps(_manifest(library), indent=2)
        (scratch / MANIFEST).write_text(f"{text}\n", encoding="ascii")
        _refuse_existing(target)
        scratch.rename(target)
    except OSError as error:
        raise StemliftError(
            Reason.DISK_FULL if error.errno == errno.ENOSPC else Reason.OUTPUT_UNWRITABLE,
            f"The library {target} cannot be written: {error.strerror or error}.",
            "Free some space, or choose another folder.",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for note in library.notes:
        options.get("on_note", _no_note)(note)
    return library


def _checked(by: object, bars: Sequence[int]) -> tuple[By, tuple[int, ...]]:
    for known in ("bars", "onsets", "both"):
        if by == known:
            break
    else:
        raise StemliftError(
            Reason.ARGUMENT_INVALID, f"by cannot be {by!r}.", "Accepted: bars, onsets or both."
        )
    lengths = tuple(dict.fromkeys(bars))
    if not lengths or not all(1 <= length <= _MOST_BARS for length in lengths):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"bars cannot be {', '.join(map(str, bars)) or 'empty'}.",
            f"Accepted: lengths from 1 to {_MOST_BARS}, such as 1,2,4.",
        )
    return known, lengths


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise StemliftError(
            Reason.OUTPUT_EXISTS,
            f"{target} is there already.",
            "Choose another folder, or move the library away.",
        )


def _separated(source: Path, place: Path, options: SamplesOptions) -> Song:
    note, beat = options.get("on_note", _no_note), options.get("beat", _nothing)
    stems = options.get("stems")
    with ExitStack() as kept:
        client = options.get("client")
        if client is None:
            # On demand: stems that exist need no server.
            from stemlift.rpc.client import Client

            client = kept.enter_context(Client(heartbeat=beat, on_wait=note))
        (song,) = separated(
            client,
            [source],
            place / MEDIA,
            {
                "model": options.get("model", "auto"),
                "stems": None if stems is None else list(stems),
                **options.get("separation", {}),
            },
            on_update=options.get("on_update", _no_update),
            on_found=lambda path: note(f"{path.name}: its stems are there already."),
            beat=beat,
        )
    return song


def _only(song: Song, names: Sequence[str] | None) -> Song:
    """With these of its stems. Raises StemliftError (STEM_UNKNOWN)."""
    there = [stem.name for stem in song.stems]
    for name in names or ():
        if name not in there:
            raise StemliftError(
                Reason.STEM_UNKNOWN,
                f"{song.name} has no stem {name!r}.",
                f"Choose from: {', '.join(there)}.",
            )
    if names is None:
        return song
    return replace(song, stems=tuple(stem for stem in song.stems if stem.name in names))


def _cut(
    song: Song,
    target: Path,
    scratch: Path,
    analysis: Analysis,
    by: By,
    lengths: Sequence[int],
    beat: Callable[[], None],
) -> Library:
    from stemlift.audio.reader import open_reader

    notes = list(analysis.notes)
    if analysis.key.guessed:
        notes.append(
            f"The key of {song.name}, {analysis.key.name}, is only"
            f" {analysis.key.sure_of_notes:.0%} sure: the samples do not bear it."
        )
        analysis = replace(analysis, key=KeyEstimate(None))
    if not analysis.downbeats and by != "onsets":
        if by == "bars":
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"No beat was found in {song.name}, so it has no bars to be cut at.",
                "Cut it at onsets, with --by onsets.",
            )
        notes.append(f"No beat was found in {song.name}: there are no loops.")
    samples: list[Sample] = []
    skipped = 0
    for stem in song.stems:
        with open_reader(stem.media.file) as reader:
            for piece in _slices(stem, reader, analysis, by, lengths):
                beat()
                block = read_slice(reader, piece)
                peak = peak_dbfs(block, reader.info.grid_bits)
                if is_silent(peak):
                    skipped += 1
                    continue
                key = analysis.key if stem.name not in WITHOUT_PITCH else None
                file = _name(song, stem, piece, None if key is None else key.name)
                sample = Sample(
                    file.as_posix(),
                    stem.name,
                    "one-shot" if piece.bars is None else "loop",
                    piece.start,
                    piece.frames,
                    reader.info.sample_rate,
                    piece.bar,
                    piece.beat,
                    piece.bars,
                    piece.bpm,
                    key.name if key and key.name else None,
                    round(peak, 2),
                )
                (scratch / file).parent.mkdir(parents=True, exist_ok=True)
                tags = Tags(analysis.beats_per_bar, key.tonic if key else None)
                write_sample(scratch / file, reader, block, piece, tags)
                samples.append(sample)
    key_name = analysis.key.name or None
    return Library(
        target, song.name, analysis.tempo.bpm, key_name, tuple(samples), skipped, tuple(notes)
    )


def _slices(
    stem: Stem, reader: AudioReader, analysis: Analysis, by: By, lengths: Sequence[int]
) -> Iterator[Slice]:
    rate = reader.info.sample_rate
    if by != "onsets":
        yield from loops(analysis, float(stem.media.duration), rate, lengths)
    if by != "bars":
        # On demand: it brings librosa.
        from stemlift.sessions.starts import find_starts

        yield from shots(level_of(reader), rate, find_starts(stem.media.file), analysis)


def _name(song: Song, stem: Stem, piece: Slice, key: str | None) -> Path:
    """Folder by stem and kind; the name by song, stem, place, tempo and key."""
    told = title(stem.name)
    kind = SHOTS if piece.bars is None else LOOPS
    if piece.bars is None:
        place = f"{piece.bar:03d}.{piece.beat} {piece.start:09d}"
    elif piece.bars == 1:
        place = f"bar {piece.bar:03d}"
    else:
        place = f"bars {piece.bar:03d}-{piece.bar + piece.bars - 1:03d}"
    parts = [source_name(f"{song.name}.wav"), told, place]
    if piece.bpm is not None:
        parts.append(f"{round(piece.bpm, 1):g} bpm")
    if key:
        parts.append(key)
    safe = [source_name(f"{part}.wav") if part is told else part for part in parts]
    return Path(source_name(f"{told}.wav")) / kind / f"{' - '.join(safe)}.wav"


def _manifest(library: Library) -> dict[str, Any]:
    return {
        "song": library.song,
        "bpm": library.bpm,
        "key": library.key,
        "skipped": library.skipped,
        "samples": [asdict(sample) for sample in library.samples],
        "notes": list(library.notes),
    }


def _nothing() -> None:
    pass


def _no_note(text: str) -> None:
    pass


def _no_update(song: Path, update: JobUpdate) -> None:
    pass
