"""What the band-split transformers have in common: blocks, bands in, masks out.

Names of modules and parameters are those of the published checkpoints.

Axes: b batch, s stems, c channels, f bins, t frames, p real and imaginary part, k bands,
d features, h heads, n positions of a sequence (frames or bands).

References:
    W.-T. Lu, J.-C. Wang, Q. Kong and Y.-N. Hung, "Music source separation with band-split
        rope transformer", ICASSP 2024: the network.
    J. Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.
    B. Zhang and R. Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    A. El-Nouby et al., "XCiT: cross-covariance image transformers", NeurIPS 2021: the
        attention in linear time.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self, cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from stemlift.networks.stft import Stft

_FEED_FORWARD_FACTOR = 4
_CROSS_COVARIANCE_SCALE = 8.0


MOST_MASK_LAYERS = 16384
"""Above these a network is no one's: to make its modules would take all time and memory."""

_MOST_LAYERS = 4096


@dataclass(frozen=True, kw_only=True)
class RoformerConfig:
    """Arguments that both networks share, by the names that checkpoints' YAML files use.

    stereo: both channels go through together; otherwise each goes alone.
    depth: blocks; each has (linear,) time and frequency transformers of so many layers.
    mask_estimator_depth: of the MLPs that make the masks; see the networks for its meaning.
    mlp_expansion_factor: width of those MLPs, as a multiple of dim.
    zero_dc: the estimates have nothing at 0 Hz.
    skip_connection: each block also gets the sum of what all blocks before it gave.
    """

    dim: int
    depth: int
    stereo: bool = False
    num_stems: int = 1
    time_transformer_depth: int = 2
    freq_transformer_depth: int = 2
    linear_transformer_depth: int = 0
    dim_head: int = 64
    heads: int = 8
    stft_n_fft: int = 2048
    stft_hop_length: int = 512
    stft_win_length: int = 2048
    stft_normalized: bool = False
    mask_estimator_depth: int = 2
    mlp_expansion_factor: int = 4
    zero_dc: bool = True
    skip_connection: bool = False

    @property
    def channels(self) -> int:
        return 2 if self.stereo else 1


class RMSNorm(nn.Module):
    """Vectors of the length √d, then a gain per feature: (…, d) → (…, d)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = dim**0.5
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", functional.normalize(x, dim=-1) * (self.gamma * self.scale))


class FeedForward(nn.Module):
    """(…, d) → (…, d)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        inner = dim * _FEED_FORWARD_FACTOR
        # Nothing stands where the dropout was in training, so that the names are right.
        self.net = nn.Sequential(
            RMSNorm(dim), nn.Linear(dim, inner), nn.GELU(), nn.Identity(), nn.Linear(inner, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.net(x))


class RotaryEmbedding(nn.Module):
    """Turns each pair of neighbouring features by an angle that grows with the position."""

    def __init__(self, dim: int, base: float = 10000.0) -> None:
        super().__init__()
        self.freqs = nn.Parameter(base ** -(torch.arange(0, dim, 2) / dim), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…, n, d) of any float type → the same in float32.

        Half precision cannot tell the angles of neighbouring positions apart.
        """
        with torch.autocast(x.device.type, enabled=False):
            positions = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)
            angles = torch.outer(positions, self.freqs.float())
            cosines, sines = angles.cos(), angles.sin()
            first, second = rearrange(x.float(), "... (d pair) -> pair ... d", pair=2)
            turned = (first * cosines - second * sines, second * cosines + first * sines)
            return torch.stack(turned, dim=-1).flatten(-2)


class Attention(nn.Module):
    """(b, n, d) → (b, n, d), with rotary positions and a gate per head and position."""

    def __init__(self, dim: int, heads: int, dim_head: int, rotary: RotaryEmbedding) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * dim_head
        self.rotary_embed = rotary
        self.norm = RMSNorm(dim)
        self.to_qkv = nn.Linear(dim, inner * 3, bias=False)
        self.to_gates = nn.Linear(dim, heads)
        self.to_out = nn.Sequential(nn.Linear(inner, dim, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        qkv = rearrange(self.to_qkv(x), "b n (qkv h d) -> qkv b h n d", qkv=3, h=self.heads)
        queries, keys = self.rotary_embed(qkv[:2]).to(qkv.dtype)
        out = functional.scaled_dot_product_attention(queries, keys, qkv[2])
        gates = rearrange(self.to_gates(x), "b n h -> b h n 1").sigmoid()
        return cast("Tensor", self.to_out(rearrange(out * gates, "b h n d -> b n (h d)")))


class LinearAttention(nn.Module):
    """(b, n, d) → (b, n, d): features attend to features, in time that grows with n."""

    def __init__(self, dim: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * dim_head
        self.norm = RMSNorm(dim)
        self.to_qkv = nn.Sequential(nn.Linear(dim, inner * 3, bias=False))
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        # The published names leave place for a layer without parameters before the linear one.
        self.to_out = nn.Sequential(nn.Identity(), nn.Linear(inner, dim, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = rearrange(
            self.to_qkv(self.norm(x)), "b n (qkv h d) -> qkv b h d n", qkv=3, h=self.heads
        )
        queries = functional.normalize(queries, dim=-1) * self.temperature.exp()
        keys = functional.normalize(keys, dim=-1)
        similar = (queries @ keys.transpose(-1, -2) * _CROSS_COVARIANCE_SCALE).softmax(dim=-1)
        out = similar.to(values.dtype) @ values
        return cast("Tensor", self.to_out(rearrange(out, "b h d n -> b n (h d)")))


class Transformer(nn.Module):
    """(b, n, d) → (b, n, d): layers of attention and feed-forward.

    rotary: for attention with positions; None for linear attention.
    norm_output: one more norm at the end.
    """

    def __init__(
        self, config: RoformerConfig, depth: int, rotary: RotaryEmbedding | None, norm_output: bool
    ) -> None:
        super().__init__()
        dim, heads, dim_head = config.dim, config.heads, config.dim_head
        self.layers = nn.ModuleList()
        for _ in range(depth):
            attention = (
                LinearAttention(dim, heads, dim_head)
                if rotary is None
                else Attention(dim, heads, dim_head, rotary)
            )
            self.layers.append(nn.ModuleList((attention, FeedForward(dim))))
        self.norm = RMSNorm(dim) if norm_output else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            attention, feed_forward = cast("nn.ModuleList", layer)
            x = attention(x) + x
            x = feed_forward(x) + x
        return cast("Tensor", self.norm(x))


class BandSplit(nn.Module):
    """Each band to features of its own: (b, t, sum of sizes) → (b, t, k, d)."""

    def __init__(self, dim: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.to_features = nn.ModuleList(
            nn.Sequential(RMSNorm(size), nn.Linear(size, dim)) for size in sizes
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = torch.split(x, self.sizes, dim=-1)
        bands = zip(self.to_features, parts, strict=True)
        return torch.stack([features(part) for features, part in bands], dim=-2)


class MaskEstimator(nn.Module):
    """Features of each band to that band's masks: (b, t, k, d) → (b, t, sum of sizes)."""

    def __init__(self, dim: int, sizes: Sequence[int], hidden: int, linears: int) -> None:
        super().__init__()
        self.to_freqs = nn.ModuleList(
            nn.Sequential(_mlp(dim, hidden, 2 * size, linears), nn.GLU(dim=-1)) for size in sizes
        )

    def forward(self, x: Tensor) -> Tensor:
        bands = zip(self.to_freqs, x.unbind(dim=-2), strict=True)
        return torch.cat([mask(features) for mask, features in bands], dim=-1)


def _mlp(first: int, hidden: int, last: int, linears: int) -> nn.Sequential:
    sizes = (first, *((hidden,) * (linears - 1)), last)
    layers: list[nn.Module] = []
    for size, following in pairwise(sizes):
        layers += (nn.Linear(size, following), nn.Tanh())
    return nn.Sequential(*layers[:-1])


def _require_small(config: RoformerConfig, bands: int, mask_linears: int) -> None:
    """Each count may be sensible and their product not: to make modules takes time and memory."""
    depths = (
        config.time_transformer_depth,
        config.freq_transformer_depth,
        config.linear_transformer_depth,
    )
    layers = config.depth * sum(depths)
    if min(depths) < 0 or not 0 < layers <= _MOST_LAYERS:
        raise ValueError(f"{layers} layers of attention")
    masks = config.num_stems * bands * (1 + mask_linears)
    if not 0 < masks <= MOST_MASK_LAYERS:
        raise ValueError(f"{masks} layers for its masks")


class BandSplitTransformer(nn.Module, ABC):
    """Spectrum in, one complex estimate per stem out: (b, c, f, t) → (b, s, c, f, t).

    Each band of the spectrum becomes a vector per frame. Transformers along time and along
    the bands take turns; then each stem's MLPs give a complex mask per bin. Networks fill in
    how bins are dealt to bands and gathered from them.

    A mono network takes any number of channels, one by one. What the layers add to is kept
    in float32 whatever autocast says.

    Args:
        bins_per_band: those of each band; a bin may be in several.
        norm_outputs: a norm after every transformer, rather than one after the last.
        mask_linears: linear layers in the MLPs of the masks.

    Raises:
        ValueError: it would have more layers than anyone trains; on forward, a stereo network
            was given another number of channels.
    """

    def __init__(
        self,
        config: RoformerConfig,
        bins_per_band: Sequence[int],
        norm_outputs: bool,
        mask_linears: int,
    ) -> None:
        super().__init__()
        _require_small(config, len(bins_per_band), mask_linears)
        self.stft = Stft(
            config.stft_n_fft,
            config.stft_hop_length,
            window=config.stft_win_length,
            normalized=config.stft_normalized,
            reflect=True,
        )
        self.channels = config.channels
        self.wanted = frozenset(range(config.num_stems))
        self.zero_dc = config.zero_dc
        self.skip_connection = config.skip_connection
        time, freq = RotaryEmbedding(config.dim_head), RotaryEmbedding(config.dim_head)
        self.layers = nn.ModuleList()
        for _ in range(config.depth):
            plan: list[tuple[int, RotaryEmbedding | None]] = [
                (config.time_transformer_depth, time),
                (config.freq_transformer_depth, freq),
            ]
            if config.linear_transformer_depth > 0:
                plan.insert(0, (config.linear_transformer_depth, None))
            self.layers.append(
                nn.ModuleList(
                    Transformer(config, depth, rotary, norm_outputs) for depth, rotary in plan
                )
            )
        self.final_norm = nn.Identity() if norm_outputs else RMSNorm(config.dim)
        sizes = [2 * self.channels * bins for bins in bins_per_band]
        self.band_split = BandSplit(config.dim, sizes)
        hidden = config.dim * config.mlp_expansion_factor
        self.mask_estimators = nn.ModuleList(
            MaskEstimator(config.dim, sizes, hidden, mask_linears) for _ in range(config.num_stems)
        )

    def only(self, indices: Collection[int]) -> Self:
        """This network, its parameters shared, with zeros for all stems but these.

        The masks of the others, a good part of the work, are not made.
        """
        view = copy.copy(self)
        view.wanted = frozenset(indices)
        return view

    @abstractmethod
    def to_bands(self, bins: Tensor) -> Tensor:
        """Along axis 2, from the bins to those of all bands, one band after the other."""

    @abstractmethod
    def from_bands(self, banded: Tensor) -> Tensor:
        """Along axis 2, from the bins of all bands to the mean in each bin."""

    def forward(self, mix: Tensor) -> Tensor:
        channels = mix.shape[1]
        if self.channels == 2 and channels != 2:
            raise ValueError(f"the network takes two channels, not {channels}")
        folded = mix.reshape(-1, self.channels, *mix.shape[2:])
        estimates = self._estimates(folded)
        if self.channels == channels:
            return estimates
        return rearrange(estimates, "(b c) s 1 f t -> b s c f t", c=channels)

    def _estimates(self, mix: Tensor) -> Tensor:
        bins = rearrange(torch.view_as_real(mix), "b c f t p -> b t f c p")
        features = self.band_split(self.to_bands(bins).flatten(2)).float()
        features = self._transformed(features)
        estimates = torch.stack(
            [
                torch.view_as_complex(self._mask(estimator, features)) * mix
                if index in self.wanted
                else torch.zeros_like(mix)
                for index, estimator in enumerate(self.mask_estimators)
            ],
            dim=1,
        )
        if self.zero_dc:
            estimates[..., 0, :] = 0
        return estimates

    def _transformed(self, x: Tensor) -> Tensor:
        """(b, t, k, d) → (b, t, k, d)."""
        earlier: Tensor | None = None
        for block in self.layers:
            *linear, time, freq = cast("nn.ModuleList", block)
            for transformer in linear:
                x = transformer(x.flatten(1, 2)).unflatten(1, x.shape[1:3])
            if earlier is not None:
                x = x + earlier
            x = _along_rows(time, x.transpose(1, 2)).transpose(1, 2)
            x = _along_rows(freq, x)
            if self.skip_connection:
                earlier = x if earlier is None else earlier + x
        return cast("Tensor", self.final_norm(x))

    def _mask(self, estimator: nn.Module, features: Tensor) -> Tensor:
        """(b, c, f, t, p), as real and imaginary parts that lie together."""
        banded = estimator(features).float().unflatten(-1, (-1, self.channels, 2))
        return rearrange(self.from_bands(banded), "b t f c p -> b c f t p").contiguous()


def _along_rows(transformer: nn.Module, x: Tensor) -> Tensor:
    """Through the second last axis of (b, rows, n, d), each row alone."""
    return cast("Tensor", transformer(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
