"""Servers that die, leave and are cancelled: no job is lost, no file is half."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from real_server import Home, wait_for
from signals import read_integers, song, write

from stemlift import StemliftError
from stemlift.rpc.results import JobState, Stage

LONG = 44100 * 30


@pytest.fixture(scope="module")
def long_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute: long enough to be met half-way, short enough to run to its end."""
    folder = tmp_path_factory.mktemp("long")
    return write(folder / "long.wav", song(LONG, 2, 44100), 44100, "PCM_16")


def halfway(job: object) -> bool:
    update = job.state()  # type: ignore[attr-defined]
    assert not update.state.ended, update
    return update.stage is Stage.SEPARATING and update.fraction > 0.1


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_killed_half_way_it_runs_to_its_end(home: Home, long_song: Path, tmp_path: Path) -> None:
    home.serve()
    with home.client() as client:
        job = client.separate(long_song, model="spectral", out=tmp_path / "out")
        waiting = client.separate(long_song, model="spectral", stems=["vocals"], out=tmp_path / "b")
        wait_for(lambda: halfway(job), "the job to be half-way")
    home.kill()
    assert not [name for name in visible(tmp_path / "out") if not name.startswith(".")]
    home.serve()
    with home.client() as client:
        result = client.job(job.id).result(120)
        assert client.job(waiting.id).result(120).stems["vocals"].exists()
    total = sum(read_integers(path) for path in result.stems.values())
    assert np.array_equal(total, read_integers(long_song))
    assert visible(tmp_path / "out") == sorted(path.name for path in result.stems.values())


def test_a_job_that_kills_the_server_is_given_up(
    home: Home, long_song: Path, tmp_path: Path
) -> None:
    job_id = ""
    for _ in range(3):
        home.serve()
        with home.client() as client:
            job = (
                client.job(job_id)
                if job_id
                else client.separate(long_song, model="spectral", out=tmp_path / "out")
            )
            job_id = job.id
            wait_for(lambda job=job: halfway(job), "the job to be half-way")
        home.kill()
    home.serve()
    with home.client() as client:
        with pytest.raises(StemliftError) as caught:
            client.job(job_id).result(60)
        assert caught.value.reason == "SERVER_CRASHED"
        small = write(tmp_path / "small.wav", song(9000, 2, 44100), 44100, "PCM_16")
        assert client.separate(small, model="spectral").result(60).frames == 9000
    assert not (tmp_path / "out").exists()


def test_ended_in_order_it_goes_on_and_is_not_blamed(
    home: Home, long_song: Path, tmp_path: Path
) -> None:
    job_id = ""
    for _ in range(4):
        process = home.serve()
        with home.client() as client:
            job = (
                client.job(job_id)
                if job_id
                else client.separate(long_song, model="spectral", out=tmp_path / "out")
            )
            job_id = job.id
            wait_for(lambda job=job: halfway(job), "the job to be half-way")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not home.paths.endpoint.exists()
        assert not visible(tmp_path / "out")
    home.serve()
    with home.client() as client:
        assert client.job(job_id).result(120).null_dbfs == -300


@pytest.mark.parametrize("folder_exists", [False, True])
def test_cancelled_nothing_remains(
    home: Home, long_song: Path, tmp_path: Path, folder_exists: bool
) -> None:
    out = tmp_path / "made" / "out"
    if folder_exists:
        out.mkdir(parents=True)
    home.serve()
    with home.client() as client:
        job = client.separate(long_song, model="spectral", out=out)
        second = client.separate(long_song, model="spectral", out=tmp_path / "never")
        wait_for(lambda: halfway(job), "the job to be half-way")
        second.cancel()
        job.cancel()
        for each in (job, second):
            with pytest.raises(StemliftError) as caught:
                each.result(30)
            assert caught.value.reason == "CANCELLED"
            assert each.state().state is JobState.CANCELLED
    assert visible(out) == []
    assert out.exists() == folder_exists
    assert (tmp_path / "made").exists() == folder_exists
    assert not (tmp_path / "never").exists()


def test_killed_while_writing_it_runs_to_its_end(
    home: Home, long_song: Path, tmp_path: Path
) -> None:
    home.serve()
    with home.client() as client:
        job = client.separate(long_song, model="spectral", out=tmp_path / "out")
        for update in job:
            if update.stage is Stage.WRITING:
                break
        home.kill()
    for name in visible(tmp_path / "out"):
        assert name.startswith(".") or len(read_integers(tmp_path / "out" / name)) == LONG
    home.serve()
    with home.client() as client:
        result = client.job(job.id).result(120)
    total = sum(read_integers(path) for path in result.stems.values())
    assert np.array_equal(total, read_integers(long_song))
    assert visible(tmp_path / "out") == sorted(path.name for path in result.stems.values())


def test_files_that_exist_are_left_alone(home: Home, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(20_000, 2, 44100), 44100, "PCM_16")
    home.serve()
    with home.client() as client:
        first = client.separate(source, model="spectral", stems=["drums"]).result(60)
        before = first.stems["drums"].read_bytes()
        with pytest.raises(StemliftError) as caught:
            client.separate(source, model="spectral", stems=["drums", "bass"])
        assert caught.value.reason == "OUTPUT_EXISTS"
        assert "drums" in caught.value.message
        first.stems["drums"].write_bytes(b"old")
        client.separate(source, model="spectral", stems=["drums"], overwrite=True).result(60)
        assert first.stems["drums"].read_bytes() == before


def test_a_file_that_appears_during_the_job_is_left_alone(
    home: Home, long_song: Path, tmp_path: Path
) -> None:
    home.serve()
    with home.client() as client:
        job = client.separate(long_song, model="spectral", out=tmp_path / "out")
        wait_for(lambda: halfway(job), "the job to be half-way")
        foreign = tmp_path / "out" / "long - other.wav"
        foreign.write_bytes(b"somebody's work")
        with pytest.raises(StemliftError) as caught:
            job.result(120)
        assert caught.value.reason == "OUTPUT_EXISTS"
    assert foreign.read_bytes() == b"somebody's work"
    assert visible(tmp_path / "out") == ["long - other.wav"]


def test_two_songs_of_one_name_do_not_overwrite_each_other(home: Home, tmp_path: Path) -> None:
    first = write(tmp_path / "s.wav", song(20_000, 2, 44100), 44100, "PCM_16")
    second = write(tmp_path / "s.flac", song(20_000, 2, 44100, 1), 44100, "PCM_16")
    home.serve()
    with home.client() as client:
        job = client.separate(first, model="spectral", out=tmp_path / "out")
        with pytest.raises(StemliftError) as caught:
            client.separate(second, model="spectral", out=tmp_path / "out")
        assert caught.value.reason == "OUTPUT_EXISTS"
        job.result(60)


def test_a_call_repeated_with_its_request_id_makes_one_job(home: Home, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(20_000, 2, 44100), 44100, "PCM_16")
    home.serve()
    with home.client() as client:
        first = client.separate(source, model="spectral", request_id="bounce-1")
        again = client.separate(source, model="spectral", request_id="bounce-1")
        assert first.id == again.id
        first.result(60)
        assert client.separate(source, model="spectral", request_id="bounce-1").id == first.id
        with pytest.raises(StemliftError) as caught:
            client.separate(source, model="spectral", stems=["bass"], request_id="bounce-1")
        assert caught.value.reason == "REQUEST_CONFLICT"


def test_interactive_jobs_pass_background_ones(home: Home, long_song: Path, tmp_path: Path) -> None:
    home.serve()
    with home.client() as client:
        running = client.separate(long_song, model="spectral", out=tmp_path / "a")
        wait_for(lambda: halfway(running), "the first to run")
        options = {"model": "spectral", "stems": ["bass"], "duration": 1.0}
        later = client.separate(long_song, out=tmp_path / "b", priority="background", **options)
        sooner = client.separate(long_song, out=tmp_path / "c", **options)
        later.result(120)
        assert sooner.state().state is JobState.SUCCEEDED
        assert sooner.latest.started < later.latest.started


def test_a_source_that_changes_under_the_job_is_noticed(
    home: Home, long_song: Path, tmp_path: Path
) -> None:
    source = tmp_path / "live.wav"
    source.write_bytes(long_song.read_bytes())
    home.serve()
    with home.client() as client:
        job = client.separate(source, model="spectral", out=tmp_path / "out")
        wait_for(lambda: halfway(job), "the job to be half-way")
        os.utime(source, (1, 1))
        with pytest.raises(StemliftError) as caught:
            job.result(120)
        assert caught.value.reason == "FILE_CHANGED"
    assert not (tmp_path / "out").exists()


def test_one_server_a_state_folder_and_stale_traces_are_no_server(
    home: Home, tmp_path: Path
) -> None:
    home.serve()
    second = home.run("serve")
    assert second.returncode == 3
    assert "SERVER_ALREADY_RUNNING" in second.stderr
    socket = home.paths.runtime / "server.sock"
    home.kill()
    assert home.paths.endpoint.exists()
    home.serve()
    with home.client() as client:
        assert client.server_info().pid == home.server_pid()
    assert socket.exists() or len(str(socket)) > 100


@pytest.mark.parametrize("damage", ["missing", "rubbish"])
def test_a_server_mends_the_file_that_it_is_found_by(home: Home, damage: str) -> None:
    process = home.serve()
    if damage == "missing":
        home.paths.endpoint.unlink()
    else:
        home.paths.endpoint.write_text("{")
    wait_for(lambda: home.server_pid() == process.pid, "the server to mend its file")
    with home.client() as client:
        assert client.server_info().pid == process.pid


def test_a_server_that_nobody_can_reach_leaves(home: Home) -> None:
    process = home.serve()
    with home.client() as client:
        address = client.address
    Path(address.removeprefix("unix:")).unlink()
    assert process.wait(20) == 0


def test_an_idle_server_leaves(home: Home) -> None:
    process = home.serve("--idle-exit", "0.3")
    assert process.wait(20) == 0
    assert not home.paths.endpoint.exists()
    assert not (home.paths.runtime / "server.sock").exists()


def test_a_model_is_loaded_once_for_many_jobs(home: Home, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    home.serve()
    with home.client() as client:
        jobs = [client.separate(source, model="spectral", out=tmp_path / str(n)) for n in range(5)]
        for job in jobs:
            job.result(60)
        info = client.server_info()
        assert info.model_loads == 1
        assert info.loaded_models == ("spectral",)


def test_an_unused_model_is_unloaded(home: Home, tmp_path: Path) -> None:
    home.folder.mkdir()
    (home.folder / "settings.toml").write_text("model_idle = 0.2\n")
    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    home.serve()
    with home.client() as client:
        client.separate(source, model="spectral").result(60)
        wait_for(lambda: client.server_info().loaded_models == (), "the model to leave")


def test_the_server_is_seen_as_stemlift_serve(home: Home) -> None:
    with_start = home.run("models", "list", "--json")
    assert with_start.returncode == 0, with_start.stderr
    command = " ".join(psutil.Process(home.server_pid()).cmdline())
    assert "stemlift serve" in command
