"""Channels: which of a file's form the mix, and which of the mix belong together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stemlift.audio.info import AudioInfo
from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError


class ChannelMode(StrEnum):
    """How the channels of the file become those of the mix; see `ChannelMap` of the API."""

    ALL = "all"
    SWAP = "swap"
    DOWNMIX = "downmix"
    MONO = "mono"
    PAIR = "pair"


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """first: for MONO the channel, for PAIR the left one; second: for PAIR. From 0."""

    mode: ChannelMode = ChannelMode.ALL
    first: int = 0
    second: int = 1


@dataclass(frozen=True, slots=True)
class MappedLayout:
    """What `map_channels` gives. grid_bits: 24, 32, or None for float."""

    channels: int
    channel_mask: int | None
    grid_bits: int | None


class GroupKind(StrEnum):
    STEREO = "stereo"
    MONO = "mono"
    LFE = "lfe"


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """Channels that are separated together, counted from 0; for STEREO left and right."""

    kind: GroupKind
    channels: tuple[int, ...]


# Bits of the WAVEFORMATEXTENSIBLE speaker mask.
_LFE = 3
_PAIRS = {0: 1, 4: 5, 6: 7, 9: 10, 12: 14, 15: 17}
_UNMASKED = {6: 0x3F, 8: 0x63F}


def mapped_layout(info: AudioInfo, channel_map: ChannelMap) -> MappedLayout:
    """The layout of the mix that `channel_map` makes of the file.

    Half the sum of two 24-bit samples needs 25 bits, so the downmix of a 24-bit file
    lies on the 32-bit grid, where it is exact. So is that of 16-bit files on 24 bits. For
    a 32-bit file the mix is defined as floor((left + right) / 2).

    Raises:
        StemliftError: CHANNEL_MAP_INVALID when the file lacks the channels.
    """
    mode = channel_map.mode
    if mode is ChannelMode.ALL:
        return MappedLayout(info.channels, info.channel_mask, info.grid_bits)
    if mode is ChannelMode.SWAP:
        if info.channels != 2:
            raise _invalid(info, "only two channels can be swapped", "Take a pair instead.")
        return MappedLayout(2, info.channel_mask, info.grid_bits)
    if mode is ChannelMode.DOWNMIX:
        _require(info, 1)
        return MappedLayout(1, None, 32 if info.depth == 24 else info.grid_bits)
    _require(info, channel_map.first)
    if mode is ChannelMode.MONO:
        return MappedLayout(1, None, info.grid_bits)
    _require(info, channel_map.second)
    if channel_map.first == channel_map.second:
        raise _invalid(info, "a pair needs two different channels", "Use the mode mono instead.")
    return MappedLayout(2, None, info.grid_bits)


def map_channels(
    block: np.ndarray,
    grid_bits: int | None,
    channel_map: ChannelMap,
    mapped_grid_bits: int | None = None,
) -> np.ndarray:
    """The channels of the mix from a block (frames, channels) of the file.

    grid_bits: of the block (`AudioInfo.grid_bits`).
    mapped_grid_bits: of the result (`MappedLayout.grid_bits`); needed for DOWNMIX of
        integers alone, since the grid does not tell a 16-bit from a 24-bit file.

    Returns (frames, mapped channels) of the same dtype, C-contiguous.
    """
    mode = channel_map.mode
    if mode is ChannelMode.ALL:
        return np.ascontiguousarray(block)
    if mode is ChannelMode.SWAP:
        return np.ascontiguousarray(block[:, [1, 0]])
    if mode is ChannelMode.MONO:
        return np.ascontiguousarray(block[:, [channel_map.first]])
    if mode is ChannelMode.PAIR:
        return np.ascontiguousarray(block[:, [channel_map.first, channel_map.second]])
    if grid_bits is None:
        mean = block[:, :2].astype(np.float64).mean(axis=1, keepdims=True)
        return np.ascontiguousarray(mean.astype(block.dtype))
    if mapped_grid_bits is None:
        raise ValueError("the downmix of integers needs the grid of the result")
    doubled = block[:, :1].astype(np.int64) + block[:, 1:2]
    return np.ascontiguousarray(((doubled << (mapped_grid_bits - grid_bits)) >> 1).astype(np.int32))


def channel_groups(channels: int, channel_mask: int | None) -> tuple[ChannelGroup, ...]:
    """Which of `channels` are separated together; each is in exactly one group.

    Left/right, side, rear, front-of-centre and top pairs are STEREO; centres, halves of
    pairs and channels that the mask does not name are MONO. Without a mask six channels
    are 5.1 and eight 7.1; of other counts neighbours are pairs, and the last of an odd
    count is alone.
    """
    if channels == 1:
        return (ChannelGroup(GroupKind.MONO, (0,)),)
    mask = channel_mask or _UNMASKED.get(channels)
    if not mask:
        return tuple(_neighbours(channels))
    # Channels come in the order of the mask's bits; bits beyond the channels mean nothing.
    bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1][:channels]
    place = {bit: channel for channel, bit in enumerate(bits)}
    groups: list[ChannelGroup] = []
    seconds = {right for left, right in _PAIRS.items() if left in place and right in place}
    for bit, channel in place.items():
        right = _PAIRS.get(bit)
        if bit in seconds:
            continue
        if right in place:
            groups.append(ChannelGroup(GroupKind.STEREO, (channel, place[right])))
        else:
            groups.append(
                ChannelGroup(GroupKind.LFE if bit == _LFE else GroupKind.MONO, (channel,))
            )
    groups += [ChannelGroup(GroupKind.MONO, (channel,)) for channel in range(len(bits), channels)]
    return tuple(groups)


def _neighbours(channels: int) -> list[ChannelGroup]:
    pairs = [ChannelGroup(GroupKind.STEREO, (left, left + 1)) for left in range(0, channels - 1, 2)]
    if channels % 2:
        pairs.append(ChannelGroup(GroupKind.MONO, (channels - 1,)))
    return pairs


def _require(info: AudioInfo, channel: int) -> None:
    if not 0 <= channel < info.channels:
        last = info.channels - 1
        raise _invalid(
            info,
            f"there is no channel {channel}",
            "It has one channel, 0." if last == 0 else f"Choose channels from 0 to {last}.",
        )


def _invalid(info: AudioInfo, why: str, remedy: str) -> StemliftError:
    return StemliftError(
        Reason.CHANNEL_MAP_INVALID,
        f"The channel map does not fit {display_name(info.path)}, which has "
        f"{info.channels} channel{'s' if info.channels > 1 else ''}: {why}.",
        remedy,
    )
