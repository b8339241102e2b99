import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_songs import RATE, easy_stems, write_songs

from stemlift.errors import Reason, StemliftError
from stemlift.training.dataset import Examples, SongFile, open_song
from stemlift.training.multitracks import prepare
from stemlift.training.recipe import Data, Recipe, load_recipe, parse_recipe, recipe_names
from stemlift.training.sources import gather
from stemlift.training.weights import config_of, fresh


def nothing() -> None:
    pass


def constant_song(value: int, samples: int = 1000, tempo: float = 0.0) -> SongFile:
    """Stem s of it is the number `value` + s everywhere, from sample 1 on its place beside."""
    sound = np.full((4, 2, samples), value, np.int16)
    sound[:, 1] = np.arange(samples, dtype=np.int16)
    sound[:, 0] += np.arange(4, dtype=np.int16)[:, None]
    return SongFile(sound, tempo)


def test_a_step_always_has_the_same_examples() -> None:
    songs = tuple(constant_song(10 * index) for index in range(5))
    examples = Examples(songs, 100, 3, seed=1, recombine=0.5, same_tempo=0.5)
    ahead = list(examples.steps(3, 9))
    assert len(ahead) == 6
    for step, batch in enumerate(ahead, 3):
        assert batch.shape == (3, 4, 2, 100)
        assert np.array_equal(batch, examples.at(step))
    assert not np.array_equal(ahead[0], ahead[1])
    other = Examples(songs, 100, 3, seed=2, recombine=0.5, same_tempo=0.5)
    assert not np.array_equal(other.at(3), ahead[0])


def test_whole_songs_stay_together_and_recombined_ones_do_not() -> None:
    songs = tuple(constant_song(10 * index) for index in range(9))
    whole = Examples(songs, 100, 20, seed=1).at(0)
    assert np.array_equal(whole[:, :, 0, 0] - whole[:, :1, 0, 0], np.tile(np.arange(4), (20, 1)))
    assert (whole[:, :, 1, 0] == whole[:, :1, 1, 0]).all()
    mixed = Examples(songs, 100, 20, seed=1, recombine=1.0).at(0)
    # Each stem is still a stem of its kind.
    assert (mixed[:, :, 0, 0] % 10 == np.arange(4)).all()
    assert len({tuple(row // 10) for row in mixed[:, :, 0, 0]}) > 10


def test_stems_of_the_same_tempo_come_from_the_same_time() -> None:
    songs = tuple(constant_song(10 * index, tempo=100 + 20 * (index % 2)) for index in range(8))
    batch = Examples(songs, 100, 20, seed=1, recombine=1.0, same_tempo=1.0).at(0)
    assert (batch[:, :, 1, 0] == batch[:, :1, 1, 0]).all()
    parities = batch[:, :, 0, 0] // 10 % 2
    assert (parities == parities[:, :1]).all()


def pitch(sound: np.ndarray) -> float:
    """Hz of a sine of about a second, to some hundredths."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 16 * len(sound)))
    return float(np.argmax(spectrum)) * RATE / (16 * len(sound))


def test_songs_are_played_faster_and_slower() -> None:
    time = np.arange(4 * RATE) / RATE
    sines = [8_000 * np.sin(2 * np.pi * hertz * time) for hertz in (100.0, 200.0, 400.0, 800.0)]
    song = SongFile(np.repeat(np.array(sines, np.int16)[:, None], 2, axis=1))
    examples = Examples((song,), RATE, 12, seed=1, speed=0.25)
    batch = examples.at(0)
    assert np.array_equal(batch, examples.at(0))
    speeds = []
    for example in batch:
        found = [
            pitch(stem[0]) / hertz
            for stem, hertz in zip(example, (100, 200, 400, 800), strict=True)
        ]
        assert found == pytest.approx([found[3]] * 4, rel=2e-3)
        assert np.abs(example[:, :, -100:]).max() > 7_900
        speeds.append(found[3])
    assert 2**-0.25 <= min(speeds) < 0.93
    assert 1.07 < max(speeds) <= 2**0.25
    mixed = Examples((song,), RATE, 4, seed=1, recombine=1.0, speed=0.25).at(0)
    found = [[pitch(stem[0]) / 100 / 2**at for at, stem in enumerate(each)] for each in mixed]
    assert any(max(each) - min(each) > 0.05 for each in found)


def test_short_songs_end_in_silence() -> None:
    batch = Examples((constant_song(7, samples=60),), 100, 1, seed=1).at(0)
    assert (batch[0, 0, 0, :60] == 7).all()
    assert (batch[0, :, :, 60:] == 0).all()


def test_songs_of_another_form_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "train-1-000000.npy"
    np.save(path, np.zeros((2, 10), np.int16))
    with pytest.raises(StemliftError, match="shape") as caught:
        open_song(path)
    assert caught.value.reason is Reason.FILE_CORRUPT
    for content in (b"no array", b""):
        path.write_bytes(content)
        with pytest.raises(StemliftError) as caught:
            open_song(path)
        assert caught.value.reason is Reason.FILE_CORRUPT
    np.save(path, np.zeros((4, 2, 10), np.int16))
    for told in ("[1]", '{"tempo": "fast"}', "{"):
        path.with_suffix(".json").write_text(told, encoding="utf-8")
        with pytest.raises(StemliftError) as caught:
            open_song(path)
        assert caught.value.reason is Reason.FILE_CORRUPT


def write_multitrack(folder: Path, seed: int, rate: int = RATE, left_out: str = "") -> None:
    folder.mkdir(parents=True)
    for stem, sound in zip(
        ("drums", "bass", "other", "vocals"), easy_stems(0.5, seed), strict=True
    ):
        if stem != left_out:
            soundfile.write(folder / f"{stem}.wav", sound.T, rate, subtype="PCM_16")
    (folder / "notes.txt").write_text("mixed on Monday", encoding="utf-8")


def test_a_users_own_songs(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    for index in range(3):
        write_multitrack(root / f"song {index}", index, left_out="vocals" if index == 1 else "")
    heard, measured = gather(Data(multitracks=(root,)), tmp_path / "run", nothing)
    assert (len(heard), len(measured)) == (2, 1)
    prepared = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.npy")}
    assert len(prepared) == 3
    sounds = [np.asarray(song.sound) for song in (*heard, *measured)]
    for seed in (0, 2):
        assert any(np.abs(sound - easy_stems(0.5, seed)).max() <= 1 for sound in sounds)
    without = [sound for sound in sounds if not sound[3].any()]
    assert len(without) == 1
    assert np.abs(without[0][:3] - easy_stems(0.5, 1)[:3]).max() <= 1
    gather(Data(multitracks=(root,)), tmp_path / "run", nothing)
    assert all(path.stat().st_mtime_ns == time for path, time in prepared.items())


def test_stems_that_come_late_or_go_are_noticed(tmp_path: Path) -> None:
    root, into = tmp_path / "mine", tmp_path / "run"
    write_multitrack(root / "song", 3, left_out="vocals")
    write_multitrack(tmp_path / "whole", 3)
    (path,) = prepare(root, into, nothing)
    os.utime(path, ns=(2 * 10**18, 2 * 10**18))
    (root / "song" / "vocals.wav").write_bytes((tmp_path / "whole" / "vocals.wav").read_bytes())
    os.utime(root / "song" / "vocals.wav", ns=(10**18, 10**18))
    os.utime(root / "song", ns=(3 * 10**18, 3 * 10**18))
    assert prepare(root, into, nothing) == [path]
    assert np.load(path)[3].any()
    (root / "song" / "vocals.wav").unlink()
    os.utime(root / "song", ns=(4 * 10**18, 4 * 10**18))
    prepare(root, into, nothing)
    assert not np.load(path)[3].any()
    assert [each.name for each in into.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights of their own there")
def test_a_stem_that_is_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    write_multitrack(tmp_path / "mine" / "song", 1, left_out="vocals")
    (tmp_path / "mine" / "song" / "vocals.wav").symlink_to(tmp_path / "unmounted.wav")
    with pytest.raises(StemliftError, match=r"vocals\.wav") as caught:
        prepare(tmp_path / "mine", tmp_path / "run", nothing)
    assert caught.value.reason is Reason.FILE_NOT_FOUND
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    write_multitrack(tmp_path / "mine" / "song", 1)
    (tmp_path / "run").write_text("in the way", encoding="utf-8")
    with pytest.raises(StemliftError) as caught:
        prepare(tmp_path / "mine", tmp_path / "run", nothing)
    assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert str(tmp_path / "run") in caught.value.message


def test_own_songs_of_other_rates_and_beyond_full_scale(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    for index in range(2):
        write_multitrack(root / str(index), index, rate=48_000)
        loud = 3.0 * np.sin(np.arange(24_000) / 30.0)
        soundfile.write(root / str(index) / "bass.wav", loud, 48_000, subtype="FLOAT")
    heard, measured = gather(Data(multitracks=(root,)), tmp_path / "run", nothing)
    for song in (*heard, *measured):
        assert song.samples == 22_050
        assert int(np.abs(np.asarray(song.sound[1], np.int32)).max()) >= 32_700


def test_own_songs_beside_generated_ones(tmp_path: Path) -> None:
    generated = write_songs(tmp_path / "songs", "train", 2, 0.5)
    write_songs(generated, "valid", 1, 0.5)
    write_multitrack(tmp_path / "mine" / "song", 5)
    data = Data(songs=(generated,), multitracks=(tmp_path / "mine",))
    heard, measured = gather(data, tmp_path / "run", nothing)
    assert (len(heard), len(measured)) == (3, 1)


@pytest.mark.parametrize("made", ["nothing", "empty", "one"])
def test_too_few_songs(tmp_path: Path, made: str) -> None:
    root = tmp_path / "mine"
    if made != "nothing":
        root.mkdir()
    if made == "one":
        write_multitrack(root / "song", 1)
    with pytest.raises(StemliftError) as caught:
        gather(Data(multitracks=(root,)), tmp_path / "run", nothing)
    assert caught.value.reason is Reason.FILE_NOT_FOUND
    with pytest.raises(StemliftError):
        gather(Data(), tmp_path / "run", nothing)


def test_the_recipes_that_ship() -> None:
    assert recipe_names() == ("compact", "compact_longer", "compact_longest")
    for recipe in map(load_recipe, recipe_names()):
        assert recipe.name == "compact"
        network = fresh(config_of(recipe.network), 1)
        assert sum(each.numel() for each in network.parameters()) < 5_000_000


def test_paths_lie_beside_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\n[data]\nsongs = ["songs"]\n[training]\nstart = "first.safetensors"\n',
        encoding="utf-8",
    )
    recipe = load_recipe(str(path))
    assert recipe.data.songs == (tmp_path / "songs",)
    assert recipe.training.start == tmp_path / "first.safetensors"
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = 1", "name"),
        ('name = "a"\n[training]\nsteps = 0', "training.steps"),
        ('name = "a"\n[training]\nstep = 5', "training.step"),
        ('name = "a"\n[augmentation]\nsolo = 2', "augmentation.solo"),
        ("name = ", "Invalid value"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(StemliftError, match=words) as caught:
        parse_recipe(text.encode(), "own.toml", tmp_path)
    assert caught.value.reason is Reason.RECIPE_INVALID
    assert caught.value.exit_code == 2


def test_recipes_that_are_not_there(tmp_path: Path) -> None:
    for name in ("nonesuch", str(tmp_path / "nonesuch.toml")):
        with pytest.raises(StemliftError) as caught:
            load_recipe(name)
        assert caught.value.reason is Reason.RECIPE_INVALID
