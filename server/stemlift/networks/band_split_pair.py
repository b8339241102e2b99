"""Band-Split RNN on both channels at once, over a fixed number of frames.

Follows Y. Luo and J. Yu, "Music Source Separation with Band-split RNN" (arXiv 2209.15174),
with the choices of A. Amatov's public implementation, so that its weights fit: a band's
vector holds both channels, spectra are standardised per segment, and norms learn a weight
for each frame, which fixes the number of frames.

Axes: b batch, c channels, f bins, t frames, k bands, n features, h hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

_ATTENTION_HEADS = 4
_MOST_LAYERS = 64
_SILENCE = 1e-5

_RNNS: dict[str, Callable[..., nn.RNNBase]] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}


@dataclass(frozen=True, slots=True)
class PairPart:
    """One network that gives one stem.

    bands: bins of each band, from 0 Hz up.
    features: n. hidden: h, per direction. layers: pairs of a time and a band layer.
    mask_hidden: width of the mask's hidden layer.
    frames: of every input; no other number will do.
    attention: each layer attends before its (LSTM) recurrence, and does not normalise.
    channels: 2, or 1 where each channel is separated by itself.
    """

    kind: Literal["pair"]
    bands: tuple[int, ...]
    features: int
    hidden: int
    layers: int
    mask_hidden: int
    frames: int
    rnn: Literal["LSTM", "GRU", "RNN"] = "LSTM"
    bidirectional: bool = True
    attention: bool = False
    channels: Literal[1, 2] = 2

    stems = 1


class PairNetwork(nn.Module):
    """forward: complex (b, c, f, t) → complex (b, 1, c, f, t)."""

    def __init__(self, part: PairPart) -> None:
        super().__init__()
        if not 0 < part.layers <= _MOST_LAYERS:
            raise ValueError(f"{part.layers} layers")
        self.frames = part.frames
        self.channels = part.channels
        self.bandsplit = _Split(part)
        self.bandsequence = _Attending(part) if part.attention else _Recurring(part)
        self.maskest = _Masks(part)

    def forward(self, mix: Tensor) -> Tensor:
        b, c, _, t = mix.shape
        if t != self.frames:
            raise ValueError(f"{t} frames where the network was made for {self.frames}")
        if self.channels == 1:
            return self._stem(mix.flatten(0, 1).unsqueeze(1)).view_as(mix).unsqueeze(1)
        if c == 1:
            # A mono mix is a stereo one with two equal channels.
            return self._stem(mix.expand(b, 2, -1, -1)).mean(1, keepdim=True).unsqueeze(1)
        return self._stem(mix).unsqueeze(1)

    def _stem(self, mix: Tensor) -> Tensor:
        # In pairs of reals: few devices know the deviation of complex numbers.
        spectrum = torch.view_as_real(mix)
        mean = spectrum.mean(dim=(1, 2, 3), keepdim=True)
        power = (spectrum - mean).square().sum(dim=(1, 2, 3, 4), keepdim=True)
        deviation = (power / (spectrum[0].numel() // 2 - 1)).sqrt()
        spectrum = (spectrum - mean) / (deviation + _SILENCE)
        mask = self.maskest(self.bandsequence(self.bandsplit(spectrum))).float()
        real, imag = spectrum.unbind(-1)
        mask_real, mask_imag = mask.unbind(-1)
        product = torch.stack(
            (real * mask_real - imag * mask_imag, real * mask_imag + imag * mask_real), dim=-1
        )
        return torch.view_as_complex(product * deviation + mean)


class _Split(nn.Module):
    """(b, c, f, t, 2) → (b, k, t, n)."""

    def __init__(self, part: PairPart) -> None:
        super().__init__()
        self.bands = part.bands
        sizes = [bins * 2 * part.channels for bins in part.bands]
        self.layernorms = nn.ModuleList(nn.LayerNorm([size, part.frames]) for size in sizes)
        self.fcs = nn.ModuleList(nn.Linear(size, part.features) for size in sizes)

    def forward(self, spectrum: Tensor) -> Tensor:
        bands = torch.split(spectrum.permute(0, 1, 4, 2, 3), list(self.bands), dim=3)
        features = [
            fc(norm(band.flatten(1, 3)).transpose(1, 2))
            for band, norm, fc in zip(bands, self.layernorms, self.fcs, strict=True)
        ]
        return torch.stack(features, dim=1)


class _Recurring(nn.Module):
    """(b, k, t, n) → (b, k, t, n): along time, then along the bands, over and over."""

    def __init__(self, part: PairPart) -> None:
        super().__init__()
        self.bsrnn = nn.ModuleList(
            nn.Sequential(_Recurrence(part), _Recurrence(part)) for _ in range(part.layers)
        )

    def forward(self, features: Tensor) -> Tensor:
        return _alternate(self.bsrnn, features)


class _Attending(nn.Module):
    """As `_Recurring`, with attention in front of every recurrence."""

    def __init__(self, part: PairPart) -> None:
        super().__init__()
        self.dptransformers = nn.ModuleList(
            nn.Sequential(_Attention(part), _Attention(part)) for _ in range(part.layers)
        )

    def forward(self, features: Tensor) -> Tensor:
        return _alternate(self.dptransformers, features)


def _alternate(layers: nn.ModuleList, features: Tensor) -> Tensor:
    """Every layer works along the third axis; the second and third are swapped after each."""
    for pair in layers:
        assert isinstance(pair, nn.Sequential)
        for layer in pair:
            out = layer(features.flatten(0, 1)).view_as(features)
            features = out.transpose(1, 2).contiguous()
    return features


class _Recurrence(nn.Module):
    """(rows, length, n) → (rows, length, n)."""

    def __init__(self, part: PairPart) -> None:
        super().__init__()
        n, h = part.features, part.hidden
        self.groupnorm = nn.GroupNorm(n, n)
        self.rnn = _RNNS[part.rnn](n, h, batch_first=True, bidirectional=part.bidirectional)
        self.fc = nn.Linear(h * (1 + part.bidirectional), n)

    def forward(self, rows: Tensor) -> Tensor:
        normed = self.groupnorm(rows.transpose(1, 2)).transpose(1, 2)
        change: Tensor = self.fc(self.rnn(normed)[0])
        return rows + change


class _Attention(nn.Module):
    """(rows, length, n) → (rows, length, n).

    Its `groupnorm` is in the state dict of the reference, which computes it and makes no
    use of the result; here it only holds the place.
    """

    def __init__(self, part: PairPart) -> None:
        super().__init__()
        n, h = part.features, part.hidden
        self.groupnorm = nn.GroupNorm(n, n)
        self.mha = nn.MultiheadAttention(n, _ATTENTION_HEADS)
        self.recurrent = nn.LSTM(n, h, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * h, n)

    def forward(self, rows: Tensor) -> Tensor:
        by_length = rows.transpose(0, 1)
        attended, _ = self.mha(by_length, by_length, by_length, need_weights=False)
        rows = rows + attended.transpose(0, 1)
        change: Tensor = self.linear(self.recurrent(rows)[0])
        return rows + change


class _Masks(nn.Module):
    """(b, k, t, n) → (b, c, f, t, 2), the mask's real and imaginary part."""

    def __init__(self, part: PairPart) -> None:
        super().__init__()
        self.channels = part.channels
        self.layernorms = nn.ModuleList(
            nn.LayerNorm([part.frames, part.features]) for _ in part.bands
        )
        self.mlp = nn.ModuleList(
            _Perceptron(part.features, part.mask_hidden, bins * 2 * part.channels)
            for bins in part.bands
        )

    def forward(self, features: Tensor) -> Tensor:
        layers = zip(features.unbind(1), self.layernorms, self.mlp, strict=True)
        return _join([mlp(norm(band)) for band, norm, mlp in layers], self.channels)


def _join(bands: Sequence[Tensor], channels: int) -> Tensor:
    """(b, t, c · 2 · bins) of every band → (b, c, f, t, 2)."""
    split = [torch.unflatten(band, -1, (channels, 2, -1)).permute(0, 2, 4, 1, 3) for band in bands]
    return torch.cat(split, dim=2)


class _Perceptron(nn.Module):
    def __init__(self, features: int, hidden: int, out: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, out), _Gated(out)
        )

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.mlp(features)
        return out


class _Gated(nn.Module):
    """A gated linear unit with its own projection."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 2 * size)

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.glu(self.linear(values), dim=-1)
