"""A model as large as the published HTDemucs, with random weights, in the format of its makers.

The arithmetic is that of the published one, so its speed is too; what comes out is no music.
Every program reads the same file. Its arguments are those of the published network: channels 48,
bottom channels 512, five layers of attention, segments of 7.8 s.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from .places import BUILD

STEMS = ("drums", "bass", "other", "vocals")
RATE = 44100
SEGMENT = Fraction(39, 5)
SEED = 8

_BRANCHES = 0.25
"""What the output of an inner branch is multiplied by; training begins with 0.001 and less."""

_LOUDNESS = 0.2
"""RMS of a stem for a mix of RMS 1."""

_SHAPE: dict[str, Any] = {
    "sources": list(STEMS),
    "audio_channels": 2,
    "channels": 48,
    "growth": 2,
    "nfft": 4096,
    "depth": 4,
    "dconv_mode": 3,
    "bottom_channels": 512,
    "t_layers": 5,
    "t_heads": 8,
    "t_hidden_scale": 4.0,
    "samplerate": RATE,
    "segment": SEGMENT,
}
_SMALL = {"channels": 8, "bottom_channels": 16, "t_layers": 1, "t_heads": 2}


@dataclass(frozen=True, slots=True)
class Model:
    """Which of the two: the real size, or a small one with which --quick shows that all works.

    environment: of every program that computes it.
    """

    name: str
    signature: str
    shape: dict[str, Any]
    environment: dict[str, str]

    def repository(self) -> Repository:
        """Its files, made once."""
        folder = BUILD / self.name
        bag = folder / f"{self.name}.yaml"
        made = sorted(folder.glob(f"{self.signature}-*.th"))
        if not made or not bag.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            content = _package(self.shape)
            checksum = hashlib.sha256(content).hexdigest()[:8]
            made = [folder / f"{self.signature}-{checksum}.th"]
            made[0].write_bytes(content)
            bag.write_text(f"models: ['{self.signature}']\n", encoding="utf-8")
        return Repository(folder, made[0], bag)

    def told(self) -> dict[str, object]:
        """For the result."""
        shape = {name: str(value) for name, value in self.shape.items()}
        return {"model": "HTDemucs with random weights", "seed": SEED, "network": shape}


@dataclass(frozen=True, slots=True)
class Repository:
    """folder: as `demucs --repo` takes it. weights, bag: the files in it."""

    folder: Path
    weights: Path
    bag: Path


# Small networks on several threads spend their time waiting for each other.
_ALONE = {"STEMLIFT_THREADS": "1", "OMP_NUM_THREADS": "1"}

FULL = Model("bench-htdemucs", "5eed0008", _SHAPE, {})
SMALL = Model("bench-small", "5eed0001", _SHAPE | _SMALL, _ALONE)


def chosen(quick: bool) -> Model:
    return SMALL if quick else FULL


def make_network(shape: dict[str, Any]) -> Any:
    """The network of the `demucs` package with seeded weights."""
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = HTDemucs(**shape).eval()
        noise = torch.randn(1, 2, int(SEGMENT * RATE))
    # Untrained, the inner branches and the last layers are nearly silent, and near silence
    # everything is equal.
    with torch.no_grad():
        for part in network.modules():
            if type(part).__name__ == "LayerScale":
                part.scale.fill_(_BRANCHES)
    with torch.inference_mode():
        loud = float(network(noise).square().mean().sqrt())
    with torch.no_grad():
        for last in (network.decoder[-1], network.tdecoder[-1]):
            last.conv_tr.weight.mul_(_LOUDNESS / loud)
            last.conv_tr.bias.mul_(_LOUDNESS / loud)
    return network


def _package(shape: dict[str, Any]) -> bytes:
    import torch

    network = make_network(shape)
    args, kwargs = network._init_args_kwargs
    package = {
        "klass": type(network),
        "args": args,
        "kwargs": kwargs,
        # Half precision, as the published files have it.
        "state": {name: value.half() for name, value in network.state_dict().items()},
        "training_args": {},
    }
    buffer = io.BytesIO()
    torch.save(package, buffer)
    return buffer.getvalue()
