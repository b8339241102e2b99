"""Following the predominant pitch, and a mask of its harmonics."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_STEPS = 48
"""Candidate pitches to the octave."""


class PitchComb(nn.Module):
    """The harmonics of the melody that stands out most.

    Harmonic summation gives the salience of each candidate pitch in each frame, a best path
    joins them, and a comb of its harmonics is the mask.

    References:
        A. Klapuri, "Multiple fundamental frequency estimation by summing harmonic
            amplitudes", ISMIR 2006: salience.
        J. Salamon and E. Gómez, "Melody extraction from polyphonic music signals using pitch
            contour characteristics", IEEE TASLP 20(6), 2012: the predominant melody.
        Y. Li and D. Wang, "Separation of singing voice from music accompaniment for monaural
            recordings", IEEE TASLP 15(4), 2007: a mask from the singer's pitch.
    """

    def __init__(self, bin_hertz: float, bins: int, lowest: float, octaves: float) -> None:
        """
        Args:
            bin_hertz: distance between bins in Hz.
            bins: of the spectrogram.
            lowest: candidate pitch in Hz; the highest lies `octaves` above it.
        """
        super().__init__()
        pitches = lowest * 2 ** (torch.arange(int(octaves * _STEPS)) / _STEPS) / bin_hertz
        self.register_buffer("salience", _salience(pitches, int(5000 / bin_hertz)), False)
        self.register_buffer("combs", _combs(pitches, bins), False)

    salience: Tensor
    combs: Tensor

    def forward(self, partials: Tensor) -> Tensor:
        """The mask, 0 to 1, (b, f, t).

        Args:
            partials: how strongly a partial of the melody is seen, compressed, (b, f, t).
        """
        bins = self.salience.shape[1]
        scores = torch.einsum("pf,bft->btp", self.salience, partials[:, :bins])
        scores = scores / (scores.std(dim=(-1, -2), keepdim=True, correction=0) + 1e-9)
        return self.combs[_best_path(scores)].transpose(1, 2).contiguous()


def _salience(pitches: Tensor, bins: int) -> Tensor:
    """(pitches, bins): 14 harmonics, less what lies half-way between (an octave too low)."""
    at = torch.arange(bins)
    weights = torch.zeros(len(pitches), bins)
    for number in range(1, 15):
        strength = 0.85 ** (number - 1)
        weights += strength * _bump(at, pitches * number, 1.0)
        weights -= 0.5 * strength * _bump(at, pitches * (number - 0.5), 1.0)
    return weights


def _combs(pitches: Tensor, bins: int) -> Tensor:
    """(pitches, bins): teeth as wide as the window's main lobe, wider where vibrato smears."""
    at = torch.arange(bins)
    combs = torch.zeros(len(pitches), bins)
    for number in range(1, 60):
        width = 1.6 + 0.006 * number * pitches
        tooth = _bump(at, number * pitches, width[:, None])
        # Where the teeth run into each other, the comb no longer tells anything.
        apart = (pitches > 2 * width)[:, None]
        combs = torch.maximum(combs, torch.where(apart, tooth, torch.tensor(0.5)))
    return combs


def _bump(at: Tensor, centres: Tensor, width: Tensor | float) -> Tensor:
    bump = torch.exp(-0.5 * ((at - centres[:, None]) / width) ** 2)
    # Denormal numbers in the skirts would slow every product with them.
    return torch.where(bump > 1e-4, bump, 0.0)


def _best_path(scores: Tensor, glide: int = 6, leap: float = 3.0) -> Tensor:
    """Candidate per frame on the path of the highest sum of scores (Viterbi).

    Forward and backward sums instead of a trace back: their total, less the score that both
    hold, is the best path through each candidate.

    Args:
        scores: (b, t, pitches).
        glide: candidates a path may move per frame at no cost.
        leap: what a larger move costs.

    Returns:
        (b, t), indices.
    """
    batch = len(scores)
    both = torch.cat((scores, scores.flip(1)))
    padded = both.new_full((2 * batch, both.shape[2] + 2 * glide), -torch.inf)
    path = padded[:, glide:-glide].zero_()
    # Not max_pool1d: it wakes the thread pool in every frame, which is slow on a busy machine.
    reach = padded.unfold(-1, 2 * glide + 1, 1)
    sums = torch.empty_like(both)
    for frame in range(both.shape[1]):
        best = reach.amax(dim=-1).clamp_min_(-leap).add_(both[:, frame])
        # Measured from the best, so that a leap from it is the constant above.
        torch.sub(best, best.amax(dim=-1, keepdim=True), out=path)
        sums[:, frame] = path
    return (sums[:batch] + sums[batch:].flip(1) - scores).argmax(dim=-1)
