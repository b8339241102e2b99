"""What becomes of the songs themselves once their stems are there."""

from __future__ import annotations

from watch_house import At, House, assert_whole

from stemlift.watch.recipe import Recipe


def test_done_originals_move_and_nothing_is_overwritten(house: House) -> None:
    house.recipe = Recipe(model="spectral", original="done")
    house.drop("sub/a.wav")
    house.process()
    second = house.drop("sub/a.wav", seed=1)
    content = second.read_bytes()
    house.process()
    done = house.inbox / "_done" / "sub"
    assert sorted(path.name for path in done.iterdir()) == ["a (2).wav", "a.wav"]
    assert (done / "a (2).wav").read_bytes() == content
    assert not second.exists()
    assert_whole(house.outbox / "a", done / "a (2).wav")


def test_an_original_is_deleted_only_after_its_result_is_there(house: House) -> None:
    house.recipe = Recipe(model="spectral", original="delete")
    house.allow_delete = True
    path = house.drop("a.wav")
    content = path.read_bytes()
    seen = []
    with house.open(At("noted", lambda: seen.append(sorted(house.outbox.iterdir())))) as running:
        running.all()
    assert not path.exists()
    assert house.outbox / "a" in seen[0]
    path.write_bytes(content)
    assert_whole(house.outbox / "a", path)


def test_an_original_that_was_saved_again_is_not_moved_away(house: House) -> None:
    house.recipe = Recipe(model="spectral", original="delete")
    house.allow_delete = True
    path = house.drop("a.wav")
    with house.open(At("noted", lambda: house.drop("a.wav", seed=1, frames=7000))) as running:
        running.all()
        assert path.exists()
