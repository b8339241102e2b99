"""Tiny Open-Unmix models, written as the published ones are.

The files are those of open-unmix-pytorch's training (`scripts/train.py`): `separator.json`,
and per target a plain state dict and the JSON with the arguments of its training.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from seeded_weights import seeded_state
from torch import Tensor

STEMS = ("drums", "bass", "other", "vocals")


def target_shapes(
    hidden: int = 16, n_fft: int = 512, channels: int = 2, heard: int | None = None
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a target's state dict, in its published order."""
    bins = n_fft // 2 + 1
    heard = bins * 3 // 4 if heard is None else heard
    shapes: dict[str, tuple[int, ...]] = {
        "input_mean": (heard,),
        "input_scale": (heard,),
        "output_scale": (bins,),
        "output_mean": (bins,),
        "fc1.weight": (hidden, channels * heard),
        **_norm("bn1", hidden),
    }
    for layer in range(3):
        for suffix in (f"l{layer}", f"l{layer}_reverse"):
            shapes[f"lstm.weight_ih_{suffix}"] = (2 * hidden, hidden)
            shapes[f"lstm.weight_hh_{suffix}"] = (2 * hidden, hidden // 2)
            shapes[f"lstm.bias_ih_{suffix}"] = (2 * hidden,)
            shapes[f"lstm.bias_hh_{suffix}"] = (2 * hidden,)
    shapes["fc2.weight"] = (hidden, 2 * hidden)
    shapes |= _norm("bn2", hidden)
    shapes["fc3.weight"] = (channels * bins, hidden)
    return shapes | _norm("bn3", channels * bins)


def _norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    each = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (size,) for part in each} | {f"{name}.num_batches_tracked": ()}


def target_state(
    target: str,
    hidden: int = 16,
    n_fft: int = 512,
    channels: int = 2,
    heard: int | None = None,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Weights of a target; each gives gains of about 0.3, which differ from bin to bin."""
    shapes = target_shapes(hidden, n_fft, channels, heard)
    state = seeded_state({f"{target}.{name}": shape for name, shape in shapes.items()}, seed=seed)
    state = {name.removeprefix(f"{target}."): value for name, value in state.items()}
    state["input_scale"] = 0.1 + state["input_scale"].abs()
    state["output_scale"] = 0.2 + 0.2 * state["output_scale"]
    state["output_mean"] = 0.3 + state["output_mean"]
    return state


def write_open_unmix(
    folder: Path,
    targets: Sequence[str] = STEMS,
    hidden: int = 16,
    nfft: int = 512,
    nhop: int | None = None,
    channels: int = 2,
    sample_rate: float = 44100.0,
    heard: int | None = None,
    seed: int = 0,
    with_json: bool = True,
) -> list[Path]:
    """All files of a model; `nhop` is a quarter of `nfft` unless given."""
    folder.mkdir(parents=True, exist_ok=True)
    hop = nfft // 4 if nhop is None else nhop
    files = [
        write_target(folder, target, target_state(target, hidden, nfft, channels, heard, seed))
        for target in targets
    ]
    if with_json:
        separator = {"nb_channels": channels, "nfft": nfft, "nhop": hop, "sample_rate": sample_rate}
        files.append(_write_json(folder / "separator.json", separator))
        for target in targets:
            args = {
                "bandwidth": 16000,
                "hidden_size": hidden,
                "nb_channels": channels,
                "nfft": nfft,
                "nhop": hop,
                "target": target,
                "unidirectional": False,
            }
            training = {"args": args, "best_loss": 0.5, "epochs_trained": 1}
            files.append(_write_json(folder / f"{target}.json", training))
    return files


def write_target(folder: Path, target: str, state: Mapping[str, Tensor]) -> Path:
    """One file of weights, with the first 8 digits of its SHA-256 in the name."""
    unnamed = folder / f"{target}.tmp"
    torch.save(dict(state), unnamed)
    digest = hashlib.sha256(unnamed.read_bytes()).hexdigest()[:8]
    return unnamed.rename(folder / f"{target}-{digest}.pth")


def _write_json(path: Path, values: Mapping[str, object]) -> Path:
    path.write_text(json.dumps(values, indent=4, sort_keys=True), encoding="utf-8")
    return path
