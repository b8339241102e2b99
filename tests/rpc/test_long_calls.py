"""Work in a thread of its own as a stream."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest

from stemlift.rpc.long_calls import Finished, follow


async def collect(work) -> list[object]:
    async with aclosing(follow(work, 0.0)) as steps:
        return [step.result if isinstance(step, Finished) else step async for step in steps]


def test_progress_then_the_result() -> None:
    seen = threading.Event()

    def work(report, cancelled) -> str:
        report(1)
        assert seen.wait(20)
        assert not cancelled()
        return "done"

    async def main() -> None:
        async with aclosing(follow(work, 0.0)) as steps:
            assert await anext(steps) == 1
            seen.set()
            last = await anext(steps)
            assert isinstance(last, Finished)
            assert last.result == "done"
            with pytest.raises(StopAsyncIteration):
                await anext(steps)

    asyncio.run(main())


def test_only_the_latest_progress_is_told() -> None:
    go, told = threading.Event(), threading.Event()

    def work(report, cancelled) -> None:
        for number in range(100):
            report(number)
        told.set()
        assert go.wait(20)

    async def main() -> None:
        async with aclosing(follow(work, 0.0)) as steps:
            waiting = asyncio.ensure_future(anext(steps))
            # The loop stands still until all was reported.
            await asyncio.sleep(0)
            assert told.wait(20)
            assert await waiting == 99
            go.set()
            assert isinstance(await anext(steps), Finished)

    asyncio.run(main())


def test_a_failure_is_raised_to_who_follows() -> None:
    def work(report, cancelled) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(collect(work))


def test_leaving_tells_the_work_to_end() -> None:
    left, ended = threading.Event(), threading.Event()

    def work(report, cancelled) -> None:
        report(1)
        assert left.wait(20)
        if cancelled():
            ended.set()
        raise ValueError("nobody hears this")

    async def main() -> None:
        async with aclosing(follow(work, 0.0)) as steps:
            assert await anext(steps) == 1
        left.set()

    asyncio.run(main())
    assert ended.wait(20)
