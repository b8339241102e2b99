"""Reading a stream in a thread of its own, so that Ctrl-C never lands inside gRPC."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol, TypeVar

import grpc

_Reply = TypeVar("_Reply", covariant=True)

_BEAT = 0.1


class BrokenStream(grpc.RpcError):
    """Why a stream ended early, without the call itself.

    What a call raises is the call, which its own traceback then keeps alive, with a lock that
    one of gRPC's threads takes. Python stops such threads wherever they are when a program
    ends; if that one has the lock then, the late end of the call waits for it for ever.
    """

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(str(error))
        self._code: grpc.StatusCode = error.code()
        self._details: str | None = error.details()
        self._trailing: Any = error.trailing_metadata()

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str | None:
        return self._details

    def trailing_metadata(self) -> Any:
        return self._trailing


class Stream(Protocol[_Reply]):
    """A call whose replies are read one by one."""

    def __iter__(self) -> Iterator[_Reply]: ...

    def cancel(self) -> bool | None: ...


def apart(stream: Stream[_Reply], heartbeat: Callable[[], None]) -> Generator[_Reply, None, None]:
    """The replies of `stream`, whose errors are raised here; leaving cancels it.

    The caller should keep no name for the stream: it is let go here, see `BrokenStream`.

    Args:
        heartbeat: called before each reply and ten times a second while none comes; what it
            raises ends the reading.

    Raises:
        BrokenStream: for every error of gRPC.

    An exception from a signal handler that lands in a waiting gRPC call can leave the call's
    lock taken; the interpreter then hangs when it ends. Here it lands in a queue.
    """
    replies: queue.SimpleQueue[_Reply | _End] = queue.SimpleQueue()
    reader = threading.Thread(
        target=_read, args=(stream, replies), name="stemlift-watch", daemon=True
    )
    reader.start()
    try:
        while True:
            heartbeat()
            try:
                reply = replies.get(timeout=_BEAT)
            except queue.Empty:
                continue
            if isinstance(reply, _End):
                if reply.error is not None:
                    raise reply.error
                return
            yield reply
    finally:
        # Python has stopped the reader by then, perhaps with the call's lock taken, and it
        # keeps the call: a program may end while a generator of its own still reads.
        if not sys.is_finalizing():
            stream.cancel()
            reader.join()
        # An error's traceback may keep these names for long.
        del stream, reader


def _read(stream: Stream[_Reply], replies: queue.SimpleQueue[_Reply | _End]) -> None:
    try:
        for reply in stream:
            replies.put(reply)
    except grpc.RpcError as error:
        replies.put(_End(BrokenStream(error)))
        # The traceback names the call, which is the error.
        error.__traceback__ = None
    except Exception as error:  # noqa: BLE001 - handed to the one who waits
        replies.put(_End(error))
    else:
        replies.put(_End(None))


class _End:
    """The stream ended, with an error or without."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
