"""Several devices separate one song: copies of the network, the bytes of one device alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.signals import song, write

from stemlift.audio.channels import ChannelMap
from stemlift.models.loaded import LoadedModel, Member
from stemlift.models.spec import MaskKind, ModelSpec, Network
from stemlift.networks.compact import CompactConfig
from stemlift.separation.control import Stage
from stemlift.separation.lanes import open_lanes
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
    model: LoadedModel, source: Path, folder: Path, devices: Sequence[str], control: Control
) -> tuple[Separation, list[bytes]]:
    folder.mkdir()
    mix, _ = open_mix(source, Range(), ChannelMap())
    plan = plan_stems(STEMS, (), RemainderPolicy.OTHER, "tiny")
    options = Options(None, Precision.FP32, 1, OutputFormat.WAV)
    with open_lanes(devices) as lanes:
        done = separate(mix, plan, model, lanes, options, folder, control)
    return done, [stem.file.read_bytes() for stem in done.stems]


def test_two_devices_give_the_bytes_of_one(model: LoadedModel, tmp_path: Path) -> None:
    source = write(tmp_path / "mix.wav", song(int(4.3 * RATE), 2, RATE), RATE, "PCM_24")
    control = Control()
    # torch knows one CPU, whatever its number; the second lane has a network of its own.
    both, together = run(model, source, tmp_path / "two", ("cpu", "cpu:1"), control)
    one, alone = run(model, source, tmp_path / "one", ("cpu",), Control())
    assert (one.device, both.device) == ("cpu", "cpu, cpu:1")
    assert together == alone
    assert len(set(alone)) == len(STEMS)
    assert both.null_dbfs == -300
    assert control.fractions == sorted(control.fractions)
    assert control.fractions[-1] == 1
