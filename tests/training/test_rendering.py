"""Songs are written whole, the same for the same seed, and only once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.training.songs import choir, rendering
from stemlift.training.songs.mixing import STEMS
from stemlift.training.songs.rendering import Order
from stemlift.training.songs.voices import voices_of


@pytest.fixture
def order(tmp_path: Path) -> Order:
    folder = tmp_path / "songs"
    folder.mkdir()
    # No bank is in the folder and no SoundFont is asked for: only what the project makes itself.
    return Order(folder, "train", 4, 4.0, tmp_path / "voices", sampled=False)


def test_a_song_is_the_same_for_its_seed_and_another_for_another(order: Order) -> None:
    first, told = rendering.make(order, 1)
    again, _ = rendering.make(order, 1)
    other, _ = rendering.make(order, 2)
    assert first.shape == (4, 2, 4 * 44_100)
    assert first.dtype == np.int16
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.abs(first.astype(np.int32).sum(axis=0)).max() <= 32_767
    assert told["split"] == "train"
    json.dumps(told)


def test_clear_singers_sing_the_same_song(order: Order) -> None:
    """What is played, and which voices sing, does not depend on how many of them are clear."""
    as_spoken, told = rendering.make(order, 0)
    clear, also_told = rendering.make(replace(order, clear=1.0), 0)
    vocals = STEMS.index("vocals")
    assert np.abs(as_spoken[vocals]).max() > 1000
    assert not np.array_equal(clear[vocals], as_spoken[vocals])
    assert {key: told[key] for key in ("genre", "tempo", "voices", "instruments")} == {
        key: also_told[key] for key in ("genre", "tempo", "voices", "instruments")
    }


def test_a_written_song_is_left_alone_and_a_half_one_made_again(order: Order) -> None:
    name = rendering.write(order, 0)
    sound = order.folder / f"{name}.npy"
    stems = np.load(sound, mmap_mode="r")
    before = sound.stat().st_mtime_ns
    assert rendering.write(order, 0) == name
    assert sound.stat().st_mtime_ns == before
    assert [path.name for path in rendering.songs_in(order.folder, "train")] == [f"{name}.npy"]
    kept = np.array(stems)
    (order.folder / f"{name}.json").unlink()
    assert rendering.songs_in(order.folder, "train") == []
    rendering.write(order, 0)
    assert np.array_equal(np.load(sound), kept)
    assert not list(order.folder.glob(".*"))


def test_what_cannot_be_written_is_told_and_leaves_nothing(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = np.zeros((4, 2, 8), np.int16)
    monkeypatch.setattr(rendering, "make", lambda *_: (silence, {}))
    order.folder.rmdir()
    order.folder.write_text("in the way", encoding="utf-8")
    (tmp_path / "voices").write_text("in the way", encoding="utf-8")
    own = [voice for voice in voices_of("train") if voice.engine == "formant"][:1]
    for action in (lambda: rendering.write(order, 0), lambda: choir.prepare(order.voices, own)):
        with pytest.raises(StemliftError) as caught:
            action()
        assert caught.value.reason is Reason.OUTPUT_UNWRITABLE
    assert {path.name for path in tmp_path.iterdir()} == {"songs", "voices"}
