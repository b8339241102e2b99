"""Sessions of many songs and sessions that were broken off: what is done is found again."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_server import Home, wait_for
from session_shell import RATE, SPECTRAL, Shell, heard, song_file, stems_below
from signals import read_floats

from stemlift.errors import Exit, Reason, StemliftError
from stemlift.rpc.results import JobState, JobUpdate
from stemlift.sessions import Made, new_session
from stemlift.sessions.separating import separated


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
