"""Tiny Band-Split RNN models, in the files that the public implementations save and read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from seeded_weights import seeded_like
from torch import Tensor

from stemlift.models.architectures import read_config
from stemlift.models.formats.band_split_yaml import describe
from stemlift.networks.band_split_rnn import BandSplitRnn, BandSplitRnnConfig

RATE = 44100

PAIR_SEGMENT = 11520
"""Samples: a quarter of a second, and what its implementation adds to fill the frames."""

GENERAL = {
    "targets": ["vocals", "bass", "drums", "other"],
    "seed": 42,
    "eps": "1e-7",
    "sample_rate": RATE,
    "n_fft": 1024,
    "n_hop": 256,
    "nb_channels": 2,
    "eval": {"segment_len": 0.5, "overlap": 0.1, "hop_size": None},
}


def pair_values(stem: str = "vocals", **model: Any) -> dict[str, Any]:
    """An `hparams.yaml` of BandSplitRNN-PyTorch; `model` replaces keys under `model`."""
    transform = {"n_fft": 512, "win_length": 512, "hop_length": 128}
    return {
        "model": {
            "sr": RATE,
            "n_fft": 512,
            "bandsplits": [[2000, 500], [16000, 4000]],
            "t_timesteps": 91,
            "bottleneck_layer": "rnn",
            "fc_dim": 8,
            "rnn_dim": 4,
            "rnn_type": "LSTM",
            "bidirectional": True,
            "num_layers": 2,
            "mlp_dim": 8,
            "return_mask": False,
            "complex_as_channel": True,
            "is_mono": False,
            **model,
        },
        "featurizer": {
            "direct_transform": {
                "_target_": "torchaudio.transforms.Spectrogram",
                **transform,
                "power": None,
            },
            "inverse_transform": {
                "_target_": "torchaudio.transforms.InverseSpectrogram",
                **transform,
            },
        },
        "audio_params": {
            "target": stem,
            "is_mono": False,
            "sr": RATE,
            "win_size": 0.25,
            "hop_size": 0.125,
            "batch_size": 8,
            "window": None,
        },
    }


def channel_values(**variant: Any) -> dict[str, Any]:
    """A variant's file of bsrnn's `conf/src_mod`; `variant` replaces keys."""
    return {
        "name": "bsrnn",
        "name_out_dir": "bsrnn",
        "name_tblog_dir": "bsrnn",
        "sample_rate": "${sample_rate}",
        "n_fft": "${n_fft}",
        "n_hop": "${n_hop}",
        "nb_channels": "${nb_channels}",
        "feature_dim": 8,
        "joint_bandsplit": False,
        "num_repeat": 2,
        "fac_sep": 2,
        "time_layer": "lstm",
        "band_layer": "lstm",
        "bidirectional": True,
        "fac_mask": 2,
        "mask_ctxt": 0,
        "subtract_last_trgt": False,
        "n_heads": 1,
        "group_num": 1,
        "n_att_head": 0,
        "attn_enc_dim": 0,
        "stereo": None,
        "fac_tac": 3,
        "act_tac": "tanh",
        **variant,
    }


def write_pair(
    folder: Path,
    stem: str = "vocals",
    *,
    seed: int = 0,
    gain: float = 2.0,
    lightning: bool = False,
    **model: Any,
) -> list[Path]:
    """`<stem>.pt` and `hparams.yaml`; with `lightning` a `<stem>.ckpt` as it is trained."""
    values = pair_values(stem, **model)
    state = _seeded(values, {}, (stem,), seed, gain)
    weights = folder / f"{stem}.pt"
    content: dict[str, Any] = state
    if lightning:
        weights = weights.with_suffix(".ckpt")
        window = torch.hann_window(512)
        windows = {"featurizer.window": window, "inverse_featurizer.window": window}
        named = {f"model.{key}": tensor for key, tensor in state.items()}
        content = {"epoch": 1, "global_step": 2, "state_dict": windows | named}
    torch.save(content, weights)
    return [weights, write_yaml(folder / "hparams.yaml", values)]


def write_channel(
    folder: Path, targets: Sequence[str] = ("vocals",), *, seed: int = 0, **variant: Any
) -> list[Path]:
    """`<target>.ckpt`, or `separator.ckpt` for several, the variant's YAML and `config.yaml`."""
    values = channel_values(**variant)
    state = _seeded(values, GENERAL, tuple(targets), seed)
    for key in state:
        # The reference has one activation for all three, so that its weight is shared.
        if key.endswith(("tac_module.transform.1.weight", "tac_module.average.1.weight")):
            state[key] = state[key.rsplit(".", 3)[0] + ".concat.1.weight"]
    window = torch.hann_window(1024)
    windows = {"stft.transf.window": window, "istft.transf.window": window}
    name = targets[0] if len(targets) == 1 else "separator"
    weights = folder / f"{name}.ckpt"
    torch.save({"epoch": 1, "state_dict": windows | state}, weights)
    variant_file = write_yaml(folder / "bsrnn.yaml", values)
    return [weights, variant_file, write_yaml(folder / "config.yaml", GENERAL)]


def write_yaml(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


def _seeded(
    values: dict[str, Any],
    general: dict[str, Any],
    stems: tuple[str, ...],
    seed: int,
    gain: float = 2.0,
) -> dict[str, Tensor]:
    found = describe(values, general, stems, len(stems))
    config = read_config(
        BandSplitRnnConfig, {"parts": [found.part], "n_fft": found.n_fft, "hop": found.hop}
    )
    with torch.device("meta"):
        network = BandSplitRnn(config)
    return seeded_like(network.parts[0].state_dict(), gain=gain, seed=seed)
