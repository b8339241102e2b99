"""Everything at once: bursts, slow copies, renames, broken files, and kill -9 again and again."""

from __future__ import annotations

from pathlib import Path

import pytest
from watch_house import House, brisk_home
from watch_storm import Storm


def test_a_small_storm(tmp_path: Path) -> None:
    with brisk_home(tmp_path / "home") as home:
        storm = Storm(
            House(tmp_path, home),
            songs=28,
            broken=4,
            rounds=3,
            kills={0: "server", 1: "watcher"},
            seconds=(0.1, 0.2),
        )
        storm.rage()
        assert storm.check() == {
            "good": 27,
            "broken": 4,
            "deleted": 1,
            "server kills": 1,
            "watcher kills": 1,
        }


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_three_hundred_files(tmp_path: Path) -> None:
    with brisk_home(tmp_path / "home") as home:
        storm = Storm(
            House(tmp_path, home),
            songs=280,
            broken=20,
            rounds=8,
            kills={0: "server", 2: "watcher", 3: "server", 5: "watcher", 6: "server"},
        )
        storm.rage()
        assert storm.check() == {
            "good": 266,
            "broken": 20,
            "deleted": 14,
            "server kills": 3,
            "watcher kills": 2,
        }
