from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stemlift.paths import HOME_VARIABLE, Paths, find_paths

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from fake_server import FakeServer


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return find_paths()


@pytest.fixture
def server(paths: Paths):
    running = FakeServer(paths).start()
    yield running
    running.stop()
