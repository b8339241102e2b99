"""Channel maps and channel groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_media import encode, impulses
from hypothesis import given
from hypothesis import strategies as st

from stemlift.audio.channels import (
    ChannelGroup,
    ChannelMap,
    ChannelMode,
    GroupKind,
    channel_groups,
    map_channels,
    mapped_layout,
)
from stemlift.audio.info import AudioInfo
from stemlift.audio.probe import probe
from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding
from stemlift.errors import Reason, StemliftError

STEREO, MONO, LFE = GroupKind.STEREO, GroupKind.MONO, GroupKind.LFE
SURROUND = ((STEREO, (0, 1)), (MONO, (2,)), (LFE, (3,)), (STEREO, (4, 5)))


def _info(channels: int, depth: int | None, mask: int | None = None) -> AudioInfo:
    return AudioInfo(Path("a.wav"), "WAV", "PCM_24", 44100, channels, 10, depth, mask, None, 1, 1)


@pytest.mark.parametrize(
    ("channels", "mask", "expected"),
    [
        (1, None, ((MONO, (0,)),)),
        (1, 0x8, ((MONO, (0,)),)),
        (2, None, ((STEREO, (0, 1)),)),
        (2, 0x3, ((STEREO, (0, 1)),)),
        (2, 0xC, ((MONO, (0,)), (LFE, (1,)))),
        (3, None, ((STEREO, (0, 1)), (MONO, (2,)))),
        (3, 0x7, ((STEREO, (0, 1)), (MONO, (2,)))),
        (4, None, ((STEREO, (0, 1)), (STEREO, (2, 3)))),
        (4, 0x107, ((STEREO, (0, 1)), (MONO, (2,)), (MONO, (3,)))),
        (6, None, SURROUND),
        (6, 0x3F, SURROUND),
        (6, 0x60F, SURROUND),
        (8, None, (*SURROUND, (STEREO, (6, 7)))),
        (8, 0xFF, (*SURROUND, (STEREO, (6, 7)))),
        (12, 0x2D63F, (*SURROUND, (STEREO, (6, 7)), (STEREO, (8, 9)), (STEREO, (10, 11)))),
        (2, 0x5, ((MONO, (0,)), (MONO, (1,)))),
        (4, 0x3, ((STEREO, (0, 1)), (MONO, (2,)), (MONO, (3,)))),
        (2, 0x3F, ((STEREO, (0, 1)),)),
    ],
)
def test_groups(
    channels: int, mask: int | None, expected: tuple[tuple[GroupKind, tuple[int, ...]], ...]
) -> None:
    assert channel_groups(channels, mask) == tuple(ChannelGroup(*group) for group in expected)


@given(channels=st.integers(1, 64), mask=st.none() | st.integers(0, 2**32 - 1))
def test_every_channel_is_in_exactly_one_group(channels: int, mask: int | None) -> None:
    groups = channel_groups(channels, mask)
    assert sorted(channel for group in groups for channel in group.channels) == [*range(channels)]
    assert all(len(group.channels) == (2 if group.kind is STEREO else 1) for group in groups)


def test_all_swap_mono_and_pair_pick_channels() -> None:
    block = np.arange(12, dtype=np.int32).reshape(4, 3)
    for channel_map, places in (
        (ChannelMap(), [0, 1, 2]),
        (ChannelMap(ChannelMode.MONO, 2), [2]),
        (ChannelMap(ChannelMode.PAIR, 2, 0), [2, 0]),
    ):
        mapped = map_channels(block, 24, channel_map)
        np.testing.assert_array_equal(mapped, block[:, places])
        assert mapped.flags.c_contiguous
        assert mapped.dtype == np.int32
        assert mapped_layout(_info(3, 24), channel_map).channels == len(places)
    swapped = map_channels(block[:, :2], 24, ChannelMap(ChannelMode.SWAP))
    np.testing.assert_array_equal(swapped, block[:, [1, 0]])


@given(
    depth=st.sampled_from([16, 24, 32]),
    left=st.integers(-(2**31), 2**31 - 1),
    right=st.integers(-(2**31), 2**31 - 1),
)
def test_downmix_of_integers_is_half_the_sum(depth: int, left: int, right: int) -> None:
    info = _info(2, depth)
    source = info.grid_bits
    assert source is not None
    step = 8 if depth == 16 else 0
    left, right = ((value >> (32 - source) >> step) << step for value in (left, right))
    layout = mapped_layout(info, ChannelMap(ChannelMode.DOWNMIX))
    assert layout.grid_bits == (24 if depth == 16 else 32)
    assert (layout.channels, layout.channel_mask) == (1, None)
    mixed = map_channels(
        np.array([[left, right]], np.int32),
        source,
        ChannelMap(ChannelMode.DOWNMIX),
        layout.grid_bits,
    )
    exact = (left + right) * 2 ** (layout.grid_bits - source)
    assert int(mixed[0, 0]) == exact // 2
    assert depth == 32 or exact % 2 == 0


def test_downmix_of_integers_needs_to_know_its_grid() -> None:
    with pytest.raises(ValueError, match="grid"):
        map_channels(np.zeros((1, 2), np.int32), 24, ChannelMap(ChannelMode.DOWNMIX))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_downmix_of_floats_is_the_mean(dtype: type) -> None:
    block = np.random.default_rng(0).normal(0, 1, (100, 2)).astype(dtype)
    mixed = map_channels(block, None, ChannelMap(ChannelMode.DOWNMIX))
    assert mixed.dtype == dtype
    expected = ((block[:, 0].astype(np.float64) + block[:, 1]) / 2).astype(dtype)
    np.testing.assert_array_equal(mixed[:, 0], expected)


@pytest.mark.parametrize(
    ("channels", "channel_map"),
    [
        (1, ChannelMap(ChannelMode.SWAP)),
        (3, ChannelMap(ChannelMode.SWAP)),
        (1, ChannelMap(ChannelMode.DOWNMIX)),
        (2, ChannelMap(ChannelMode.MONO, 2)),
        (2, ChannelMap(ChannelMode.MONO, -1)),
        (2, ChannelMap(ChannelMode.PAIR, 0, 2)),
        (2, ChannelMap(ChannelMode.PAIR, 1, 1)),
    ],
)
def test_maps_that_do_not_fit(channels: int, channel_map: ChannelMap) -> None:
    with pytest.raises(StemliftError) as caught:
        mapped_layout(_info(channels, 24), channel_map)
    assert caught.value.reason is Reason.CHANNEL_MAP_INVALID
    assert caught.value.remedy


@pytest.mark.parametrize(("channels", "mask"), [(6, 0x60F), (4, 0x107), (2, 0x30), (1, 0x4)])
@pytest.mark.parametrize("encoding", [Encoding.PCM_24, Encoding.FLOAT])
def test_wav_masks_are_read(tmp_path: Path, channels: int, mask: int, encoding: Encoding) -> None:
    path = tmp_path / "a.wav"
    dtype = np.float32 if encoding is Encoding.FLOAT else np.int32
    with BroadcastWavWriter(path, 44100, channels, encoding, mask) as writer:
        writer.write(np.zeros((10, channels), dtype))
    assert probe(path).channel_mask == mask


@pytest.mark.parametrize(
    ("channels", "mask"),
    [(1, None), (2, None), (3, 0x7), (4, 0x33), (5, 0x37), (6, 0x3F), (7, 0x70F), (8, 0x63F)],
)
def test_flac_has_the_places_of_its_standard(
    tmp_path: Path, channels: int, mask: int | None
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros((10, channels)), 44100)
    assert probe(path).channel_mask == mask


def test_flac_tag_overrules_its_standard(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros((10, 4)), 44100)
    data = path.read_bytes()
    tag = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x107"
    body = bytes(4) + (1).to_bytes(4, "little") + len(tag).to_bytes(4, "little") + tag
    comment = b"\4" + len(body).to_bytes(3, "big") + body
    path.write_bytes(data[:42] + comment + data[42:])
    assert probe(path).channel_mask == 0x107


def test_layouts_of_ffmpeg(tmp_path: Path) -> None:
    for channels, mask in ((1, None), (2, None), (6, 0x3F)):
        samples = impulses(5000, (2000,), channels)
        path = encode(tmp_path / "a.m4a", "ipod", "aac", samples, 44100)
        assert (probe(path).channels, probe(path).channel_mask) == (channels, mask)
