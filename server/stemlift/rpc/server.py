"""The server process: one per state folder, reachable by its user alone."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

import filelock
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from stemlift import __version__
from stemlift.errors import Reason, StemliftError
from stemlift.jobs.service import JobService
from stemlift.paths import Paths
from stemlift.rpc.endpoint import Endpoint, read_endpoint, remove_endpoint, write_endpoint
from stemlift.rpc.gen.separation_pb2_grpc import add_SeparationServiceServicer_to_server
from stemlift.rpc.interceptor import TokenInterceptor
from stemlift.rpc.servicer import ServerFacts, Servicer
from stemlift.rpc.tokens import ensure_token, same_token
from stemlift.settings import Settings
from stemlift.system.private import (
    SOCKET_PATH_BYTES,
    choose_socket_path,
    clear_socket,
    fits_socket,
    is_private_folder,
    make_private_folder,
)
from stemlift.system.process import has_unix_sockets

logger = logging.getLogger(__name__)

LOG_BYTES = 2_000_000
LOG_FILES = 5
# How long a stopping server waits for the batch in work before it leaves anyway.
PATIENCE = 5.0
SERVICE = "stemlift.v1.SeparationService"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve.

    listen, device: empty takes the settings'. idle_exit: in seconds, 0 never leaves.
    announce: called once the server can be reached.
    """

    paths: Paths
    settings: Settings
    listen: str = ""
    device: str = ""
    idle_exit: float = 0.0
    announce: Callable[[Endpoint], None] | None = None


def serve(options: ServeOptions) -> int:
    """Serve until SIGTERM, SIGINT or idleness; returns the exit code.

    Raises:
        StemliftError: SERVER_ALREADY_RUNNING, LISTEN_REFUSED, DEVICE_UNAVAILABLE,
            ARGUMENT_INVALID or STATE_UNUSABLE, before anything is served.
    """
    paths, settings = options.paths, options.settings
    if options.device:
        settings = settings.model_copy(update={"device": options.device})
    listen = parse_listen(options.listen or settings.listen)
    make_private_folder(paths.state)
    for folder in (paths.logs, paths.models):
        _make_folder(folder)
    with _only_server(paths):
        _log_to(paths.log)
        logger.info("stemlift %s starts, process %d", __version__, os.getpid())
        service = JobService(paths, settings)
        service.start()
        unfinished = False
        try:
            asyncio.run(_serve(options, listen, service))
        finally:
            unfinished = not service.stop(PATIENCE)
            logger.info("the server leaves")
        if unfinished:
            # The batch in work cannot be interrupted; its job is back in the queue.
            logging.shutdown()
            os._exit(0)
    return 0


def parse_listen(listen: str) -> str:
    """Check an address to listen on; "" where the platform's default is wanted.

    Returns:
        "", "unix:/absolute/path" or "host:port" with a loopback address.

    Raises:
        StemliftError: LISTEN_REFUSED for anything another machine could reach,
            ARGUMENT_INVALID for what is no address.
    """
    if not listen:
        return ""
    if listen.startswith("unix:"):
        path = Path(listen.removeprefix("unix:"))
        if not has_unix_sockets() or not path.is_absolute():
            raise _no_address(listen)
        if not fits_socket(path):
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{path} cannot be the path of a socket.",
                f"Use one of at most {SOCKET_PATH_BYTES} bytes without %, # and ?.",
            )
        if not is_private_folder(path.parent):
            raise StemliftError(
                Reason.LISTEN_REFUSED,
                f"Other users could reach a socket in {path.parent}.",
                "Use a folder that only you can enter (mode 0700), or leave --listen out.",
            )
        return f"unix:{path}"
    host, separator, port = listen.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise _no_address(listen)
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError as error:
        raise _no_address(listen) from error
    if not address.is_loopback:
        raise StemliftError(
            Reason.LISTEN_REFUSED,
            f"{listen} could be reached from other machines, and Stemlift has no TLS yet.",
            "Use 127.0.0.1:PORT, or leave --listen out.",
        )
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


async def _serve(options: ServeOptions, listen: str, service: JobService) -> None:
    paths = options.paths
    stop = asyncio.Event()
    _on_signals(stop)
    last_call = time.monotonic()

    def touch() -> None:
        nonlocal last_call
        last_call = time.monotonic()

    token = ensure_token(paths)
    servicer = Servicer(service, ServerFacts(paths, time.monotonic(), options.idle_exit), touch)
    server = grpc.aio.server(
        interceptors=[TokenInterceptor(lambda given: same_token(given, token))],
        # Otherwise a second server would bind the same port in silence.
        options=[("grpc.so_reuseport", 0)],
    )
    add_SeparationServiceServicer_to_server(servicer, server)
    healths = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healths, server)
    for name in ("", SERVICE):
        await healths.set(name, health_pb2.HealthCheckResponse.SERVING)
    address, socket = _bind(server, listen, paths)
    await server.start()
    endpoint = Endpoint(address, os.getpid(), __version__)
    write_endpoint(paths.endpoint, endpoint)
    logger.info("listening on %s", address)
    if options.announce:
        options.announce(endpoint)
    try:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _idle_check(options.idle_exit))
            if servicer.watchers or await asyncio.to_thread(lambda: service.busy):
                touch()
            elif options.idle_exit and time.monotonic() - last_call >= options.idle_exit:
                logger.info("idle for %.0f s", options.idle_exit)
                break
    finally:
        remove_endpoint(paths.endpoint, endpoint)
        await healths.enter_graceful_shutdown()
        await server.stop(grace=0.5)
        if socket:
            with contextlib.suppress(OSError):
                socket.unlink()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            "Make it writable, or set STEMLIFT_HOME to a folder of your own.",
        ) from error


def _idle_check(idle_exit: float) -> float | None:
    return max(0.05, min(idle_exit / 4, 15.0)) if idle_exit else None


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


@contextlib.contextmanager
def _only_server(paths: Paths) -> Iterator[None]:
    """Hold the state folder's lock; the system lets go of it when the process dies."""
    lock = filelock.FileLock(paths.lock)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        other = read_endpoint(paths.endpoint)
        who = f" (process {other.pid})" if other else ""
        raise StemliftError(
            Reason.SERVER_ALREADY_RUNNING,
            f"A server{who} is already running for {paths.state}.",
            "Use that one, end it first, or set STEMLIFT_HOME to another folder.",
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.STATE_UNUSABLE,
            f"The lock file {paths.lock} cannot be used: {error}.",
            "Check that the folder can be written.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGBREAK"):
        numbers.append(signal.SIGBREAK)
    for number in numbers:
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:
            # Windows' event loop has no signal handlers.
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


def _log_to(path: Path) -> None:
    """Log to a rotating file, and to the terminal where somebody watches."""
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    file = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(file)
    if sys.stderr.isatty():
        terminal = logging.StreamHandler()
        terminal.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
        root.addHandler(terminal)


def _no_address(listen: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID,
        f"{listen!r} is no address to listen on.",
        "Use 127.0.0.1:PORT, [::1]:PORT or unix:/absolute/path.",
    )
