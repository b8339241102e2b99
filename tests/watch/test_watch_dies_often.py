"""kill -9 at random moments, again and again: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from real_server import PATIENCE, wait_for
from watch_house import House, brisk_home, manifest
from watch_processes import hasty, ledger_counts, open_ledger, start_watcher
from watch_songs import check_result

from stemlift.watch.tables import FileRow


def rage(tmp_path: Path, songs: int, kills: int) -> None:
    """The songs move to _done; every third has a broken file beside it, every fourth a twin."""
    chance = random.Random(kills)
    with brisk_home(tmp_path / "home") as home:
        home.serve()
        house = House(tmp_path, home)
        house.inbox.joinpath("stemlift.toml").write_text('original = "done"\n')
        content: dict[str, bytes] = {}
        broken: dict[str, bytes] = {}
        per_round = max(1, songs // kills)
        for turn in range(kills):
            for number in range(turn * per_round, min((turn + 1) * per_round, songs)):
                name = f"{number}.wav"
                seed = number - 1 if number % 4 == 3 else number
                content[name] = house.drop(name, seed, frames=2500).read_bytes()
                if number % 3 == 0:
                    broken[f"b{number}.wav"] = b"no sound"
                    (house.inbox / f"b{number}.wav").write_bytes(b"no sound")
            watcher = start_watcher(
                home, hasty(house), die_after=chance.randrange(1, 25), delay=chance.random() / 50
            )
            try:
                # Where nothing is left to do it takes no more steps.
                watcher.wait(chance.uniform(3.0, 6.0))
            except subprocess.TimeoutExpired:
                watcher.kill()
                watcher.wait(PATIENCE)
            if turn % 10 == 9:
                home.kill()
                home.serve()
        last = start_watcher(home, hasty(house))
        try:
            wait_for(
                lambda: ledger_counts(house) == {"done": len(content), "failed": len(broken)},
                "the end",
                300,
            )
            wait_for(lambda: len(house.failed()) == len(broken), "the reports")
            wait_for(lambda: not list(house.outbox.glob(".stemlift-watch-*")), "the sweep")
        finally:
            last.terminate()
            last.wait(PATIENCE)
        results = house.results()
        moved = {path.name: path.read_bytes() for path in (house.inbox / "_done").iterdir()}
        assert moved == content
        there = {path.name: path.read_bytes() for path in house.inbox.glob("*.wav")}
        assert there == broken
        assert sorted(results) == sorted(Path(name).stem for name in content)
        for name, data in content.items():
            folder = results[Path(name).stem]
            assert manifest(folder)["source"]["path"] == str(house.inbox / name)
            check_result(folder, house.inbox / "_done" / name, data)
        with open_ledger(house) as ledger, ledger.session() as session:
            assert not [row.path for row in session.query(FileRow) if row.key or row.job_id]


def test_a_few_kills(tmp_path: Path) -> None:
    rage(tmp_path, songs=5, kills=4)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_sixty_kills(tmp_path: Path) -> None:
    rage(tmp_path, songs=90, kills=60)
