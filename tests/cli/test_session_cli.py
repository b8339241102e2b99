"""`stemlift session` with a real server: what is written nulls, what cannot be is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from real_server import Home, home_in
from session_shell import RATE, SPECTRAL, Shell, heard, song_file, stems_below
from signals import read_floats

from stemlift.paths import HOME_VARIABLE
from stemlift.sessions import add_song, each_session, new_session, show
from stemlift.sessions.timeline import walk

KAZOO = ("--focus", "kazoo")


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_song_becomes_a_session_that_nulls(shell: Shell, tmp_path: Path, rate: int) -> None:
    file = song_file(tmp_path / 'it\'s a "söng" #1.wav', rate // 2 + 3, rate=rate)
    made = shell.answer("new", file.name, "-o", "my set/s.rpp", *SPECTRAL)
    path = tmp_path / "my set" / "s.rpp"
    assert made["session"] == str(path)
    assert (made["format"], made["sample_rate"]) == ("rpp", rate)
    (entry,) = made["songs"]
    assert entry["source"] == str(file)
    assert set(entry["stems"]) == {"drums", "bass", "other", "vocals"}
    for stem in entry["stems"].values():
        assert Path(stem).is_relative_to(path.parent / "Media")
    mix = read_floats(file)
    assert np.max(np.abs(heard(path, len(mix) / rate) - mix)) <= 1e-6
    text = path.read_text()
    assert str(tmp_path / "my set") not in text, "stems are named relative to the session"


def test_a_range_of_a_song(shell: Shell, tmp_path: Path) -> None:
    file = song_file(tmp_path / "song.wav")
    options = ("--start", 0.1, "--duration", 0.25, "--chains", "--template", "karaoke")
    off = ("--tempo", "off", "--markers", "off")
    shell.answer("new", file, "-o", "s.rpp", *options, *off, *SPECTRAL)
    shown = shell.answer("show", "s.rpp")
    original, voice, guide, backing = shown["tracks"]
    assert [t["mute"] for t in shown["tracks"]] == [True, False, True, False]
    assert (voice["name"], voice["clips"]) == ("Your voice", [])
    (clip,) = original["clips"]
    assert (clip["source_start"], clip["length"]) == (0.1, 0.25)
    assert all(effect["enabled"] for effect in guide["effects"] + backing["effects"])
    vocals, instrumental = (read_floats(Path(t["clips"][0]["file"])) for t in (guide, backing))
    mix = read_floats(file)[4_410 : 4_410 + len(vocals)]
    assert len(vocals) == 11_025
    assert np.max(np.abs(vocals + instrumental - mix)) == 0


def test_what_exists_is_refused_until_it_is_forced(shell: Shell, tmp_path: Path) -> None:
    file = song_file(tmp_path / "song.wav")
    (tmp_path / "s.rpp").write_text("mine")
    error = shell.refused("new", file, "-o", "s.rpp", *SPECTRAL)
    assert error["reason"] == "SESSION_EXISTS"
    assert (tmp_path / "s.rpp").read_text() == "mine"
    assert not (tmp_path / "Media").exists(), "nothing was separated for it"
    shell.answer("new", file, "-o", "s.rpp", "--force", *SPECTRAL)
    assert len(show(tmp_path / "s.rpp").tracks) == 5


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("new", "none.wav", "-o", "s.rpp"), "FILE_NOT_FOUND"),
        (("new", "notes.wav", "-o", "s.rpp", *SPECTRAL), "NOT_AUDIO"),
        (("new", "song.wav", "-o", "s.als"), "ARGUMENT_INVALID"),
        (("new", "song.wav", "-o", "s.rpp", "--template", "nope"), "TEMPLATE_INVALID"),
        (("new", "song.wav", "-o", "s.rpp", "--template", "bad.toml"), "TEMPLATE_INVALID"),
        (("new", "song.wav", "-o", "s.rpp", "--tempo", "fast"), "ARGUMENT_INVALID"),
        (("new", "song.wav", "-o", "s.rpp", "--markers", "1"), "ARGUMENT_INVALID"),
        (("new", "song.wav", "-o", "s.rpp", "--gap", "nan"), "ARGUMENT_INVALID"),
        (("new", "song.wav", "-o", "s.rpp", "--stems", "kazoo", *SPECTRAL), "STEM_UNKNOWN"),
        (("new", "song.wav", "-o", "s.rpp", "--start", "99", *SPECTRAL), "RANGE_OUTSIDE"),
        (("new", "song.wav", "-o", "s.rpp", *KAZOO, *SPECTRAL), "STEM_UNKNOWN"),
        (("new", "song.wav", "-o", "s.rpp", *KAZOO), "STEM_UNKNOWN"),
        (("new", "song.wav", "-o", "s.rpp", *KAZOO, "--template", "fix"), "STEM_UNKNOWN"),
        (("new", "song.wav", "-o", "s.rpp", *KAZOO, "--template", "remix"), "STEM_UNKNOWN"),
        (("new", "song.wav", "-o", "s.rpp", *KAZOO, "--stems", "drums"), "STEM_UNKNOWN"),
        (("new", "back\\slash.wav", "-o", "s.dawproject"), "PATH_UNSUPPORTED"),
        (("new", "song.wav", "-o", "s.rpp", "--each"), "ARGUMENT_INVALID"),
        (("new", "empty", "-o", "s.rpp"), "FILE_NOT_FOUND"),
        (("new", "empty", "-o", "s.rpp", "--have-stems"), "FILE_NOT_FOUND"),
        (("new", "q\"u'o`te.wav", "-o", "s.rpp"), "PATH_UNSUPPORTED"),
        (("add", "none.rpp", "song.wav"), "FILE_NOT_FOUND"),
        (("add", "bad.toml", "song.wav"), "ARGUMENT_INVALID"),
        (("show", "none.rpp"), "FILE_NOT_FOUND"),
        (("new", "-o", "s.rpp"), "ARGUMENT_INVALID"),
    ],
)
def test_a_mistake_has_a_reason_and_leaves_nothing(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    song_file(tmp_path / "song.wav", 2_000)
    song_file(tmp_path / "q\"u'o`te.wav", 2_000)
    song_file(tmp_path / "back\\slash.wav", 2_000)
    (tmp_path / "notes.wav").write_text("no song at all, and quite a lot of it")
    (tmp_path / "bad.toml").write_text("x = 1")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    error = shell.refused(*arguments)
    assert error["reason"] == reason
    assert error["remedy"]
    assert sorted(tmp_path.rglob("*")) == before


def test_copied_media_make_the_folder_whole(shell: Shell, tmp_path: Path) -> None:
    file = song_file(tmp_path / "songs" / "q\"u'o`te.wav")
    shell.answer("new", file, "-o", "set/s.rpp", "--copy-media", *SPECTRAL)
    (tmp_path / "set").rename(tmp_path / "moved")
    mix = read_floats(file)
    file.unlink()
    session = show(tmp_path / "moved" / "s.rpp")
    assert all(clip.file.is_file() for clip in session.clips)
    assert len(stems_below(tmp_path / "moved")) == 5, "stems that lie there are not copied again"
    sound = heard(tmp_path / "moved" / "s.rpp", len(mix) / RATE)
    assert np.max(np.abs(sound - mix)) <= 1e-6


def test_a_song_is_added_and_nothing_else_changes(shell: Shell, tmp_path: Path) -> None:
    one = song_file(tmp_path / "one.wav", RATE + 10)
    two = song_file(tmp_path / "two.wav", 30_000, seed=1)
    shell.answer("new", one, "-o", "s.rpp", *SPECTRAL)
    before = (tmp_path / "s.rpp").read_bytes()
    shell.answer("add", "s.rpp", two, *SPECTRAL)
    after = (tmp_path / "s.rpp").read_bytes()
    # All new lines are behind the last track; only the end of the project follows them.
    assert after.startswith(before.removesuffix(b">\n"))
    session = show(tmp_path / "s.rpp")
    folder = session.tracks[-1]
    assert folder.name == "two"
    assert {clip.position for track in folder.children for clip in track.clips} == {4}
    shell.answer("add", "s.rpp", two, "--at", 1.5, "--stems", "vocals", *SPECTRAL)
    session = show(tmp_path / "s.rpp")
    added = [t.name for t in session.tracks[-1].children]
    assert added == ["Original", "Vocals"]
    assert {clip.position for t in session.tracks[-1].children for clip in t.clips} == {1.5}


def test_stems_that_are_there_need_no_server(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "song stems"
    folder.mkdir()
    for name in ("vocals", "drums"):
        song_file(folder / f"song - {name}.wav", 500)
    with home_in(tmp_path / "home") as home:
        monkeypatch.setenv(HOME_VARIABLE, str(home.folder))
        done = shell.run("new", "song stems", "-o", "s.rpp", "--have-stems")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "s.rpp: 1 song, 2 tracks, 0 s, 44100 Hz.\n"
        assert home.server_pid() is None
        shown = shell.run("show", "s.rpp").stdout
        assert "Vocals" in shown
        assert "Drums" in shown
        assert "karaoke" in shell.run("templates").stdout
        named = shell.answer("templates")
        assert "stem-mastering" in [template["name"] for template in named["templates"]]


def test_names_that_hold_commands_for_a_terminal_are_shown_plain(
    shell: Shell, tmp_path: Path
) -> None:
    file = song_file(tmp_path / "[b]x\x1b[31m.wav", 500)
    done = shell.run("new", file.name, "-o", "\x1b[1m.rpp", *SPECTRAL)
    assert done.returncode == 0
    shown = shell.run("show", "\x1b[1m.rpp")
    assert "\x1b" not in done.stdout + done.stderr + shown.stdout + shown.stderr


def test_the_same_in_python(home: Home, tmp_path: Path) -> None:
    file = song_file(tmp_path / "song.wav", 5_000, seed=3)
    seen: list[float] = []
    with home.client() as client:
        options = {
            "client": client,
            "model": "spectral",
            "on_update": lambda _song, update: seen.append(update.fraction),
        }
        made = new_session(
            str(file), tmp_path / "s.rpp", template="fix", focus="drums", tempo=90, **options
        )
        assert seen[-1] == 1.0
        assert [t.name for t in made.session.tracks] == [
            "Original",
            "Drums (to mend)",
            "All but drums",
        ]
        assert made.session.tempo[0].bpm == 90
        sound = heard(tmp_path / "s.rpp", 5_000 / RATE)
        assert np.max(np.abs(sound - read_floats(file))) <= 1e-6
        added = add_song(made.path, made.songs[0], template="fix", focus="drums", at=8.0)
        tracks = [track for _, track in walk(show(made.path).tracks)]
        assert [t.name for t in tracks][3:] == ["song", *(t.name for t in made.session.tracks)]
        assert added.session.end == 8 + made.session.end
        (each,) = each_session([file], tmp_path / "{song}.rpp", **options)
        assert each.made is not None
        assert not each.skipped
        (each,) = each_session([file], tmp_path / "{song}.rpp", **options)
        assert each.skipped
