"""From the inbox to the outbox: one song, with a real server."""

from __future__ import annotations

import numpy as np
import pytest
from signals import read_integers
from watch_house import Counter, DiedError, House, assert_whole

from stemlift.watch.entry import FileState
from stemlift.watch.recipe import Recipe


def test_a_song_becomes_a_folder_that_nulls(house: House) -> None:
    song = house.drop("My song.wav")
    house.process()
    assert list(house.results()) == ["My song"]
    facts = assert_whole(house.outbox / "My song", song)
    assert [stem["file"] for stem in facts["stems"]] == [
        f"My song - {stem}.wav" for stem in ("drums", "bass", "other", "vocals")
    ]
    assert facts["null_dbfs"] == -300
    assert facts["encoding"] == "PCM_24"
    assert facts["source"]["frames"] == 6000
    assert song.exists()


def test_what_is_done_stays_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.drop("a.wav")
    house.drop("sub/b.flac", seed=1)
    house.process()
    monkeypatch.setattr("stemlift.watch.source.hash_file", None)
    with house.open() as again:
        assert again.all() == 0


STEPS = [
    *("hashed", "recorded", "ready", "submitted", "running", "separated", "stems", "manifest"),
    *("verified", "reserved", "free", "renamed", "published", "noted", "moving", "original"),
]


def test_the_steps_are_these(house: House) -> None:
    house.recipe = Recipe(model="spectral", original="done")
    house.drop("a.wav")
    steps = Counter()
    with house.open(steps) as running:
        running.all()
    assert steps.steps == STEPS


@pytest.mark.parametrize("number", range(1, len(STEPS) + 1), ids=STEPS)
def test_death_after_any_step_gives_exactly_one_result(house: House, number: int) -> None:
    house.recipe = Recipe(model="spectral", original="done", also=("flac",))
    song = house.drop("a.wav")
    mix = read_integers(song)
    with house.open(Counter(number)) as running, pytest.raises(DiedError):
        running.all()
    house.process()
    assert list(house.results()) == ["a"]
    assert not song.exists()
    facts = assert_whole(house.outbox / "a", house.inbox / "_done" / "a.wav")
    assert len(facts["files"]) == 4
    copies = sum(read_integers(house.outbox / "a" / each["file"]) for each in facts["files"])
    assert np.array_equal(copies, mix)
    assert house.states() == {"a.wav": FileState.DONE}
    assert [path.name for path in (house.inbox / "_done").iterdir()] == ["a.wav"]


def test_death_after_death_gives_exactly_one_result(house: House) -> None:
    song = house.drop("a.wav")
    for number in (3, 2, 3, 4, 4, 5, 3, 2, 1):
        with house.open(Counter(number)) as running, pytest.raises(DiedError):
            running.all()
    house.process()
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", song)
    jobs = [job for job in house.home.client().jobs() if job.latest.source == song]
    assert len(jobs) == 1


CHANGED_STEPS = [*STEPS[:10], "aside", *STEPS[10:14]]


@pytest.mark.parametrize("number", range(10, len(CHANGED_STEPS) + 1), ids=CHANGED_STEPS[9:])
def test_death_while_a_result_is_replaced(house: House, number: int) -> None:
    house.drop("a.wav")
    house.process()
    song = house.drop("a.wav", seed=5)
    steps = Counter(number)
    with house.open(steps) as running, pytest.raises(DiedError):
        running.all()
    assert steps.steps == CHANGED_STEPS[:number]
    house.process()
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", song)


def test_a_dead_watcher_s_work_is_dropped_where_the_song_is_gone(house: House) -> None:
    for number in range(1, 10):
        song = house.drop("a.wav", seed=number)
        with house.open(Counter(number)) as running, pytest.raises(DiedError):
            running.all()
        song.unlink()
        house.process()
        assert not house.results()
        assert not house.states()


def test_a_dead_watcher_s_work_is_dropped_where_the_song_changed(house: House) -> None:
    house.drop("a.wav")
    with house.open(Counter(9)) as running, pytest.raises(DiedError):
        running.all()
    song = house.drop("a.wav", seed=3, frames=7000)
    with house.open() as running:
        running.all()
        running.all()
    assert list(house.results()) == ["a"]
    assert_whole(house.outbox / "a", song)
