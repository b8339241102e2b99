from __future__ import annotations

from pathlib import Path

import pytest
from fake_server import FakeServer

from stemlift.paths import HOME_VARIABLE, Paths, find_paths


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return find_paths()


@pytest.fixture
def server(paths: Paths):
    running = FakeServer(paths).start()
    yield running
    running.stop()
