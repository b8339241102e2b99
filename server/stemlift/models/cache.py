"""Models in memory: each is loaded once and shared, and leaves when idle or in the way."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Collection, Iterator
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
    size: int
    last_used: float
    users: int = 0


def available_memory() -> int:
    """Bytes that can be taken without swapping."""
    return int(psutil.virtual_memory().available)


class ModelCache:
    """The loaded models of one server, by entry; safe to use from many threads.

    A model inside `use` is never unloaded. Times are those of `clock`, in seconds.
    `unloaded` is called after models have gone, to free what they leave on a device.

    Args:
        limit: bytes that the weights of all models may take together; when one more is
            loaded the longest unused leave. 0: no limit but the machine's memory.
    """

    def __init__(
        self,
        load: Load,
        *,
        limit: int = 0,
        clock: Callable[[], float] = time.monotonic,
        available: Callable[[], int] = available_memory,
        unloaded: Callable[[], None] = give_back_device_memory,
    ) -> None:
        self._load = load
        self._limit = limit
        self._clock = clock
        self._available = available
        self._unloaded = unloaded
        self._changed = threading.Condition()
        self._entries: dict[ModelSpec, _Entry] = {}
        self._loading: set[ModelSpec] = set()
        self._withheld: set[str] = set()
        self._loads = 0

    @property
    def loads(self) -> int:
        """How many models have been loaded since the start."""
        return self._loads

    def loaded_names(self) -> tuple[str, ...]:
        """Models in memory now, the longest unused first."""
        with self._changed:
            return tuple(spec.name for spec in self._by_age())

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

    def forget(self, name: str) -> tuple[str, ...]:
        """Unload the model called `name` unless it is in use; the names that went."""
        return self._unload(lambda spec, _: spec.name == name)

    @contextmanager
    def withheld(self, name: str) -> Iterator[bool]:
        """Unload the model called `name`; until the block ends nobody gets it.

        Yields:
            False where it is in use or being loaded: then it stays, and is not withheld.
        """
        with self._changed:
            while name in self._withheld:
                self._changed.wait()
            busy = any(spec.name == name for spec in self._loading) or any(
                entry.users for spec, entry in self._entries.items() if spec.name == name
            )
            if not busy:
                self._withheld.add(name)
        if busy:
            yield False
            return
        try:
            self.forget(name)
            yield True
        finally:
            with self._changed:
                self._withheld.discard(name)
                self._changed.notify_all()

    def make_room(self, bytes_needed: int, keep: Collection[str] = ()) -> bool:
        """Unload the longest unused models but those in `keep` until there is room.

        Returns:
            Whether `bytes_needed` are available; False when all that is left is in use or
            to be kept.
        """
        return self._unload_until(lambda: self._available() >= bytes_needed, keep)

    def _unload_until(self, enough: Callable[[], bool], keep: Collection[str]) -> bool:
        while not enough():
            with self._changed:
                idle = [
                    spec
                    for spec in self._by_age()
                    if spec.name not in keep and not self._entries[spec].users
                ]
            if not idle or not self._unload(_only(idle[0])):
                return False
        return True

    def _weight(self) -> int:
        with self._changed:
            return sum(entry.size for entry in self._entries.values())

    def _acquire(
        self,
        spec: ModelSpec,
        progress: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> _Entry:
        with self._changed:
            while spec in self._loading or spec.name in self._withheld:
                if cancelled():
                    raise StemliftError(
                        Reason.CANCELLED, f"Waiting for the model {spec.name} was cancelled."
                    )
                self._changed.wait(_CANCEL_POLL)
            entry = self._entries.get(spec)
            if entry is not None:
                entry.users += 1
                return entry
            self._loading.add(spec)
        try:
            model = self._load(spec, progress=progress, cancelled=cancelled)
            entry = _Entry(model, _size(model), self._clock(), users=1)
            with self._changed:
                self._entries[spec] = entry
                self._loads += 1
            if self._limit:
                self._unload_until(lambda: self._weight() <= self._limit, keep=())
            return entry
        finally:
            with self._changed:
                self._loading.discard(spec)
                self._changed.notify_all()

    def _unload(self, leaves: Callable[[ModelSpec, _Entry], bool]) -> tuple[str, ...]:
        with self._changed:
            gone = tuple(
                spec
                for spec in self._by_age()
                if not self._entries[spec].users and leaves(spec, self._entries[spec])
            )
            for spec in gone:
                del self._entries[spec]
        if gone:
            # Modules hold cycles; without this their memory would stay for a while.
            gc.collect()
            self._unloaded()
        return tuple(spec.name for spec in gone)

    def _by_age(self) -> list[ModelSpec]:
        return sorted(self._entries, key=lambda spec: self._entries[spec].last_used)


def _only(wanted: ModelSpec) -> Callable[[ModelSpec, _Entry], bool]:
    return lambda spec, _: spec == wanted


def _size(model: LoadedModel) -> int:
    """Bytes of all weights and buffers."""
    return sum(
        tensor.numel() * tensor.element_size()
        for member in model.members
        for tensor in (*member.network.parameters(), *member.network.buffers())
    )
