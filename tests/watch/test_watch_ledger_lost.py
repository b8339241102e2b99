"""A ledger that is removed or damaged: nothing is separated twice, and work goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_server import home_in, wait_for
from watch_house import House, assert_whole, manifest
from watch_processes import hasty, states

from stemlift.watch.entry import FileState
from stemlift.watch.recipe import Recipe
from stemlift.watch.status import read_status
from stemlift.watch.watcher import Watcher


def lose(database: Path) -> None:
    for end in ("", "-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)


def test_results_are_known_again_after_the_ledger_was_lost(house: House) -> None:
    songs = [house.drop(f"{number}.wav", number) for number in range(2)]
    twin = house.drop("sub/0.flac", seed=5)
    house.process()
    before = {name: manifest(path)["id"] for name, path in house.results().items()}
    assert sorted(before) == ["0", "0 (2)", "1"]
    lose(house.database)
    house.process()
    assert {name: manifest(path)["id"] for name, path in house.results().items()} == before
    assert set(house.states().values()) == {FileState.DONE}
    # They are ours again: a song that changes gets its stems under the same name.
    house.drop("1.wav", seed=9)
    house.process()
    assert sorted(house.results()) == sorted(before)
    assert_whole(house.outbox / "0", songs[0])
    assert_whole(house.outbox / "0 (2)", twin)
    assert_whole(house.outbox / "1", songs[1])


@pytest.mark.parametrize("what", ["content", "recipe", "size", "path", "escape"])
def test_a_result_that_is_another_s_is_not_taken_for_ours(house: House, what: str) -> None:
    path = house.drop("a.wav")
    house.process()
    lose(house.database)
    file = house.outbox / "a" / "stems.json"
    facts = json.loads(file.read_text("utf-8"))
    if what == "content":
        house.drop("a.wav", seed=1)
    elif what == "recipe":
        house.recipe = Recipe(model="spectral", also=("flac",))
    elif what == "size":
        (house.outbox / "a" / facts["stems"][0]["file"]).write_bytes(b"")
    elif what == "path":
        facts["source"]["path"] = str(house.inbox / "other" / "a.wav")
    else:
        secret = house.folder / "secret"
        (house.outbox / "a" / facts["stems"][0]["file"]).rename(secret)
        facts["stems"][0]["file"] = "../../secret"
    file.write_text(json.dumps(facts), "utf-8")
    before = {each.name: each.read_bytes() for each in (house.outbox / "a").iterdir()}
    house.process()
    assert sorted(house.results()) == ["a", "a (2)"]
    assert {each.name: each.read_bytes() for each in (house.outbox / "a").iterdir()} == before
    assert_whole(house.outbox / "a (2)", path)


def test_a_ledger_removed_under_a_watcher(tmp_path: Path) -> None:
    with home_in(tmp_path / "home") as home:
        home.serve()
        house = House(tmp_path, home)
        first = house.drop("a.wav")
        watching = Watcher(hasty(house), home.paths)
        watching.start()
        try:
            wait_for(lambda: states(house).get("a.wav") == "done", "the first song")
            lose(home.paths.watch_database)
            second = house.drop("b.wav", seed=1)
            both = {"a.wav": "done", "b.wav": "done"}
            wait_for(lambda: states(house) == both, "both songs in the new ledger")
            wait_for(lambda: read_status(home.paths)[0].running, "the watcher to be known again")
            wait_for(lambda: not list(house.outbox.glob(".stemlift-watch-*")), "the sweep")
        finally:
            watching.stop()
        assert sorted(house.results()) == ["a", "b"]
        assert_whole(house.outbox / "a", first)
        assert_whole(house.outbox / "b", second)


def test_a_ledger_damaged_under_a_watcher(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with home_in(tmp_path / "home") as home:
        home.serve()
        house = House(tmp_path, home)
        first = house.drop("a.wav")
        watching = Watcher(hasty(house), home.paths)
        watching.start()
        try:
            wait_for(lambda: states(house).get("a.wav") == "done", "the first song")
            database = home.paths.watch_database
            damaged = database.with_name("other")
            damaged.write_bytes(b"no database at all " * 1000)
            lose(database)
            damaged.rename(database)
            second = house.drop("b.wav", seed=1)
            wait_for(lambda: "It is damaged. Move it away" in caplog.text, "the watcher to say so")
            assert first.exists()
            assert second.exists()
            database.rename(damaged)
            both = {"a.wav": "done", "b.wav": "done"}
            wait_for(lambda: states(house) == both, "both songs in a new ledger")
        finally:
            watching.stop()
        assert sorted(house.results()) == ["a", "b"]
        assert_whole(house.outbox / "a", first)
        assert_whole(house.outbox / "b", second)
