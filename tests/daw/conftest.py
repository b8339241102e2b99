"""A real DAW: Ardour, without a window and with settings of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ardour_house import Ardour, ardour_missing


@pytest.fixture
def ardour(tmp_path: Path) -> Ardour:
    if why := ardour_missing():
        pytest.skip(why)
    home = tmp_path / "home"
    home.mkdir()
    return Ardour(home)
