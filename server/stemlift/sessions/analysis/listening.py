"""Reading files for analysis: their sum, mono, at a rate that is enough for beats and chords."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.analysis.control import Control, Step

RATE = 22050
"""Frames a second that everything here works at."""

LONGEST = 20 * 60
"""Seconds that are looked at, from the start: about 100 MB of samples."""

Signal = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """samples: (frames,) at RATE. whole: False where the files are longer than LONGEST."""

    samples: Signal
    whole: bool

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def listen(files: Sequence[Path], control: Control) -> Heard:
    """The sum of the files, each the mean of its channels; shorter ones end in silence.

    Raises:
        StemliftError: what `stemlift.audio.reader` raises of each file, ARGUMENT_INVALID
            without files, CANCELLED.
    """
    if not files:
        raise StemliftError(
            Reason.ARGUMENT_INVALID, "There is no file to analyse.", "Name at least one."
        )
    total, whole = np.zeros(0, np.float32), True
    for number, file in enumerate(files):
        control.report(Step.READING, 0.2 * number / len(files))
        one, all_of_it = _read(file, control)
        whole &= all_of_it
        if len(one) > len(total):
            one, total = total, one
        total[: len(one)] += one
    return Heard(total, whole)


def _read(file: Path, control: Control) -> tuple[Signal, bool]:
    # On demand: it brings decoders, which a command that analyses nothing does not need.
    from stemlift.audio.reader import open_reader
    from stemlift.audio.resample import resample_blocks, resampled_length

    with open_reader(file) as reader:
        info = reader.info
        longest = LONGEST * info.sample_rate
        frames = longest if info.frames is None else min(info.frames, longest)
        # A file that does not tell its length gives what it has.
        wanted = None if info.frames is None else frames
        counted = _Counted(reader.blocks(0, wanted), frames, info.grid_bits, control)
        expected = resampled_length(frames, info.sample_rate, RATE)
        mono = np.concatenate(
            [block[:, 0] for block in resample_blocks(counted, info.sample_rate, RATE, 1, expected)]
            or [np.zeros(0, np.float32)]
        )
    length = resampled_length(min(counted.given, frames), info.sample_rate, RATE)
    return mono[:length], not counted.cut and (info.frames or 0) <= longest


class _Counted:
    """Blocks as float32 mono of full scale 1, at most `most` frames of them."""

    def __init__(
        self, blocks: Iterator[np.ndarray], most: int, bits: int | None, control: Control
    ) -> None:
        self._blocks, self._most, self._control = blocks, most, control
        self._scale = 1.0 if bits is None else 2.0 ** (1 - bits)
        self.given = 0
        self.cut = False

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self._blocks:
            self._control.check()
            if self.given >= self._most:
                self.cut = True
                return
            mono = block[: self._most - self.given].mean(axis=1, dtype=np.float64) * self._scale
            self.given += len(mono)
            yield mono.astype(np.float32)[:, None]
