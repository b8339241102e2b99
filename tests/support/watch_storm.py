"""What people and programs do to an inbox within a few minutes, and what must come of it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from real_server import PATIENCE, wait_for
from watch_house import House, manifest
from watch_processes import hasty, ledger_counts, open_ledger, start_watcher, states
from watch_songs import BROKEN, FORMATS, check_result, format_of, odd, sound

from stemlift.watch.entry import FileState
from stemlift.watch.tables import FileRow, ResultRow


@dataclass(frozen=True)
class Song:
    """A file to come. manner: what happens to it before it is left in peace."""

    path: str
    content: bytes
    manner: str


@dataclass
class Storm:
    """`songs` good files and `broken` others in the inbox of `house`, over `rounds` rounds.

    Of the good ones a tenth each is copied slowly, renamed into place, renamed, overwritten
    and, half as many, deleted while they wait. kills: what is killed in each round.
    """

    house: House
    songs: int
    broken: int
    rounds: int
    kills: dict[int, str]
    seconds: tuple[float, float] = (0.2, 1.0)
    expected: dict[str, bytes] = field(default_factory=dict)
    failing: dict[str, bytes] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    killed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(7)
        tenth = max(self.songs // 10, 2)
        manners = ["slow", "into place", "rename", "overwrite"] * tenth + ["delete"] * (tenth // 2)
        manners += ["burst"] * (self.songs - len(manners))
        chance.shuffle(manners)
        self._all = [self._song(number, manner, chance) for number, manner in enumerate(manners)]
        for number in range(self.broken):
            extension, content = BROKEN[number % len(BROKEN)]
            self.failing[f"broken {number}.{extension}"] = content
        self._slow: dict[str, tuple[bytes, int]] = {}

    def _song(self, number: int, manner: str, chance: random.Random) -> Song:
        extension, content = sound(number, chance.uniform(*self.seconds))
        # Those that something happens to come last in the order in which songs are taken.
        late = manner in ("rename", "overwrite", "delete")
        folder = "zz" if late else ("", "", "sub", "sub/deeper")[number % 4]
        # Two out of thirty have the name of another song.
        name = "same name" if number % 15 == 0 else odd(number)
        if folder == "" and name == "same name":
            folder = f"folder {number}"
        path = f"{folder}/{name}" if folder else name
        if late or name == "same name":
            path = f"{path} {number}"
        return Song(f"{path}.{extension}", content, manner)

    # What happens.

    def rage(self) -> None:
        """All of it, with a watcher at work; returns when nothing is left to do."""
        share = -(-len(self._all) // self.rounds)
        bad = list(self.failing.items())
        bad_share = -(-len(bad) // self.rounds)
        with _Watchers(self.house) as watchers:
            for turn in range(self.rounds):
                for path, content in bad[turn * bad_share : (turn + 1) * bad_share]:
                    self._write(path, content)
                self._round(turn, self._all[turn * share : (turn + 1) * share], watchers)
            for path in list(self._slow):
                self._go_on_with(path, self.rounds)
            self._wait_for_the_end()

    def _round(self, turn: int, songs: list[Song], watchers: _Watchers) -> None:
        late = [each for each in songs if each.manner in ("rename", "overwrite", "delete")]
        for each in songs:
            self._drop(each)
        for path in list(self._slow):
            self._go_on_with(path, turn)
        if late:
            wait_for(
                lambda: all(states(self.house).get(each.path) == "waiting" for each in late),
                f"{[each.path for each in late]} to wait for their turn",
            )
        victim = self.kills.get(turn)
        if victim == "server":
            wait_for(self._working, "a song in work")
            self.house.home.kill()
        elif victim == "watcher":
            wait_for(self._working, "a song in work")
            watchers.kill()
        for each in late:
            self._disturb(each)
        if victim == "watcher":
            watchers.start()
        if victim:
            self.killed.append(victim)
        goal = 2 * len(self.expected) // 3
        wait_for(lambda: self._count(FileState.DONE) >= goal, f"{goal} songs")

    def _drop(self, each: Song) -> None:
        self.expected[each.path] = each.content
        if each.manner == "slow":
            self._slow[each.path] = (each.content, 0)
            self._go_on_with(each.path, 0)
        elif each.manner == "into place":
            part = f"{each.path}.part"
            self._write(part, each.content)
            self._path(part).rename(self._path(each.path))
        else:
            self._write(each.path, each.content)

    def _go_on_with(self, path: str, turn: int) -> None:
        """A quarter more of a file that is copied slowly; all that is left at the end."""
        content, done = self._slow[path]
        end = len(content) if turn >= self.rounds - 1 else done + len(content) // 4 + 1
        self._path(path).parent.mkdir(parents=True, exist_ok=True)
        with self._path(path).open("ab") as file:
            file.write(content[done:end])
        self._slow[path] = (content, end)
        if end >= len(content):
            del self._slow[path]

    def _disturb(self, each: Song) -> None:
        path = self._path(each.path)
        if each.manner == "delete":
            path.unlink()
            del self.expected[each.path]
            self.deleted.add(each.path)
        elif each.manner == "rename":
            target = f"{each.path.rpartition('.')[0]} renamed{path.suffix}"
            path.rename(self._path(target))
            self.expected[target] = self.expected.pop(each.path)
        else:
            number = 1000 + len(self.expected)
            number += FORMATS.index(format_of(path.suffix)) - number % len(FORMATS)
            _, content = sound(number, 0.3)
            path.write_bytes(content)
            self.expected[each.path] = content

    def _write(self, path: str, content: bytes) -> None:
        target = self._path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def _path(self, path: str) -> Path:
        return self.house.inbox.joinpath(*path.split("/"))

    def _working(self) -> bool:
        """Whether a server has a song in work."""
        if not self.house.home.paths.watch_database.exists():
            return False
        with open_ledger(self.house) as ledger:
            taken = ledger.entries(str(self.house.inbox), FileState.WORKING)
        return any(entry.job_id for entry in taken) and self.house.home.server_pid() is not None

    def _count(self, state: FileState) -> int:
        return sum(each == state for each in states(self.house).values())

    def _wait_for_the_end(self) -> None:
        wanted = dict.fromkeys(self.expected, "done") | dict.fromkeys(self.failing, "failed")
        house = self.house

        def over() -> bool:
            return (
                {path: state for path, state in states(house).items() if path in wanted} == wanted
                and len(list(house.outbox.glob("_failed/*/error.txt"))) == len(self.failing)
                and not list(house.outbox.glob(".stemlift-watch-*"))
                and self._taken() == self.expected_hashes()
            )

        wait_for(over, f"the end; now {ledger_counts(house)}", 15 * PATIENCE)

    # What must have come of it.

    def expected_hashes(self) -> dict[str, str]:
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.expected.items()}

    def _taken(self) -> dict[str, str]:
        """The hash of each song of which there are stems, as it was taken."""
        found = {}
        for path in self.house.outbox.glob("*/stems.json"):
            source = json.loads(path.read_text("utf-8"))["source"]
            found[os.path.relpath(source["path"], self.house.inbox)] = source["sha256"]
        return found

    def check(self) -> dict[str, int]:
        """Count everything. Returns the counts."""
        house = self.house
        results = house.results()
        of: dict[str, list[Path]] = {}
        for folder in results.values():
            source = manifest(folder)["source"]["path"]
            of.setdefault(os.path.relpath(source, house.inbox), []).append(folder)
        assert sorted(of) == sorted(self.expected)
        assert all(len(folders) == 1 for folders in of.values()), of
        for path, (folder,) in of.items():
            check_result(folder, self._path(path), self.expected[path])
        self._check_failures()
        self._check_nothing_is_left()
        self._check_inbox()
        return {
            "good": len(results),
            "broken": len(house.failed()),
            "deleted": len(self.deleted),
            "server kills": self.killed.count("server"),
            "watcher kills": self.killed.count("watcher"),
        }

    def _check_failures(self) -> None:
        texts = list(self.house.failed().values())
        assert len(texts) == len(self.failing)
        for path in self.failing:
            said = [text for text in texts if f"\n    {self._path(path)}\n" in text]
            assert len(said) == 1, path
            assert "Reason: " in said[0]

    def _check_nothing_is_left(self) -> None:
        with open_ledger(self.house) as ledger, ledger.session() as session:
            rows = session.query(FileRow).all()
            assert {row.path for row in rows} == {*self.expected, *self.failing}
            assert {row.state for row in rows if row.path in self.expected} == {"done"}
            assert not [row.path for row in rows if row.key or row.job_id]
            kept = session.query(ResultRow).all()
            assert all(row.manifest for row in kept if row.outbox == str(self.house.outbox))
        hidden = [path for path in self.house.outbox.rglob(".*") if path.name != ".stemlift-outbox"]
        assert not hidden
        with self.house.home.client() as client:
            jobs = [job.latest for job in client.jobs()]
        assert all(job.state.ended for job in jobs)
        # No song was separated twice: the same content in the same place has one job.
        done = [job.source for job in jobs if job.state.name == "SUCCEEDED"]
        often = {path for path in done if done.count(path) > 1}
        versions = {self._path(each.path) for each in self._all if each.manner != "burst"}
        assert not often - versions

    def _check_inbox(self) -> None:
        inbox = self.house.inbox
        there = {
            path.relative_to(inbox).as_posix(): path.read_bytes()
            for path in inbox.rglob("*")
            if path.is_file()
        }
        assert there == self.expected | self.failing


class _Watchers:
    """The one watcher at a time, in a process of its own."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _Watchers:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE)

    def start(self) -> None:
        self._process = start_watcher(self._house.home, hasty(self._house))

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, "the watcher ended by itself"
        self._process.kill()
        self._process.wait(PATIENCE)
