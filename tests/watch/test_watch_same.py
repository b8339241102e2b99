"""Which songs are separated, which are copied, and which are left alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from signals import song, write
from watch_house import RATE, House, assert_whole, manifest

from stemlift.watch.entry import FileState
from stemlift.watch.recipe import Recipe


def jobs_of(house: House) -> int:
    with house.home.client() as client:
        return sum(str(house.folder) in str(job.latest.source) for job in client.jobs())


def touch(path: Path) -> None:
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def test_the_same_content_under_another_name_is_copied(house: House) -> None:
    first = house.drop("first.wav")
    house.process()
    shutil.copy(first, house.inbox / "second.wav")
    house.process()
    assert sorted(house.results()) == ["first", "second"]
    facts = assert_whole(house.outbox / "second", first)
    assert facts["stems"][0]["file"] == "second - drums.wav"
    assert facts["source"]["path"].endswith("second.wav")
    assert facts["id"] != manifest(house.outbox / "first")["id"]
    assert jobs_of(house) == 1
    one, other = (house.outbox / name / f"{name} - bass.wav" for name in ("first", "second"))
    assert not one.samefile(other)


def test_a_twin_whose_stems_were_edited_is_not_copied(house: House) -> None:
    first = house.drop("first.wav")
    house.process()
    stem = house.outbox / "first" / "first - bass.wav"
    data = bytearray(stem.read_bytes())
    data[-1] ^= 1
    stem.write_bytes(data)
    shutil.copy(first, house.inbox / "second.wav")
    house.process()
    assert_whole(house.outbox / "second", first)
    assert jobs_of(house) == 2


def test_a_twin_that_cannot_be_read_is_no_reason_to_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.drop("first.wav")
    house.process()
    stem = house.outbox / "first" / "first - bass.wav"
    stem.unlink()
    # Opening it fails, as where rights were taken away.
    stem.mkdir()
    monkeypatch.setattr("stemlift.watch.results.Result.intact", lambda _result: True)
    shutil.copy(first, house.inbox / "second.wav")
    house.process()
    assert_whole(house.outbox / "second", first)
    assert jobs_of(house) == 2


def test_another_recipe_is_another_result(house: House) -> None:
    first = house.drop("a.wav")
    (house.inbox / "vocals").mkdir()
    shutil.copy(first, house.inbox / "vocals" / "a.wav")
    house.process()
    assert sorted(house.results()) == ["a", "a (2)"]
    assert [stem["name"] for stem in manifest(house.outbox / "a (2)")["stems"]] == ["vocals"]


def test_a_touched_song_whose_result_is_there_costs_nothing(house: House) -> None:
    path = house.drop("a.wav")
    house.process()
    before = manifest(house.outbox / "a")["id"]
    touch(path)
    house.process()
    assert manifest(house.outbox / "a")["id"] == before
    assert jobs_of(house) == 1


def test_a_result_that_was_moved_away_comes_back_when_its_song_is_touched(house: House) -> None:
    path = house.drop("a.wav")
    house.process()
    (house.outbox / "a").rename(house.folder / "taken")
    house.process()
    assert not house.results()
    path.chmod(0o600)
    house.process()
    assert not house.results()
    touch(path)
    house.process()
    assert_whole(house.outbox / "a", path)
    assert jobs_of(house) == 2


def test_a_song_dropped_again_has_its_stems_again(house: House) -> None:
    path = house.drop("a.wav")
    house.process()
    path.rename(house.folder / "a.wav")
    house.process()
    assert house.states() == {"a.wav": FileState.DONE}
    shutil.rmtree(house.outbox / "a")
    (house.folder / "a.wav").rename(path)
    house.process()
    assert_whole(house.outbox / "a", path)


def test_an_incomplete_result_is_made_anew_and_what_is_not_ours_stays(house: House) -> None:
    path = house.drop("a.wav")
    house.process()
    (house.outbox / "a" / "a - bass.wav").unlink()
    (house.outbox / "a" / "notes.txt").write_text("mine")
    touch(path)
    house.process()
    assert sorted(house.results()) == ["a", "a (2)"]
    assert (house.outbox / "a" / "notes.txt").read_text() == "mine"
    assert_whole(house.outbox / "a (2)", path)


def test_a_changed_song_replaces_its_stems(house: House) -> None:
    house.drop("a.wav")
    house.process()
    (house.outbox / "a" / "a - bass.wav.reapeaks").write_bytes(b"peaks")
    path = house.drop("a.wav", seed=1)
    house.process()
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", path)


def test_stems_that_somebody_edited_are_never_replaced(house: House) -> None:
    house.drop("a.wav")
    house.process()
    edited = house.outbox / "a" / "a - bass.wav"
    edited.write_bytes(b"edited")
    path = house.drop("a.wav", seed=1)
    house.process()
    assert edited.read_bytes() == b"edited"
    assert_whole(house.outbox / "a (2)", path)


def test_a_changed_recipe_leaves_old_songs_alone(house: House) -> None:
    old = house.drop("old.wav")
    house.process()
    (house.inbox / "stemlift.toml").write_text('name = "{stem} of {song}"')
    new = house.drop("new.wav", seed=1)
    house.process()
    assert (house.outbox / "new" / "bass of new.wav").exists()
    assert_whole(house.outbox / "old", old)
    assert jobs_of(house) == 2
    touch(old)
    house.process()
    assert_whole(house.outbox / "old", old)
    assert (house.outbox / "old" / "bass of old.wav").exists()
    assert_whole(house.outbox / "new", new)


def test_a_folder_that_is_not_ours_is_never_touched(house: House) -> None:
    for name in ("A", "a (2)"):
        (house.outbox / name).mkdir(parents=True)
    path = house.drop("a.wav")
    house.process()
    assert not any((house.outbox / "A").iterdir())
    assert_whole(house.outbox / "a (3)", path)


def test_songs_of_one_name_get_folders_of_their_own(house: House) -> None:
    names = [
        "x/song.wav",
        "y/song.wav",
        "y/SONG.wav",
        "song.flac",
        "caf\u00e9.wav",
        "cafe\u0301.wav",
    ]
    for seed, name in enumerate(names):
        house.drop(name, seed)
    house.process()
    found = sorted(house.results())
    assert len(found) == len(names)
    assert {name.casefold() for name in found} >= {"song", "song (2)", "song (3)", "song (4)"}
    songs = {manifest(house.outbox / name)["source"]["path"] for name in found}
    assert len(songs) == len(names)
    # Which of the two has the plain name, the order tells that they came in.
    assert sum("(2)" in name for name in found if name.startswith("caf")) == 1


@pytest.mark.parametrize(
    "name",
    [
        "n" * 200 + ".wav",
        "\u00e9" * 100 + ".wav",
        "CON.wav",
        "what?.wav",
        "a:b.wav",
        "take.1",
        "x .wav",
    ],
)
def test_odd_names(house: House, name: str) -> None:
    path = write(house.inbox / name, song(3000, 1, RATE), RATE, "PCM_16", format="WAV")
    house.process()
    (folder,) = house.results().values()
    assert_whole(folder, path)
    assert len(folder.name.encode()) <= 240
    assert not set(folder.name) & set('?:"<>|*\\')
    assert folder.name.casefold() != "con"


def test_extras_are_in_the_folder_and_the_manifest_and_a_twin_has_its_own(house: House) -> None:
    house.recipe = Recipe(model="spectral", also=("flac", "stem.mp4"))
    first = house.drop("one.wav", frames=3000)
    house.process()
    shutil.copy(first, house.inbox / "two.wav")
    house.process()
    assert jobs_of(house) == 1
    for name in ("one", "two"):
        facts = assert_whole(house.outbox / name, first)
        assert facts["warnings"] == []
        assert [each["file"] for each in facts["files"]] == [
            *(f"{name} - {stem}.flac" for stem in ("drums", "bass", "other", "vocals")),
            f"{name}.stem.mp4",
        ]


def test_flac_copies_are_refused_where_flac_cannot_hold_the_stems(house: House) -> None:
    house.recipe = Recipe(model="spectral", also=("flac",))
    house.drop("a.wav", subtype="FLOAT")
    house.process()
    facts = manifest(house.outbox / "a")
    assert facts["files"] == []
    assert facts["warnings"][-1] == (
        "No FLAC files were written: FLAC cannot hold 32-bit float samples."
    )


def test_ten_thousand_songs_that_are_done_are_not_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stemlift.watch.ledger import Ledger
    from stemlift.watch.scan import scan

    for number in range(10_000):
        (house.inbox / f"{number}.wav").touch()
    ledger = Ledger(house.database)
    ledger.arrive(str(house.inbox), scan(house.inbox).files, 1.0)
    with ledger.session() as session:
        session.connection().exec_driver_sql("UPDATE files SET state = 'done'")
    ledger.close()

    def refuse(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr("stemlift.watch.looking.examine", refuse)
    monkeypatch.setattr("stemlift.watch.source.hash_file", refuse)
    with house.open() as running:
        assert running.all() == 0
        assert running.ledger.counts(str(house.inbox)) == {FileState.DONE: 10_000}
