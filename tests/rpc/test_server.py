"""What the server refuses before it serves, and how it leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import pytest
from real_server import Home

from stemlift import Client
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.paths import Paths
from stemlift.rpc.endpoint import Endpoint, read_endpoint
from stemlift.rpc.server import ServeOptions, _held_up, parse_listen, serve
from stemlift.rpc.serving import _serve
from stemlift.rpc.tokens import ensure_token
from stemlift.settings import Settings
from stemlift.system.private import short_folder


@pytest.mark.parametrize("name", ["x" * 100, "a?b", "100%", "a#b"])
def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path, name: str) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(StemliftError) as caught:
        parse_listen(f"unix:{tmp_path / name}")
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert caught.value.remedy


class HungService:
    """A job service whose disk is dead: making a job never comes back."""

    busy = False

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.disk = threading.Event()
        self.stopped_after: list[bool] = []

    def create(self, asked: object, request_id: str) -> Any:
        self.entered.set()
        self.disk.wait(60)
        raise StemliftError(Reason.FILE_UNREADABLE, "The disk came back.")

    def stop(self, patience: float) -> bool:
        self.stopped_after.append(self.disk.is_set())
        return True


def test_a_call_on_a_dead_disk_does_not_keep_the_server(paths: Paths) -> None:
    service = HungService()
    token = ensure_token(paths)
    lost: list[StemliftError] = []

    async def main() -> None:
        serving = asyncio.create_task(_serve(ServeOptions(paths, Settings()), service, token))
        client = threading.Thread(target=call)
        while read_endpoint(paths.endpoint) is None:
            await asyncio.sleep(0.01)
        client.start()
        assert await asyncio.to_thread(service.entered.wait, 20)
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
        await asyncio.to_thread(client.join, 20)

    def call() -> None:
        endpoint = read_endpoint(paths.endpoint)
        assert endpoint is not None
        with Client(paths, address=endpoint.address) as client:
            try:
                client.separate("a.wav")
            except StemliftError as error:
                lost.append(error)

    try:
        asyncio.run(main())
        assert service.stopped_after == [False]
        assert _held_up()
    finally:
        service.disk.set()
    assert not _held_up()
    assert [error.reason for error in lost] == [Reason.SERVER_LOST]
    assert read_endpoint(paths.endpoint) is None


class FailingService(HungService):
    """Its store fails once, then it has nothing to do."""

    looks = 0

    @property
    def busy(self) -> bool:
        self.looks += 1
        if self.looks == 1:
            raise StemliftError(Reason.STATE_UNUSABLE, "The disk is away.", "Wait.")
        return False


def test_a_store_that_fails_for_a_moment_is_logged(paths: Paths, caplog) -> None:
    service = FailingService()
    options = ServeOptions(paths, Settings(), idle_exit=0.2)
    asyncio.run(_serve(options, service, ensure_token(paths)))
    assert service.looks > 1
    assert [record.message for record in caplog.records] == ["The disk is away. Wait."]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it_in_good_order(paths: Paths, number: int) -> None:
    # A path too long for a socket: it lies in the short folder then.
    paths = replace(paths, runtime=paths.runtime / ("x" * 100))
    short = short_folder(str(paths.state))

    def announced(endpoint: Endpoint) -> None:
        assert endpoint.socket_path == short / "s"
        os.kill(os.getpid(), number)

    options = ServeOptions(paths, Settings(), announce=announced)
    # Whoever runs these tests under nohup has the hang-up ignored, which a server would keep.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        asyncio.run(_serve(options, HungService(), ensure_token(paths)))
    finally:
        signal.signal(number, before)
    assert read_endpoint(paths.endpoint) is None
    assert not short.exists()


def test_a_log_that_cannot_be_opened_is_said_plainly(paths: Paths) -> None:
    paths.log.mkdir(parents=True)
    with pytest.raises(StemliftError) as caught:
        serve(ServeOptions(paths, Settings()))
    assert caught.value.reason is Reason.STATE_UNUSABLE
    assert str(paths.log) in caught.value.message


def test_the_loser_of_a_race_leaves_before_it_reads_torch(paths: Paths) -> None:
    paths.state.mkdir(parents=True)
    code = (
        "import sys; from stemlift.cli.main import main; code = main(['serve']);"
        " sys.exit(99 if 'torch' in sys.modules else code)"
    )
    with filelock.FileLock(paths.lock):
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ran.returncode == Exit.SERVER
    assert b"SERVER_ALREADY_RUNNING" in ran.stderr


def test_a_server_of_an_ended_client_is_seen_as_left(paths: Paths) -> None:
    assert paths.home
    home = Home(paths.home)
    nap = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(
        nap, env=home.environment, start_new_session=True, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        assert home.left() == [other.pid]
        other.kill()
    assert home.left() == []
