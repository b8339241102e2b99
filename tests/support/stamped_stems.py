"""Stems as Broadcast WAV with time stamps, whose sum is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stemlift.audio.info import Bext
from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding


def write_stamped(path: Path, samples: np.ndarray, rate: int, stamp: int) -> None:
    """A float WAV whose first frame is `stamp` frames behind midnight."""
    body = bytearray(602)
    body[346] = 1
    bext = Bext(stamp, bytes(body[:338]) + stamp.to_bytes(8, "little") + bytes(body[346:]))
    with BroadcastWavWriter(path, rate, samples.shape[1], Encoding.FLOAT, bext=bext) as file:
        file.write(samples.astype(np.float32))


def bounce_in_stems(folder: Path, rate: int, frames: int, start: int) -> np.ndarray:
    """Stems that begin at different times, stamped; their sum (frames, 2) begins at `start`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(rate)
    grid = 2.0**-20
    bounce = np.zeros((frames, 2))
    for number, name in enumerate(("vocals", "drums", "bass")):
        at = number * 3_331
        part = np.round(rng.uniform(-0.25, 0.25, (frames - at, 2)) / grid) * grid
        bounce[at:] += part
        write_stamped(folder / f"bounce - {name}.wav", part, rate, start + at)
    return bounce
