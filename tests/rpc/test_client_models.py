"""What both clients do with models, against a service on a real socket."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from fake_models import SIZE
from fake_server import FakeServer

from stemlift import AsyncClient, Client
from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.rpc.gen import model_pb2
from stemlift.rpc.model_results import CommercialUse, FileState, ModelFile, ModelProgress


def test_a_model_arrives_whole(server: FakeServer) -> None:
    with Client() as client:
        found = client.model("slow")
        assert (found.network, found.speed, found.origin) == (
            "mel_band_roformer",
            "slow",
            "catalogue",
        )
        assert found.commercial_use is CommercialUse.FORBIDDEN
        assert found.files == (ModelFile("slow.ckpt", "", 12_000, "ab" * 32),)
        # One stem's figure is no figure for the model.
        assert (found.sdr, found.mean_sdr) == ({"vocals": 10.94}, None)
        assert (found.segment_frames, found.overlap) == (0, None)
        demucs = client.model("htdemucs")
        assert demucs.mean_sdr == 8.0
        assert list(demucs.sdr) == ["drums", "bass", "other", "vocals"]
        assert (demucs.segment_frames, demucs.overlap) == (343_980, 0.25)
        assert demucs.commercial_use is CommercialUse.UNKNOWN
        blend = client.model("blend")
        assert blend.sources["vocals"] == {"htdemucs": 1.0, "slow": 3.0}
        assert blend.parts == ("htdemucs", "slow")
        with pytest.raises(StemliftError) as caught:
            client.model("nobody")
        assert caught.value.reason is Reason.MODEL_UNKNOWN


def test_a_pull_tells_how_far_it_is(server: FakeServer) -> None:
    told: list[ModelProgress] = []
    with Client() as client:
        pulled = client.pull("htdemucs", told.append)
        assert client.pull("htdemucs") == pulled
    assert (pulled.installed, pulled.installed_bytes) == (True, SIZE)
    assert [(one.done, one.total) for one in told] == [(SIZE * n // 4, SIZE) for n in range(4)]
    assert [one.seconds_left for one in told] == [None, 30.0, 20.0, 10.0]


def test_leaving_a_pull_ends_it(server: FakeServer) -> None:
    class EnoughError(Exception):
        pass

    def stop(progress: ModelProgress) -> None:
        if progress.done >= SIZE // 2:
            raise EnoughError

    with Client() as client:
        with pytest.raises(EnoughError):
            client.pull("slow", stop)
        # Another call still goes through, and the server has seen the caller leave.
        assert not client.model("slow").installed
    server.stop()
    assert server.service.models.left == ["slow"]


def test_a_heartbeat_that_raises_ends_a_silent_pull(server: FakeServer) -> None:
    due = threading.Event()

    def interrupted() -> None:
        if due.is_set():
            raise KeyboardInterrupt

    with Client(heartbeat=interrupted) as client, pytest.raises(KeyboardInterrupt):
        client.pull("slow", lambda one: due.set() if one.done == SIZE // 2 else None)
    server.stop()
    assert server.service.models.left == ["slow"]


def test_errors_come_after_progress(server: FakeServer) -> None:
    with Client() as client:
        with pytest.raises(StemliftError) as caught:
            client.pull("broken")
        assert caught.value.reason is Reason.CHECKPOINT_INVALID
        assert caught.value.remedy == "Pull it again."
        with pytest.raises(StemliftError) as caught:
            client.pull("nobody")
        assert caught.value.reason is Reason.MODEL_UNKNOWN
        with pytest.raises(StemliftError) as caught:
            client.import_model("evil.ckpt", "x")
        assert caught.value.reason is Reason.CHECKPOINT_REFUSED


def test_an_import_arrives_as_asked(server: FakeServer, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Client() as client:
        seen = client.import_model("a.ckpt", "", inspect_only=True)
        assert seen.model is None
        assert seen.recognition.network == "bs_roformer"
        assert seen.recognition.stems == ("vocals", "other")
        assert (seen.recognition.parameters, seen.recognition.size_bytes) == (1_234_567, 5000)
        assert seen.recognition.segment_frames == 352_800
        assert seen.recognition.warnings == ("The key x is unknown.",)
        done = client.import_model(
            Path("a.ckpt"),
            "new",
            config="a.yaml",
            title="Mine",
            licence="CC0",
            commercial_use=True,
        )
        assert done.model is not None
        assert (done.model.name, done.model.licence) == ("new", "CC0")
        assert done.model.commercial_use is CommercialUse.ALLOWED
        with pytest.raises(StemliftError) as caught:
            client.import_model("a.ckpt", "new", commercial_use="yes")
        assert caught.value.reason is Reason.ARGUMENT_INVALID
    first, second = server.service.models.imports
    assert (first.inspect_only, first.config_path, first.name) == (True, "", "")
    assert first.commercial_use == model_pb2.COMMERCIAL_USE_UNSPECIFIED
    assert second.path == str(tmp_path / "a.ckpt")
    assert second.config_path == str(tmp_path / "a.yaml")
    assert (second.title, second.inspect_only) == ("Mine", False)


def test_check_and_remove(server: FakeServer) -> None:
    server.service.models.models["broken"].installed = True
    with Client() as client:
        (bad,) = client.verify_model("broken")
        assert bad.state is FileState.DAMAGED
        assert (bad.path, bad.problem) == (
            Path("/models/broken.safetensors"),
            "Its content has changed.",
        )
        assert {file.model: file.state for file in client.verify_model()} == {
            "broken": FileState.DAMAGED,
            "mine": FileState.OK,
        }
        assert client.remove_model("mine") == 5000
        with pytest.raises(StemliftError) as caught:
            client.remove_model("mine")
        assert caught.value.reason is Reason.MODEL_UNKNOWN


def test_a_stream_is_repeated_on_the_next_server(paths: Paths) -> None:
    first = FakeServer(paths).start()
    with Client() as client:
        first.stop()
        second = FakeServer(paths).start()
        try:
            assert client.pull("htdemucs").installed
        finally:
            second.stop()


def test_the_same_from_asyncio(server: FakeServer) -> None:
    async def main() -> None:
        async with AsyncClient() as client:
            told: list[ModelProgress] = []
            assert (await client.pull("htdemucs", told.append)).installed
            assert len(told) == 4
            assert (await client.model("htdemucs")).installed_bytes == SIZE
            seen = await client.import_model("a.ckpt", "new")
            assert seen.model is not None
            assert [file.model for file in await client.verify_model("mine")] == ["mine"]
            assert await client.remove_model("mine") == 5000
            with pytest.raises(StemliftError) as caught:
                await client.pull("broken")
            assert caught.value.reason is Reason.CHECKPOINT_INVALID
            half = asyncio.Event()
            pulling = asyncio.create_task(
                client.pull("slow", lambda one: half.set() if one.done == SIZE // 2 else None)
            )
            await half.wait()
            pulling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pulling
            # The connection is as good as before.
            assert not (await client.model("slow")).installed

    asyncio.run(main())
    server.stop()
    assert server.service.models.left == ["slow"]
