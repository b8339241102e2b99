"""The Demucs networks as their package has them, computed with less traffic to memory.

Layers keep their parameters under the same names and give the same numbers but for rounding.
What differs: convolutions with few channels are products of matrices; what follows a
convolution is done some rows of frequency at a time, which stay in the processor's cache;
attention never holds its whole matrix; and the inverse transform adds up its own frames.

Under autocast the transformer, the wide convolutions of the spectrogram's decoder and all of
its inner layers are computed in half precision, which are most of the work. All else stays as
it is: layers next to the waves, and those of the waveform's branch, lose too much by it.

Axes: b batch, c channels, f rows of frequency, t frames or samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from demucs.demucs import DConv
from demucs.hdemucs import HDecLayer, HEncLayer, pad1d
from demucs.htdemucs import HTDemucs
from demucs.transformer import CrossTransformerEncoderLayer, MyTransformerEncoderLayer
from torch import Tensor, nn
from torch.nn.functional import gelu, glu, pad

from stemlift.networks.attention import FusedAttention

_IN_CACHE = 2**19
"""Numbers that are worked on at a time: two megabytes, in the last cache of a processor."""


def quicken(network: nn.Module) -> nn.Module:
    """`network` itself, with quicker layers in place of those that it has one for."""
    # Backwards, so that a layer is replaced before what holds it.
    for parent in reversed(list(network.modules())):
        for name, layer in list(parent.named_children()):
            if type(layer) is DConv and all(map(_is_plain_branch, layer.layers)):
                setattr(parent, name, Branches(layer))
            elif _holds_attention(parent) and type(layer) is nn.MultiheadAttention:
                setattr(parent, name, FusedAttention(layer))
    # The class stands for the whole: what was measured of it in half precision holds only
    # where all layers next to the waves are the quick ones, which stay in full precision.
    if isinstance(network, HTDemucs) and network.cac and _quicken_ends(network):
        network.__class__ = QuickHTDemucs
    return network


def _quicken_ends(network: HTDemucs) -> bool:
    """Whether all encoders and decoders are quick ones now."""
    # Where branches meet in one layer, others would ask for the inside of the quick ones.
    if any(layer.empty for layer in (*network.tencoder, *network.tdecoder)):
        return False
    for layers in (network.encoder, network.tencoder):
        for index, layer in enumerate(layers):
            if type(layer) is HEncLayer and _is_plain_encoder(layer):
                layers[index] = Encoder(layer)
    for layers in (network.decoder, network.tdecoder):
        for index, layer in enumerate(layers):
            if type(layer) is HDecLayer and _is_plain_decoder(layer):
                layers[index] = Decoder(layer)
    ends = (*network.encoder, *network.tencoder, *network.decoder, *network.tdecoder)
    if not all(isinstance(layer, Encoder | Decoder) for layer in ends):
        return False
    for layer in (*network.encoder[1:], *network.decoder[:-1]):
        layer.inner = True
    return True


def _is_plain_branch(branch: Any) -> bool:
    kinds = ("Conv1d", "GroupNorm Identity", "GELU ReLU", "Conv1d", "GroupNorm Identity", "GLU")
    names = [type(part).__name__ for part in branch]
    return len(names) == 7 and all(
        name in kind.split() for name, kind in zip(names, (*kinds, "LayerScale"), strict=True)
    )


def _holds_attention(layer: nn.Module) -> bool:
    return isinstance(layer, MyTransformerEncoderLayer | CrossTransformerEncoderLayer)


def _is_plain_encoder(layer: Any) -> bool:
    pointwise = layer.rewrite is not None and set(layer.rewrite.kernel_size) == {1}
    return pointwise and not layer.norm and isinstance(layer.dconv, Branches)


def _is_plain_decoder(layer: Any) -> bool:
    branches = layer.dconv is None or isinstance(layer.dconv, Branches)
    twice = layer.conv_tr.kernel_size[0] == 2 * layer.conv_tr.stride[0]
    return layer.rewrite is not None and not layer.norm and branches and (twice or not layer.freq)


class Branches(nn.Module):
    """(b, c, t) → the same: branches of narrow convolutions, each added to its input."""

    def __init__(self, dconv: DConv) -> None:
        super().__init__()
        self.layers = dconv.layers

    def forward(self, x: Tensor) -> Tensor:
        branch: Any
        for branch in self.layers:
            narrow, norm, activation, widen, wide_norm, _, scale = branch
            hidden = activation(norm(_narrowed(x, narrow)))
            weight = _widening(hidden, widen, wide_norm, scale.scale)
            hidden = nn.functional.pad(hidden, (0, 0, 0, 1), value=1.0)
            out = torch.empty_like(x)
            for some in _spans(x):
                torch.add(x[..., some], glu(weight @ hidden[..., some], dim=1), out=out[..., some])
            x = out
        return x


def _widening(hidden: Tensor, layer: Any, norm: Any, scale: Tensor) -> Tensor:
    """(n, 2 c, h + 1): what takes (n, h, t), with a row of ones below, through a convolution
    to 2 c channels, their common norm, and the scale of what a gate makes of them.

    Mean and variance of all wide channels follow from those of the few that they are made of.
    """
    weight, bias = layer.weight[..., 0], layer.bias[:, None]
    if isinstance(norm, nn.Identity):
        weight, bias = weight.expand(len(hidden), -1, -1), bias.expand(len(hidden), -1, -1)
    else:
        middle = hidden.mean(dim=-1, keepdim=True)
        apart = hidden - middle
        covariance = apart @ apart.transpose(1, 2) / hidden.shape[-1]
        means = weight @ middle + bias
        mean = means.mean(dim=1, keepdim=True)
        within = (weight.T @ weight / len(weight) * covariance).sum(dim=(1, 2), keepdim=True)
        variance = within + (means - mean).square().mean(dim=1, keepdim=True)
        gain = norm.weight[:, None] * torch.rsqrt(variance + norm.eps)
        weight, bias = gain * weight, gain * (bias - mean) + norm.bias[:, None]
    whole = torch.cat((weight, bias), dim=-1)
    whole[:, : len(scale)] *= scale[:, None]
    return whole


def _spans(x: Tensor) -> Iterator[slice]:
    """Parts of the last axis of (n, c, t) whose numbers fit into the cache together."""
    step = max(1, _IN_CACHE // (2 * x.shape[0] * x.shape[1]))
    if x.device.type != "cpu":
        step = x.shape[-1]
    for first in range(0, x.shape[-1], step):
        yield slice(first, first + step)


def _narrowed(x: Tensor, layer: Any) -> Tensor:
    """A convolution to a few channels: one product for all of its taps, then shifts."""
    count, dilation = layer.kernel_size[0], layer.dilation[0]
    taps = layer.weight.permute(2, 0, 1).flatten(0, 1) @ x
    taps = taps.view(len(x), count, -1, x.shape[-1])
    out: Tensor = taps[:, count // 2] + layer.bias[:, None]
    for tap in range(count):
        shift = (tap - count // 2) * dilation
        if 0 < shift < x.shape[-1]:
            out[..., :-shift] += taps[:, tap, :, shift:]
        elif 0 < -shift < x.shape[-1]:
            out[..., -shift:] += taps[:, tap, :, :shift]
    return out


class Encoder(nn.Module):
    """(b, c, f, t) → (b, c', f / 4, t), or (b, c, t) → (b, c', t / 4)."""

    empty = False

    def __init__(self, layer: HEncLayer) -> None:
        super().__init__()
        self.freq = bool(layer.freq)
        self.stride: int = layer.stride
        self.inner = False
        self.conv: Any = layer.conv
        self.dconv: Any = layer.dconv
        self.rewrite: Any = layer.rewrite

    def forward(self, x: Tensor, inject: None = None) -> Tensor:  # noqa: ARG002
        with _precision(x, self.inner) as kind:
            x = x.to(kind)
            if not self.freq:
                return self._rest(self.conv(pad(x, (0, -x.shape[-1] % self.stride))))
            y = self.conv(x)
            out = torch.empty_like(y)
            for some in _pieces(y):
                # Side by side in memory, row after row.
                rows = y[:, :, some].transpose(1, 2).flatten(0, 1).contiguous()
                done = self._rest(rows).view(len(y), -1, *rows.shape[1:])
                out[:, :, some] = done.transpose(1, 2)
            return out

    def _rest(self, y: Tensor) -> Tensor:
        wide = self.rewrite.weight.flatten(1) @ self.dconv(gelu(y))
        wide += self.rewrite.bias[:, None]
        return glu(wide, dim=1)


class Decoder(nn.Module):
    """(b, c, f, t) → (b, c', 4 f, t), or (b, c, t) → (b, c', 4 t); and None."""

    empty = False

    def __init__(self, layer: HDecLayer) -> None:
        super().__init__()
        self.freq = bool(layer.freq)
        self.last = bool(layer.last)
        self.pad: int = layer.pad
        self.inner = False
        self.conv_tr: Any = layer.conv_tr
        self.dconv: Any = layer.dconv
        self.rewrite: Any = layer.rewrite

    def forward(self, x: Tensor, skip: Tensor, length: int) -> tuple[Tensor, None]:
        x = x + skip
        if self.freq:
            y = self.rewrite(x)
        with _precision(x, self.inner) as kind:
            if self.freq:
                return self._spread(self._rows(y, kind)), None
            out = self.conv_tr(self._inner(self.rewrite(x.to(kind))))
            out = out.narrow(2, self.pad, length)
            return out if self.last else gelu(out), None

    def _rows(self, y: Tensor, kind: torch.dtype) -> Tensor:
        batch, channels, rows, frames = y.shape
        out = y.new_empty((batch, channels // 2, rows, frames), dtype=kind)
        for some in _pieces(y):
            done = self._inner(y[:, :, some].to(kind).transpose(1, 2).flatten(0, 1))
            out[:, :, some] = done.view(batch, -1, *done.shape[1:]).transpose(1, 2)
        return out

    def _inner(self, y: Tensor) -> Tensor:
        y = glu(y, dim=1)
        return y if self.dconv is None else self.dconv(y)

    def _spread(self, x: Tensor) -> Tensor:
        """(b, c, f, t) → (b, c', 4 f, t): the transposed convolution and what follows it.

        Its kernel is twice its stride, so that every four rows come of a row and the one
        before: W_k x_j + W_{k + 4} x_{j - 1}, one product for all of them.
        """
        stride, wide = self.conv_tr.stride[0], self.conv_tr.out_channels
        batch, channels, rows, frames = x.shape
        taps = self.conv_tr.weight[..., 0].unflatten(2, (2, stride))
        weight = taps.permute(1, 3, 2, 0).reshape(wide * stride, 2 * channels)
        bias = self.conv_tr.bias.repeat_interleave(stride)[:, None]
        out = x.new_empty((batch, wide, rows + 1, stride, frames))
        for some in _pieces(out.flatten(3)):
            pair = x.new_zeros((batch, 2, channels, some.stop - some.start, frames))
            here = x[:, :, some]
            before = x[:, :, max(some.start - 1, 0) : some.stop - 1]
            pair[:, 0, :, : here.shape[2]] = here
            pair[:, 1, :, pair.shape[3] - before.shape[2] :] = before
            done = weight @ pair.flatten(3).flatten(1, 2)
            done += bias
            if not self.last:
                done = gelu(done)
            done = done.view(batch, wide, stride, -1, frames)
            out[:, :, some] = done.transpose(2, 3)
        return out.flatten(2, 3).narrow(2, self.pad, stride * (rows + 1) - 2 * self.pad)


@contextmanager
def _precision(x: Tensor, inner: bool) -> Iterator[torch.dtype]:
    """What a layer computes in: an inner one as autocast says, others in single precision."""
    kind = x.device.type
    reduced = inner and torch.is_autocast_enabled(kind)
    with torch.autocast(kind, enabled=reduced):
        yield torch.get_autocast_dtype(kind) if reduced else torch.float32


def _pieces(y: Tensor) -> Iterator[slice]:
    """Rows of (b, c, f, t) that fit into the cache together; elsewhere than on a CPU all."""
    batch, channels, rows, frames = y.shape
    step = rows
    if y.device.type == "cpu":
        step = max(1, _IN_CACHE // (batch * channels * frames))
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))


class QuickHTDemucs(HTDemucs):
    """The hybrid transformer with complex spectra as channels."""

    def _spec(self, x: Tensor) -> Tensor:
        """(b, c, t) → complex (b, c, f, frames)."""
        hop, size = self.hop_length, self.nfft
        frames = -(-x.shape[-1] // hop)
        border = hop // 2 * 3
        padded = pad1d(x, (border, border + frames * hop - x.shape[-1]), mode="reflect")
        # What has no complex numbers leaves this to the CPU, as the package does.
        if x.device.type in ("mps", "xpu"):
            padded = padded.cpu()
        # A centred transform begins with two frames more, which would be dropped again.
        window = torch.hann_window(size, device=padded.device) / size**0.5
        spectra: Tensor = torch.fft.rfft(padded.unfold(-1, size, hop) * window)
        return spectra[..., :-1].transpose(-1, -2)

    def _mask(self, z: Tensor, m: Tensor) -> Tensor:  # noqa: ARG002
        return m

    def _ispec(self, z: Tensor, length: int | None = None, scale: int = 0) -> Tensor:  # noqa: ARG002
        """Real (b, stems, 2 c, f, frames) as `_mask` gives them → (b, stems, c, t)."""
        hop, size = self.hop_length, self.nfft
        batch, stems, parts, bins, frames = z.shape
        window = torch.hann_window(size, device=z.device)
        weight = window.square().view(-1, hop).sum(dim=0)
        window = window * size**0.5
        out = z.new_zeros((batch * stems * parts // 2, frames + size // hop - 1, hop))
        for to, pair in zip(out, z.reshape(-1, 2, bins, frames), strict=True):
            spectra = z.new_zeros((frames, bins + 1, 2))
            spectra[:, :-1] = pair.permute(2, 1, 0)
            waves = torch.fft.irfft(torch.view_as_complex(spectra), n=size) * window
            for place, part in enumerate(waves.view(frames, -1, hop).unbind(1)):
                to[place : place + frames] += part
        wave: Tensor = (out / weight).flatten(1)[:, hop // 2 * 3 :][:, :length]
        return wave.reshape(batch, stems, parts // 2, -1)
