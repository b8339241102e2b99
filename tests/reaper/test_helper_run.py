"""The helper as a process, against a server whose jobs follow a script."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_server import FakeServer
from real_server import wait_for
from reaper_jobs import Helper, item, midi_item, request, status_of, wait_for_phase

from stemlift.errors import Exit
from stemlift.paths import paths_under
from stemlift.reaper.messages import Phase
from stemlift.rpc.gen import job_pb2

ENDED = (Phase.DONE, Phase.NOTHING, Phase.CANCELLED, Phase.FAILED)


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Helper]:
    helper = Helper(tmp_path / "home")
    yield helper
    helper.end()


@pytest.fixture
def server(helper: Helper) -> Iterator[FakeServer]:
    server = FakeServer(paths_under(helper.home)).start()
    yield server
    server.stop()


def test_two_sources_and_something_to_skip(
    helper: Helper, server: FakeServer, tmp_path: Path
) -> None:
    asked = request(
        tmp_path / "media",
        item(1, tmp_path / "one.wav", offset=5.0, seconds=30.0),
        item(2, tmp_path / "two.wav", length=0.5),
        midi_item(3),
        stems=("vocals", "other"),
    )
    folder = helper.make("00000000000000a1", asked)
    assert helper.run("run", folder)[0] == Exit.DONE
    status = status_of(folder)
    assert status.phase is Phase.DONE
    assert (status.id, status.title) == ("00000000000000a1", "A title")
    assert (status.jobs_done, status.jobs_total, status.fraction) == (2, 2, 1.0)
    assert (status.model, status.device) == ("spectral", "cpu")
    assert status.server_jobs == tuple(server.service.jobs)
    assert [each.reason for each in status.skipped] == ["midi"]
    assert "A warning." in status.warnings
    assert status.error is None
    assert status.plan is not None
    inserted = [each for each in status.plan.operations if each.do == "insert_item"]
    assert len(inserted) == 4
    spec = next(iter(server.service.jobs.values())).spec
    assert (spec.input.path, spec.model) == (str(tmp_path / "one.wav"), "spectral")
    # A second of handles on both sides of the item's second.
    assert (spec.input.start_frame, spec.input.frames) == (4 * 44100, 3 * 44100)
    assert list(spec.stems) == ["vocals", "other"]


def test_automatic_takes_a_model_that_gives_the_stems(
    helper: Helper, server: FakeServer, tmp_path: Path
) -> None:
    models = server.service.models.models
    models["mine"].stems.append("guitar")
    models["slow"].stems.append("piano")
    asked = request(tmp_path / "m", item(1, tmp_path / "one.wav"), stems=("guitar", "instrumental"))
    folder = helper.make("00000000000000a7", asked)
    assert helper.run("run", folder)[0] == Exit.DONE
    said = "spectral, the automatic model, gives no guitar: mine was taken."
    assert said in status_of(folder).warnings
    # What is installed later changes nothing for a helper that goes on.
    models["mine"].stems.remove("guitar")
    assert helper.run("run", folder)[0] == Exit.DONE
    assert {job.spec.model for job in server.service.jobs.values()} == {"mine"}
    assert said in status_of(folder).warnings


@pytest.mark.parametrize(
    ("stem", "reason", "says"),
    [
        ("piano", "MODEL_NOT_INSTALLED", "stemlift models pull slow --yes"),
        ("harp", "STEM_UNKNOWN", "bass, other, vocals, instrumental, remainder"),
    ],
)
def test_automatic_without_a_model_for_the_stems(
    helper: Helper, server: FakeServer, tmp_path: Path, stem: str, reason: str, says: str
) -> None:
    server.service.models.models["slow"].stems.append("piano")
    asked = request(tmp_path / "m", item(1, tmp_path / "one.wav"), stems=(stem,))
    folder = helper.make("00000000000000a8", asked)
    assert helper.run("run", folder)[0] != Exit.DONE
    error = status_of(folder).error
    assert error is not None
    assert error.reason == reason
    assert stem in error.message
    assert says in error.remedy
    assert not server.service.jobs


def test_nothing_to_separate(helper: Helper, tmp_path: Path) -> None:
    folder = helper.make("00000000000000a2", request(tmp_path, midi_item(1)))
    assert helper.run("run", folder)[0] == Exit.DONE
    status = status_of(folder)
    assert status.phase is Phase.NOTHING
    assert [each.reason for each in status.skipped] == ["midi"]
    # No server was needed to say so.
    assert not (helper.home / "state" / "server.json").exists()


@pytest.mark.parametrize(
    ("name", "reason", "code"),
    [("missing.wav", "FILE_NOT_FOUND", Exit.BAD_INPUT), ("full.wav", "DISK_FULL", Exit.JOB_FAILED)],
)
def test_what_goes_wrong_is_in_the_status(
    helper: Helper, server: FakeServer, tmp_path: Path, name: str, reason: str, code: int
) -> None:
    asked = request(tmp_path, item(1, tmp_path / name), item(2, tmp_path / "slow.wav"))
    folder = helper.make("00000000000000a3", asked)
    assert helper.run("run", folder)[0] == code
    status = status_of(folder)
    assert status.phase is Phase.FAILED
    assert status.error is not None
    assert status.error.reason == reason
    assert status.error.message
    assert status.error.remedy
    # Nobody waits for the other any more.
    states = {job.state for job in server.service.jobs.values()}
    assert states <= {job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "no job"),
        ('{"version": 99, "news": 1}', "version 99"),
        ('{"id": "x", "nonsense": 1}', "job.json"),
        ('{"id": "\\ud800"}', "job.json"),
        pytest.param("[" * 100_000, "no JSON", id="deep"),
    ],
)
def test_a_job_that_cannot_be_read_is_said(helper: Helper, text: str, words: str) -> None:
    folder = helper.jobs / "00000000000000a4"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(text)
    assert helper.run("run", folder)[0] == Exit.BAD_INPUT
    status = status_of(folder)
    assert status.phase is Phase.FAILED
    assert status.error is not None
    assert status.error.reason == "ARGUMENT_INVALID"
    assert words in status.error.message


def test_no_folder_and_no_job(helper: Helper) -> None:
    code, _, err = helper.run("run", helper.jobs / "missing")
    assert code == Exit.BAD_INPUT
    assert "FILE_NOT_FOUND" in err
    (helper.jobs / "empty").mkdir(parents=True)
    assert helper.run("run", helper.jobs / "empty")[0] == Exit.BAD_INPUT
    error = status_of(helper.jobs / "empty").error
    assert error is not None
    assert error.reason == "FILE_NOT_FOUND"


def running(helper: Helper, tmp_path: Path, name: str) -> Path:
    """A job folder whose first job is at its half, and never ends by itself."""
    asked = request(tmp_path, item(1, tmp_path / "slow.wav"), item(2, tmp_path / "two.wav"))
    folder = helper.make(name, asked)
    helper.start("run", folder)
    wait_for(lambda: status_of_or_none(folder, 0.25), "half of the first job")
    return folder


def status_of_or_none(folder: Path, fraction: float) -> bool:
    return (folder / "status.json").exists() and status_of(folder).fraction == fraction


def test_progress_is_that_of_all_jobs(helper: Helper, server: FakeServer, tmp_path: Path) -> None:
    folder = running(helper, tmp_path, "00000000000000a5")
    status = status_of(folder)
    assert status.phase is Phase.RUNNING
    assert status.stage == "Separating"
    # Twelve seconds for the half that is left here, 24 for the job after it.
    assert status.seconds_left == pytest.approx(36.0)
    assert (status.jobs_done, status.jobs_total, status.device) == (0, 2, "cpu")
    # It stays fresh though nothing happens.
    wait_for(lambda: status_of(folder).updated > status.updated + 0.5, "a beat", 10.0)
    (folder / "cancel").touch()
    wait_for_phase(folder, Phase.CANCELLED)


def test_cancelling_and_trying_again(helper: Helper, server: FakeServer, tmp_path: Path) -> None:
    folder = running(helper, tmp_path, "00000000000000a6")
    (folder / "cancel").touch()
    assert helper.started[-1].wait(30) == Exit.CANCELLED
    status = status_of(folder)
    assert status.phase is Phase.CANCELLED
    assert status.plan is None
    jobs = server.service.jobs
    assert [job.state for job in jobs.values()] == [job_pb2.JOB_STATE_CANCELLED] * 2
    assert not (folder / "cancel").exists()
    helper.start("run", folder)
    wait_for(lambda: len(jobs) == 4, "new jobs")
    wait_for_phase(folder, Phase.RUNNING)
    (folder / "cancel").touch()
    wait_for_phase(folder, Phase.CANCELLED)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_helper_that_dies_loses_no_job(
    helper: Helper, server: FakeServer, tmp_path: Path, number: signal.Signals
) -> None:
    folder = running(helper, tmp_path, "00000000000000a7")
    before = dict(server.service.jobs)
    helper.started[-1].send_signal(number)
    helper.started[-1].wait(30)
    assert status_of(folder).phase is Phase.RUNNING
    assert before[next(iter(before))].state == job_pb2.JOB_STATE_RUNNING
    again = helper.start("run", folder)
    wait_for(lambda: status_of(folder).pid == again.pid, "the new helper")
    wait_for(lambda: status_of(folder).fraction == 0.25, "the same half")
    assert list(server.service.jobs) == list(before)
    assert status_of(folder).server_jobs == tuple(before)
    (folder / "cancel").touch()
    wait_for_phase(folder, Phase.CANCELLED)


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_a_cancel_that_comes_while_no_helper_lives(
    helper: Helper, server: FakeServer, tmp_path: Path
) -> None:
    folder = running(helper, tmp_path, "00000000000000a8")
    helper.started[-1].kill()
    helper.started[-1].wait(30)
    (folder / "cancel").touch()
    assert helper.run("run", folder)[0] == Exit.CANCELLED
    assert status_of(folder).phase is Phase.CANCELLED
    states = [job.state for job in server.service.jobs.values()]
    assert states == [job_pb2.JOB_STATE_CANCELLED] * 2


def test_a_second_helper_leaves(helper: Helper, server: FakeServer, tmp_path: Path) -> None:
    folder = running(helper, tmp_path, "00000000000000a9")
    first = status_of(folder).pid
    assert helper.run("run", folder)[0] == Exit.DONE
    assert status_of(folder).pid == first
    assert len(server.service.jobs) == 2
    (folder / "cancel").touch()
    wait_for_phase(folder, Phase.CANCELLED)


def test_a_folder_that_is_taken_away_cancels(
    helper: Helper, server: FakeServer, tmp_path: Path
) -> None:
    folder = running(helper, tmp_path, "00000000000000aa")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    assert helper.started[-1].wait(30) != Exit.DONE
    states = [job.state for job in server.service.jobs.values()]
    assert states == [job_pb2.JOB_STATE_CANCELLED] * 2
