"""The sound files of a session: their facts, and copies that never replace another file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from session_songs import parts_of_a_mix

from stemlift.errors import Reason, StemliftError
from stemlift.sessions.media import Copies, media_of, require_media, with_facts, with_media
from stemlift.sessions.timeline import Media, Session, Track, whole


def session(*media: Media) -> Session:
    inner = Track("inner", clips=tuple(whole(m) for m in media))
    return Session("s", 44_100, (Track("outer", children=(inner,)),))


@pytest.mark.parametrize(("ending", "rate"), [("wav", 44_100), ("flac", 96_000), ("ogg", 48_000)])
def test_the_facts_of_a_file_are_read(tmp_path: Path, ending: str, rate: int) -> None:
    file = tmp_path / f"a.{ending}"
    soundfile.write(file, [[0.0]] * 4_000, rate)
    assert media_of(file) == Media(file, rate, 1, 4_000)
    unknown = Media(file, 0, 0, 0)
    assert with_facts(session(unknown)).media == (media_of(file),)


def test_what_is_no_sound_stays_unknown(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_text("words")
    unknown = Media(file, 0, 0, 0)
    assert with_facts(session(unknown)).media == (unknown,)
    with pytest.raises(StemliftError):
        media_of(file)


def test_media_change_in_all_folders(tmp_path: Path) -> None:
    _, parts = parts_of_a_mix(tmp_path, 44_100, 10, ("a", "b"))
    one = session(parts["a"], parts["b"])
    there = with_media(one, lambda m: replace(m, file=Path("/x") / m.file.name))
    assert [m.file for m in there.media] == [Path("/x/a.wav"), Path("/x/b.wav")]
    require_media(one)
    with pytest.raises(StemliftError) as caught:
        require_media(there)
    assert caught.value.reason is Reason.MEDIA_MISSING


def test_copies_never_replace_what_is_there_and_can_be_undone(tmp_path: Path) -> None:
    _, parts = parts_of_a_mix(tmp_path, 44_100, 10, ("a", "b"))
    folder = tmp_path / "project" / "Media"
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"another one")
    (folder / "b.wav").write_bytes(parts["b"].file.read_bytes())
    copies = Copies(folder)
    copied = copies.of(session(parts["a"], parts["b"]))
    assert [m.file.name for m in copied.media] == ["a 2.wav", "b.wav"]
    assert copies.of(copied) == copied
    copies.undo()
    assert sorted(p.name for p in folder.iterdir()) == ["a.wav", "b.wav"]
    assert (folder / "a.wav").read_bytes() == b"another one"


def test_a_folder_that_was_made_for_copies_goes_with_them(tmp_path: Path) -> None:
    _, parts = parts_of_a_mix(tmp_path, 44_100, 10, ("a",))
    copies = Copies(tmp_path / "new" / "Media")
    copies.of(session(parts["a"]))
    copies.undo()
    assert not (tmp_path / "new" / "Media").exists()


def test_names_that_a_system_or_a_daw_trips_over_are_changed_in_copies(tmp_path: Path) -> None:
    file = tmp_path / 'a:b?"c" `d`|.WAV'
    soundfile.write(file, [[0.0, 0.0]] * 10, 44_100, format="WAV")
    (copy,) = Copies(tmp_path / "Media").of(session(Media(file, 44_100, 2, 10))).media
    assert copy.file.name == "a_b__c_ _d__.wav"
