"""From a network that sees spectrograms to a network that sees waves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from stemlift.models.spec import MaskKind
from stemlift.separation.masks import complex_estimates, masks


@runtime_checkable
class SpectrogramNetwork(Protocol):
    """What `MaskedSpectrogram` needs of a network; it must also be an `nn.Module`.

    Attributes:
        n_fft: length of the Hann window and of the transform, in samples.
        hop: samples between neighbouring frames.
    """

    n_fft: int
    hop: int

    def __call__(self, mix: Tensor) -> Tensor:
        """Estimates of the stems.

        Args:
            mix: complex (batch, channels, n_fft // 2 + 1, frames), not normalised.

        Returns:
            (batch, stems, channels, bins, frames): real magnitudes or complex spectra.
        """
        ...


class MaskedSpectrogram(nn.Module):
    """Waveform in, stems out, through a spectrogram network and a mask.

    forward: (batch, channels, samples) → (batch, stems, channels, samples), any length
    from one sample on. Transforms and masks are computed in float32 whatever autocast says.
    """

    def __init__(self, network: SpectrogramNetwork, mask: MaskKind) -> None:
        super().__init__()
        self.network = network
        self.mask = mask
        self.register_buffer("window", torch.hann_window(network.n_fft), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        batch, channels, samples = wave.shape
        with torch.autocast(wave.device.type, enabled=False):
            mix = self._spectrum(wave.float().reshape(batch * channels, samples))
            mix = mix.reshape(batch, channels, *mix.shape[-2:])
        estimates = self.network(mix)
        with torch.autocast(wave.device.type, enabled=False):
            if not estimates.is_complex():
                estimates = estimates.float()
            return torch.stack(
                [
                    self._wave(spectrum.flatten(0, 1), samples).reshape(batch, channels, samples)
                    for spectrum in self._spectra(estimates, mix)
                ],
                dim=1,
            )

    def _spectra(self, estimates: Tensor, mix: Tensor) -> Iterator[Tensor]:
        """The spectrum of one stem after the other, (batch, channels, bins, frames)."""
        if self.mask is MaskKind.COMPLEX:
            # The estimate itself, rather than estimate / mix · mix.
            yield from complex_estimates(estimates, mix).unbind(1)
            return
        parts = torch.view_as_real(mix)
        for mask in masks(self.mask, estimates, mix).unbind(1):
            # As pairs of reals, since a real mask would be widened to a complex one first.
            yield torch.view_as_complex(parts * mask.unsqueeze(-1))

    def _spectrum(self, wave: Tensor) -> Tensor:
        # Zeros, not reflection, at the ends: reflection fails on inputs shorter than the window.
        return torch.stft(
            wave,
            self.network.n_fft,
            self.network.hop,
            window=cast("Tensor", self.window),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )

    def _wave(self, spectra: Tensor, samples: int) -> Tensor:
        return torch.istft(
            spectra,
            self.network.n_fft,
            self.network.hop,
            window=cast("Tensor", self.window),
            center=True,
            length=samples,
        )
