from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import Home
from watch_house import House, brisk_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with brisk_home(tmp_path_factory.mktemp("home")) as home:
        home.serve()
        yield home


@pytest.fixture
def house(tmp_path: Path, home: Home) -> House:
    return House(tmp_path, home)
