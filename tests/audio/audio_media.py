"""Sound and video files for the tests, made with PyAV and soundfile."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from stemlift.audio.reader import open_reader


def encode(
    path: Path,
    container: str,
    codec: str,
    samples: np.ndarray,
    rate: int,
    *,
    sample_format: str = "fltp",
    video: bool = False,
    sound: bool = True,
    layout: str | None = None,
) -> Path:
    """Write `samples` (frames, channels) of the dtype that `sample_format` wants."""
    layout = layout or {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    # "file:" keeps FFmpeg from parsing odd names.
    with av.open(f"file:{path}", "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout) if sound else None
        if stream is not None:
            stream.codec_context.format = sample_format
        picture = output.add_stream("mpeg4", rate=25) if video else None
        if picture is not None:
            picture.width = picture.height = 32
            picture.pix_fmt = "yuv420p"
            for index in range(5):
                image = av.VideoFrame.from_ndarray(np.full((32, 32, 3), index * 9, np.uint8))
                image.pts = index
                output.mux(picture.encode(image))
            output.mux(picture.encode(None))
        if stream is not None:
            for start in range(0, len(samples), 1024):
                part = samples[start : start + 1024]
                planar = sample_format.endswith("p")
                array = np.ascontiguousarray(part.T if planar else part.reshape(1, -1))
                frame = av.AudioFrame.from_ndarray(array, format=sample_format, layout=layout)
                frame.sample_rate, frame.pts = rate, start
                frame.time_base = Fraction(1, rate)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return path


def read_all(
    path: Path, start: int = 0, frames: int | None = None, block_frames: int = 1000
) -> np.ndarray:
    with open_reader(path) as reader:
        blocks = list(reader.blocks(start, frames, block_frames))
    assert all(len(block) == block_frames for block in blocks[:-1])
    assert all(block.flags.c_contiguous and block.ndim == 2 for block in blocks)
    return np.concatenate(blocks)


def impulses(frames: int, places: tuple[int, ...], channels: int = 2) -> np.ndarray:
    samples = np.zeros((frames, channels), np.float32)
    samples[list(places)] = 0.9
    return samples
