"""Ctrl-C and SIGTERM, so that no job is left behind unknown."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from stemlift.errors import Exit


class Interrupts:
    """While entered, the first SIGINT or SIGTERM is a KeyboardInterrupt, the second the end."""

    def __init__(self) -> None:
        self._count = 0
        self._shielded = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Hold a first interrupt back until the end of the block.

        For a call that makes a job: interrupted in its middle, the job would run on
        without anybody knowing its id.
        """
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False
        if self._count:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            sys.stdout.flush()
            # Not sys.exit: that would wait for whatever hangs.
            os._exit(Exit.CANCELLED)
        if not self._shielded:
            raise KeyboardInterrupt
