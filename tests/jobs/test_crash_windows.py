"""What is left when the server dies between two lines, and what the next server makes of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from real_server import wait_for
from signals import read_integers, song, write

from stemlift.errors import Reason
from stemlift.jobs.control import JobControl
from stemlift.jobs.job import Job, JobSpec, JobState
from stemlift.jobs.prepare import prepare
from stemlift.jobs.publication import moves_of
from stemlift.jobs.service import JobService
from stemlift.models.catalogue import load_catalogue
from stemlift.paths import Paths
from stemlift.settings import Settings


class DiedError(BaseException):
    """The process is gone at this line."""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    home = tmp_path / "home"
    paths = Paths(home, home / "state", home / "run", home / "models", home / "logs")
    for folder in (paths.state, paths.models):
        folder.mkdir(parents=True)
    return paths


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "s.wav", song(20_000, 2, 44100), 44100, "PCM_16")


def service_in(paths: Paths) -> JobService:
    return JobService(paths, Settings())


def die_before_the_renames(paths: Paths, spec: JobSpec) -> Job:
    """A job as the store and the disk hold it when the server dies at that moment."""
    service = service_in(paths)
    job = service.create(spec)
    store = service._store
    job = store.start_next()
    assert job
    control = JobControl(lambda progress: None, lambda warning: None)

    def record(result, device, batch, elapsed) -> None:
        store.begin_publishing(job.id, result, device, batch, elapsed)
        raise DiedError

    prepared = prepare(job.spec, load_catalogue(), lambda model: True)
    with pytest.raises(DiedError):
        service.worker.run(job, prepared, control, record)
    left = store.get(job.id)
    assert left.publishing
    # No thread outlives a process.
    service.worker.close()
    store.close()
    return left


def rename_first(job: Job, *, half: bool = False) -> Path:
    """One rename of the four; `half` leaves both names, as a death between link and unlink."""
    assert job.result
    move = moves_of(job.id, job.spec, job.result)[0]
    os.link(move.finished, move.final)
    if not half:
        move.finished.unlink()
    return move.final


def run_to_end(paths: Paths, job: Job) -> Job:
    service = service_in(paths)
    service.start()
    try:
        return wait_for(
            lambda: found if (found := service.get(job.id)).state.ended else None, "the job's end"
        )
    finally:
        assert service.stop(10)


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".stemlift-")]


@pytest.mark.parametrize("renamed", ["none", "one", "one by half"])
def test_the_renames_go_on_even_without_the_song(
    paths: Paths, source: Path, tmp_path: Path, renamed: str
) -> None:
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral"))
    if renamed != "none":
        rename_first(job, half=renamed == "one by half")
    mix = read_integers(source)
    source.unlink()
    ended = run_to_end(paths, job)
    assert ended.state is JobState.SUCCEEDED, ended.error
    assert ended.result
    total = sum(read_integers(stem.path) for stem in ended.result.stems)
    assert np.array_equal(total, mix)
    assert not hidden(tmp_path)
    assert len(list((tmp_path / "s stems").iterdir())) == 4


def test_a_foreign_file_that_came_meanwhile_is_neither_replaced_nor_removed(
    paths: Paths, source: Path, tmp_path: Path
) -> None:
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral"))
    mine = rename_first(job)
    foreign = tmp_path / "s stems" / "s - vocals.wav"
    foreign.write_bytes(b"somebody's work")
    ended = run_to_end(paths, job)
    assert ended.state is JobState.FAILED
    assert ended.error
    assert ended.error.reason is Reason.OUTPUT_EXISTS
    assert ended.result is None
    assert foreign.read_bytes() == b"somebody's work"
    assert not mine.exists()
    assert [path.name for path in (tmp_path / "s stems").iterdir()] == [foreign.name]


def test_cancelled_before_it_goes_on_only_its_own_files_go(
    paths: Paths, source: Path, tmp_path: Path
) -> None:
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral"))
    mine = rename_first(job)
    foreign = tmp_path / "s stems" / "s - bass.wav"
    foreign.write_bytes(b"somebody's work")
    service = service_in(paths)
    assert service.cancel(job.id).state is JobState.CANCELLED
    service._store.close()
    assert foreign.read_bytes() == b"somebody's work"
    assert not mine.exists()
    assert not hidden(tmp_path)


def test_stems_that_are_lost_are_made_again(paths: Paths, source: Path, tmp_path: Path) -> None:
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral"))
    rename_first(job)
    assert job.result
    moves_of(job.id, job.spec, job.result)[2].finished.unlink()
    ended = run_to_end(paths, job)
    assert ended.state is JobState.SUCCEEDED, ended.error
    assert len(list((tmp_path / "s stems").iterdir())) == 4


def test_given_up_after_three_deaths_nothing_of_it_remains(
    paths: Paths, source: Path, tmp_path: Path
) -> None:
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral"))
    rename_first(job)
    service = service_in(paths)
    for _ in range(2):
        assert service._store.recover() == []
        assert service._store.start_next()
    service._store.close()
    ended = run_to_end(paths, job)
    assert ended.error
    assert ended.error.reason is Reason.SERVER_CRASHED
    assert "3 times" in ended.error.message
    assert not (tmp_path / "s stems").exists()


def test_a_cancel_is_not_forgotten_by_a_death(paths: Paths, source: Path, tmp_path: Path) -> None:
    service = service_in(paths)
    job = service.create(JobSpec(input=source, model="spectral"))
    assert service._store.start_next()
    service._store.ask_to_cancel(job.id)
    service._store.close()
    ended = run_to_end(paths, job)
    assert ended.state is JobState.CANCELLED
    assert not (tmp_path / "s stems").exists()


def test_what_has_ended_is_not_queued_again(paths: Paths, source: Path) -> None:
    service = service_in(paths)
    store = service._store
    job = service.create(JobSpec(input=source, model="spectral"))
    store.start_next()
    store.succeed(job.id)
    assert store.requeue(job.id).state is JobState.SUCCEEDED
    store.close()


def test_a_store_that_is_full_for_a_moment_loses_no_result(
    paths: Paths, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stemlift.errors import StemliftError
    from stemlift.jobs import service as module

    monkeypatch.setattr(module, "_RETRY", 0.01)
    service = service_in(paths)
    job = service.create(JobSpec(input=source, model="spectral"))
    real, calls = service._store.succeed, []

    def full_twice(job_id: str) -> Job:
        calls.append(job_id)
        if len(calls) < 3:
            raise StemliftError(Reason.STATE_UNUSABLE, "The disk is full.")
        return real(job_id)

    monkeypatch.setattr(service._store, "succeed", full_twice)
    service.start()
    try:
        wait_for(lambda: service.get(job.id).state.ended, "the job's end")
        assert service.get(job.id).state is JobState.SUCCEEDED
        assert len(calls) == 3
    finally:
        assert service.stop(10)


def test_the_thread_outlives_a_store_that_breaks(
    paths: Paths, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stemlift.jobs import service as module

    monkeypatch.setattr(module, "_RETRY", 0.01)
    service = service_in(paths)
    job = service.create(JobSpec(input=source, model="spectral"))
    real, calls = service._store.start_next, []

    def broken_once() -> Job | None:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("a row that makes no sense")
        return real()

    monkeypatch.setattr(service._store, "start_next", broken_once)
    service.start()
    try:
        wait_for(lambda: service.get(job.id).state is JobState.SUCCEEDED, "the job's end")
    finally:
        assert service.stop(10)


def test_traces_of_a_dead_server_are_swept(paths: Paths, source: Path, tmp_path: Path) -> None:
    """It died after the job had ended in the store, before its hidden folder was removed."""
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral"))
    service = service_in(paths)
    from stemlift.jobs.control import cancelled_error
    from stemlift.jobs.job import JobError

    service._store.fail(job.id, JobError.of(cancelled_error()))
    service._store.close()
    assert hidden(tmp_path)
    again = service_in(paths)
    again.start()
    assert again.stop(10)
    assert not (tmp_path / "s stems").exists()


@pytest.mark.parametrize("obstacle", ["a folder", "kept from being replaced"])
def test_an_overwrite_that_fails_puts_the_old_files_back(
    paths: Paths, source: Path, tmp_path: Path, obstacle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "s stems"
    out.mkdir()
    old = {stem: out / f"s - {stem}.wav" for stem in ("drums", "bass", "other")}
    for stem, path in old.items():
        path.write_text(f"the old {stem}")
    last = out / "s - vocals.wav"
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral", overwrite=True))
    if obstacle == "a folder":
        last.mkdir()
    else:
        last.write_text("open in another program")
        real = Path.replace

        def refuse(self: Path, target: Path) -> Path:
            if Path(target) == last:
                raise PermissionError(13, "in use", str(self), None, str(target))
            return real(self, target)

        monkeypatch.setattr(Path, "replace", refuse)
    ended = run_to_end(paths, job)
    assert ended.error
    assert ended.error.reason is Reason.OUTPUT_UNWRITABLE
    assert str(last) in ended.error.message
    for stem, path in old.items():
        assert path.read_text() == f"the old {stem}"
    assert not hidden(tmp_path)


def test_an_overwrite_that_was_half_done_can_be_cancelled(
    paths: Paths, source: Path, tmp_path: Path
) -> None:
    from stemlift.separation import publishing

    out = tmp_path / "s stems"
    out.mkdir()
    old = out / "s - drums.wav"
    old.write_text("the old drums")
    job = die_before_the_renames(paths, JobSpec(input=source, model="spectral", overwrite=True))
    assert job.result
    publishing._replace(moves_of(job.id, job.spec, job.result)[0])
    assert old.read_bytes()[:4] == b"RIFF"
    service = service_in(paths)
    service.cancel(job.id)
    service._store.close()
    assert old.read_text() == "the old drums"
    assert [path.name for path in out.iterdir()] == [old.name]


def test_no_job_writes_over_the_song_of_another(paths: Paths, source: Path, tmp_path: Path) -> None:
    from stemlift.errors import StemliftError

    other = tmp_path / "s - drums.wav"
    other.write_bytes(source.read_bytes())
    service = service_in(paths)
    here = {"model": "spectral", "output_folder": tmp_path, "overwrite": True}
    service.create(JobSpec(input=other, **here))
    with pytest.raises(StemliftError) as caught:
        service.create(JobSpec(input=source, **here))
    assert caught.value.reason is Reason.OUTPUT_EXISTS
    assert other.name in caught.value.message
    service._store.close()


def test_no_job_reads_what_another_is_about_to_write(
    paths: Paths, source: Path, tmp_path: Path
) -> None:
    from stemlift.errors import StemliftError

    other = tmp_path / "s - drums.wav"
    other.write_bytes(source.read_bytes())
    service = service_in(paths)
    here = {"model": "spectral", "output_folder": tmp_path, "overwrite": True}
    service.create(JobSpec(input=source, **here))
    with pytest.raises(StemliftError) as caught:
        service.create(JobSpec(input=other, **here))
    assert caught.value.reason is Reason.OUTPUT_EXISTS
    service._store.close()


def test_a_song_that_changes_while_its_job_waits_is_noticed(paths: Paths, source: Path) -> None:
    service = service_in(paths)
    job = service.create(JobSpec(input=source, model="spectral"))
    service._store.close()
    write(source, song(30_000, 1, 48000), 48000, "PCM_24")
    ended = run_to_end(paths, job)
    assert ended.error
    assert ended.error.reason is Reason.FILE_CHANGED
