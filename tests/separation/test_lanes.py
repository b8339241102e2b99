"""Several devices separate one song: copies of the network, the bytes of one device alone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from tests.support.signals import song, write

from stemlift.audio.channels import ChannelMap
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import MaskKind, ModelSpec, Network
from stemlift.networks.compact import CompactConfig
from stemlift.separation.control import Stage
from stemlift.separation.lanes import Lane, close_lanes, halve_cpu, make_lanes
from stemlift.separation.mix import Range, open_mix
from stemlift.separation.options import OutputFormat, Precision, RemainderPolicy
from stemlift.separation.separate import Options, Separation, separate
from stemlift.separation.stems import plan_stems
from stemlift.training.weights import fresh

RATE = 44_100
STEMS = ("drums", "bass", "other", "vocals")


class Control:
    def __init__(self) -> None:
        self.fractions: list[float] = []

    def report(self, stage: Stage, fraction: float) -> None:
        if stage is Stage.SEPARATING:
            self.fractions.append(fraction)

    def warn(self, message: str) -> None:
        raise AssertionError(message)

    def check(self) -> None:
        pass


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    network = fresh(CompactConfig(features=8, view=8, dilations=(1, 2)), seed=3)
    network.eval().requires_grad_(False)
    ones = (1.0,) * len(STEMS)
    segment, stride = RATE, RATE // 2
    masks = (MaskKind.COMPLEX,)
    member = Member(network, STEMS, segment, stride, network.valid_length, ones, masks=masks)
    spec = ModelSpec("tiny", "", Network.COMPACT, STEMS, RATE, masks, -1, "", None)
    return LoadedModel(spec, (member,))


def run(
    model: LoadedModel, source: Path, folder: Path, lanes: Sequence[Lane], control: Control
) -> tuple[Separation, list[bytes]]:
    folder.mkdir()
    mix, _ = open_mix(source, Range(), ChannelMap())
    plan = plan_stems(STEMS, (), RemainderPolicy.OTHER, "tiny")
    options = Options(None, Precision.FP32, 1, OutputFormat.WAV)
    done = separate(mix, plan, model, lanes, options, folder, control)
    return done, [stem.file.read_bytes() for stem in done.stems]


def test_two_devices_give_the_bytes_of_one(model: LoadedModel, tmp_path: Path) -> None:
    source = write(tmp_path / "mix.wav", song(int(4.3 * RATE), 2, RATE), RATE, "PCM_24")
    control = Control()
    # torch knows one CPU, whatever its number; the second lane has a network of its own.
    two = make_lanes(("cpu", "cpu:1"))
    try:
        both, together = run(model, source, tmp_path / "two", two, control)
    finally:
        close_lanes(two)
    one, alone = run(model, source, tmp_path / "one", make_lanes(("cpu",)), Control())
    assert (one.device, both.device) == ("cpu", "cpu, cpu:1")
    assert together == alone
    assert len(set(alone)) == len(STEMS)
    assert both.null_dbfs == -300
    assert control.fractions == sorted(control.fractions)
    assert control.fractions[-1] == 1


def test_halves_of_the_cpu_give_the_bytes_of_the_whole_but_for_rounding(
    model: LoadedModel, tmp_path: Path
) -> None:
    source = write(tmp_path / "mix.wav", song(int(4.3 * RATE), 2, RATE), RATE, "FLOAT")
    _, alone = run(model, source, tmp_path / "one", make_lanes(("cpu",)), Control())
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    halves = halve_cpu()
    try:
        runs = [run(model, source, tmp_path / name, halves, Control()) for name in "ab"]
    finally:
        close_lanes(halves)
        torch.set_num_threads(before)
    assert len(halves) == 2
    assert runs[0][1] == runs[1][1]
    for mine, theirs in zip(runs[0][1], alone, strict=True):
        found, expected = (sf.read(io.BytesIO(data))[0] for data in (mine, theirs))
        assert np.abs(found - expected).max() < 1e-5
    assert runs[0][0].device == "cpu"
    assert runs[0][0].null_dbfs <= -140
