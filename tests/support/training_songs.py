"""Songs that are quick to make and quick to tell apart, as training reads them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

RATE = 44_100


def easy_stems(seconds: float, seed: int) -> np.ndarray:
    """int16 (4, 2, samples): clicks of noise, a low tone, a middle tone, a high wavering one."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    beat = (time * rng.uniform(1.5, 2.5)) % 1.0
    drums = rng.standard_normal(len(time)) * np.exp(-25.0 * beat)
    bass = np.sin(2 * np.pi * rng.uniform(50, 90) * time)
    other = np.sin(2 * np.pi * rng.uniform(400, 700) * time)
    waver = 0.3 * np.sin(2 * np.pi * 5 * time)
    vocals = np.sin(2 * np.pi * rng.uniform(2000, 3000) * time + waver)
    mono = np.stack((0.7 * drums.clip(-1, 1), 0.2 * bass, 0.15 * other, 0.15 * vocals))
    stereo = np.stack((mono, mono * rng.uniform(0.5, 1.0, (4, 1))), axis=1)
    return np.round(stereo * 16384.0).astype(np.int16)


def write_songs(folder: Path, split: str, count: int, seconds: float, seed: int = 0) -> Path:
    """`count` songs of a split, as `stemlift train songs` leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = folder / f"{split}-{seed}-{index:06d}.npy"
        np.save(path, easy_stems(seconds, 1000 * seed + index + 100 * (split == "valid")))
        manifest = {"split": split, "tempo": 100.0 + index % 2 * 20}
        path.with_suffix(".json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
