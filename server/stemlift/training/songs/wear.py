"""What a record goes through: mono, radio, vinyl, narrow bands, lossy coding.

All of it acts on stems so that they add up to the worn mix.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

from stemlift.training.songs.equalising import band_pass

RATE = 44_100
FRAME = 1024
_CHANCES = {
    "none": 0.62, "coded": 0.15, "band": 0.08, "mono": 0.06, "radio": 0.02,
    "vinyl": 0.04, "8k": 0.03,
}  # fmt: skip


def any_wear(rng: np.random.Generator) -> str:
    """One kind of wear by chance; mostly none."""
    return str(rng.choice(list(_CHANCES), p=list(_CHANCES.values())))


def apply_linear(stems: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """The wear that is the same filter for every stem; (stems, 2, samples) in and out."""
    if kind in ("mono", "radio"):
        stems = np.repeat(stems.mean(axis=1, keepdims=True), 2, axis=1)
    if kind == "band":
        stems = band_pass(stems, float(rng.uniform(20.0, 60.0)), float(rng.uniform(9e3, 17e3)))
    elif kind == "8k":
        stems = band_pass(stems, None, 3800.0)
    elif kind == "radio":
        stems = band_pass(stems, float(rng.uniform(120, 300)), float(rng.uniform(3500, 6000)))
    elif kind == "vinyl":
        stems = band_pass(stems, 35.0, float(rng.uniform(9e3, 15e3)))
        at = np.arange(stems.shape[2], dtype=np.float64)
        swing = float(rng.uniform(0.5, 3.0)) * 1e-4 * RATE / (2.0 * np.pi * 0.55)
        played = at + swing * np.sin(2.0 * np.pi * 0.55 * at / RATE)
        stems = np.stack(
            [np.stack([np.interp(played, at, side) for side in stem]) for stem in stems]
        ).astype(np.float32)
    return np.ascontiguousarray(stems, dtype=np.float32)


def coded(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Like a lossy coder: the mix's MDCT is quantised band by band, above a cut nothing is left.

    What happens to a coefficient of the mix happens to the stems' in proportion.
    """
    cut = int(rng.uniform(11_000, 19_500) / (RATE / 2) * FRAME)
    fineness = float(rng.uniform(1.2, 5.0))
    whole = _mdct(stems.sum(axis=0))
    widths = 4 * np.ceil(1.35 ** np.arange(24) / 4).astype(np.int64)
    edges = np.minimum(np.concatenate([[0], np.cumsum(widths)]), FRAME)
    edges = np.unique(np.append(edges, FRAME))
    power = np.add.reduceat(whole**2, edges[:-1], axis=2) / np.diff(edges)
    step = np.repeat(np.sqrt(power) / fineness, np.diff(edges), axis=2) + 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(np.abs(whole) > 0.0, np.round(whole / step) * step / whole, 0.0)
    gain = np.clip(gain, 0.0, 2.0).astype(np.float32)
    gain[:, :, cut:] = 0.0
    return np.stack([_back(_mdct(stem) * gain, stems.shape[2]) for stem in stems])


def _window() -> np.ndarray:
    return np.sin(np.pi * (np.arange(2 * FRAME) + 0.5) / (2 * FRAME)).astype(np.float32)


def _mdct(signal: np.ndarray) -> np.ndarray:
    """(2, samples) to (2, frames, FRAME), with a sine window and hop FRAME."""
    count = -(-signal.shape[1] // FRAME) + 1
    padded = np.zeros((2, (count + 1) * FRAME), dtype=np.float32)
    padded[:, FRAME : FRAME + signal.shape[1]] = signal
    blocks = padded.reshape(2, count + 1, FRAME)
    frames = np.concatenate([blocks[:, :-1], blocks[:, 1:]], axis=2) * _window()
    half = FRAME // 2
    a, b, c, d = (frames[..., step * half : (step + 1) * half] for step in range(4))
    folded = np.concatenate([-c[..., ::-1] - d, a - b[..., ::-1]], axis=-1)
    return np.asarray(scipy.fft.dct(folded, type=4, norm="ortho", axis=-1))


def _back(coefficients: np.ndarray, samples: int) -> np.ndarray:
    half = FRAME // 2
    folded = scipy.fft.dct(coefficients, type=4, norm="ortho", axis=-1)
    first, second = folded[..., :half], folded[..., half:]
    frames = np.concatenate([second, -second[..., ::-1], -first[..., ::-1], -first], axis=-1)
    frames = frames * _window()
    count = frames.shape[1]
    out = np.zeros((2, count + 1, FRAME), dtype=np.float32)
    out[:, :-1] += frames[..., :FRAME]
    out[:, 1:] += frames[..., FRAME:]
    return out.reshape(2, -1)[:, FRAME : FRAME + samples]
