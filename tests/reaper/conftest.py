"""Fixtures for everything about REAPER: a simulated one, for each version of Lua."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent / "sim"))

if TYPE_CHECKING:
    from reaper_sim import Simulator

LUAS = os.environ.get("SIM_LUA", "lua53,lua54").split(",")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lua(*versions): run with these of lua53 and lua54 only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lua" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("lua")
        metafunc.parametrize("lua", [v for v in (marker.args if marker else LUAS) if v in LUAS])


@pytest.fixture
def one_lua() -> str:
    """For what does not depend on Lua; see `render_sim`."""
    return LUAS[-1]


def _simulator(folder: Path, lua: str) -> Iterator[Simulator]:
    from reaper_sim import Simulator

    sim = Simulator(folder, lua)
    yield sim
    leaks = sim.leaks()
    sim.quit()
    assert not leaks, "\n".join(leaks)


@pytest.fixture
def sim(tmp_path: Path, lua: str) -> Iterator[Simulator]:
    """REAPER, started empty; fails a test that leaves errors, violations, windows or processes."""
    yield from _simulator(tmp_path / "simulated", lua)


@pytest.fixture
def render_sim(tmp_path: Path, one_lua: str) -> Iterator[Simulator]:
    """As `sim`, for one version of Lua."""
    yield from _simulator(tmp_path / "simulated", one_lua)
