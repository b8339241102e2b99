"""Reports that a recipe asks for, through a whole watched folder."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from watch_house import DiedError, House, assert_whole, manifest

from stemlift.report import making
from stemlift.watch.recipe import Recipe

PAGE = Recipe(model="spectral", also=("report",))


def test_a_song_of_any_name_has_its_page(house: House) -> None:
    house.recipe = PAGE.model_copy(update={"name": "{stem} of it", "format": "flac"})
    source = house.drop("Lied <i>'für' & 100% #1 — 歌.wav")
    house.process()
    (folder,) = house.results().values()
    facts = assert_whole(folder, source)
    assert [each["file"] for each in facts["extras"]] == ["report.html"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<i>" not in page
    assert "exact" in page
    assert "drums%20of%20it.flac" in page


def test_a_page_of_one_stem_does_not_miss_the_others(house: House) -> None:
    house.recipe = PAGE.model_copy(update={"stems": ("vocals", "drums")})
    house.drop("song.wav")
    house.process()
    folder = house.outbox / "song"
    assert manifest(folder)["null_dbfs"] is None
    assert "not all of the song" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_page_waits_for_room_on_the_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.recipe = PAGE
    source = house.drop("song.wav")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with house.open() as running:
        with monkeypatch.context() as patch:
            patch.setattr(making, "write_whole", full)
            running.all()
            assert running.entry("song.wav").reason == "DISK_FULL"
        house.clock.go(3600)
        running.all()
    assert list(house.results()) == ["song"]
    assert (house.outbox / "song" / "report.html").is_file()
    assert_whole(house.outbox / "song", source)


def test_a_watcher_that_dies_in_a_page_writes_it_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.recipe = PAGE
    source = house.drop("song.wav")
    write = making.write_whole

    def die(path: Path, data: bytes) -> None:
        path.with_name(f".{path.name}.left.tmp").write_bytes(data[:1000])
        path.write_bytes(data[:1000])
        raise DiedError("report")

    with monkeypatch.context() as patch:
        patch.setattr(making, "write_whole", die)
        with pytest.raises(DiedError):
            house.process()
    assert making.write_whole is write
    house.process()
    page = (house.outbox / "song" / "report.html").read_text(encoding="utf-8")
    assert page.endswith("</html>\n")
    assert_whole(house.outbox / "song", source)


def test_a_song_that_goes_while_its_page_is_made_is_forgotten(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.recipe = PAGE
    source = house.drop("song.wav")
    measure = making.measure

    def gone(*arguments, **options):
        source.unlink()
        return measure(*arguments, **options)

    monkeypatch.setattr(making, "measure", gone)
    with house.open() as running:
        running.all()
        house.clock.go(3600)
        running.all()
    assert house.results() == {}
    assert house.failed() == {}
