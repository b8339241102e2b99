"""Work that takes minutes, as a stream: its progress, then what it came to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

_Progress = TypeVar("_Progress")
_Result = TypeVar("_Result")

Work = Callable[[Callable[[_Progress], None], Callable[[], bool]], _Result]
"""Takes what to report to and what to ask whether it shall end; both from any thread."""


class Finished(Generic[_Result]):
    """The last thing that comes."""

    def __init__(self, result: _Result) -> None:
        self.result = result


async def follow(
    work: Work[_Progress, _Result], pause: float
) -> AsyncGenerator[_Progress | Finished[_Result], None]:
    """Run `work` in a thread of its own; leaving tells it to end.

    Progress that comes faster than every `pause` seconds is told by its latest alone. The
    thread is a daemon: a server that leaves does not wait for it.
    """
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    leave = threading.Event()
    done: asyncio.Future[_Result] = loop.create_future()
    news: list[_Progress] = []

    def tell(action: Callable[[], object]) -> None:
        try:
            loop.call_soon_threadsafe(action)
        except RuntimeError:
            # The server left in the meantime, and its loop with it.
            leave.set()

    def note(progress: _Progress) -> None:
        news[:] = [progress]
        changed.set()

    def end(result: _Result | None, failure: Exception | None) -> None:
        if not done.done():
            if failure is not None:
                done.set_exception(failure)
            else:
                done.set_result(result)  # type: ignore[arg-type]
        changed.set()

    def run() -> None:
        try:
            result = work(lambda progress: tell(lambda: note(progress)), leave.is_set)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            failure = error
            tell(lambda: end(None, failure))
        else:
            tell(lambda: end(result, None))

    threading.Thread(target=run, name="stemlift-long-call", daemon=True).start()
    try:
        while not done.done():
            await changed.wait()
            changed.clear()
            if news:
                yield news.pop()
                # What ends meanwhile is told at once.
                await asyncio.wait({done}, timeout=pause)
        yield Finished(await done)
    finally:
        leave.set()
        if not done.cancel() and not done.cancelled():
            # Nobody may be left to hear of a failure, which asyncio would complain of.
            done.exception()
