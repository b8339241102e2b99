"""Songs with their true stems, found and read in every layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from multitracks import FOUR, RATE, write_multitrack

from stemlift.audio.stem_mp4 import StemCodec, write_stem_mp4
from stemlift.errors import Reason, StemliftError
from stemlift.evaluation.layouts import find_songs
from stemlift.evaluation.recordings import load, shape_of
from stemlift.quality.sdr import sdr


def names(root: Path) -> list[str]:
    return [song.name for song in find_songs(root)]


def write(path: Path, frames: int = 100, rate: int = RATE, channels: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(frames).uniform(-0.1, 0.1, (frames, channels))
    soundfile.write(path, noise, rate, subtype="PCM_16")


def refused(root: Path) -> StemliftError:
    def read_all() -> None:
        for song in find_songs(root):
            load(song)

    with pytest.raises(StemliftError) as caught:
        read_all()
    assert caught.value.exit_code == 2
    return caught.value


def test_of_musdb_the_songs_that_nobody_trained_on(tmp_path: Path) -> None:
    for place in ("train/A - One", "train/B - Two", "test/C - Three", "test/.hidden"):
        write_multitrack(tmp_path / place, 0.01)
    assert names(tmp_path) == ["test/C - Three"]
    assert names(tmp_path / "train") == ["A - One", "B - Two"]
    song = find_songs(tmp_path)[0]
    assert tuple(song.stems) == FOUR
    assert song.mixture is not None
    assert song.mixture.path.name == "mixture.wav"


def test_a_folder_without_a_mixture_is_its_sum(tmp_path: Path) -> None:
    true = write_multitrack(tmp_path / "deep" / "er" / "song", 0.1, mixture=False)
    (song,) = find_songs(tmp_path)
    assert song.name == "deep/er/song"
    found = load(song)
    assert found.rate == RATE
    for name, sound in true.items():
        np.testing.assert_array_equal(found.stems[name], sound.astype(np.float32))
    np.testing.assert_allclose(found.mixture, sum(true.values()), atol=1e-7)


def test_files_may_be_called_as_stemlift_calls_them(tmp_path: Path) -> None:
    for stem in ("Vocals", "other", "instrumental", "mix"):
        write(tmp_path / "a song" / f"a song - {stem}.wav")
    write(tmp_path / "a song" / "a song - other.flac")
    (tmp_path / "a song" / "notes.txt").write_text("not a stem", encoding="utf-8")
    (song,) = find_songs(tmp_path / "a song")
    assert song.name == "a song"
    # What is the sum of others is left out, and a WAV is taken before its copy.
    assert {name: part.path.suffix for name, part in song.stems.items()} == {
        "other": ".wav",
        "vocals": ".wav",
    }
    assert song.mixture is not None


def test_the_vocals_and_all_the_rest_are_a_song(tmp_path: Path) -> None:
    for stem in ("vocals", "accompaniment"):
        write(tmp_path / "song" / f"{stem}.wav")
    (song,) = find_songs(tmp_path)
    assert set(song.stems) == {"vocals", "accompaniment"}


def test_what_was_made_of_a_song_is_none(tmp_path: Path) -> None:
    write_multitrack(tmp_path / "song", 0.01)
    write_multitrack(tmp_path / "song" / "mixture stems", 0.01, mixture=False)
    write(tmp_path / "loose.wav")
    write(tmp_path / "loose too.wav")
    assert names(tmp_path) == ["song"]


def test_any_names_will_do_where_there_are_no_others(tmp_path: Path) -> None:
    write(tmp_path / "song" / "Lead.wav")
    write(tmp_path / "song" / "Kick.wav")
    (song,) = find_songs(tmp_path)
    assert tuple(song.stems) == ("kick", "lead")


@pytest.mark.parametrize("codec", StemCodec)
def test_stem_files(tmp_path: Path, codec: StemCodec) -> None:
    true = write_multitrack(tmp_path / "song", 0.5)
    for name, sound in {**true, "mixture": sum(true.values())}.items():
        soundfile.write(tmp_path / "song" / f"{name}.wav", sound, RATE, subtype="PCM_24")
    file = tmp_path / "files" / "A - Song.stem.mp4"
    file.parent.mkdir()
    stems = {name: tmp_path / "song" / f"{name}.wav" for name in FOUR}
    write_stem_mp4(file, tmp_path / "song" / "mixture.wav", stems, codec=codec)
    (song,) = find_songs(file.parent)
    assert song.name == "A - Song"
    found = load(song)
    assert tuple(found.stems) == FOUR
    for name, sound in true.items():
        assert sdr(sound, found.stems[name]) > (2 if codec is StemCodec.AAC else 80), name
    assert found.mixture.shape == (RATE // 2, 2)


def test_a_stem_file_beside_its_own_stems_is_no_further_song(tmp_path: Path) -> None:
    true = write_multitrack(tmp_path / "A", 0.1)
    mix = tmp_path / "A" / "mixture.wav"
    soundfile.write(mix, sum(true.values()), RATE, subtype="PCM_24")
    stems = {name: tmp_path / "A" / f"{name}.wav" for name in FOUR}
    for name in ("A", "B"):
        write_stem_mp4(tmp_path / f"{name}.stem.mp4", mix, stems, codec=StemCodec.ALAC)
    first, second = find_songs(tmp_path)
    assert (first.name, second.name) == ("A", "B")
    assert first.stems["bass"].path.suffix == ".wav"


def test_links_lead_to_no_song_twice(tmp_path: Path) -> None:
    root = tmp_path / "songs"
    write_multitrack(root / "one", 0.01)
    write_multitrack(tmp_path / "elsewhere" / "two", 0.01)
    try:
        for name, target in {"a": "..", "b": ".", "c": "c", "d": "../elsewhere"}.items():
            (root / name).symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("links cannot be made here")
    assert [name.rpartition("/")[2] for name in names(root)] == ["two", "one"]


def test_what_a_model_made_beside_the_stems_is_not_taken_for_them(tmp_path: Path) -> None:
    write_multitrack(tmp_path / "song", 0.01)
    for stem in (*FOUR, "mixture"):
        write(tmp_path / "song" / f"mixture - {stem}.wav")
    (song,) = find_songs(tmp_path)
    assert {name: part.path.name for name, part in song.stems.items()} == {
        name: f"{name}.wav" for name in FOUR
    }
    assert song.mixture is not None
    assert song.mixture.path.name == "mixture.wav"


def test_two_files_for_one_stem(tmp_path: Path) -> None:
    for name in ("Lead - vocals", "Backing - vocals", "song - bass"):
        write(tmp_path / "song" / f"{name}.wav")
    error = refused(tmp_path)
    assert error.reason is Reason.ARGUMENT_INVALID
    assert "Lead - vocals.wav" in error.message
    assert "Backing - vocals.wav" in error.message
    (tmp_path / "song" / "Backing - vocals.wav").unlink()
    for name in ("A - mix", "B - mix"):
        write(tmp_path / f"{name}.wav")
    assert names(tmp_path) == ["song"]


def test_a_link_to_nowhere_is_no_silent_stem(tmp_path: Path) -> None:
    write_multitrack(tmp_path / "song", 0.01)
    bass = tmp_path / "song" / "bass.wav"
    bass.unlink()
    try:
        bass.symlink_to("annexed.wav")
    except OSError:
        pytest.skip("links cannot be made here")
    error = refused(tmp_path)
    assert error.reason is Reason.FILE_NOT_FOUND
    assert "bass.wav" in error.message


def test_nothing_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").reason is Reason.FILE_NOT_FOUND
    assert refused(tmp_path).reason is Reason.FILE_NOT_FOUND
    write(tmp_path / "song" / "lonely.wav")
    assert refused(tmp_path).reason is Reason.FILE_NOT_FOUND


@pytest.mark.parametrize(
    ("change", "said"),
    [({"frames": 99}, "length"), ({"rate": 48_000}, "rate"), ({"channels": 1}, "channels")],
)
def test_parts_that_differ(tmp_path: Path, change: dict[str, int], said: str) -> None:
    write(tmp_path / "a song" / "drums.wav")
    write(tmp_path / "a song" / "bass.wav", **change)
    error = refused(tmp_path)
    assert error.reason is Reason.ARGUMENT_INVALID
    assert said in error.message
    assert "a song" in error.message
    with pytest.raises(StemliftError, match=said):
        shape_of(find_songs(tmp_path)[0])


def test_a_file_that_is_no_sound(tmp_path: Path) -> None:
    write(tmp_path / "song" / "drums.wav")
    (tmp_path / "song" / "bass.wav").write_bytes(b"RIFF not really")
    assert refused(tmp_path).exit_code == 2
    (tmp_path / "song" / "bass.wav").unlink()
    (tmp_path / "broken.stem.mp4").write_bytes(b"\0\0\0\x08ftyp")
    assert refused(tmp_path).exit_code == 2
