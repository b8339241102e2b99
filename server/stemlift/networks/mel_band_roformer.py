"""Mel-Band RoFormer: transformers over overlapping bands on the mel scale.

Axes: b batch, s stems, c channels, f bins, t frames, p real and imaginary part, e bins of
all bands, one band after the other.

Reference:
    J.-C. Wang, W.-T. Lu and M. Won, "Mel-Band RoFormer for music source separation", 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stemlift.networks.mel_bands import mel_bands
from stemlift.networks.roformer import BandSplitTransformer, RoformerConfig

_MOST_BANDS = 1024
_LONGEST_TRANSFORM = 2**16


@dataclass(frozen=True, kw_only=True)
class MelBandRoformerConfig(RoformerConfig):
    """See `RoformerConfig`.

    sample_rate: in Hz; the bands follow from it.
    """

    num_bands: int = 60
    sample_rate: int = 44100
    mask_estimator_depth: int = 1


class MelBandRoformer(BandSplitTransformer):
    """Complex estimates of the stems: (b, c, f, t) → (b, s, c, f, t).

    Where bands overlap, the mean of their masks is taken. `mask_estimator_depth` counts the
    hidden layers of the masks' MLPs: there is one linear layer more.

    Raises:
        ValueError: the table of its bands would be larger than any that is in use.
    """

    band_bins: Tensor
    bands_per_bin: Tensor

    def __init__(self, config: MelBandRoformerConfig) -> None:
        if not (
            0 < config.num_bands <= _MOST_BANDS and 0 < config.stft_n_fft <= _LONGEST_TRANSFORM
        ):
            raise ValueError(
                f"{config.num_bands} bands of a transform of {config.stft_n_fft} samples"
            )
        table = mel_bands(config.sample_rate, config.stft_n_fft, config.num_bands)
        super().__init__(
            config,
            table.sum(axis=1).tolist(),
            norm_outputs=True,
            mask_linears=config.mask_estimator_depth + 1,
        )
        _, bins = np.nonzero(table)
        self.register_buffer("band_bins", torch.from_numpy(bins), persistent=False)
        counts = torch.from_numpy(table.sum(axis=0).astype(np.float32))
        self.register_buffer("bands_per_bin", counts.reshape(-1, 1, 1), persistent=False)

    def to_bands(self, bins: Tensor) -> Tensor:
        """(b, t, f, c, p) → (b, t, e, c, p)."""
        return bins.index_select(2, self.band_bins)

    def from_bands(self, banded: Tensor) -> Tensor:
        """(b, t, e, c, p) → (b, t, f, c, p)."""
        shape = (*banded.shape[:2], len(self.bands_per_bin), *banded.shape[3:])
        # No bin is in more than two bands, so the order of adding cannot change the sum.
        sums = banded.new_zeros(shape).index_add_(2, self.band_bins, banded)
        return sums / self.bands_per_bin
