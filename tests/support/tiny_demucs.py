"""Tiny Demucs models with random weights, written as the published ones are.

The file format is that of the demucs repository's `tools/export_hf.py`: one safetensors
file per network with `klass`, `args` and `kwargs` in its metadata, and a YAML bag.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

STEMS = ("drums", "bass", "other", "vocals")
SEGMENT = Fraction(1, 2)
"""Seconds."""

HTDEMUCS: dict[str, Any] = {
    "channels": 4,
    "depth": 3,
    "nfft": 512,
    "dconv_comp": 2,
    "dconv_mode": 3,
    "bottom_channels": 16,
    "t_layers": 1,
    "t_heads": 2,
    "segment": SEGMENT,
}
HDEMUCS: dict[str, Any] = {
    "channels": 4,
    "depth": 4,
    "nfft": 256,
    "dconv_comp": 2,
    "dconv_attn": 4,
    "dconv_lstm": 3,
    "segment": SEGMENT,
}
DEMUCS: dict[str, Any] = {
    "channels": 4,
    "depth": 2,
    "dconv_comp": 2,
    "resample": False,
    "segment": SEGMENT,
}


def tiny_htdemucs(seed: int = 0, **changes: Any) -> nn.Module:
    """A hybrid transformer network with random weights that depend on `seed` alone."""
    from demucs.htdemucs import HTDemucs

    return _seeded(HTDemucs, seed, {"sources": list(STEMS), **HTDEMUCS, **changes})


def tiny_hdemucs(seed: int = 0, **changes: Any) -> nn.Module:
    """A hybrid network without a transformer."""
    from demucs.hdemucs import HDemucs

    return _seeded(HDemucs, seed, {"sources": list(STEMS), **HDEMUCS, **changes})


def tiny_time_demucs(seed: int = 0, **changes: Any) -> nn.Module:
    """A network in the time domain."""
    from demucs.demucs import Demucs

    return _seeded(Demucs, seed, {"sources": list(STEMS), **DEMUCS, **changes})


def _seeded(cls: type[nn.Module], seed: int, kwargs: dict[str, Any]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = cls(**kwargs)
    return network.eval()


def write_network(path: Path, network: nn.Module) -> Path:
    """Write `network` in half precision, as the published files are."""
    args, kwargs = network._init_args_kwargs
    cls = type(network)
    metadata = {
        "klass": f"{cls.__module__}.{cls.__qualname__}",
        "args": json.dumps(args, default=_fraction),
        "kwargs": json.dumps(kwargs, default=_fraction),
    }
    state = {key: value.half().contiguous() for key, value in network.state_dict().items()}
    return write_tensors(path, state, metadata)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> Path:
    """Any safetensors file, for checkpoints that are wrong in one respect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), path, metadata=metadata)
    return path


def write_bag(
    folder: Path,
    name: str,
    networks: Sequence[nn.Module],
    weights: list[list[float]] | None = None,
    segment: float | None = None,
) -> list[Path]:
    """Write `name`.yaml and one checkpoint per network; the YAML's path comes first."""
    signatures = [
        hashlib.sha256(f"{name}{index}".encode()).hexdigest()[:8] for index in range(len(networks))
    ]
    bag: dict[str, Any] = {"models": signatures}
    if weights is not None:
        bag["weights"] = weights
    if segment is not None:
        bag["segment"] = segment
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(bag), encoding="utf-8")
    checkpoints = [
        write_network(folder / f"{signature}.safetensors", network)
        for signature, network in zip(signatures, networks, strict=True)
    ]
    return [path, *checkpoints]


def identity(count: int) -> list[list[float]]:
    """Weights of a bag whose n-th network gives the n-th stem, as htdemucs_ft has them."""
    return [[float(row == column) for column in range(count)] for row in range(count)]


def install_in_cache(
    models_folder: Path, repository: str, files: Sequence[Path], commit: str = "0" * 40
) -> Path:
    """Put `files` where a finished download leaves them; returns that folder."""
    root = models_folder / f"models--{repository.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    snapshot.mkdir(parents=True, exist_ok=True)
    (root / "refs").mkdir(exist_ok=True)
    (root / "refs" / "main").write_text(commit, encoding="ascii")
    for file in files:
        (snapshot / file.name).write_bytes(file.read_bytes())
    return snapshot


def _fraction(value: object) -> object:
    if isinstance(value, Fraction):
        return {
            "_type": "fraction",
            "numerator": value.numerator,
            "denominator": value.denominator,
        }
    raise TypeError(f"{value!r} is not JSON")
