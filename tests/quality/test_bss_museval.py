"""BSS Eval held against the package that everybody's figures come from."""

from __future__ import annotations

from collections.abc import Callable

import museval_metrics
import numpy as np
import pytest
from separations import separation

from stemlift.quality.bss_eval import bss_eval

metrics = museval_metrics.load()

RATE = 4000
Sounds = dict[str, np.ndarray]


def unchanged(_references: Sounds, _estimates: Sounds) -> None:
    """As `separation` gives them."""


def silences(references: Sounds, estimates: Sounds) -> None:
    references["stem1"][RATE : 2 * RATE] = 0
    estimates["stem0"][2 * RATE : 3 * RATE] = 0
    # Not silent, if hardly to be heard.
    references["stem0"][3 * RATE : 4 * RATE] = 0
    references["stem0"][3 * RATE + 7] = 1e-5


def opposite_channels(references: Sounds, _estimates: Sounds) -> None:
    references["stem0"][RATE : 2 * RATE, 1] = -references["stem0"][RATE : 2 * RATE, 0]


def two_channels_alike(references: Sounds, _estimates: Sounds) -> None:
    references["stem1"][:, 1] = references["stem1"][:, 0]


def one_channel_silent(references: Sounds, _estimates: Sounds) -> None:
    references["stem0"][:, 1] = 0


def coarse(references: Sounds, estimates: Sounds) -> None:
    # Where the bands lie empty, as behind a lossy codec, rounding is all there is.
    for sounds in (references, estimates):
        for name, sound in sounds.items():
            spectrum = np.fft.rfft(sound, axis=0)
            spectrum[len(spectrum) // 2 :] = 0
            sounds[name] = np.round(np.fft.irfft(spectrum, len(sound), axis=0) * 32768) / 32768


@pytest.mark.parametrize(
    ("seconds", "stems", "channels", "change"),
    [
        (3, 2, 2, unchanged),
        (2.6, 3, 1, unchanged),
        (0.4, 2, 2, unchanged),
        (1, 2, 1, unchanged),
        (2, 1, 2, unchanged),
        (5, 2, 2, silences),
        (3, 2, 2, opposite_channels),
        (3, 2, 2, two_channels_alike),
        (3, 2, 2, one_channel_silent),
        (3, 2, 2, coarse),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_it_says_what_museval_says(
    seconds: float, stems: int, channels: int, change: Callable[[Sounds, Sounds], None]
) -> None:
    references, estimates = separation(round(seconds * RATE), stems, channels)
    change(references, estimates)
    sdr, isr, sir, sar, _ = metrics.bss_eval(
        np.stack(list(references.values())),
        np.stack(list(estimates.values())),
        window=RATE,
        hop=RATE,
    )
    found = bss_eval(references, estimates, RATE)
    for name, theirs in (("sdr", sdr), ("isr", isr), ("sir", sir), ("sar", sar)):
        ours = np.stack([getattr(found[stem], name) for stem in references])
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        # With one stem there is no interference but rounding errors, which differ.
        heard = np.isfinite(theirs) & (theirs < 150)
        np.testing.assert_allclose(ours[heard], theirs[heard], atol=1e-3)
        medians = [getattr(found[stem].median(), name) for stem in references]
        finite = np.where(np.isfinite(theirs), theirs, np.nan)
        if heard.all(axis=1).any() and not np.isnan(finite).all(axis=1).any() and heard.any():
            expected = np.nanmedian(finite, axis=1)
            np.testing.assert_allclose(medians, expected, atol=1e-3)
