"""Tiny band-split transformers, written as the community publishes them: .ckpt and .yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from seeded_weights import seeded_like
from torch import Tensor

from stemlift.networks.bs_roformer import BSRoformer, BSRoformerConfig
from stemlift.networks.mel_band_roformer import MelBandRoformer, MelBandRoformerConfig

Kind = Literal["bs", "mel"]

_COMMON: dict[str, Any] = {
    "dim": 16,
    "depth": 1,
    "stereo": True,
    "num_stems": 1,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
    "linear_transformer_depth": 0,
}
_BANDS: dict[Kind, dict[str, Any]] = {
    "bs": {"freqs_per_bands": (2, 2, 4, 8, 16, 32, 65)},
    "mel": {"num_bands": 8, "sample_rate": 44100},
}
_REST: dict[str, Any] = {
    "dim_head": 8,
    "heads": 2,
    "attn_dropout": 0.1,
    "ff_dropout": 0.1,
    "flash_attn": False,
    "dim_freqs_in": 129,
    "stft_n_fft": 256,
    "stft_hop_length": 64,
    "stft_win_length": 256,
    "stft_normalized": False,
    "mask_estimator_depth": 2,
    "multi_stft_resolution_loss_weight": 1.0,
    "multi_stft_resolutions_window_sizes": (4096, 2048, 1024, 512, 256),
    "multi_stft_hop_size": 147,
    "multi_stft_normalized": False,
    "mlp_expansion_factor": 2,
    "use_torch_checkpoint": False,
    "skip_connection": False,
}
_TRAINING: dict[str, Any] = {
    "batch_size": 1,
    "gradient_accumulation_steps": 1,
    "grad_clip": 0,
    "lr": 5.0e-05,
    "patience": 2,
    "reduce_factor": 0.95,
    "num_epochs": 1000,
    "num_steps": 1000,
    "q": 0.95,
    "coarse_loss_clip": True,
    "ema_momentum": 0.999,
    "optimizer": "adam",
    "other_fix": False,
    "use_amp": True,
}
_AUGMENTATIONS: dict[str, Any] = {
    "enable": True,
    "loudness": True,
    "loudness_min": 0.5,
    "loudness_max": 1.5,
    "mixup": True,
    "mixup_probs": (0.2, 0.02),
}


def roformer_sections(
    kind: Kind = "bs",
    stems: Sequence[str] = ("vocals", "other"),
    target: str | None = None,
    chunk: int = 16384,
    overlaps: int = 2,
    **model_changes: Any,
) -> dict[str, Any]:
    """What the YAML holds; a change to None leaves the key out of `model`."""
    model = {**_COMMON, **_BANDS[kind], **_REST}
    model["num_stems"] = 1 if target else len(stems)
    model |= model_changes
    return {
        "audio": {
            "chunk_size": chunk,
            "dim_f": 1024,
            "dim_t": 256,
            "hop_length": model.get("stft_hop_length"),
            "n_fft": model.get("stft_n_fft"),
            "num_channels": 2,
            "sample_rate": 44100,
            "min_mean_abs": 0.001,
        },
        "model": {key: value for key, value in model.items() if value is not None},
        "training": {**_TRAINING, "instruments": list(stems), "target_instrument": target},
        "augmentations": dict(_AUGMENTATIONS),
        "inference": {"batch_size": 1, "dim_t": 256, "num_overlap": overlaps},
    }


def write_sections(path: Path, sections: dict[str, Any]) -> Path:
    """As YAML with tuples for tuples, which is what the community's files have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(sections, sort_keys=False), encoding="utf-8")
    return path


def tiny_network(kind: Kind, model: dict[str, Any]) -> BSRoformer | MelBandRoformer:
    """Our network for a `model` section, its weights not yet seeded."""
    config = BSRoformerConfig if kind == "bs" else MelBandRoformerConfig
    known = {key: value for key, value in model.items() if key in config.__dataclass_fields__}
    built = config(**known)
    if isinstance(built, BSRoformerConfig):
        return BSRoformer(built)
    assert isinstance(built, MelBandRoformerConfig)
    return MelBandRoformer(built)


def roformer_state(kind: Kind, model: dict[str, Any], seed: int = 0) -> dict[str, Tensor]:
    """Seeded weights for a `model` section; the rotary frequencies are the true ones."""
    state = seeded_like(tiny_network(kind, model).state_dict(), seed=seed)
    for name, value in state.items():
        if name.endswith("rotary_embed.freqs"):
            pairs = len(value)
            state[name] = 10000.0 ** -(torch.arange(pairs, dtype=torch.float32) / pairs)
    return state


def write_roformer(
    folder: Path,
    kind: Kind = "bs",
    stems: Sequence[str] = ("vocals", "other"),
    target: str | None = None,
    seed: int = 0,
    chunk: int = 16384,
    overlaps: int = 2,
    **model_changes: Any,
) -> tuple[Path, Path]:
    """A checkpoint and its YAML, as published.

    Args:
        stems: `training.instruments`; the network gives them all unless there is a target.
        target: `training.target_instrument`; the network then gives that one.
        chunk: samples of a segment.
        overlaps: `inference.num_overlap`.
        model_changes: keys of `model` that are to be others; None leaves one out.
    """
    sections = roformer_sections(kind, stems, target, chunk, overlaps, **model_changes)
    config = write_sections(folder / f"tiny_{kind}.yaml", sections)
    weights = folder / f"tiny_{kind}.ckpt"
    torch.save(roformer_state(kind, sections["model"], seed), weights)
    return weights, config
