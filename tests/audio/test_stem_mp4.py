"""Stem files, as their readers see them: what is in their tracks, and where."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import mutagen.mp4
import numpy as np
import pytest
from audio_media import read_all
from signals import song, write

from stemlift.audio.stem_mp4 import StemCodec, read_stem_box, track_blocks, write_stem_mp4

NAMES = ("drums", "bass", "other", "vocals")
RATE = 44100


def make_set(
    folder: Path,
    frames: int = 100_003,
    *,
    rate: int = RATE,
    channels: int = 2,
    names: tuple[str, ...] = NAMES,
    subtype: str = "PCM_24",
) -> tuple[Path, dict[str, Path], dict[str, np.ndarray]]:
    """A mix and stems that null; the samples as stored, int64 left-justified or float."""
    parts = [song(frames, channels, rate, seed) / len(names) for seed in range(len(names))]
    if subtype.startswith("PCM"):
        parts = [np.round(part * (1 << 23)).astype(np.int64) << 8 for part in parts]
        given = {name: part.astype(np.int32) for name, part in zip(names, parts, strict=True)}
        given["mix"] = sum(parts).astype(np.int32)  # type: ignore[union-attr]
    else:
        given = {name: part.astype(np.float32) for name, part in zip(names, parts, strict=True)}
        given["mix"] = sum(given.values())  # type: ignore[assignment]
    paths = {
        name: write(folder / f"{name}.wav", samples, rate, subtype)
        for name, samples in given.items()
    }
    return paths.pop("mix"), paths, given


def read_track(path: Path, track: int) -> np.ndarray:
    return np.concatenate(list(track_blocks(path, track)))


def decode(path: Path, track: int) -> np.ndarray:
    """As any player built on FFmpeg hears the track."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=track)]
    return np.concatenate(frames, axis=1).T


def signal_to_noise(signal: np.ndarray, heard: np.ndarray) -> float:
    noise = np.mean((heard.astype(np.float64) - signal) ** 2)
    return float(10 * np.log10(np.mean(signal.astype(np.float64) ** 2) / noise))


def test_alac_gives_every_track_back_bit_by_bit(tmp_path: Path) -> None:
    mix, stems, given = make_set(tmp_path)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems, codec=StemCodec.ALAC)
    for track, name in enumerate(("mix", *NAMES)):
        np.testing.assert_array_equal(read_track(path, track), given[name] >> 8)
        # FFmpeg's own reading, which trims nothing here.
        np.testing.assert_array_equal(decode(path, track), given[name])
    # As a sound file like any other it is the mix.
    np.testing.assert_array_equal(read_all(path), given["mix"] >> 8)


def test_alac_keeps_sixteen_bits(tmp_path: Path) -> None:
    mix, stems, _ = make_set(tmp_path, 9_000, subtype="PCM_16")
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems, codec=StemCodec.ALAC)
    stored = {name: read_all(file) for name, file in stems.items()}
    np.testing.assert_array_equal(read_track(path, 0), read_all(mix))
    for track, name in ((1, "drums"), (2, "bass"), (4, "vocals")):
        np.testing.assert_array_equal(read_track(path, track), stored[name])
    assert sum(read_track(path, track) for track in range(1, 5)).tolist() == read_all(mix).tolist()


@pytest.mark.parametrize("frames", [1, 1023, 1024, 1025, 70_001])
def test_aac_starts_at_the_sample_and_has_the_length(tmp_path: Path, frames: int) -> None:
    mix, stems, _ = make_set(tmp_path, frames)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems)
    box = read_stem_box(path)
    assert box is not None
    # The encoder's first 1024 samples are no sound.
    assert [(t.timescale, t.start, t.length, t.has_edit) for t in box.tracks if t] == [
        (RATE, 1024, frames, True)
    ] * 5
    assert [len(read_track(path, track)) for track in range(5)] == [frames] * 5
    assert len(read_all(path)) == frames


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
def test_aac_sounds_like_the_stems(tmp_path: Path, subtype: str) -> None:
    mix, stems, given = make_set(tmp_path, subtype=subtype)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems)
    scale = 1.0 if subtype == "FLOAT" else 2.0**31
    for track, name in enumerate(("mix", *NAMES)):
        signal = given[name] / scale
        heard = read_track(path, track)
        assert heard.dtype == np.float32
        right = signal_to_noise(signal, heard)
        assert right > 10
        # One sample off is worse in either direction.
        assert right > 3 + signal_to_noise(signal[1:], heard[:-1])
        assert right > 3 + signal_to_noise(signal[:-1], heard[1:])


def test_an_impulse_stays_where_it_is(tmp_path: Path) -> None:
    places = dict(zip(NAMES, (7_001, 15_555, 30_000, 44_099), strict=True))
    sounds = {name: np.zeros((50_000, 2), np.float32) for name in NAMES}
    for name, place in places.items():
        sounds[name][place] = 0.8
    stems = {
        name: write(tmp_path / f"{name}.wav", sound, RATE, "FLOAT")
        for name, sound in sounds.items()
    }
    mix = write(tmp_path / "mix.wav", sum(sounds.values()), RATE, "FLOAT")  # type: ignore[arg-type]
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems)
    for track, place in enumerate(places.values(), start=1):
        assert int(np.argmax(np.abs(read_track(path, track)[:, 0]))) == place
        assert int(np.argmax(np.abs(decode(path, track)[:, 0]))) == place


@pytest.mark.parametrize(
    ("names", "silent"),
    [
        (("drums", "bass", "other", "vocals", "guitar", "piano"), ()),
        (("vocals", "instrumental"), (1, 2)),
        (("drums", "remainder"), (2, 4)),
    ],
)
def test_what_has_no_track_of_its_own_is_in_other(
    tmp_path: Path, names: tuple[str, ...], silent: tuple[int, ...]
) -> None:
    mix, stems, given = make_set(tmp_path, 5_000, names=names)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems, codec=StemCodec.ALAC)
    folded = [given[name] >> 8 for name in names if name not in ("drums", "bass", "vocals")]
    np.testing.assert_array_equal(read_track(path, 3), sum(folded))
    for track in silent:
        assert not read_track(path, track).any()
    tracks = [read_track(path, track).astype(np.int64) for track in range(5)]
    np.testing.assert_array_equal(sum(tracks[1:]), tracks[0])


def test_stems_that_leave_something_out_still_add_up(tmp_path: Path) -> None:
    mix, stems, given = make_set(tmp_path, 5_000)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, {"vocals": stems["vocals"]}, codec=StemCodec.ALAC)
    np.testing.assert_array_equal(read_track(path, 3), (given["mix"] - given["vocals"]) >> 8)


def test_mono_becomes_stereo(tmp_path: Path) -> None:
    mix, stems, given = make_set(tmp_path, 5_000, channels=1)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems, codec=StemCodec.ALAC)
    both = np.repeat(given["bass"] >> 8, 2, axis=1)
    np.testing.assert_array_equal(read_track(path, 2), both)


@pytest.mark.parametrize(
    ("rate", "becomes"), [(48000, 48000), (96000, 48000), (88200, 44100), (22050, 44100)]
)
def test_rates(tmp_path: Path, rate: int, becomes: int) -> None:
    frames = 20_001
    mix, stems, _ = make_set(tmp_path, frames, rate=rate)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems)
    with av.open(str(path)) as container:
        assert {stream.rate for stream in container.streams.audio} == {becomes}
    expected = -(-frames * becomes // rate)
    tracks = [read_track(path, track) for track in range(5)]
    assert [len(track) for track in tracks] == [expected] * 5
    assert signal_to_noise(tracks[0], sum(tracks[1:])) > 10


def test_the_boxes_are_as_players_expect(tmp_path: Path) -> None:
    mix, stems, _ = make_set(tmp_path, 5_000)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems, title="Grün & <Blau>")
    box = read_stem_box(path)
    assert box is not None
    assert box.version == 1
    assert [(stem.name, stem.colour) for stem in box.stems] == [
        ("Drums", "#009E73"),
        ("Bass", "#D55E00"),
        ("Other", "#CC79A7"),
        ("Vocals", "#56B4E9"),
    ]
    # A parser that is not ours: every atom inside its parents, nothing behind.
    with path.open("rb") as file:
        atoms = mutagen.mp4.Atoms(file)
        stem = atoms.path(b"moov", b"udta", b"stem")[-1]
        _, data = stem.read(file)
    assert [atom.name for atom in atoms.atoms] == [b"ftyp", b"free", b"mdat", b"moov"]
    assert sum(atom.length for atom in atoms.atoms) == path.stat().st_size
    said = json.loads(data)
    assert said["stems"][3] == {"name": "Vocals", "color": "#56B4E9"}
    assert not said["mastering_dsp"]["compressor"]["enabled"]
    assert not said["mastering_dsp"]["limiter"]["enabled"]
    assert mutagen.mp4.MP4(path).tags["\xa9nam"] == ["Grün & <Blau>"]
    assert path.read_bytes()[4:12] == b"ftypM4A "
    with av.open(str(path)) as container:
        # Only the mix is played by a player that knows nothing of stems.
        assert [int(stream.disposition) & 1 for stream in container.streams] == [1, 0, 0, 0, 0]


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    mix, stems, _ = make_set(tmp_path, 5_000)
    for name in ("a", "b"):
        write_stem_mp4(tmp_path / name, mix, stems, title="x")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="stempeg reads through FFmpeg's programs",
)
@pytest.mark.parametrize("codec", list(StemCodec))
def test_stempeg_reads_it_back(tmp_path: Path, codec: StemCodec) -> None:
    # Not above: without those programs it cannot even be imported.
    import stempeg

    mix, stems, given = make_set(tmp_path)
    path = tmp_path / "song.stem.mp4"
    write_stem_mp4(path, mix, stems, codec=codec)
    info = stempeg.Info(str(path))
    assert info.title_streams == ["Mix", "Drums", "Bass", "Other", "Vocals"]
    assert info.nb_samples_streams == [100_003] * 5
    heard, rate = stempeg.read_stems(str(path), info=info)
    assert rate == RATE
    assert heard.shape[0] == 5
    for track, name in zip(heard, ("mix", *NAMES), strict=True):
        signal = given[name] / 2.0**31
        if codec is StemCodec.ALAC:
            np.testing.assert_array_equal(track, signal)
        else:
            # FFmpeg's program plays the last packet's padding, too.
            assert 0 <= len(track) - len(signal) < 1024
            assert signal_to_noise(signal, track[: len(signal)]) > 10
