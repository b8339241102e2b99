"""Examples from songs: the same ones at the same step, whoever asks and however often."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr

from stemlift.errors import Reason, StemliftError
from stemlift.training.songs.mixing import STEMS

_AHEAD = 2
_NEAR = 0.03
"""Tempi that differ by this share pass for one."""

_QUALITY = "MQ"
"""Of soxr: 16 bits are all that songs have, and the fastest has echoes of the highs."""

_DRAWS = 11
"""Apart from the seeds of other parts of a training."""


@dataclass(frozen=True, slots=True)
class SongFile:
    """sound: int16 (4, 2, samples) in a file, mapped into memory; tempo: 0 where not known."""

    sound: np.ndarray
    tempo: float = 0.0

    @property
    def samples(self) -> int:
        return int(self.sound.shape[2])


def open_song(path: Path) -> SongFile:
    """A song's `.npy`, with what the `.json` beside it tells, if there is one.

    Raises:
        StemliftError: FILE_CORRUPT, FILE_NOT_FOUND.
    """
    told = path.with_suffix(".json")
    try:
        sound = np.load(path, mmap_mode="r", allow_pickle=False)
        manifest = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND, f"There is no song {path}.", "Make the songs again."
        ) from error
    except (ValueError, EOFError) as error:
        raise _damaged(path, "it is cut, or no longer what was written") from error
    if sound.dtype != np.int16 or sound.ndim != 3 or sound.shape[:2] != (len(STEMS), 2):
        raise _damaged(path, f"it holds {sound.dtype} numbers of shape {sound.shape}")
    tempo = manifest.get("tempo") if isinstance(manifest, dict) else manifest
    if tempo is not None and not isinstance(tempo, (int, float)):
        raise _damaged(path, f"{told.name} does not tell its tempo")
    return SongFile(sound, float(tempo or 0.0))


def _damaged(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.FILE_CORRUPT,
        f"The song {path} cannot be read: {why}.",
        "Delete it and make the songs again.",
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """`length` samples of a song, which are played in the time of `played`."""

    song: SongFile
    start: int
    length: int
    played: int

    def sound(self, stem: int) -> np.ndarray:
        """int16 (2, samples), about `played` of them, fewer where the song ends before."""
        part = self.song.sound[stem, :, self.start : self.start + self.length]
        if self.length == self.played:
            return part
        return np.asarray(soxr.resample(part.T, self.length, self.played, _QUALITY)).T


@dataclass(frozen=True)
class Examples:
    """What is heard at each step.

    Attributes:
        samples: of an example.
        batch: examples of a step.
        recombine: share of examples whose stems come from several songs.
        same_tempo: of the stems from elsewhere, the share from a song of nearly that tempo, and
            from the same time in it, so that most of the beats meet.
        speed: octaves by which songs, and stems from songs of another tempo, are played faster
            or slower at most, pitch and formants with them: other singers and instruments.
    """

    songs: tuple[SongFile, ...]
    samples: int
    batch: int
    seed: int
    recombine: float = 0.0
    same_tempo: float = 0.0
    speed: float = 0.0

    def at(self, step: int) -> np.ndarray:
        """int16 (batch, 4, 2, samples)."""
        rng = np.random.default_rng([_DRAWS, self.seed, step])
        out = np.zeros((self.batch, len(STEMS), 2, self.samples), np.int16)
        for example in out:
            self._fill(example, rng)
        return out

    def steps(self, first: int, last: int) -> Iterator[np.ndarray]:
        """`at` of each step of a range, read ahead while the last is learnt from."""
        with ThreadPoolExecutor(_AHEAD, "examples") as pool:
            waiting: deque[Future[np.ndarray]] = deque()
            for step in range(first, last):
                waiting.append(pool.submit(self.at, step))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _fill(self, example: np.ndarray, rng: np.random.Generator) -> None:
        base = self._draw(self.songs[rng.integers(len(self.songs))], rng)
        mixed = rng.random() < self.recombine
        for stem in range(len(STEMS)):
            part = base
            if mixed and rng.random() < 0.75:
                near = self._near(base.song.tempo) if rng.random() < self.same_tempo else []
                if near:
                    song = near[rng.integers(len(near))]
                    part = replace(
                        base, song=song, start=min(base.start, max(0, song.samples - base.length))
                    )
                else:
                    part = self._draw(self.songs[rng.integers(len(self.songs))], rng)
            sound = part.sound(stem)[:, : self.samples]
            example[stem, :, : sound.shape[1]] = sound

    def _draw(self, song: SongFile, rng: np.random.Generator) -> _Part:
        length = self.samples
        if self.speed:
            length = round(length * 2.0 ** rng.uniform(-self.speed, self.speed))
        start = int(rng.integers(max(1, song.samples - length + 1)))
        return _Part(song, start, length, self.samples)

    def _near(self, tempo: float) -> list[SongFile]:
        if not tempo:
            return []
        return [song for song in self.songs if abs(song.tempo - tempo) <= _NEAR * tempo]
