"""A watched folder whose two halves are run by hand, on clocks that the test moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from real_server import Home, home_in
from signals import read_integers, song, write

from stemlift.settings import WatchFolder
from stemlift.watch.connection import Connect, Connection
from stemlift.watch.entry import Entry, FileState
from stemlift.watch.ledger import Ledger
from stemlift.watch.looking import Looker
from stemlift.watch.outbox import MARKER, Outbox
from stemlift.watch.recipe import Recipe
from stemlift.watch.recipes import Recipes
from stemlift.watch.working import Worker

FAST = Recipe(model="spectral")
RATE = 44100


# The model in short steps, since each job does a whole one, however short its song.
_BRISK = """\
[[models]]
name = "spectral"
network = "spectral"
stems = ["drums", "bass", "other", "vocals"]
rank = 0
segment = 32768
"""


@contextmanager
def brisk_home(folder: Path) -> Iterator[Home]:
    """As `home_in`; its server does a short song in a tenth of the time."""
    with home_in(folder) as home:
        home.paths.models_file.parent.mkdir(parents=True, exist_ok=True)
        home.paths.models_file.write_text(_BRISK, encoding="utf-8")
        yield home


class DiedError(BaseException):
    """The process is gone at this line."""


class Counter:
    """Counts steps, and dies after the one with the number `last`; 0: never."""

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.steps: list[str] = []

    def __call__(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) == self.last:
            raise DiedError(name)


class At:
    """Does something once, after the step of this name."""

    def __init__(self, name: str, act: Callable[[], object]) -> None:
        self.name = name
        self.act: Callable[[], object] | None = act

    def __call__(self, name: str) -> None:
        if name == self.name and self.act is not None:
            act, self.act = self.act, None
            act()


@dataclass
class Clock:
    """monotonic, wall: seconds, which only the test moves."""

    monotonic: float = 1000.0
    wall: float = 1_700_000_000.0

    def go(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@dataclass
class House:
    """An inbox and an outbox below `folder`, and the server of `home`."""

    folder: Path
    home: Home
    recipe: Recipe = FAST
    allow_delete: bool = False
    clock: Clock = field(default_factory=Clock)
    connect: Connect | None = None

    def __post_init__(self) -> None:
        self.inbox.mkdir(parents=True, exist_ok=True)

    @property
    def inbox(self) -> Path:
        return self.folder / "in"

    @property
    def outbox(self) -> Path:
        return self.folder / "out"

    @property
    def database(self) -> Path:
        return self.folder / "watch.sqlite"

    def drop(self, name: str, seed: int = 0, frames: int = 6000, **options: Any) -> Path:
        """A song of 16 bits in the inbox."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = options.pop("subtype", "PCM_16")
        return write(path, song(frames, 2, RATE, seed), RATE, kind, **options)

    @contextmanager
    def open(self, step: Callable[[str], None] = lambda _: None) -> Iterator[Running]:
        """A watcher that was started anew."""
        ledger = Ledger(self.database)
        connection = Connection(self.connect or self._client)
        try:
            yield Running(self, ledger, connection, step)
        finally:
            connection.close()
            ledger.close()

    def process(self) -> None:
        """Start a watcher, let it do what there is to do, and end it."""
        with self.open() as running:
            running.all()

    def _client(self, beat: Callable[[], None]):
        return self.home.client(heartbeat=beat)

    # What is in the outbox.

    def results(self) -> dict[str, Path]:
        """The result folders by name; whatever else there is fails the test."""
        found = {path.name: path for path in self.outbox.iterdir() if path.name != MARKER}
        hidden = [name for name in found if name.startswith(".")]
        assert not hidden, f"left in the outbox: {hidden}"
        found.pop("_failed", None)
        return found

    def failed(self) -> dict[str, str]:
        """The text of each report by its name."""
        return {
            path.parent.name: path.read_text("utf-8")
            for path in self.outbox.glob("_failed/*/error.txt")
        }

    def states(self) -> dict[str, FileState]:
        ledger = Ledger(self.database)
        try:
            found = ledger.entries(str(self.inbox), *FileState)
            return {entry.path: entry.state for entry in found}
        finally:
            ledger.close()


class Running:
    """A watcher between its start and its end."""

    def __init__(
        self, house: House, ledger: Ledger, connection: Connection, step: Callable[[str], None]
    ) -> None:
        self.house = house
        self.ledger = ledger
        clock = house.clock
        clocks: dict[str, Any] = {
            "monotonic": lambda: clock.monotonic,
            "wall": lambda: clock.wall,
        }
        self.looker = Looker(house.inbox, house.outbox, ledger, stable=3.0, give_up=30.0, **clocks)
        self.worker = Worker(
            house.inbox,
            Outbox(house.outbox, str(house.inbox), ledger),
            ledger,
            connection,
            Recipes(house.inbox, house.recipe, models=(), allow_delete=house.allow_delete),
            changed=self.looker.forget,
            step=step,
            **clocks,
        )
        self.worker.start()

    def look(self, seconds: float = 8.0) -> None:
        """Look as often as the looker itself asks for, within so many seconds."""
        passed = 0.0
        while (wait := self.looker.look()) is not None and passed + wait <= seconds:
            passed += wait
            self.house.clock.go(wait)

    def work(self) -> int:
        """Work on what is due; how many songs that were."""
        count = 0
        while self.worker.run_next():
            count += 1
            assert count < 100, "no end of work"
        self.worker.tidy()
        return count

    def all(self) -> int:
        self.look()
        return self.work()

    def entry(self, path: str) -> Entry:
        found = self.ledger.find(str(self.house.inbox), path)
        assert found is not None, path
        return found


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "stems.json").read_text("utf-8"))


def assert_whole(folder: Path, source: Path) -> dict[str, Any]:
    """The folder holds what its manifest says and nothing else, and nulls against `source`."""
    facts = manifest(folder)
    wanted = {stem["file"] for stem in facts["stems"]} | {each["file"] for each in facts["files"]}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == wanted | {"stems.json"}
    total = sum(read_integers(folder / stem["file"]) for stem in facts["stems"])
    assert np.array_equal(total, read_integers(source))
    return facts


def folder_settings(house: House, **changes: Any) -> WatchFolder:
    return WatchFolder.model_validate(
        {"inbox": str(house.inbox), "out": str(house.outbox), "model": "spectral", **changes}
    )
