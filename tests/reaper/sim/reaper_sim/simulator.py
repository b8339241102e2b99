"""REAPER without REAPER: projects, scripts, clock, dialogs, processes, and what was done wrong."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reaper_sim import api_items, api_project, api_system, api_takes, api_tracks
from reaper_sim.commandline import Processes
from reaper_sim.contract import EXTENSIONS, SINCE, ApiError, functions
from reaper_sim.project import Project
from reaper_sim.script import InjectedError, Script, ScriptError
from reaper_sim.window import Window

TICK = 1 / 30
IMPLEMENTED: dict[str, Callable[..., object]] = {
    **api_items.API,
    **api_takes.API,
    **api_tracks.API,
    **api_project.API,
    **api_system.API,
}


class Clock:
    """Simulated time. It starts at the real time, so that times of real processes compare."""

    def __init__(self) -> None:
        self._started = time.time()
        self._now = 0.0

    def time(self) -> float:
        """Unix time."""
        return self._started + self._now

    def precise(self) -> float:
        return 1000.0 + self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


@dataclass
class Box:
    """A message box or question that was shown."""

    text: str
    title: str
    kind: int
    answer: int


@dataclass
class Call:
    """What an implementation gets besides its arguments."""

    sim: Simulator
    script: Script
    count: int

    def project(self, given: Project | None) -> Project:
        return given if given is not None else self.sim.current


@dataclass
class Action:
    identifier: int
    name: str
    path: str


@dataclass
class Injection:
    name: str
    error: str | None
    result: object
    after: int
    times: int


@dataclass
class Simulator:
    """folder: where resource path, media and projects lie; a temporary one.

    errors: of scripts, as REAPER would show them. violations: of the API's rules; any fails the
    test through the fixture, even where a script catches the error.
    """

    folder: Path
    lua: str = "lua54"
    version: str = "7.16/linux-x86_64"
    system: str = "Other"
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.resource_path = self.folder / "REAPER"
        self.recording_path = self.folder / "Documents" / "REAPER Media"
        for path in (self.resource_path / "Scripts", self.recording_path):
            path.mkdir(parents=True, exist_ok=True)
        self.errors: list[str] = []
        self.violations: list[str] = []
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.scripts: list[Script] = []
        self.projects: list[Project] = []
        self.processes = Processes()
        self.console = ""
        self.boxes: list[Box] = []
        self.box_answers: list[int] = []
        self.inputs: list[tuple[str, list[str], list[str]]] = []
        self.input_answers: list[list[str] | None] = []
        self.menus: list[str] = []
        self.menu_answers: list[str | int] = []
        self.revealed: list[str] = []
        self.file_answers: list[str | None] = []
        self.commands: list[tuple[int, int]] = []
        self.command_handlers: dict[int, Callable[[], None]] = {}
        self.actions: list[Action] = []
        self.toggles: dict[int, int] = {}
        self.hidden: set[str] = set()
        self.extensions: set[str] = set()
        self.default_effects: tuple[str, ...] = ()
        self.leave_open = False
        self.ext_state: dict[str, dict[str, str]] = {}
        self.theme_colours: dict[str, int] = {}
        self._injections: list[Injection] = []
        self.load_ext_state()
        self.current = self.project()

    # Projects.

    def project(self, path: Path | str | None = None, *, rate: int = 44100) -> Project:
        """A new project in a tab of its own, made the current one; `path` None: not saved."""
        found = Project(Path(path) if path else None, self.recording_path, rate)
        if found.folder is not None:
            found.folder.mkdir(parents=True, exist_ok=True)
        self.projects.append(found)
        self.current = found
        return found

    def switch(self, project: Project) -> None:
        assert project in self.projects
        self.current = project

    def close(self, project: Project) -> None:
        """Close a tab; pointers into it are stale from here on."""
        self.projects.remove(project)
        for track in [*project.tracks, project.master]:
            for item in track.items:
                item.alive = False
            track.alive = False
        project.alive = False
        if not self.projects:
            self.project()
        elif self.current is project:
            self.current = self.projects[-1]

    def save(self, project: Project, path: Path | None = None) -> Path:
        target = path or project.path
        assert target is not None
        target.parent.mkdir(parents=True, exist_ok=True)
        project.path = target
        target.write_text(project.text(), encoding="utf-8")
        project.dirty = False
        return target

    def open(self, path: Path) -> Project:
        found = self.project(path)
        found.load(path.read_text(encoding="utf-8"))
        return found

    # Scripts.

    def register(self, path: Path | str) -> int:
        """The command id of a script in the action list."""
        for action in self.actions:
            if action.path == str(path):
                return action.identifier
        identifier = 53000 + len(self.actions)
        name = f"RS{Path(path).name.encode().hex():0>40.40}"
        self.actions.append(Action(identifier, name, str(path)))
        return identifier

    def run(self, path: Path | str, *, ok: bool = True) -> Script:
        """Start a script as an action; it may go on under defer. `ok`: its errors raise here."""
        script = Script(self, path, self.register(path), self.lua)
        return self._begin(script, None, ok)

    def run_text(self, text: str, *, ok: bool = True, name: str = "test.lua") -> Script:
        """Start a script from its text."""
        script = Script(self, self.resource_path / "Scripts" / name, 0, self.lua)
        return self._begin(script, text, ok)

    def _begin(self, script: Script, text: str | None, ok: bool) -> Script:
        self.scripts.append(script)
        script.start(text)
        if ok and script.error:
            raise ScriptError(script.error)
        return script

    @property
    def running(self) -> list[Script]:
        return [script for script in self.scripts if script.running]

    def step(self, rounds: int = 1, seconds: float = TICK) -> None:
        """Rounds of defer, each later by `seconds` of simulated time."""
        for _ in range(rounds):
            self.clock.advance(seconds)
            for script in self.running:
                script.step()

    def run_until(self, condition: Callable[[], object], timeout: float = 30.0) -> None:
        """Rounds of defer until it holds; simulated time goes with real time meanwhile.

        timeout: real seconds. Fails when it runs out or nothing runs that could change anything.
        """
        last = begun = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now - begun > timeout:
                raise AssertionError(f"not in {timeout} s; {self.state()}")
            if not self.running and not self.processes.running():
                if condition():
                    return
                raise AssertionError(f"all scripts and processes ended; {self.state()}")
            time.sleep(0.01)
            self.step(1, max(0.0, time.monotonic() - last))
            last = time.monotonic()

    def run_to_end(self, script: Script | None = None, timeout: float = 30.0) -> None:
        """Until the script, or every script, has ended."""
        self.run_until(lambda: not (script.running if script else self.running), timeout)

    def state(self) -> str:
        windows = [script.window.text for script in self.scripts if script.window.open]
        return f"errors {self.errors}, violations {self.violations}, windows {windows}"

    @property
    def window(self) -> Window:
        """The window opened last."""
        found = [script.window for script in self.scripts if script.window.open]
        assert found, f"no window is open; {self.state()}"
        return found[-1]

    # What a test arranges.

    def inject(
        self,
        name: str,
        *,
        error: str | None = "injected failure",
        result: object = None,
        after: int = 0,
        times: int = 1,
    ) -> None:
        """Make a function fail, or return `result` where `error` is None, after some calls."""
        self._injections.append(Injection(name, error, result, after, times))

    def hide(self, *names: str) -> None:
        """Functions that this REAPER does not have."""
        self.hidden.update(names)

    def has(self, name: str) -> bool:
        if name in self.hidden or name not in functions():
            return False
        if name.startswith(EXTENSIONS):
            return any(name.startswith(prefix) for prefix in self.extensions)
        return SINCE.get(name, 0.0) <= float(self.version.split("/")[0])

    def violate(self, text: str) -> None:
        self.violations.append(text)

    def perform(self, script: Script, name: str, given: list[Any], count: int) -> object:
        for injection in self._injections:
            if injection.name == name and injection.times > 0:
                if injection.after > 0:
                    injection.after -= 1
                    continue
                injection.times -= 1
                if injection.error is not None:
                    raise InjectedError(injection.error)
                return injection.result
        if name.startswith("gfx."):
            return script.window.call(name, given)
        if name not in IMPLEMENTED:
            raise NotImplementedError(f"the simulator has no {name}")
        return IMPLEMENTED[name](Call(self, script, count), *given)

    # Dialogs.

    def show_box(self, text: str, title: str, kind: int) -> int:
        if self.box_answers:
            answer = self.box_answers.pop(0)
        elif kind == 0:
            answer = 1
        else:
            self.boxes.append(Box(text, title, kind, 0))
            raise ApiError(f"nobody answers the box {title!r}: {text}")
        self.boxes.append(Box(text, title, kind, answer))
        return answer

    def choose_from_menu(self, menu: str) -> int:
        """The answer is the number or the text of an entry; nothing is chosen without one."""
        self.menus.append(menu)
        if not self.menu_answers:
            return 0
        wanted = self.menu_answers.pop(0)
        if isinstance(wanted, int):
            return wanted
        labels = [
            label for part in menu.split("|") if (label := part.lstrip("<")) and label[0] != ">"
        ]
        for number, label in enumerate(labels, 1):
            if label.lstrip("!#") == wanted:
                if "#" in label[: len(label) - len(label.lstrip("!#"))]:
                    raise ApiError(f"{wanted!r} is greyed in the menu {menu!r}")
                return number
        raise ApiError(f"{wanted!r} is not in the menu {menu!r}")

    # ExtState, which outlives REAPER where a script says so.

    @property
    def _ext_file(self) -> Path:
        return self.resource_path / "reaper-extstate.ini"

    def load_ext_state(self) -> None:
        self.ext_state = {}
        with contextlib.suppress(FileNotFoundError):
            self.ext_state = json.loads(self._ext_file.read_text(encoding="utf-8"))
        self._kept = json.loads(json.dumps(self.ext_state))

    def set_ext_state(self, section: str, key: str, value: str | None, persist: bool) -> None:
        for store in [self.ext_state, *([self._kept] if persist else [])]:
            if value is None:
                store.get(section, {}).pop(key, None)
            else:
                store.setdefault(section, {})[key] = value
        if persist:
            self._ext_file.write_text(json.dumps(self._kept), encoding="utf-8")

    def restart(self) -> None:
        """REAPER quits and starts again with an empty project; scripts end, files stay."""
        for script in self.running:
            script.stop()
        for project in list(self.projects):
            self.projects.remove(project)
            project.alive = False
        self.load_ext_state()
        self.project()

    # The end of a test.

    def quit(self) -> None:
        """End scripts and processes."""
        for script in self.running:
            script.stop()
        self.processes.kill()

    def leaks(self) -> list[str]:
        """What a test must not leave; `leave_open`: running scripts and their windows may stay."""
        self.processes.settle(3.0)
        found = list(self.violations) + self.errors
        if not self.leave_open:
            found += [f"{s} still runs" for s in self.running]
            found += [f"window {s.window.title!r} is open" for s in self.scripts if s.window.open]
        found += [f"process {p.args!r} still runs" for p in self.processes.running()]
        found += [
            f"an undo block of {p.path or 'an unsaved project'} is open"
            for p in self.projects
            if p.undo.depth
        ]
        return found
