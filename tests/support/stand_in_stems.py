"""Stems for planned jobs without an engine: random shares of the mix that sum to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from zlib import crc32

import numpy as np
import numpy.typing as npt
import soundfile

from stemlift.reaper.naming import stem_path
from stemlift.reaper.plan import PlannedJob


@dataclass(frozen=True)
class Stems:
    """As `stemlift.rpc.results.SeparationResult`."""

    stems: Mapping[str, PurePath]
    sample_rate: int
    start_frame: int
    frames: int


def mapped(mix: npt.NDArray[np.float64], job: PlannedJob) -> npt.NDArray[np.float64]:
    """The channels that a job asks for, (frames, channels)."""
    first, second = job.channel_first, job.channel_second
    chosen = {
        "all": mix,
        "swap": mix[:, ::-1],
        "downmix": mix.mean(axis=1, keepdims=True),
        "mono": mix[:, first : first + 1],
        "pair": mix[:, [min(first, mix.shape[1] - 1), min(second, mix.shape[1] - 1)]],
    }
    return chosen[job.channel_mode]


def separate(job: PlannedJob, names: Sequence[str]) -> Stems:
    """Write the stems of a job where the plan expects them."""
    frames = job.frames or -1
    mix, rate = soundfile.read(job.input, frames, job.start_frame, always_2d=True)
    assert frames in (-1, len(mix)), "the job asks for more than the file has"
    mix = mapped(mix, job)
    numbers = np.random.default_rng(crc32(job.key.encode()))
    shares = numbers.normal(0.0, 1.0, (len(names), *mix.shape))
    shares[-1] = 1.0 - shares[:-1].sum(axis=0)
    written: dict[str, PurePath] = {}
    for name, share in zip(names, shares, strict=True):
        path = Path(stem_path(job.output_folder, job.name_template, name))
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, mix * share, rate, subtype="DOUBLE")
        written[name] = path
    return Stems(written, rate, job.start_frame, len(mix))
