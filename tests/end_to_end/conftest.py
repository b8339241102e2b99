"""A real server over a real socket, shared by the tests that do not harm it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import Home, home_in
from tiny_demucs import identity, install_in_cache, tiny_htdemucs, write_bag

from stemlift import Client


def install_tiny_models(folder: Path) -> None:
    """Tiny networks of random weights, where finished downloads of the real ones lie."""
    for name, repository, networks, weights in (
        ("htdemucs", "adefossez/HTDemucs", [tiny_htdemucs(1)], None),
        (
            "htdemucs_ft",
            "adefossez/HTDemucs-ft",
            [tiny_htdemucs(seed) for seed in (2, 3, 4, 5)],
            identity(4),
        ),
    ):
        files = write_bag(folder / "made", name, networks, weights)
        install_in_cache(folder, repository, files)


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A server with tiny models under the names of the published ones."""
    folder = tmp_path_factory.mktemp("home")
    install_tiny_models(folder / "models")
    with home_in(folder, HF_HUB_OFFLINE="1") as home:
        home.serve()
        yield home


@pytest.fixture
def client(shared_home: Home) -> Iterator[Client]:
    with shared_home.client() as client:
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home of the test's own, to kill and starve."""
    with home_in(tmp_path / "home", HF_HUB_OFFLINE="1") as home:
        yield home
