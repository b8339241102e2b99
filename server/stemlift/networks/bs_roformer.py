"""Band-Split RoFormer: transformers over bands that do not overlap.

Axes: b batch, s stems, c channels, f bins, t frames.

Reference:
    W.-T. Lu, J.-C. Wang, Q. Kong and Y.-N. Hung, "Music source separation with band-split
        rope transformer", ICASSP 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stemlift.networks.roformer import BandSplitTransformer, RoformerConfig

BANDS = (*(2,) * 24, *(4,) * 12, *(12,) * 8, *(24,) * 8, *(48,) * 8, 128, 129)
"""Bins of each band of the published networks, for transforms of 2048 samples."""


@dataclass(frozen=True, kw_only=True)
class BSRoformerConfig(RoformerConfig):
    """See `RoformerConfig`.

    freqs_per_bands: bins of each band, from 0 Hz on; all bins must be dealt out.
    """

    freqs_per_bands: tuple[int, ...] = BANDS


class BSRoformer(BandSplitTransformer):
    """Complex estimates of the stems: (b, c, f, t) → (b, s, c, f, t).

    `mask_estimator_depth` counts the linear layers of the masks' MLPs.

    Raises:
        ValueError: the bands do not add up to the bins of the transform.
    """

    def __init__(self, config: BSRoformerConfig) -> None:
        bins, dealt = config.stft_n_fft // 2 + 1, sum(config.freqs_per_bands)
        if dealt != bins or min(config.freqs_per_bands) < 1:
            raise ValueError(f"its bands have {dealt} bins in all where the transform has {bins}")
        super().__init__(
            config,
            config.freqs_per_bands,
            norm_outputs=False,
            mask_linears=config.mask_estimator_depth,
        )

    def to_bands(self, bins: Tensor) -> Tensor:
        return bins

    def from_bands(self, banded: Tensor) -> Tensor:
        return banded
