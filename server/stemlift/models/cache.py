"""Models in memory: each is loaded once and shared, and leaves when idle or in the way."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import psutil

from stemlift.errors import Reason, StemliftError
from stemlift.models.device_memory import give_back_device_memory
from stemlift.models.loaded import LoadedModel
from stemlift.models.spec import ModelSpec

_CANCEL_POLL = 0.2


class Load(Protocol):
    """`models.loader.load_model` with its store filled in."""

    def __call__(
        self,
        spec: ModelSpec,
        *,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> LoadedModel: ...


@dataclass(slots=True)
class _Entry:
    model: LoadedModel
    last_used: float
    users: int = 0


def available_memory() -> int:
    """Bytes that can be taken without swapping."""
    return int(psutil.virtual_memory().available)


class ModelCache:
    """The loaded models of one server, by name; safe to use from many threads.

    A model inside `use` is never unloaded. Times are those of `clock`, in seconds.
    `unloaded` is called after models have gone, to free what they leave on a device.
    """

    def __init__(
        self,
        load: Load,
        *,
        clock: Callable[[], float] = time.monotonic,
        available: Callable[[], int] = available_memory,
        unloaded: Callable[[], None] = give_back_device_memory,
    ) -> None:
        self._load = load
        self._clock = clock
        self._available = available
        self._unloaded = unloaded
        self._changed = threading.Condition()
        self._entries: dict[str, _Entry] = {}
        self._loading: set[str] = set()
        self._loads = 0

    @property
    def loads(self) -> int:
        """How many models have been loaded since the start."""
        return self._loads

    def loaded_names(self) -> tuple[str, ...]:
        """Models in memory now, the longest unused first."""
        with self._changed:
            return tuple(self._by_age())

    def get(
        self,
        spec: ModelSpec,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> LoadedModel:
        """The model, loaded now if need be; who asks meanwhile waits for that one load.

        Raises:
            StemliftError: as the loader; CANCELLED, also while waiting.
        """
        with self.use(spec, progress, cancelled) as model:
            return model

    @contextmanager
    def use(
        self,
        spec: ModelSpec,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> Iterator[LoadedModel]:
        """As `get`, and the model stays in memory until the block ends."""
        entry = self._acquire(spec, progress, cancelled)
        try:
            yield entry.model
        finally:
            with self._changed:
                entry.users -= 1
                entry.last_used = self._clock()

    def unload_idle(self, now: float, older_than: float) -> tuple[str, ...]:
        """Unload what nobody has used for `older_than` seconds; the names that went."""
        return self._unload(lambda _, entry: now - entry.last_used >= older_than)

    def unload_all_but(self, name: str) -> tuple[str, ...]:
        """Unload every model that is not in use, save `name`; the names that went."""
        return self._unload(lambda other, _: other != name)

    def make_room(self, bytes_needed: int, keep: str = "") -> bool:
        """Unload the longest unused models but `keep` until `bytes_needed` are available.

        Returns:
            Whether they are; False when all that is left is in use or to be kept.
        """
        while self._available() < bytes_needed:
            with self._changed:
                idle = [
                    name
                    for name in self._by_age()
                    if name != keep and not self._entries[name].users
                ]
            if not idle or not self._unload(_only(idle[0])):
                return False
        return True

    def _acquire(
        self,
        spec: ModelSpec,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> _Entry:
        with self._changed:
            while spec.name in self._loading:
                if cancelled():
                    raise StemliftError(
                        Reason.CANCELLED, f"Waiting for the model {spec.name} was cancelled."
                    )
                self._changed.wait(_CANCEL_POLL)
            entry = self._entries.get(spec.name)
            if entry is not None:
                entry.users += 1
                return entry
            self._loading.add(spec.name)
        try:
            model = self._load(spec, progress=progress, cancelled=cancelled)
            entry = _Entry(model, self._clock(), users=1)
            with self._changed:
                self._entries[spec.name] = entry
                self._loads += 1
            return entry
        finally:
            with self._changed:
                self._loading.discard(spec.name)
                self._changed.notify_all()

    def _unload(self, leaves: Callable[[str, _Entry], bool]) -> tuple[str, ...]:
        with self._changed:
            gone = tuple(
                name
                for name in self._by_age()
                if not self._entries[name].users and leaves(name, self._entries[name])
            )
            for name in gone:
                del self._entries[name]
        if gone:
            # Modules hold cycles; without this their memory would stay for a while.
            gc.collect()
            self._unloaded()
        return gone

    def _by_age(self) -> list[str]:
        return sorted(self._entries, key=lambda name: self._entries[name].last_used)


def _only(wanted: str) -> Callable[[str, _Entry], bool]:
    return lambda name, _: name == wanted
