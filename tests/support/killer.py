"""A process that ends in the middle of its work, in effect."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


class Killer:
    """Raises KeyboardInterrupt before its work's step number `last`.

    A step is what changes the disk for good: content that is stored, a file that gets its
    name or loses it.
    """

    def __init__(self, last: int) -> None:
        self._left = last

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(os, "fsync", self._before(os.fsync))
        patch.setattr(Path, "replace", self._before(Path.replace))
        patch.setattr(Path, "unlink", self._before(Path.unlink))

    def _before(self, work: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            self._left -= 1
            if self._left < 0:
                raise KeyboardInterrupt
            return work(*args, **options)

        return call
