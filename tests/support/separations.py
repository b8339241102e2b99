"""True stems and imperfect estimates of them, each a little of everything."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

_COLOURS = ([1, -0.9], [1, 0.5], [1, -1.6, 0.81], [1, 0, 0.7])


def separation(
    frames: int, stems: int, channels: int, seed: int = 0
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """References and estimates by name, (frames, channels) each.

    References are coloured noises that swell at their own pace. Estimates are turned down,
    hold an echo of themselves, a tenth of the next stem, and noise of nobody's.
    """
    rng = np.random.default_rng(seed)
    references = {}
    for place in range(stems):
        noise = lfilter([1], _COLOURS[place % 4], rng.standard_normal((frames, channels)), axis=0)
        noise[:, -1] = 0.6 * noise[:, 0] + 0.4 * noise[:, -1]
        swell = 0.3 + np.sin(2 * np.pi * (0.3 + 0.2 * place) * np.arange(frames) / 8000) ** 2
        references[f"stem{place}"] = 0.05 * noise * swell[:, None]
    sounds = list(references.values())
    estimates = {
        name: 0.8 * sounds[place]
        + 0.1 * np.roll(sounds[place], 7, axis=0)
        + 0.1 * sounds[(place + 1) % stems]
        + 0.01 * rng.standard_normal((frames, channels))
        for place, name in enumerate(references)
    }
    return references, estimates
