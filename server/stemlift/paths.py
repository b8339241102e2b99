"""Where Stemlift keeps its things.

Settings, state, logs and models live where the platform expects them; the variable
STEMLIFT_HOME puts all of them under one folder. Two such folders never see each other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

HOME_VARIABLE = "STEMLIFT_HOME"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders and files of one user's Stemlift; none of them need exist yet.

    home: the one folder that holds them all, where STEMLIFT_HOME names one.
    """

    settings: Path
    state: Path
    runtime: Path
    models: Path
    logs: Path
    home: Path | None = field(default=None, compare=False)

    @property
    def settings_file(self) -> Path:
        return self.settings / "settings.toml"

    @property
    def database(self) -> Path:
        return self.state / "jobs.sqlite"

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
    """The paths of this process's user, or those under STEMLIFT_HOME when it is set."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return paths_under(Path(home).expanduser())
    dirs = platformdirs.PlatformDirs("stemlift", appauthor=False)
    return Paths(
        settings=dirs.user_config_path,
        state=dirs.user_state_path,
        runtime=dirs.user_runtime_path,
        models=dirs.user_data_path / "models",
        logs=dirs.user_log_path,
    )
