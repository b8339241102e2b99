"""Reading a stream in a thread of its own, so that Ctrl-C never lands inside gRPC."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Protocol, TypeVar

_Reply = TypeVar("_Reply", covariant=True)

_BEAT = 0.1


class Stream(Protocol[_Reply]):
    """A call whose replies are read one by one."""

    def __iter__(self) -> Iterator[_Reply]: ...

    def cancel(self) -> bool | None: ...


def apart(stream: Stream[_Reply], heartbeat: Callable[[], None]) -> Generator[_Reply, None, None]:
    """The replies of `stream`, whose errors are raised here; leaving cancels it.

    Args:
        heartbeat: called before each reply and ten times a second while none comes; what it
            raises ends the reading.

    An exception from a signal handler that lands in a waiting gRPC call can leave the call's
    lock taken; the interpreter then hangs when it ends. Here it lands in a queue.
    """
    replies: queue.SimpleQueue[_Reply | _End] = queue.SimpleQueue()

    def read() -> None:
        try:
            for reply in stream:
                replies.put(reply)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            replies.put(_End(error))
        else:
            replies.put(_End(None))

    reader = threading.Thread(target=read, name="stemlift-watch", daemon=True)
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
        stream.cancel()
        reader.join()


class _End:
    """The stream ended, with an error or without."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
