"""Band-Split RNN on each channel, for one stem or several, over any number of frames.

Follows Y. Luo and J. Yu, "Music Source Separation with Band-split RNN" (arXiv 2209.15174),
and the variants of P. Magron, R. Serizel and C. Douwes, "The Costs of Reproducibility in
Music Separation Research: a Replication of Band-Split RNN" (arXiv 2603.09187), so that their
weights fit: exchange between the channels by transform, average and concatenate (Luo et al.,
"End-to-end microphone permutation and number invariant multi-channel speech separation",
ICASSP 2020), attention over the frames with all bands in one vector (Wang et al.,
"TF-GridNet", 2023), and one shared encoder with a mask per stem (Luo and Gu, SIMO, 2024).

Axes: b batch, c channels, r rows (b · c, or b where a vector holds both channels), f bins,
t frames, k bands, n features, s stems, a heads of the attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

_MOST_LAYERS = 64
_MOST_HEADS = 64
_MOST_STEMS = 64
_ATTENTION_EPS = 1e-7

LayerKind = Literal["lstm", "gru", "conv"]


@dataclass(frozen=True, slots=True)
class ChannelPart:
    """One network that gives `stems` stems.

    bands: bins of each band, from 0 Hz up.
    features: n. layers: blocks of a time and a band layer.
    hidden_factor, mask_factor, exchange_factor: widths of hidden layers in multiples of n.
    mask_context: each bin of an estimate is summed with so many neighbours on both sides.
    last_is_rest: the last stem is the mix less all the others, and has no mask.
    heads: the features are cut into so many parts, which the layers see one by one.
    groups: of the group norms; None for one per 16 features.
    attention_heads: 0 for no attention. attention_features: of its queries and keys.
    stereo: "apart" for each channel by itself, "joint" for one vector of both, "exchanged"
        for each by itself with an exchange after each block.
    eps: of the norms.
    """

    kind: Literal["channel"]
    bands: tuple[int, ...]
    stems: int
    features: int
    layers: int
    hidden_factor: int = 2
    time_layer: LayerKind = "lstm"
    band_layer: LayerKind = "lstm"
    bidirectional: bool = True
    mask_factor: int = 4
    mask_context: int = 0
    last_is_rest: bool = False
    heads: int = 1
    groups: int | None = 1
    attention_heads: int = 0
    attention_features: int = 16
    stereo: Literal["apart", "joint", "exchanged"] = "apart"
    exchange_factor: int = 3
    exchange_activation: Literal["tanh", "prelu"] = "tanh"
    eps: float = 1e-7


class ChannelNetwork(nn.Module):
    """forward: complex (b, c, f, t) → complex (b, s, c, f, t), c is 1 or 2."""

    frames: int | None = None

    def __init__(self, part: ChannelPart) -> None:
        super().__init__()
        _check(part)
        self.bands = part.bands
        self.joint = part.stereo == "joint"
        self.last_is_rest = part.last_is_rest
        self.BN = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(1, bins * 2 * (1 + self.joint), part.eps),
                nn.Conv1d(bins * 2 * (1 + self.joint), part.features, 1),
            )
            for bins in part.bands
        )
        self.separator = nn.ModuleList(_Block(part) for _ in range(part.layers))
        self.maskers = nn.ModuleList(_Masker(part) for _ in range(part.stems - part.last_is_rest))

    def forward(self, mix: Tensor) -> Tensor:
        if self.joint and mix.shape[1] == 1:
            # A mono mix is a stereo one with two equal channels.
            both = self._stems(mix.expand(-1, 2, -1, -1))
            return both.mean(2, keepdim=True)
        return self._stems(mix)

    def _stems(self, mix: Tensor) -> Tensor:
        b, c = mix.shape[:2]
        spectrum = torch.view_as_real(mix).flatten(0, 1).permute(0, 3, 1, 2)
        bands = torch.split(spectrum, list(self.bands), dim=2)
        rows = b if self.joint else b * c
        vectors = (band.reshape(rows, -1, band.shape[-1]) for band in bands)
        features = torch.stack(
            [layer(each) for each, layer in zip(vectors, self.BN, strict=True)], dim=1
        )
        for block in self.separator:
            features = block(features, rows // b)
        estimates = torch.stack([masker(features, bands) for masker in self.maskers], dim=1)
        estimates = torch.unflatten(estimates, 0, (b, c)).transpose(1, 2)
        if self.last_is_rest:
            rest = mix.unsqueeze(1) - estimates.sum(1, keepdim=True)
            estimates = torch.cat((estimates, rest), dim=1)
        return estimates


def _check(part: ChannelPart) -> None:
    """Sizes that shapes alone would not hold in bounds."""
    counts = (("layers", part.layers, _MOST_LAYERS), ("stems", part.stems, _MOST_STEMS))
    for name, count, most in counts:
        if not 0 < count <= most:
            raise ValueError(f"{count} {name}")
    if not 0 <= part.attention_heads <= _MOST_HEADS:
        raise ValueError(f"{part.attention_heads} heads of attention")
    if part.attention_heads and part.attention_features < 1:
        raise ValueError(f"attention over {part.attention_features} features")
    for name, divisor in (("heads", part.heads), ("attention heads", part.attention_heads or 1)):
        if divisor < 1 or part.features % divisor:
            raise ValueError(f"{part.features} features for {divisor} {name}")
    if not 0 <= part.mask_context <= sum(part.bands):
        raise ValueError(f"{part.mask_context} bins of context")
    if part.last_is_rest and part.stems < 2:
        raise ValueError("a single stem cannot be the rest of the others")


class _Block(nn.Module):
    """(r, k, n, t) → (r, k, n, t)."""

    def __init__(self, part: ChannelPart) -> None:
        super().__init__()
        self.heads = part.heads
        self.time_net = _Residual(part, part.time_layer)
        self.band_net = _Residual(part, part.band_layer)
        if part.attention_heads:
            self.attn_block = _Attention(part)
        if part.stereo == "exchanged":
            self.tac_module = _Exchange(part)
        self.exchanged = part.stereo == "exchanged"
        self.attended = part.attention_heads > 0

    def forward(self, features: Tensor, channels: int) -> Tensor:
        r, k, n, t = features.shape
        rows = torch.unflatten(features, 2, (self.heads, -1)).transpose(1, 2)
        rows = self.time_net(rows.reshape(-1, n // self.heads, t))
        rows = rows.view(r * self.heads, k, -1, t).permute(0, 3, 2, 1)
        rows = self.band_net(rows.reshape(-1, n // self.heads, k))
        rows = rows.view(r, self.heads, t, -1, k).permute(0, 4, 1, 3, 2)
        features = rows.reshape(r, k, n, t)
        if self.exchanged:
            features = self.tac_module(features, channels)
        if self.attended:
            features = self.attn_block(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return features


class _Residual(nn.Module):
    """(rows, n / heads, length) → (rows, n / heads, length)."""

    def __init__(self, part: ChannelPart, kind: LayerKind) -> None:
        super().__init__()
        size = part.features // part.heads
        hidden = size * part.hidden_factor
        out = hidden * (1 + part.bidirectional)
        groups = max(size // 16, 1) if part.groups is None else part.groups
        self.norm = nn.GroupNorm(groups, size, part.eps)
        self.main_layer: nn.Module
        if kind == "conv":
            self.main_layer = nn.Sequential(nn.Conv1d(size, out, 3, padding=1), nn.ReLU())
        else:
            rnn = nn.LSTM if kind == "lstm" else nn.GRU
            self.main_layer = rnn(size, hidden, batch_first=True, bidirectional=part.bidirectional)
        self.proj = nn.Linear(out, size)
        self.recurrent = kind != "conv"

    def forward(self, rows: Tensor) -> Tensor:
        normed = self.norm(rows)
        if self.recurrent:
            out = self.main_layer(normed.transpose(1, 2).contiguous())[0]
        else:
            out = self.main_layer(normed).transpose(1, 2)
        change: Tensor = self.proj(out)
        return rows + change.transpose(1, 2)


class _Exchange(nn.Module):
    """Transform, average, concatenate: (b · c, k, n, t) → (b · c, k, n, t)."""

    def __init__(self, part: ChannelPart) -> None:
        super().__init__()
        n, hidden = part.features, part.features * part.exchange_factor

        def layer(size: int, out: int) -> nn.Sequential:
            activation = nn.Tanh() if part.exchange_activation == "tanh" else nn.PReLU()
            return nn.Sequential(nn.Linear(size, out), activation)

        self.transform = layer(n, hidden)
        self.average = layer(hidden, hidden)
        self.concat = layer(2 * hidden, n)

    def forward(self, features: Tensor, channels: int) -> Tensor:
        own = self.transform(torch.unflatten(features.transpose(2, 3), 0, (-1, channels)))
        shared = self.average(own.mean(1, keepdim=True)).expand_as(own)
        change: Tensor = self.concat(torch.cat((own, shared), dim=-1))
        return features + change.flatten(0, 1).transpose(2, 3)


class _Attention(nn.Module):
    """(r, n, t, k) → (r, n, t, k): over the frames, a frame's vector being all its bands."""

    def __init__(self, part: ChannelPart) -> None:
        super().__init__()
        self.heads = part.attention_heads
        n, bands = part.features, len(part.bands)
        for head in range(self.heads):
            for name, size in (
                ("Q", part.attention_features),
                ("K", part.attention_features),
                ("V", n // self.heads),
            ):
                self.add_module(f"attn_conv_{name}_{head}", _projection(n, size, bands))
        self.attn_concat_proj = _projection(n, n, bands)

    def forward(self, features: Tensor) -> Tensor:
        query, key, value = (self._frames(name, features) for name in "QKV")
        # Not the fused kernel: it scales alike, but rounds otherwise on each device.
        scores = query.flatten(3) @ key.flatten(3).transpose(2, 3)
        shares = (scores / (query[0, 0, 0].numel() ** 0.5)).softmax(dim=-1)
        mixed = (shares @ value.flatten(3)).view_as(value)
        heads = mixed.permute(1, 0, 3, 2, 4).flatten(1, 2)
        out: Tensor = features + self.attn_concat_proj(heads)
        return out

    def _frames(self, name: str, features: Tensor) -> Tensor:
        """(a, r, t, size, k)."""
        heads = [
            self.get_submodule(f"attn_conv_{name}_{head}")(features) for head in range(self.heads)
        ]
        return torch.stack(heads).transpose(2, 3)


def _projection(size: int, out: int, bands: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(size, out, 1), nn.PReLU(), _FrameNorm(out, bands))


class _FrameNorm(nn.Module):
    """(r, n, t, k), standardised over n and k in each frame."""

    def __init__(self, size: int, bands: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, size, 1, bands))
        self.beta = nn.Parameter(torch.zeros(1, size, 1, bands))

    def forward(self, features: Tensor) -> Tensor:
        features = features.float()
        mean = features.mean(dim=(1, 3), keepdim=True)
        variance = features.var(dim=(1, 3), unbiased=False, keepdim=True)
        normed = (features - mean) / torch.sqrt(variance + _ATTENTION_EPS)
        return normed * self.gamma + self.beta


class _Masker(nn.Module):
    """One stem: features (r, k, n, t) and bands (b · c, 2, bins, t) → complex (b · c, f, t)."""

    def __init__(self, part: ChannelPart) -> None:
        super().__init__()
        self.context = part.mask_context
        n, hidden = part.features, part.features * part.mask_factor
        channels = 2 if part.stereo == "joint" else 1
        self.mask = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(1, n, part.eps),
                nn.Conv1d(n, hidden, 1),
                nn.Tanh(),
                nn.Conv1d(hidden, hidden, 1),
                nn.Tanh(),
                nn.Conv1d(hidden, bins * 4 * channels, 1),
            )
            for bins in part.bands
        )

    def forward(self, features: Tensor, bands: tuple[Tensor, ...]) -> Tensor:
        layers = zip(features.unbind(1), bands, self.mask, strict=True)
        return torch.cat([self._band(mask(row), band) for row, band, mask in layers], dim=1)

    def _band(self, out: Tensor, band: Tensor) -> Tensor:
        """(r, 4 · bins [· 2], t) and (b · c, 2, bins, t) → complex (b · c, bins, t)."""
        values, gates = out.float().view(-1, 2, *band.shape[1:]).unbind(1)
        mask_real, mask_imag = (values * gates.sigmoid()).unbind(1)
        real, imag = band.unbind(1)
        estimate = torch.stack(
            (real * mask_real - imag * mask_imag, real * mask_imag + imag * mask_real), dim=1
        )
        if self.context:
            width = 2 * self.context + 1
            estimate = width * nn.functional.avg_pool2d(
                estimate, (width, 1), stride=1, padding=(self.context, 0)
            )
        return torch.complex(*estimate.unbind(1))
