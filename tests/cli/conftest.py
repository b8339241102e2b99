from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_server import FakeServer
from real_server import Home
from session_shell import Shell
from watch_house import brisk_home

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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A server that runs, for all tests of a file."""
    with brisk_home(tmp_path_factory.mktemp("home")) as home:
        home.serve()
        yield home


@pytest.fixture
def shell(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """In a folder of the test's own."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.folder))
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)
