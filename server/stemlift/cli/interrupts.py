"""Ctrl-C and SIGTERM, so that no job is left behind unknown."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any, Self

from stemlift.errors import Exit


class Interrupts:
    """While entered, the first SIGINT or SIGTERM is noted, and the second is the end.

    An exception raised by a signal handler may land anywhere, inside a call that makes a job
    too, whose id would then be lost, or inside gRPC, which then hangs at the end. So the
    first is raised by `check` alone, where the command can take it.
    """

    def __init__(self) -> None:
        self._count = 0
        self._raised = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises KeyboardInterrupt, once, after a first interrupt."""
        if self._count and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            sys.stdout.flush()
            # Not sys.exit: that would wait for whatever hangs.
            os._exit(Exit.CANCELLED)
