"""Songs as a DAW bounces them: Broadcast WAV that says when in the day it begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stemlift.audio.info import Bext
from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding


def write_bounce(path: Path, samples: np.ndarray, rate: int, time_reference: int) -> Path:
    """samples: (frames, channels), of 24 bits. time_reference: frames since midnight."""
    body = bytearray(602)
    body[:6] = b"Bounce"
    body[338:346] = time_reference.to_bytes(8, "little")
    grid = np.rint(samples * 2**23).astype(np.int32)
    bext = Bext(time_reference, bytes(body))
    with BroadcastWavWriter(path, rate, grid.shape[1], Encoding.PCM_24, None, bext) as writer:
        writer.write(grid)
    return path
