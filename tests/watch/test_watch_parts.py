"""The parts of the watched folder that need no server."""

from __future__ import annotations

import unicodedata
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemlift.errors import Reason, StemliftError
from stemlift.settings import load_settings
from stemlift.watch.backoff import LONGEST_DELAY, delay, patience
from stemlift.watch.entry import FileState
from stemlift.watch.ledger import Ledger
from stemlift.watch.names import cut, file_name, folder_key, folder_names, song_name
from stemlift.watch.scan import Seen

NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=300)


@given(NAMES)
def test_a_song_s_name_is_good_on_every_system(name: str) -> None:
    song = song_name(name)
    assert song
    assert song.strip() == song
    assert not set(song) & set('/\\<>:"|?*')
    assert all(ord(sign) >= 32 for sign in song)
    assert not song.startswith((".", "~"))
    assert not song.endswith((".", "~"))
    assert len(song.encode()) <= 235
    for suffixed in islice(folder_names(song), 3):
        assert len(suffixed.encode()) <= 250


@given(NAMES, st.sampled_from(["{song} - {stem}", "{stem}", "{song}{song}{song}.{stem}"]))
def test_a_file_s_name_fits_every_file_system(name: str, template: str) -> None:
    made = file_name(template, song_name(name), "vocals", "wav")
    assert len(made.encode()) <= 255
    assert made.endswith(".wav")
    assert "vocals" in made


@pytest.mark.parametrize(
    ("name", "song"),
    [
        ("song.wav", "song"),
        ("take.1.wav", "take.1"),
        ("plain", "plain"),
        ("NUL.wav", "_NUL"),
        ("com1.x.wav", "_com1.x"),
        ("what?.wav", "what_"),
        ("dots....wav", "dots"),
        ("bad\udcff.wav", "bad_xff"),
    ],
)
def test_names_as_they_are_or_made_safe(name: str, song: str) -> None:
    assert song_name(name) == song


def test_a_cut_never_takes_half_a_letter() -> None:
    letters = unicodedata.normalize("NFD", "\u00e9" * 100)
    kept = cut(letters, 100)
    assert len(kept.encode()) <= 100
    assert set(unicodedata.normalize("NFC", kept)) == {"\u00e9"}
    assert cut("\u00e9" * 100, 101) == "\u00e9" * 50


def test_one_name_for_what_some_system_takes_for_one() -> None:
    assert folder_key("CAF\u00c9") == folder_key("cafe\u0301")
    assert folder_key("a") != folder_key("b")
    assert next(folder_names("_failed")) == "_failed (2)"


def test_delays_double_up_to_ten_minutes() -> None:
    assert [delay(number) for number in (1, 2, 3)] == [5, 10, 20]
    assert delay(1000) == LONGEST_DELAY
    assert patience(Reason.SERVER_LOST).everybody
    assert patience(Reason.DISK_FULL).attempts is None
    assert patience(Reason.NOT_AUDIO).attempts == 1


def seen(path: str, **changes: int) -> Seen:
    values = {"size": 10, "mtime_ns": 1, "ctime_ns": 1} | changes
    return Seen(path, **values, file_id=(1, 2))


def test_the_ledger_holds_names_that_are_no_text(tmp_path: Path) -> None:
    name = "bad\udcff\udc80.wav"
    ledger = Ledger(tmp_path / "watch.sqlite")
    ledger.arrive("/in", [seen(name, size=2**40, mtime_ns=2**62)], 5.0)
    ledger.close()
    ledger = Ledger(tmp_path / "watch.sqlite")
    assert list(ledger.known("/in")) == [name]
    entry = ledger.take_next("/in", 6.0)
    assert entry is not None
    assert (entry.path, entry.state, entry.size) == (name, FileState.WORKING, 2**40)
    assert not ledger.known("/other")
    ledger.close()


def test_a_song_that_was_taken_up_is_left_alone_by_scans(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "watch.sqlite")
    ledger.arrive("/in", [seen("a.wav")], 5.0)
    taken = ledger.take_next("/in", 6.0)
    assert taken is not None
    ledger.vanish("/in", ["a.wav"])
    ledger.unsettle("/in", ["a.wav"])
    ledger.arrive("/in", [seen("a.wav", size=11)], 7.0)
    assert ledger.get(taken) == taken
    ledger.close()


def test_a_damaged_or_newer_ledger_says_so(tmp_path: Path) -> None:
    path = tmp_path / "watch.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StemliftError) as caught:
        Ledger(path)
    assert caught.value.reason is Reason.STATE_UNUSABLE
    assert "Move it away" in caught.value.remedy
    path.unlink()
    ledger = Ledger(path)
    with ledger.session() as session:
        session.connection().exec_driver_sql("PRAGMA user_version = 99")
    ledger.close()
    with pytest.raises(StemliftError, match="newer"):
        Ledger(path)


def test_the_settings_name_watched_folders(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        '[[watch]]\ninbox = "/in"\nout = "/out"\nstems = ["vocals"]\nstable = 1\npolling = true\n'
        '[[watch]]\ninbox = "~/in"\nout = "~/out"\n'
    )
    first, second = load_settings(path).watch
    assert (first.inbox_path, first.stems, first.stable) == (Path("/in"), ("vocals",), 1.0)
    assert first.polling is True
    assert second.polling == "auto"
    assert not second.allow_delete
    assert second.out_path == Path.home() / "out"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('inbox = "in"\nout = "/out"', "watch.0.inbox: Value error, give the whole path"),
        ('inbox = "/in"', "watch.0.out"),
        ('inbox = "/in"\nout = "/out"\nmodle = "x"', "watch.0.modle"),
        ('inbox = "/in"\nout = "/out"\npolling = "never"', "watch.0.polling"),
    ],
)
def test_a_wrong_watch_table_is_named(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"[[watch]]\n{text}\n")
    with pytest.raises(StemliftError) as caught:
        load_settings(path)
    assert caught.value.reason is Reason.SETTINGS_INVALID
    assert word in caught.value.message
