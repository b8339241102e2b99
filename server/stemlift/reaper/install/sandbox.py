"""Whether REAPER may leave Flatpak's sandbox to start the helper.

Flatpak keeps what a user or an administrator changed about an app's rights in key files:
`overrides/<app>`, and `overrides/global` for all apps.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from stemlift.reaper.install.places import FLATPAK

ALLOW = f"flatpak override --user --talk-name=org.freedesktop.Flatpak {FLATPAK}"
"""Lets REAPER leave Flatpak's sandbox to start the helper."""

SYSTEM = Path("/var/lib/flatpak")

_BUS = "Session Bus Policy"
_NAME = "org.freedesktop.Flatpak"
_ENOUGH = ("talk", "own")


def may_leave(
    environment: Mapping[str, str] | None = None, home: Path | None = None, system: Path = SYSTEM
) -> bool:
    """Whether what `ALLOW` does is done, for this user or for all.

    Args:
        environment: of the user, for FLATPAK_USER_DIR and XDG_DATA_HOME.
        home: the user's folder.
        system: Flatpak's folder for all users.
    """
    given = os.environ if environment is None else environment
    said = None
    # The user's word counts more than the administrator's, the app's more than that of all apps.
    for folder in (system, _user_folder(given, home or Path.home())):
        for name in ("global", FLATPAK):
            said = _policy(folder / "overrides" / name) or said
    return said in _ENOUGH


def _user_folder(environment: Mapping[str, str], home: Path) -> Path:
    if moved := environment.get("FLATPAK_USER_DIR"):
        return Path(moved)
    data = Path(environment.get("XDG_DATA_HOME", ""))
    return (data if data.is_absolute() else home / ".local" / "share") / "flatpak"


def _policy(file: Path) -> str | None:
    """What a file says of our name; None where it says nothing, or cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return None
    return parser.get(_BUS, _NAME, fallback=None)
