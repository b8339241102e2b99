"""From a network that sees spectrograms to a network that sees waves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from stemlift.models.spec import MaskKind
from stemlift.networks.stft import Stft
from stemlift.separation.masks import complex_estimates, masks
from stemlift.separation.wiener import add_residual


@runtime_checkable
class SpectrogramNetwork(Protocol):
    """What `MaskedSpectrogram` needs of a network; it must also be an `nn.Module`.

    Attributes:
        stft: how its spectra are made.
    """

    stft: Stft

    def __call__(self, mix: Tensor) -> Tensor:
        """Estimates of the stems.

        Args:
            mix: complex (batch, channels, bins, frames), not normalised.

        Returns:
            (batch, stems, channels, bins, frames): real magnitudes or complex spectra.
        """
        ...


@runtime_checkable
class SeparableNetwork(Protocol):
    """A spectrogram network that can leave out the work of stems which nobody wants."""

    def only(self, indices: Collection[int]) -> nn.Module:
        """The network with zeros for all stems but these; its weights are shared."""
        ...


class MaskedSpectrogram(nn.Module):
    """Waveform in, stems out, through a spectrogram network and a mask.

    forward: (batch, channels, samples) → (batch, stems, channels, samples), any length
    from one sample on. Transforms and masks are computed in float32 whatever autocast says.

    Args:
        complement: one more stem comes last, the mix less all that the network gives.
    """

    def __init__(
        self, network: SpectrogramNetwork, mask: MaskKind, complement: bool = False
    ) -> None:
        super().__init__()
        self.network = network
        self.mask = mask
        self.complement = complement
        self.stft = network.stft
        window = torch.hann_window(self.stft.window or self.stft.n_fft)
        self.register_buffer("window", window, persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        batch, channels, samples = wave.shape
        with torch.autocast(wave.device.type, enabled=False):
            mix = self._spectrum(wave.float().reshape(batch * channels, samples))
            mix = mix.reshape(batch, channels, *mix.shape[-2:])
        estimates = self.network(mix)
        with torch.autocast(wave.device.type, enabled=False):
            if not estimates.is_complex():
                estimates = estimates.float()
            if self.complement:
                estimates = _with_rest(estimates, mix)
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
        for mask in masks(self.mask, estimates).unbind(1):
            # As pairs of reals, since a real mask would be widened to a complex one first.
            yield torch.view_as_complex(parts * mask.unsqueeze(-1))

    def _spectrum(self, wave: Tensor) -> Tensor:
        # An end can only be mirrored where the wave is longer than what is mirrored.
        reflect = self.stft.reflect and wave.shape[-1] > self.stft.n_fft // 2
        window = cast("Tensor", self.window)
        return torch.stft(
            wave,
            self.stft.n_fft,
            self.stft.hop,
            win_length=len(window),
            window=window,
            center=True,
            pad_mode="reflect" if reflect else "constant",
            normalized=self.stft.normalized,
            return_complex=True,
        )

    def _wave(self, spectra: Tensor, samples: int) -> Tensor:
        window = cast("Tensor", self.window)
        return torch.istft(
            spectra,
            self.stft.n_fft,
            self.stft.hop,
            win_length=len(window),
            window=window,
            center=True,
            normalized=self.stft.normalized,
            length=samples,
        )


def _with_rest(estimates: Tensor, mix: Tensor) -> Tensor:
    """The estimates and, as one stem more, what they leave of the mix: (b, s + 1, c, f, t)."""
    if not estimates.is_complex():
        return add_residual(estimates, mix)
    rest = mix.unsqueeze(1) - estimates.sum(dim=1, keepdim=True)
    return torch.cat((estimates, rest), dim=1)
