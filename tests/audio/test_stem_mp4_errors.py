"""Stem files that cannot be written or read: a typed error, and nothing left behind."""

from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from signals import song, write

from stemlift.audio import stem_mp4
from stemlift.audio.stem_box import append_stem_box, read_stem_box
from stemlift.audio.stem_mp4 import StemCodec, track_blocks, write_stem_mp4
from stemlift.errors import Reason, StemliftError

RATE = 44100


def fails(reason: Reason, mix: Path, stems: dict[str, Path], **options: object) -> StemliftError:
    path = mix.with_name("song.stem.mp4")
    before = sorted(mix.parent.iterdir())
    with pytest.raises(StemliftError) as caught:
        write_stem_mp4(path, mix, stems, **options)  # type: ignore[arg-type]
    assert caught.value.reason == reason
    assert caught.value.remedy
    assert sorted(mix.parent.iterdir()) == before
    return caught.value


def sound(folder: Path, name: str, frames: int = 5_000, **how: int | str) -> Path:
    rate, channels = int(how.get("rate", RATE)), int(how.get("channels", 2))
    samples = song(frames, channels, rate) * float(how.get("gain", 0.5))
    return write(folder / f"{name}.wav", samples, rate, str(how.get("subtype", "PCM_24")))


def test_sets_without_drums_bass_and_vocals(tmp_path: Path) -> None:
    mix = sound(tmp_path, "mix")
    error = fails(Reason.FORMAT_CANNOT_HOLD, mix, {"guitar": sound(tmp_path, "guitar")})
    assert "guitar" in error.message
    fails(Reason.FORMAT_CANNOT_HOLD, mix, {})


def test_surround(tmp_path: Path) -> None:
    mix = sound(tmp_path, "mix", channels=6)
    vocals = sound(tmp_path, "vocals", channels=6)
    assert "6 channels" in fails(Reason.FORMAT_CANNOT_HOLD, mix, {"vocals": vocals}).message


@pytest.mark.parametrize(
    "how", [{"rate": 48000}, {"frames": 4_999}, {"frames": 5_001}, {"frames": 140_000}]
)
def test_stems_of_another_song(tmp_path: Path, how: dict[str, int]) -> None:
    mix = sound(tmp_path, "mix")
    vocals = sound(tmp_path, "vocals", **how)
    assert "vocals.wav" in fails(Reason.ARGUMENT_INVALID, mix, {"vocals": vocals}).message


@pytest.mark.parametrize("how", [{"subtype": "FLOAT"}, {"subtype": "PCM_32"}, {"rate": 96000}])
def test_what_alac_cannot_hold(tmp_path: Path, how: dict[str, int | str]) -> None:
    mix, vocals = (sound(tmp_path, name, **how) for name in ("mix", "vocals"))
    fails(Reason.FORMAT_CANNOT_HOLD, mix, {"vocals": vocals}, codec=StemCodec.ALAC)


def test_a_rest_above_full_scale(tmp_path: Path) -> None:
    wandering = np.cumsum(np.random.default_rng(0).normal(size=(50_000, 2)), axis=0)
    loud = wandering - wandering.mean(axis=0)
    loud *= 0.9 / np.abs(loud).max()
    mix = write(tmp_path / "mix.wav", loud, RATE, "PCM_24")
    vocals = write(tmp_path / "vocals.wav", -loud, RATE, "PCM_24")
    fails(Reason.FORMAT_CANNOT_HOLD, mix, {"vocals": vocals}, codec=StemCodec.ALAC)
    # AAC has room above.
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, {"vocals": vocals})
    rest = np.concatenate(list(track_blocks(path, 3)))
    assert len(rest) == len(loud)
    assert np.abs(rest).max() > 1.4


def test_files_that_are_not_there_or_cut(tmp_path: Path) -> None:
    mix, vocals = sound(tmp_path, "mix"), sound(tmp_path, "vocals")
    fails(Reason.FILE_NOT_FOUND, mix, {"vocals": tmp_path / "no.wav"})
    cut = tmp_path / "cut.wav"
    cut.write_bytes(vocals.read_bytes()[:10_000])
    fails(Reason.FILE_TRUNCATED, mix, {"vocals": cut})


def test_who_stops_it_leaves_what_was_there(tmp_path: Path) -> None:
    mix, vocals = sound(tmp_path, "mix", 200_000), sound(tmp_path, "vocals", 200_000)
    path = tmp_path / "song.stem.mp4"
    path.write_bytes(b"old")
    seen: list[int] = []

    def stop_late(frames: int) -> None:
        seen.append(frames)
        if frames > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stem_mp4(path, mix, {"vocals": vocals}, progress=stop_late)
    assert seen == [65536, 131072]
    assert path.read_bytes() == b"old"
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "mix.wav",
        "song.stem.mp4",
        "vocals.wav",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mix, vocals = sound(tmp_path, "mix", 200_000), sound(tmp_path, "vocals", 200_000)
    monkeypatch.setattr(stem_mp4.secrets, "token_hex", lambda _count: "x")
    (tmp_path / ".stemlift-x.part").symlink_to("/dev/full")
    with pytest.raises(StemliftError) as caught:
        write_stem_mp4(tmp_path / "song.stem.mp4", mix, {"vocals": vocals})
    assert caught.value.reason == Reason.DISK_FULL
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mix.wav", "vocals.wav"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    mix, vocals = sound(tmp_path, "mix"), sound(tmp_path, "vocals")
    with pytest.raises(StemliftError) as caught:
        write_stem_mp4(tmp_path / "no" / "song.stem.mp4", mix, {"vocals": vocals})
    assert caught.value.reason == Reason.WRITE_FAILED


def test_long_and_odd_names(tmp_path: Path) -> None:
    mix, vocals = sound(tmp_path, "mix"), sound(tmp_path, "vocals")
    path = tmp_path / ("é" * 115 + "%20:?.stem.mp4")
    write_stem_mp4(path, mix, {"vocals": vocals}, title="a\udcffb")
    assert read_stem_box(path) is not None


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for frames in (300_000, 1_200_000):
        mix = write(tmp_path / "mix.wav", np.zeros((frames, 2), np.int16), RATE, "PCM_16")
        vocals = write(tmp_path / "vocals.wav", np.zeros((frames, 2), np.int16), RATE, "PCM_16")
        tracemalloc.start()
        write_stem_mp4(tmp_path / "song.stem.mp4", mix, {"vocals": vocals}, codec=StemCodec.ALAC)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_the_box_goes_into_the_udta_or_brings_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for inside in (b"", box(b"udta"), box(b"udta", box(b"name", b"abc"))):
        file = io.BytesIO(
            box(b"ftyp") + box(b"mdat", b"sound") + box(b"moov", box(b"trak") + inside)
        )
        append_stem_box(file)
        path.write_bytes(file.getvalue())
        assert file.getvalue().startswith(box(b"ftyp") + box(b"mdat", b"sound"))
        found = read_stem_box(path)
        assert found is not None
        assert [stem.name for stem in found.stems] == ["Drums", "Bass", "Other", "Vocals"]
        assert found.tracks == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        box(b"moov") + box(b"mdat"),
        box(b"moov", box(b"udta") + box(b"trak")),
        box(b"moov") + b"rest",
    ],
)
def test_files_of_another_make_stay_as_they_are(content: bytes) -> None:
    file = io.BytesIO(content)
    with pytest.raises(ValueError, match="the"):
        append_stem_box(file)
    assert file.getvalue() == content


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"stems": 5}', b'{"stems": [5]}', b'{"stems', b"[" * 100_000]
)
def test_boxes_with_something_else_in_them(tmp_path: Path, said: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"moov", box(b"udta", box(b"stem", said))))
    with pytest.raises(StemliftError) as caught:
        read_stem_box(path)
    assert caught.value.reason == Reason.FILE_CORRUPT


def test_files_without_the_box(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for content in (b"", b"hello", box(b"moov"), box(b"moov", box(b"udta"))):
        path.write_bytes(content)
        assert read_stem_box(path) is None
    with pytest.raises(StemliftError) as caught:
        read_stem_box(tmp_path / "no.mp4")
    assert caught.value.reason == Reason.FILE_NOT_FOUND
    wav = sound(tmp_path, "mix")
    assert read_stem_box(wav) is None
    with pytest.raises(StemliftError) as caught:
        list(track_blocks(wav, 3))
    assert caught.value.reason in (Reason.NOT_AUDIO, Reason.FILE_CORRUPT)
