"""The asyncio client against the same service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_server import FakeServer

from stemlift import AsyncClient
from stemlift.errors import Reason, StemliftError
from stemlift.paths import Paths
from stemlift.rpc.results import JobState


def test_a_song_goes_through(server: FakeServer, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncClient() as client:
            job = await client.separate(tmp_path / "song.wav", stems=["vocals"])
            states = [update.state async for update in job]
            assert states == [JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED]
            result = await job.result()
            assert result.stems == {"vocals": tmp_path / "song stems" / "song - vocals.wav"}
            assert [found.id async for found in client.jobs()] == [job.id]
            assert (await client.models()).models[0].name == "spectral"
            assert (await client.server_info()).device == "cpu"
            await client.delete(job.id)
            with pytest.raises(StemliftError) as caught:
                await client.job(job.id)
            assert caught.value.reason is Reason.JOB_NOT_FOUND

    asyncio.run(main())


def test_several_at_once_cancel_and_timeout(server: FakeServer) -> None:
    async def main() -> None:
        async with AsyncClient() as client:
            slow = await client.separate("slow.wav")
            songs = [await client.separate(f"{n}.wav") for n in range(8)]
            results = await asyncio.gather(*(song.result() for song in songs))
            assert len({result.job for result in results}) == 8
            with pytest.raises(TimeoutError):
                await slow.result(timeout=0.1)
            waiting = asyncio.create_task(slow.result())
            assert (await slow.cancel()).state is JobState.CANCELLED
            with pytest.raises(StemliftError) as caught:
                await waiting
            assert caught.value.reason is Reason.CANCELLED

    asyncio.run(main())


@pytest.mark.parametrize("song", ["dies.wav", "leaves.wav"])
def test_a_lost_server_names_the_job(server: FakeServer, song: str) -> None:
    async def main() -> None:
        async with AsyncClient() as client:
            job = await client.separate(song)
            with pytest.raises(StemliftError) as caught:
                await job.result()
            assert caught.value.reason is Reason.SERVER_LOST
            assert caught.value.job_id == job.id

    asyncio.run(main())


def test_a_call_is_repeated_on_the_next_server(paths: Paths) -> None:
    async def main() -> None:
        first = FakeServer(paths).start()
        async with AsyncClient() as client:
            await asyncio.to_thread(first.stop)
            second = FakeServer(paths).start()
            try:
                assert (await client.separate("a.wav")).id in second.service.jobs
            finally:
                await asyncio.to_thread(second.stop)

    asyncio.run(main())
