"""The API as a client of any language sees it: pages, watches, homes that are apart."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import pytest
from real_server import Home, home_in, wait_for
from signals import song, write

from stemlift import Client
from stemlift.rpc.gen import job_pb2, separation_pb2, separation_pb2_grpc
from stemlift.rpc.results import JobState


@pytest.fixture
def stub(shared_home: Home, client: Client):
    token = shared_home.paths.token.read_text()
    with grpc.insecure_channel(client.address) as channel:
        raw = separation_pb2_grpc.SeparationServiceStub(channel)

        def call(name: str, request: object):
            return getattr(raw, name)(request, metadata=(("authorization", f"Bearer {token}"),))

        yield call


def spec(source: Path, **fields: object) -> job_pb2.JobSpec:
    return job_pb2.JobSpec(input=job_pb2.Input(path=str(source)), model="spectral", **fields)


def test_pages_show_every_job_once_newest_first(client: Client, stub, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(3_000, 2, 44100), 44100, "PCM_16")
    made = [client.separate(source, model="spectral", out=tmp_path / str(n)).id for n in range(5)]
    seen: list[str] = []
    request = separation_pb2.ListJobsRequest(page_size=2)
    while True:
        page = stub("ListJobs", request)
        assert len(page.jobs) <= 2
        seen += [job.id for job in page.jobs]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert len(seen) == len(set(seen))
    assert [each for each in seen if each in made] == made[::-1]
    for each in made:
        client.job(each).result(60)


def test_a_watch_starts_whole_and_ends_with_the_end(client: Client, stub, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(44100 * 40, 2, 44100), 44100, "PCM_16")
    job = stub("CreateJob", separation_pb2.CreateJobRequest(spec=spec(source))).job
    assert job.state == job_pb2.JOB_STATE_QUEUED
    assert job.spec.output_folder == str(tmp_path / "s stems")
    began = time.monotonic()
    watch = stub("WatchJob", separation_pb2.WatchJobRequest(id=job.id))
    updates = [reply.job for reply in watch]
    seconds = time.monotonic() - began
    assert len(updates) <= 10 * seconds + 2
    assert all(update.spec == job.spec for update in updates)
    revisions = [update.revision for update in updates]
    assert revisions == sorted(set(revisions))
    running = [u.fraction for u in updates if u.state == job_pb2.JOB_STATE_RUNNING]
    assert running == sorted(running)
    assert len(set(running)) >= 3
    assert [update.state for update in updates].count(job_pb2.JOB_STATE_SUCCEEDED) == 1
    last = updates[-1]
    assert last.state == job_pb2.JOB_STATE_SUCCEEDED
    assert last.device == "cpu"
    assert last.device_reason
    assert last.batch == 1
    assert last.end_time.ToDatetime() >= last.start_time.ToDatetime()
    again = list(stub("WatchJob", separation_pb2.WatchJobRequest(id=job.id)))
    assert [reply.job.state for reply in again] == [job_pb2.JOB_STATE_SUCCEEDED]


def test_leaving_a_watch_does_not_cancel(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(44100 * 20, 2, 44100), 44100, "PCM_16")
    job = client.separate(source, model="spectral")
    for update in job:
        if update.state is JobState.RUNNING:
            break
    wait_for(lambda: job.state().state is JobState.SUCCEEDED, "the job to end by itself")


def test_delete_forgets_the_job_and_keeps_the_stems(client: Client, tmp_path: Path) -> None:
    from stemlift import StemliftError

    source = write(tmp_path / "s.wav", song(3_000, 2, 44100), 44100, "PCM_16")
    job = client.separate(source, model="spectral")
    result = job.result(60)
    client.delete(job.id)
    with pytest.raises(StemliftError) as caught:
        client.job(job.id)
    assert caught.value.reason == "JOB_NOT_FOUND"
    assert all(path.exists() for path in result.stems.values())


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (job_pb2.JobSpec(model="spectral"), "input.path"),
        (job_pb2.JobSpec(input=job_pb2.Input(path="song.wav"), model="spectral"), "song.wav"),
        (job_pb2.JobSpec(input=job_pb2.Input(path="/a.wav")), "model"),
        (job_pb2.JobSpec(input=job_pb2.Input(path="/a.wav"), model="auto", batch=-1), "batch"),
        (job_pb2.JobSpec(input=job_pb2.Input(path="/a.wav"), model="auto", mask=77), "mask"),
        (
            job_pb2.JobSpec(input=job_pb2.Input(path="/a.wav", start_frame=-1), model="auto"),
            "start_frame",
        ),
        (
            job_pb2.JobSpec(
                input=job_pb2.Input(path="/a.wav", duration_seconds=float("nan")), model="auto"
            ),
            "duration_seconds",
        ),
    ],
)
def test_messages_that_make_no_sense_name_the_field(stub, message, field: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub("CreateJob", separation_pb2.CreateJobRequest(spec=message))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in caught.value.details()


@pytest.mark.parametrize("token", ["x", "-3", "9" * 40, "٣"])
def test_page_tokens_of_others_are_refused(stub, token: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub("ListJobs", separation_pb2.ListJobsRequest(page_token=token))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("template", ["{song}", "../{stem}", "{stem}/x", "a\\{stem}", "{stem}\0"])
def test_names_cannot_leave_the_folder(stub, tmp_path: Path, template: str) -> None:
    source = write(tmp_path / "s.wav", song(3_000, 2, 44100), 44100, "PCM_16")
    message = spec(source, name_template=template)
    with pytest.raises(grpc.RpcError) as caught:
        stub("CreateJob", separation_pb2.CreateJobRequest(spec=message))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_two_homes_never_see_each_other(home: Home, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(3_000, 2, 44100), 44100, "PCM_16")
    home.serve()
    with home_in(tmp_path / "other") as other:
        other.serve()
        with home.client() as here, other.client() as there:
            job = here.separate(source, model="spectral")
            job.result(60)
            assert [each.id for each in here.jobs()] == [job.id]
            assert list(there.jobs()) == []
            assert here.address != there.address


def test_a_long_home_falls_back_to_a_short_socket(tmp_path: Path) -> None:
    with home_in(tmp_path / ("deep" * 30)) as home:
        home.serve()
        with home.client() as client:
            path = Path(client.address.removeprefix("unix:"))
            assert len(str(path)) <= 100
            assert path.parent.stat().st_mode & 0o777 == 0o700
            assert client.server_info().jobs_running == 0
