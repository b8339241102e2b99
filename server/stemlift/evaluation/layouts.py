"""Songs with their true stems, in the layouts that people keep them in.

MUSDB18 as WAV files (https://sigsep.github.io/datasets/musdb.html): folders `train` and `test`,
in them a folder for each song with mixture.wav, drums.wav, bass.wav, other.wav and vocals.wav.
MUSDB18 as it is distributed: a `.stem.mp4` for each song. Otherwise any folder for each song,
with a sound file for each stem.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stemlift.audio.stem_box import read_stem_box
from stemlift.errors import Reason, StemliftError

STEM_MP4 = ".stem.mp4"
FOUR = ("drums", "bass", "other", "vocals")
"""The stems of MUSDB18, in the order of the tracks of its `.stem.mp4`, behind the mixture."""

_SOUND = (".wav", ".flac", ".aif", ".aiff")
_BEFORE = " - "
_MIXTURE = ("mixture", "mix")
_NO_STEM = ("linear_mixture",)
"""The sum of the stems, which some data sets have beside the mixture."""

_ALL_BUT_VOCALS = ("accompaniment", "instrumental", "karaoke")
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Part:
    """Where a stem lies. track: of a `.stem.mp4`, 0 the mixture; None: the whole file."""

    path: Path
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Multitrack:
    """A song with its true stems.

    name: its path below the folder that was named, with slashes.
    mixture: None where it is the sum of the stems.
    """

    name: str
    stems: Mapping[str, Part]
    mixture: Part | None

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of them, the mixture last."""
        return (*self.stems.values(), *((self.mixture,) if self.mixture else ()))


def find_songs(root: Path) -> tuple[Multitrack, ...]:
    """The songs below a folder, by name.

    Where it has both `train` and `test`, as MUSDB18 does, those of `test`: the others are what
    models were trained on. A folder of sound files is one song; its stems are called as the
    files, or as what follows the last " - ". `mixture` or `mix` is the mixture. A file of all
    but the vocals is left out where there are other stems to make it from. A folder that is
    reached twice, through a link, counts once.

    Raises:
        StemliftError: FILE_NOT_FOUND without such a folder or a song in it; FILE_UNREADABLE,
            FILE_CORRUPT; ARGUMENT_INVALID where two files of a folder claim one stem.
    """
    # Unlike Path's own, it does not raise where a folder above cannot be read.
    if not os.path.isdir(root):  # noqa: PTH112
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no folder {root}.",
            "Name a folder of songs with their stems.",
        )
    held_out = root / "test"
    both = held_out.is_dir() and (root / "train").is_dir()
    songs = tuple(_below(held_out, root, 1, set())) if both else ()
    songs = songs or tuple(_below(root, root, 0, set()))
    if not songs:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no song with stems in {root}.",
            f"Each song is a folder in it, with {', '.join(f'{stem}.wav' for stem in FOUR)} or"
            f" other stems, or a {STEM_MP4} file.",
        )
    return tuple(sorted(songs, key=lambda song: song.name))


def _below(folder: Path, root: Path, depth: int, seen: set[Path]) -> Iterator[Multitrack]:
    where = folder.resolve()
    if where in seen:
        return
    seen.add(where)
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        # A link to nowhere is a stem that is lost, which must not pass for a silent one.
        files = [path for path in inside if path.is_file() or _leads_nowhere(path)]
        folders = [path for path in inside if path.is_dir()]
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"The folder {folder} cannot be read: {error.strerror}.",
            "Make it readable, then try again.",
        ) from error
    song = _song_of(files, folder, root)
    if song is not None and not song.stems.keys().isdisjoint(FOUR):
        # Below it may lie what somebody made of it.
        yield song
        return
    nothing = True
    names = set()
    # Folders first: a stem file that was unpacked beside itself is the song once more, with loss.
    for path in folders if depth < _DEEPEST else ():
        for each in _below(path, root, depth + 1, seen):
            nothing = False
            names.add(each.name)
            yield each
    for path in files:
        if path.name.casefold().endswith(STEM_MP4):
            nothing = False
            each = _stem_file(path, root)
            if each.name not in names:
                names.add(each.name)
                yield each
    # Sound files of any names are a song only where no other is: they may be anything.
    if nothing and song is not None:
        yield song


def _song_of(files: list[Path], folder: Path, root: Path) -> Multitrack | None:
    found: dict[str, Part] = {}
    claims: dict[str, tuple[Path, Path]] = {}
    # What comes last wins. WAV over a copy in another format; and `vocals.wav` over
    # `mixture - vocals.wav`, which may be what a model made of the song.
    for path in sorted(files, key=lambda each: (_BEFORE not in each.stem, -_rank(each))):
        if path.suffix.casefold() in _SOUND:
            name = path.stem.rpartition(_BEFORE)[2].strip().casefold()
            before = found.get(name)
            if _BEFORE not in path.stem:
                claims.pop(name, None)
            elif before is not None and before.path.stem.casefold() != path.stem.casefold():
                claims[name] = before.path, path
            found[name] = Part(path)
    mixtures = [found.pop(name) for name in (*_MIXTURE, *_NO_STEM) if name in found]
    mixture = mixtures[0] if mixtures else None
    rest = [name for name in found if name in _ALL_BUT_VOCALS]
    if len(found) - len(rest) > 1:
        for name in rest:
            del found[name]
    if not found or (len(found) == 1 and mixture is None):
        return None
    # Elsewhere lie sounds of any names, such as the mixes of several songs.
    if not found.keys().isdisjoint(FOUR):
        for name in sorted(claims.keys() & {*FOUR, *_MIXTURE}):
            raise _twice(folder, name, *claims[name])
    order = {stem: place for place, stem in enumerate(FOUR)}
    stems = dict(sorted(found.items(), key=lambda each: (order.get(each[0], len(order)), each[0])))
    return Multitrack(_name(folder, root), stems, mixture)


def _twice(folder: Path, name: str, one: Path, two: Path) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"The folder {folder} has two files for {name}: {one.name} and {two.name}.",
        f"Call the true one {name}{two.suffix}, or move the other away; songs that lie in one"
        " folder need a folder each.",
    )


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _rank(path: Path) -> int:
    suffix = path.suffix.casefold()
    return _SOUND.index(suffix) if suffix in _SOUND else len(_SOUND)


def _stem_file(path: Path, root: Path) -> Multitrack:
    box = read_stem_box(path)
    named = tuple(stem.name.strip().casefold() for stem in box.stems) if box is not None else ()
    # MUSDB18's own names are these; others give their stems names of their own.
    order = named if sorted(named) == sorted(FOUR) else FOUR
    tracks = {stem: Part(path, track) for track, stem in enumerate(order, 1)}
    stems = {stem: tracks[stem] for stem in FOUR}
    name = _name(path, root)
    return Multitrack(name[: -len(STEM_MP4)], stems, Part(path, 0))


def _name(path: Path, root: Path) -> str:
    return path.resolve().name if path == root else path.relative_to(root).as_posix()
