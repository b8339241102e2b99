"""Where Stemlift keeps its things.

Settings, state, logs and models live where the platform expects them; the variable
STEMLIFT_HOME puts all of them under one folder. Two such folders never see each other.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from stemlift.errors import Reason, StemliftError

HOME_VARIABLE = "STEMLIFT_HOME"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders and files of one user's Stemlift; none of them need exist yet.

    runtime: for the server's socket; None where the system gives this session no such
        folder, as in containers.
    home: the one folder that holds them all, where STEMLIFT_HOME names one.
    """

    settings: Path
    state: Path
    runtime: Path | None
    models: Path
    logs: Path
    home: Path | None = field(default=None, compare=False)

    @property
    def settings_file(self) -> Path:
        return self.settings / "settings.toml"

    @property
    def models_file(self) -> Path:
        """The user's own catalogue entries."""
        return self.settings / "models.toml"

    @property
    def database(self) -> Path:
        return self.state / "jobs.sqlite"

    @property
    def watch_database(self) -> Path:
        """What the watched folders know of their songs."""
        return self.state / "watch.sqlite"

    @property
    def lock(self) -> Path:
        """Held by the one server of this state folder for as long as it lives."""
        return self.state / "server.lock"

    @property
    def endpoint(self) -> Path:
        """JSON written by the running server: address, pid, version."""
        return self.state / "server.json"

    @property
    def token(self) -> Path:
        return self.state / "token"

    @property
    def log(self) -> Path:
        return self.logs / "server.log"


def paths_under(home: Path) -> Paths:
    """The paths of a Stemlift whose STEMLIFT_HOME is `home`."""
    root = home.absolute()
    return Paths(
        settings=root,
        state=root / "state",
        runtime=root / "run",
        models=root / "models",
        logs=root / "logs",
        home=root,
    )


def find_paths() -> Paths:
    """The paths of this process's user, or those under STEMLIFT_HOME when it is set.

    Raises:
        StemliftError: STATE_UNUSABLE when STEMLIFT_HOME leads nowhere.
    """
    home = os.environ.get(HOME_VARIABLE)
    if home:
        try:
            return paths_under(Path(home).expanduser())
        except (OSError, RuntimeError) as error:
            # "~nobody", or a relative path in a folder that was removed.
            raise StemliftError(
                Reason.STATE_UNUSABLE,
                f"{HOME_VARIABLE} is {home!r}, which leads nowhere: {error}.",
                "Set it to the absolute path of a folder.",
            ) from error
    dirs = platformdirs.PlatformDirs("stemlift", appauthor=False)
    return Paths(
        settings=dirs.user_config_path,
        state=dirs.user_state_path,
        runtime=_runtime_folder(dirs),
        models=dirs.user_data_path / "models",
        logs=dirs.user_log_path,
    )


def _runtime_folder(dirs: platformdirs.PlatformDirs) -> Path | None:
    # Elsewhere platformdirs would warn, or raise, over a folder that the server alone needs.
    if sys.platform in ("win32", "darwin"):
        return dirs.user_runtime_path
    given = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    return given / "stemlift" if given.is_absolute() else None
