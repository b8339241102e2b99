"""Sound inside of a page: the same stretch of every file, as MP3, which all browsers play."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from stemlift.report.pictures import COLUMNS, Picture

KILOBITS = 96
_COMPRESSION = 0.8
"""What libsndfile takes for 96 kbit/s at a constant rate."""

BUDGET = 24_000_000
"""Bytes of all players of a page together; what mail and browsers still take."""

_RATES = (32_000, 44_100, 48_000)
_PIECE = 16_384

Audio = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the stems, in frames from their start."""

    start: int
    frames: int


def stretch(pictures: Sequence[Picture], seconds: float, frames: int, rate: int) -> Stretch:
    """So many seconds, where most of the stems play; fewer where the budget says so.

    The mean level in dB over the stems is highest there, so that no loud one outweighs two.
    """
    most = BUDGET / (KILOBITS * 125) / max(1, len(pictures) + 1)
    wanted = min(frames, round(min(seconds, most) * rate))
    if wanted <= 0 or not pictures:
        return Stretch(0, 0)
    levels = np.sum([20.0 * np.log10(each.rms + 1e-4) for each in pictures], axis=0)
    width = max(1, wanted * COLUMNS // frames)
    sums = np.convolve(levels, np.ones(width), "valid")
    start = int(np.argmax(sums)) * frames // COLUMNS
    return Stretch(min(start, frames - wanted), wanted)


def mp3(blocks: Iterable[Audio], rate: int) -> bytes:
    """Blocks (n, channels) of full scale 1, as MP3 of 96 kbit/s.

    Louder than full scale is turned down, since MP3 files play no further. Of more than two
    channels the mean is heard.
    """
    sound = np.concatenate([_stereo(block) for block in blocks])
    into = rate if rate in _RATES else 48_000 if rate % 8000 == 0 else 44_100
    if into != rate:
        sound = np.asarray(soxr.resample(sound, rate, into), np.float32)
    peak = float(np.abs(sound).max(initial=0.0))
    sound = sound / max(1.0, peak)
    out = io.BytesIO()
    with soundfile.SoundFile(
        out,
        "w",
        into,
        sound.shape[1],
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=_COMPRESSION,
        bitrate_mode="CONSTANT",
    ) as file:
        for start in range(0, len(sound), _PIECE):
            file.write(sound[start : start + _PIECE])
    return out.getvalue()


def _stereo(block: Audio) -> NDArray[np.float32]:
    heard = block if block.shape[1] <= 2 else block.mean(axis=1, keepdims=True)
    return heard.astype(np.float32)
