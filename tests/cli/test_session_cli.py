"""`stemlift session` with a real server: what is written nulls, is found again, is refused."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_server import Home, home_in, wait_for
from signals import read_floats, song, write

from stemlift.cli.main import main
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.paths import HOME_VARIABLE
from stemlift.rpc.results import JobState, JobUpdate
from stemlift.sessions import Made, add_song, each_session, new_session, show
from stemlift.sessions.separating import separated
from stemlift.sessions.timeline import walk

sys.path.insert(0, str(Path(__file__).parent.parent / "reaper" / "sim"))

from reaper_sim import Project

RATE = 44_100
SPECTRAL = ("--model", "spectral")
KAZOO = ("--focus", "kazoo")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home")) as home:
        home.serve()
        yield home


def song_file(path: Path, frames: int = 30_000, seed: int = 0, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, song(frames, 2, rate, seed), rate, "PCM_24")


def heard(path: Path, seconds: float) -> np.ndarray:
    project = Project(path, path.parent)
    project.load(path.read_text(encoding="utf-8", errors="surrogateescape"))
    assert project.problems() == []
    return project.render(seconds)


def stems_below(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.wav") if "Media" in p.parts)


@dataclass
class Ran:
    returncode: int
    stdout: str
    stderr: str


@dataclass
class Shell:
    """The command in this process, which saves its start; in a folder of the test's own."""

    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: object) -> Ran:
        code = main(["session", *map(str, arguments)])
        return Ran(code, *self.capture.readouterr())

    def answer(self, *arguments: object) -> dict:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert done.stderr == ""
        (line,) = done.stdout.splitlines()
        return json.loads(line)

    def refused(self, *arguments: object) -> dict:
        done = self.run(*arguments, "--json")
        assert done.returncode == Exit.BAD_INPUT, (done.stdout, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])["error"]


@pytest.fixture
def shell(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    monkeypatch.setenv(HOME_VARIABLE, str(home.folder))
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


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


def test_a_set_list_of_a_folder_is_gone_on_with(home: Home, shell: Shell, tmp_path: Path) -> None:
    for number in (10, 2, 1):
        song_file(tmp_path / "songs" / f"{number} sông.wav", 9_000, seed=number)
    broken = tmp_path / "songs" / "3.wav"
    broken.write_bytes((tmp_path / "songs" / "1 sông.wav").read_bytes()[:20_000])
    error = shell.refused("new", "songs", "-o", "set.rpp", *SPECTRAL)
    assert error["reason"] in ("FILE_TRUNCATED", "FILE_CORRUPT")
    assert not (tmp_path / "set.rpp").exists()
    broken.unlink()
    made = shell.answer("new", "songs", "-o", "set.rpp", *SPECTRAL)
    assert [entry["name"] for entry in made["songs"]] == ["1 sông", "2 sông", "10 sông"]
    shown = shell.answer("show", "set.rpp")
    assert [(m["position"], m["name"]) for m in shown["markers"]] == [
        (0, "1 sông"),
        (3, "2 sông"),
        (6, "10 sông"),
    ]
    with home.client() as client:
        count = sum(1 for _ in client.jobs())
    stamps = {path: path.stat().st_mtime_ns for path in stems_below(tmp_path)}
    assert len(stamps) == 12
    again = shell.answer("new", "songs", "-o", "set.rpp", "--force", *SPECTRAL)
    assert sum("already" in note for note in again["notes"]) == 3
    assert {path: path.stat().st_mtime_ns for path in stems_below(tmp_path)} == stamps
    with home.client() as client:
        assert sum(1 for _ in client.jobs()) == count
    sound = heard(tmp_path / "set.rpp", 7.0)
    for number, at in ((1, 0), (2, 3), (10, 6)):
        mix = read_floats(tmp_path / "songs" / f"{number} sông.wav")
        assert np.max(np.abs(sound[at * RATE : at * RATE + len(mix)] - mix)) <= 1e-6


def test_a_session_for_each_song_skips_what_is_done(shell: Shell, tmp_path: Path) -> None:
    for name in ("a", "b"):
        song_file(tmp_path / "songs" / f"{name}.wav", 9_000, seed=ord(name))
    (tmp_path / "songs" / "c.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    arguments = ("new", "songs", "-o", "out/{song} x.rpp", "--each", "--json")
    done = shell.run(*arguments, *SPECTRAL)
    assert done.returncode == Exit.BAD_INPUT
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(line["session"]).name for line in lines[:2]] == ["a x.rpp", "b x.rpp"]
    assert lines[2]["source"] == "c"
    assert "error" in lines[2]
    (tmp_path / "songs" / "c.wav").unlink()
    (tmp_path / "out" / "b x.rpp").unlink()
    done = shell.run(*arguments, *SPECTRAL)
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first == {"session": str(tmp_path / "out" / "a x.rpp"), "skipped": True}
    assert second["notes"] == ["b.wav: its stems are there already."]
    song_file(tmp_path / "songs" / "a.flac.wav", 100).rename(tmp_path / "songs" / "a.w64")
    done = shell.run(*arguments, *SPECTRAL)
    assert done.returncode == Exit.BAD_INPUT
    assert "Two songs" in done.stdout
    # On many systems these two would be one file, whichever this one is.
    (tmp_path / "songs" / "a.w64").rename(tmp_path / "songs" / "A.w64")
    assert "Two songs" in shell.run(*arguments, *SPECTRAL).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_unicode_stops_no_other_song(shell: Shell, tmp_path: Path) -> None:
    song_file(tmp_path / "songs" / "z.wav", 9_000)
    bad = os.fsencode(tmp_path / "songs") + b"/bad\xff.wav"
    Path(os.fsdecode(bad)).write_bytes((tmp_path / "songs" / "z.wav").read_bytes())
    done = shell.run("new", "songs", "-o", "{song}.rpp", "--each", "--json", *SPECTRAL)
    assert done.returncode == Exit.BAD_INPUT
    refused, made = (json.loads(line) for line in done.stdout.splitlines())
    assert (refused["source"], refused["error"]["reason"]) == ("bad?", "PATH_UNSUPPORTED")
    assert Path(made["session"]).name == "z.rpp"
    done = shell.run("new", "songs", "-o", "{song}.rpp", "--each", *SPECTRAL)
    assert "bad?:" in done.stderr
    assert "z.rpp is there already" in done.stderr


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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_cancelled_it_leaves_neither_session_nor_stems(home: Home, tmp_path: Path) -> None:
    file = song_file(tmp_path / "song.wav", RATE * 120)
    process = home.spawn("session", "new", file, "-o", "out/s.rpp", *SPECTRAL, cwd=tmp_path)
    with home.client() as client:

        def running() -> bool:
            return any(
                job.latest.source == file and job.latest.fraction > 0
                for job in client.jobs([JobState.RUNNING])
            )

        wait_for(running, "the job to run")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == Exit.CANCELLED
        assert not list(client.jobs([JobState.RUNNING, JobState.QUEUED]))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [file]


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process in another way")
@pytest.mark.parametrize("later", [False, True], ids=["at once", "when the server is done"])
def test_killed_half_way_it_goes_on_with_what_the_server_does(
    home: Home, shell: Shell, tmp_path: Path, later: bool
) -> None:
    files = [song_file(tmp_path / "songs" / f"{n}.wav", RATE * 8, 10 + n) for n in range(2)]
    with home.client() as client:
        before = sum(1 for _ in client.jobs())
        process = home.spawn("session", "new", "songs", "-o", "s.rpp", *SPECTRAL, cwd=tmp_path)
        wait_for(lambda: sum(1 for _ in client.jobs()) == before + 2, "two jobs")
        process.kill()
        process.wait()
        active = [JobState.RUNNING, JobState.QUEUED]
        if later:
            wait_for(lambda: not list(client.jobs(active)), "the server to be done")
        assert not (tmp_path / "s.rpp").exists()
        shell.answer("new", "songs", "-o", "s.rpp", *SPECTRAL)
        assert sum(1 for _ in client.jobs()) == before + 2
    sound = heard(tmp_path / "s.rpp", 18)
    for file, at in zip(files, (0, 10), strict=True):
        mix = read_floats(file)
        assert np.max(np.abs(sound[at * RATE : at * RATE + len(mix)] - mix)) <= 1e-6


class CallerError(Exception):
    pass


def test_a_callers_exception_cancels_what_has_not_ended(home: Home, tmp_path: Path) -> None:
    files = [song_file(tmp_path / f"{n}.wav", RATE * 30, seed=n) for n in range(2)]

    def stop(_song: Path, update: JobUpdate) -> None:
        if update.state is JobState.RUNNING:
            raise CallerError

    with home.client() as client:
        with pytest.raises(CallerError):
            separated(client, files, tmp_path / "Media", {"model": "spectral"}, on_update=stop)
        assert not list(client.jobs([JobState.RUNNING, JobState.QUEUED]))
    assert not (tmp_path / "Media").exists()


def test_the_same_song_twice_is_one_job(home: Home, tmp_path: Path) -> None:
    file = song_file(tmp_path / "song.wav", 5_000, seed=7)
    with home.client() as client:
        before = sum(1 for _ in client.jobs())
        made = new_session([file, file], tmp_path / "s.rpp", model="spectral", client=client)
        assert sum(1 for _ in client.jobs()) == before + 1
    assert [len(track.clips) for track in made.session.tracks] == [2] * 5


def test_stems_that_somebody_edited_are_used_as_they_are(home: Home, tmp_path: Path) -> None:
    file = song_file(tmp_path / "song.wav", 5_000, seed=8)

    def made(**options: object) -> Made:
        with home.client() as client:
            return new_session(
                file, tmp_path / "s.rpp", model="spectral", client=client, force=True, **options
            )

    stems = {stem.name: stem.media.file for stem in made().songs[0].stems}
    soundfile.write(stems["vocals"], np.zeros((4_000, 2)), RATE, subtype="FLOAT")
    again = {stem.name: stem.media for stem in made().songs[0].stems}
    assert again["vocals"].frames == 4_000
    assert again["bass"].frames == 5_000
    # One is missing beside the edited one: nothing of it is written over.
    stems["bass"].unlink()
    with pytest.raises(StemliftError) as caught:
        made()
    assert caught.value.reason is Reason.OUTPUT_EXISTS
    assert soundfile.info(stems["vocals"]).frames == 4_000
    # Other options are another folder; another song of the name, too.
    other = made(stems=["vocals"]).songs[0].stems[0].media.file
    assert other.parent != stems["vocals"].parent
    song_file(file, 5_000, seed=9)
    newer = made(stems=["vocals"]).songs[0].stems[0].media.file
    assert newer.parent != other.parent


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
