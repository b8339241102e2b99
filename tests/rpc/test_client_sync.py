"""The sync client against a service on a real Unix socket."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_server import FakeServer

from stemlift import Client
from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.rpc.endpoint import read_endpoint
from stemlift.rpc.gen import job_pb2
from stemlift.rpc.results import JobState, Stage


def test_a_song_goes_through(server: FakeServer, tmp_path: Path) -> None:
    with Client() as client:
        job = client.separate(tmp_path / "song.wav", stems=["vocals", "other"])
        updates = list(job)
        result = job.result()
    assert [update.state for update in updates] == [
        JobState.QUEUED,
        JobState.RUNNING,
        JobState.SUCCEEDED,
    ]
    assert updates[1].stage is Stage.SEPARATING
    assert (updates[1].fraction, updates[1].seconds_left) == (0.5, 12.0)
    assert updates[0].seconds_left is None
    assert result.stems["vocals"] == tmp_path / "song stems" / "song - vocals.wav"
    assert result.levels["other"].rms_dbfs == -300.0
    assert list(result.to_json())[:8] == [
        "job",
        "model",
        "stems",
        "sample_rate",
        "frames",
        "start_frame",
        "null_dbfs",
        "elapsed_s",
    ]
    assert result.to_json()["frames"] == 441000


def test_options_arrive_as_asked(server: FakeServer, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with Client() as client:
        client.separate(
            "a.wav",
            model="htdemucs",
            out="stems",
            start=1.5,
            duration=2.25,
            channels=(2, 3),
            remainder="separate",
            mask="ratio",
            precision="bf16",
            batch=4,
            format="flac",
            overwrite=True,
            priority="background",
            request_id="mine",
        )
    request = server.service.requests[-1]
    assert request.request_id == "mine"
    spec = request.spec
    assert spec.input.path == str(tmp_path / "a.wav")
    assert spec.output_folder == str(tmp_path / "stems")
    assert (spec.input.start_seconds, spec.input.duration_seconds) == (1.5, 2.25)
    assert (spec.input.start_frame, spec.input.frames) == (0, 0)
    assert (spec.input.channels.mode, spec.input.channels.first, spec.input.channels.second) == (
        job_pb2.CHANNEL_MODE_PAIR,
        2,
        3,
    )
    assert spec.remainder == job_pb2.REMAINDER_POLICY_SEPARATE
    assert spec.mask == job_pb2.MASK_KIND_RATIO
    assert spec.precision == job_pb2.PRECISION_BF16
    assert spec.format == job_pb2.OUTPUT_FORMAT_FLAC
    assert spec.priority == job_pb2.PRIORITY_BACKGROUND
    assert (spec.batch, spec.overwrite) == (4, True)


def test_the_same_request_id_is_the_same_job(server: FakeServer) -> None:
    with Client() as client:
        first = client.separate("a.wav", request_id="once")
        assert client.separate("a.wav", request_id="once").id == first.id
        assert client.separate("a.wav").id != first.id


def test_a_refused_file_raises_the_servers_error(server: FakeServer) -> None:
    with Client() as client, pytest.raises(StemliftError) as caught:
        client.separate("missing.wav")
    assert caught.value.reason is Reason.FILE_NOT_FOUND
    assert caught.value.remedy == "Check the path."


def test_a_failed_job_raises_from_result_only(server: FakeServer) -> None:
    with Client() as client:
        job = client.separate("full.wav")
        assert [update.state for update in job][-1] is JobState.FAILED
        with pytest.raises(StemliftError) as caught:
            job.result()
    assert caught.value.reason is Reason.DISK_FULL
    assert caught.value.job_id == job.id


def test_cancel_and_timeout(server: FakeServer) -> None:
    with Client() as client:
        job = client.separate("slow.wav")
        with pytest.raises(TimeoutError):
            job.result(timeout=0.2)
        assert job.state().state is JobState.RUNNING
        assert job.cancel().state is JobState.CANCELLED
        with pytest.raises(StemliftError) as caught:
            job.result()
    assert caught.value.reason is Reason.CANCELLED


def test_leaving_the_loop_keeps_the_job(server: FakeServer) -> None:
    with Client() as client:
        job = client.separate("slow.wav")
        for update in job:
            if update.state is JobState.RUNNING:
                break
        assert client.job(job.id).latest.state is JobState.RUNNING
        job.cancel()


def test_jobs_come_page_by_page_newest_first(server: FakeServer) -> None:
    with Client() as client:
        made = [client.separate(f"{n}.wav").id for n in range(5)]
        made_first = client.job(made[0])
        made_first.result()
        assert [job.id for job in client.jobs()] == made[::-1]
        assert [job.id for job in client.jobs([JobState.SUCCEEDED])] == [made[0]]
        with pytest.raises(StemliftError) as caught:
            client.delete(made[1])
        assert caught.value.reason is Reason.JOB_ACTIVE
        client.delete(made[0])
        with pytest.raises(StemliftError) as caught:
            client.job(made[0])
        assert caught.value.reason is Reason.JOB_NOT_FOUND


def test_a_server_too_slow_for_a_new_job_is_said_to_be_busy(
    server: FakeServer, monkeypatch
) -> None:
    monkeypatch.setattr("stemlift.rpc.client.CREATE_SECONDS", 0.2)
    server.service.create_pause = 20.0
    with Client() as client, pytest.raises(StemliftError) as caught:
        client.separate("late.wav")
    assert "busy" in caught.value.message
    assert "stemlift jobs list" in caught.value.remedy
    # Not asked again on another server: this one may have made the job.
    assert len(server.service.requests) == 1


def test_models_and_server(server: FakeServer) -> None:
    with Client() as client:
        listed = client.models()
        assert [model.name for model in listed.models][:2] == ["spectral", "htdemucs"]
        assert listed.models[0].masks == ("ratio", "binary")
        assert listed.advice.startswith("htdemucs")
        info = client.server_info()
    assert (info.torch_version, info.formats) == ("2.13.0+cpu", ("WAV", "FLAC"))


@pytest.mark.parametrize("song", ["dies.wav", "leaves.wav"])
def test_a_lost_server_names_the_job(server: FakeServer, song: str) -> None:
    with Client() as client:
        job = client.separate(song)
        with pytest.raises(StemliftError) as caught:
            job.result()
    assert caught.value.reason is Reason.SERVER_LOST
    assert caught.value.job_id == job.id
    assert caught.value.exit_code == 3


def test_a_call_is_repeated_on_the_next_server(paths: Paths) -> None:
    first = FakeServer(paths).start()
    client = Client()
    first.stop()
    second = FakeServer(paths).start()
    try:
        assert client.separate("a.wav").id in second.service.jobs
    finally:
        client.close()
        second.stop()


def test_without_start_a_missing_server_is_an_error(paths: Paths) -> None:
    with pytest.raises(StemliftError) as caught:
        Client(start=False)
    assert caught.value.reason is Reason.SERVER_LOST


def test_a_wrong_token_is_rejected(server: FakeServer, paths: Paths) -> None:
    endpoint = read_endpoint(paths.endpoint)
    assert endpoint is not None
    client = Client(address=endpoint.address, token="x" * 43)
    with client, pytest.raises(StemliftError) as caught:
        client.models()
    assert caught.value.reason is Reason.TOKEN_REJECTED
    paths.token.write_text("y" * 43)
    with pytest.raises(StemliftError) as caught:
        Client()
    assert caught.value.reason is Reason.TOKEN_REJECTED


def test_a_proxy_in_the_environment_is_not_asked(paths: Paths, monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    running = FakeServer(paths, tcp=True).start()
    try:
        with Client() as client:
            assert client.address.startswith("127.0.0.1:")
            assert client.models().models
    finally:
        running.stop()
