"""What pyproject.toml cannot say: the scripts for REAPER lie outside the package and go into it."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SCRIPTS = Path("reaper_scripts")
INSIDE = Path("stemlift", "reaper_scripts")


class BuildWithScripts(build_py):
    """Copies them into a wheel. An editable installation finds them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for script, target in self._copies():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(script, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        copied = [] if self.editable_mode else [str(target) for _, target in self._copies()]
        return [*super().get_outputs(include_bytecode), *copied]

    def _copies(self) -> list[tuple[Path, Path]]:
        built = Path(self.build_lib) / INSIDE
        return [(path, built / path.relative_to(SCRIPTS)) for path in SCRIPTS.rglob("*.lua")]


setup(cmdclass={"build_py": BuildWithScripts})
