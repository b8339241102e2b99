"""Answering calls until a signal or idleness, then leaving whatever hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.service import JobService
from stemlift.paths import Paths
from stemlift.rpc.endpoint import Endpoint, read_endpoint, remove_endpoint, write_endpoint
from stemlift.rpc.gen.separation_pb2_grpc import add_SeparationServiceServicer_to_server
from stemlift.rpc.interceptor import TokenInterceptor
from stemlift.rpc.server import ServeOptions
from stemlift.rpc.servicer import ServerFacts, Servicer
from stemlift.rpc.tokens import ensure_token, read_token, same_token, write_token
from stemlift.system.private import choose_socket_path, clear_socket, short_folder
from stemlift.system.process import has_unix_sockets

logger = logging.getLogger(__name__)

# How long a stopping server waits for the batch in work before it leaves anyway.
PATIENCE = 5.0
# Calls at once; each may wait for a slow disk.
CALL_THREADS = 32
# How often a server looks whether it can still be found.
REACHABLE_SECONDS = 1.0
SERVICE = "stemlift.v1.SeparationService"


def serve_calls(options: ServeOptions) -> None:
    """Open the job service and serve it; the caller holds the state folder's lock.

    Threads that hang on a dead disk, or whose batch goes on, are left behind.

    Raises:
        StemliftError: LISTEN_REFUSED, DEVICE_UNAVAILABLE, ARGUMENT_INVALID or
            STATE_UNUSABLE, before anything is served.
    """
    token = ensure_token(options.paths)
    service = JobService(options.paths, options.settings)
    service.start()
    asyncio.run(_serve(options, service, token))


async def _serve(options: ServeOptions, service: JobService, token: str) -> None:
    # Not asyncio's own threads: leaving the loop would wait for those.
    calls = ThreadPoolExecutor(CALL_THREADS, "stemlift-call")
    stopper = ThreadPoolExecutor(1, "stemlift-stop")
    server = grpc.aio.server(
        interceptors=[TokenInterceptor(lambda given: same_token(given, token))],
        # Otherwise a second server would bind the same port in silence.
        options=[("grpc.so_reuseport", 0)],
    )
    try:
        await _answer_calls(options, service, server, calls, token)
    finally:
        # First of all: the batch in work ends while the callers are seen off.
        stopped = asyncio.wrap_future(stopper.submit(service.stop, PATIENCE))
        await server.stop(grace=0.5)
        calls.shutdown(wait=False, cancel_futures=True)
        stopper.shutdown(wait=False)
        try:
            await asyncio.wait_for(stopped, PATIENCE + 1)
        except TimeoutError:
            logger.warning("the job service does not stop")
        except StemliftError as error:
            # The next server finds the job as running and takes it up all the same.
            logger.error("%s %s", error.message, error.remedy)


async def _answer_calls(
    options: ServeOptions,
    service: JobService,
    server: grpc.aio.Server,
    calls: ThreadPoolExecutor,
    token: str,
) -> None:
    paths = options.paths
    stop = asyncio.Event()
    _on_signals(stop)
    last_call = time.monotonic()

    def touch() -> None:
        nonlocal last_call
        last_call = time.monotonic()

    async def idleness() -> None:
        loop = asyncio.get_running_loop()
        while time.monotonic() - last_call < options.idle_exit:
            await asyncio.sleep(max(0.05, min(options.idle_exit / 4, 15.0)))
            try:
                if servicer.watchers or await loop.run_in_executor(calls, lambda: service.busy):
                    touch()
            except StemliftError as error:
                # A disk that fails for a moment is no reason to leave.
                logger.error("%s %s", error.message, error.remedy)
                touch()
        logger.info("idle for %.0f s", options.idle_exit)

    facts = ServerFacts(paths, time.monotonic(), options.idle_exit)
    servicer = Servicer(service, facts, touch, calls)
    add_SeparationServiceServicer_to_server(servicer, server)
    healths = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healths, server)
    for name in ("", SERVICE):
        await healths.set(name, health_pb2.HealthCheckResponse.SERVING)
    address, socket = _bind(server, options.listen, paths)
    await server.start()
    endpoint = Endpoint.here(address)
    write_endpoint(paths.endpoint, endpoint)
    logger.info("listening on %s", address)
    if options.announce:
        options.announce(endpoint)
    end = options.beside() if options.beside else None
    reasons: set[asyncio.Task[Any]] = {
        asyncio.create_task(stop.wait()),
        asyncio.create_task(_stay_reachable(paths, endpoint, token)),
    }
    if options.idle_exit:
        reasons.add(asyncio.create_task(idleness()))
    try:
        done, _ = await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in reasons:
            task.cancel()
        if end:
            await _end(end)
        remove_endpoint(paths.endpoint, endpoint)
        await healths.enter_graceful_shutdown()
        if socket:
            with contextlib.suppress(OSError):
                socket.unlink()
            if socket.parent == short_folder(str(paths.state)):
                with contextlib.suppress(OSError):
                    socket.parent.rmdir()


async def _end(end: Callable[[], None]) -> None:
    """End what goes on beside the server, while its calls are answered still."""
    # Not asyncio's own threads: leaving the loop would wait for those.
    ender = ThreadPoolExecutor(1, "stemlift-end")
    try:
        await asyncio.wait_for(asyncio.wrap_future(ender.submit(end)), PATIENCE)
    except TimeoutError:
        logger.warning("what goes on beside the server does not end")
    finally:
        ender.shutdown(wait=False)


async def _stay_reachable(paths: Paths, endpoint: Endpoint, token: str) -> None:
    """Mend the files that clients find this server by; end when its socket is gone."""
    while endpoint.socket_path is None or endpoint.socket_path.exists():
        await asyncio.sleep(REACHABLE_SECONDS)
        with contextlib.suppress(StemliftError):
            # A disk that fails for a moment: the next round tries again.
            if read_endpoint(paths.endpoint) != endpoint:
                write_endpoint(paths.endpoint, endpoint)
            if read_token(paths) is None:
                write_token(paths, token)
    logger.error("the socket %s is gone, so nobody can reach this server", endpoint.socket_path)


def _bind(server: grpc.aio.Server, listen: str, paths: Paths) -> tuple[str, Path | None]:
    """Bind and return the address for clients, and the socket's path if it is one."""
    if not listen and has_unix_sockets():
        listen = f"unix:{choose_socket_path(paths.runtime, str(paths.state))}"
    listen = listen or "127.0.0.1:0"
    socket = Path(listen.removeprefix("unix:")) if listen.startswith("unix:") else None
    if socket:
        clear_socket(socket)
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise StemliftError(
            Reason.LISTEN_REFUSED,
            f"The server cannot listen on {listen}: {error}.",
            "Another program may use that address; choose another one.",
        ) from error
    if socket:
        socket.chmod(0o600)
        return listen, socket
    return f"{listen.rpartition(':')[0]}:{port}", None


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGBREAK"):
        numbers.append(signal.SIGBREAK)
    # The terminal was closed; `nohup` has it ignored, and that is kept.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:
            # Windows' event loop has no signal handlers.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
