"""How a spectrogram network wants its spectra made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stft:
    """A short-time Fourier transform with a periodic Hann window.

    n_fft: length of the transform in samples; it gives n_fft // 2 + 1 bins.
    hop: samples between neighbouring frames.
    window: length of the window in samples, centred in the transform; 0 means n_fft.
    normalized: spectra are divided by the square root of n_fft.
    reflect: beyond both ends the wave is mirrored, as networks trained with torch's defaults
        expect it; otherwise there is silence.
    """

    n_fft: int
    hop: int
    window: int = 0
    normalized: bool = False
    reflect: bool = False

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1
