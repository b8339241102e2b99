"""What a take plays: files, sections of sources, and the kinds that have no sound.

MP3, VIDEO and the like are emulated with a sound file of any format under their FILE.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from reaper_sim.chunks import QUOTES, Block, fields, number, quoted
from reaper_sim.ids import Handle

AUDIO_KINDS = ("WAVE", "MP3", "VIDEO", "FLAC", "VORBIS", "OPUS", "AIFF", "WAVPACK", "MP4")
KIND_BY_SUFFIX = {
    ".wav": "WAVE",
    ".aif": "WAVE",
    ".aiff": "WAVE",
    ".flac": "FLAC",
    ".mp3": "MP3",
    ".ogg": "VORBIS",
    ".mp4": "VIDEO",
    ".mov": "VIDEO",
    ".mid": "MIDI",
    ".rpp": "RPP_PROJECT",
}


@lru_cache(maxsize=64)
def _frames(path: str, _stamp: tuple[int, int]) -> tuple[npt.NDArray[np.float64], int]:
    data, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return data, rate


@lru_cache(maxsize=256)
def _info(path: str, _stamp: tuple[int, int]) -> tuple[int, int, int]:
    found = soundfile.info(path)
    return found.frames, found.samplerate, found.channels


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


class Source(Handle):
    """A source block. `folder` is that of the project, which relative names start from."""

    ctype = "PCM_source*"

    def __init__(self, block: Block, folder: Path | None, parent_of: Source | None = None) -> None:
        super().__init__()
        self.block = block
        self.folder = folder
        self.wrapper = parent_of
        inner = next(block.blocks("SOURCE"), None)
        self.inner = Source(inner, folder, self) if inner is not None else None

    @property
    def kind(self) -> str:
        found = fields(self.block.header)
        return found[1] if len(found) > 1 else "EMPTY"

    @property
    def is_section(self) -> bool:
        return self.kind == "SECTION"

    @property
    def written_name(self) -> str:
        found = self.block.line("FILE")
        return found[0] if found else ""

    @property
    def path(self) -> Path | None:
        name = self.written_name
        if not name:
            return None
        path = Path(name)
        return path if path.is_absolute() or self.folder is None else self.folder / path

    @property
    def bottom(self) -> Source:
        return self.inner.bottom if self.inner is not None else self

    @property
    def online(self) -> bool:
        if self.inner is not None:
            return self.inner.online
        if self.kind not in AUDIO_KINDS:
            return not self.kind.startswith("_OFFLINE")
        return self.path is not None and self.path.is_file()

    def info(self) -> tuple[int, int, int]:
        """Frames, rate and channels of the file at the bottom; zeros where it is not to be had."""
        if self.inner is not None:
            return self.inner.info()
        if self.kind not in AUDIO_KINDS or not self.online or self.path is None:
            return 0, 0, 0
        return _info(str(self.path), _stamp(self.path))

    @property
    def length(self) -> float:
        """Seconds."""
        if self.is_section and self.inner is not None:
            return self.section()[1]
        if self.kind == "MIDI":
            return 2.0
        frames, rate, _ = self.info()
        return frames / rate if rate else 0.0

    def section(self) -> tuple[float, float, bool]:
        """Start, length and whether it is reversed; of the whole source where it is no section."""
        if not self.is_section or self.inner is None:
            return 0.0, self.length, False
        mode = int(float((self.block.line("MODE") or ["0"])[0]))
        start = float((self.block.line("STARTPOS") or ["0"])[0])
        length = float((self.block.line("LENGTH") or ["0"])[0])
        if mode & 1 or length <= 0:
            start, length = 0.0, self.inner.length
        return start, length, bool(mode & 2)

    def samples(self) -> tuple[npt.NDArray[np.float64], int]:
        """All frames (frames, channels) that it gives, and their rate; a section is cut in frames.

        Outside of the file there is silence.
        """
        if self.inner is None:
            if not self.info()[0] or self.path is None:
                return np.zeros((0, 1)), 0
            return _frames(str(self.path), _stamp(self.path))
        data, rate = self.inner.samples()
        start, length, backwards = self.section()
        first, count = round(start * rate), round(length * rate)
        index = np.arange(first, first + count)
        good = (index >= 0) & (index < len(data))
        cut = np.zeros((count, data.shape[1]))
        cut[good] = data[index[good]]
        return (cut[::-1] if backwards else cut), rate

    def read(self, times: npt.NDArray[np.float64], loop: bool) -> npt.NDArray[np.float64]:
        """Samples (times, channels) at the source's own times in seconds: linear between frames.

        Outside of the source there is silence, unless it loops.
        """
        data, rate = self.samples()
        frames = len(data)
        if not frames:
            return np.zeros((len(times), data.shape[1]))
        places = times * rate
        nearest = np.round(places)
        # Clock arithmetic leaves 1e-9 of a frame; REAPER counts in frames too.
        places = np.where(np.abs(places - nearest) < 1e-6, nearest, places)
        if loop:
            places = np.mod(places, frames)
        first = np.floor(places).astype(np.int64)
        share = (places - first)[:, None]
        second = np.mod(first + 1, frames) if loop else first + 1

        def at(index: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
            good = (index >= 0) & (index < frames)
            return data[np.clip(index, 0, frames - 1)] * good[:, None]

        return at(first) * (1 - share) + at(second) * share


def file_block(path: Path | str, kind: str = "") -> Block:
    """A SOURCE block for a file; its kind by its suffix unless given."""
    kind = kind or KIND_BY_SUFFIX.get(Path(path).suffix.lower(), "WAVE")
    return Block(f"SOURCE {kind}", [f"FILE {always_quoted(str(path))}"])


def always_quoted(name: str) -> str:
    """REAPER quotes file names even where it need not."""
    for quote in QUOTES:
        if quote not in name:
            return f"{quote}{name}{quote}"
    return quoted(name)


def section_block(inner: Block, start: float, length: float, reverse: bool, whole: bool) -> Block:
    mode = (1 if whole else 0) | (2 if reverse else 0)
    return Block(
        "SOURCE SECTION",
        [
            f"LENGTH {number(length)}",
            f"MODE {mode}",
            f"STARTPOS {number(start)}",
            "OVERLAP 0.01",
            inner,
        ],
    )
