"""Stand-ins for systemd, launchd and the task scheduler, as far as a service meets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from stemlift.system.commands import Ran

DONE = Ran(0, "")


class Recorder:
    """Keeps what was asked. `broken` names words whose commands fail, `absent` all of them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.broken: set[str] = set()
        self.absent = False

    def __call__(self, argv: Sequence[str]) -> Ran:
        self.asked.append(tuple(argv))
        if self.absent:
            return Ran(127, f"{argv[0]}: No such file or directory")
        if self.broken & set(argv):
            return Ran(1, "  it did\nnot work ")
        return self.answer(tuple(argv))

    def answer(self, argv: tuple[str, ...]) -> Ran:
        raise NotImplementedError

    def changes(self, looks: Callable[[tuple[str, ...]], bool]) -> list[tuple[str, ...]]:
        """What was asked since the last call, but for what only looks."""
        asked, self.asked = self.asked, []
        return [argv for argv in asked if not looks(argv)]


class Systemd(Recorder):
    """Units in `folder`; knows the text it loaded last of each."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.session = True
        self.loaded: dict[str, str] = {}
        self.enabled: set[str] = set()
        self.active: dict[str, str] = {}

    def answer(self, argv: tuple[str, ...]) -> Ran:
        assert argv[:2] == ("systemctl", "--user")
        if not self.session:
            return Ran(1, "Failed to connect to bus: No medium found")
        verb, unit = argv[2], argv[-1]
        if verb == "show-environment":
            return DONE
        if verb == "daemon-reload":
            self.loaded = {file.name: file.read_text() for file in self.folder.glob("*.service")}
            return DONE
        if verb == "is-enabled":
            return DONE if unit in self.enabled else Ran(1, "disabled")
        if verb == "is-active":
            return Ran(0, "active\n") if unit in self.active else Ran(3, "inactive\n")
        if verb == "disable":
            self.enabled.discard(unit)
            self.active.pop(unit, None)
            return DONE
        if unit not in self.loaded:
            return Ran(5, f"Unit {unit} not found.")
        if verb == "enable":
            self.enabled.add(unit)
        elif verb == "restart" or (verb == "start" and unit not in self.active):
            self.active[unit] = self.loaded[unit]
        return DONE


class Launchd(Recorder):
    """Agents of user 501; one that is ended takes three looks to be gone."""

    def __init__(self) -> None:
        super().__init__()
        self.session = True
        self.agents: dict[str, bytes] = {}
        self.leaving: dict[str, int] = {}
        self.disabled: set[str] = set()

    def answer(self, argv: tuple[str, ...]) -> Ran:
        assert argv[0] == "launchctl"
        if not self.session:
            return Ran(125, "Could not find domain for")
        verb, target = argv[1], argv[2]
        assert target.startswith("gui/501")
        if verb == "print":
            if target == "gui/501":
                return DONE
            self._age(target)
            if target in self.agents:
                return Ran(0, f"{target} = {{\n\tstate = running\n}}")
            return Ran(113, "Could not find service")
        if verb == "enable":
            self.disabled.discard(target)
        elif verb == "bootout":
            if target not in self.agents:
                return Ran(3, "No such process")
            self.leaving[target] = 3
        elif verb == "bootstrap":
            file = Path(argv[3])
            agent = f"{target}/{file.stem}"
            if agent in self.agents or agent in self.disabled:
                return Ran(5, "Bootstrap failed: 5: Input/output error")
            self.agents[agent] = file.read_bytes()
        return DONE

    def _age(self, target: str) -> None:
        if target in self.leaving:
            self.leaving[target] -= 1
            if not self.leaving[target]:
                del self.leaving[target], self.agents[target]


class Scheduler(Recorder):
    """Scheduled tasks, given back with another layout than they came in."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: dict[str, str] = {}
        self.running: set[str] = set()

    def answer(self, argv: tuple[str, ...]) -> Ran:
        if argv[0] == "powershell.exe":
            quoted = argv[-1].split("'")
            name = quoted[1].strip("\\") + "\\" + quoted[3]
            return Ran(0, "4\r\n" if name in self.running else "3\r\n")
        assert argv[0] == "schtasks"
        assert argv[2] == "/TN"
        verb, name = argv[1], argv[3]
        if verb == "/Create":
            text = Path(argv[5]).read_bytes().decode("utf-16")
            self.tasks[name] = text.replace("><", ">\r\n  <")
            return DONE
        if name not in self.tasks:
            return Ran(1, "ERROR: The system cannot find the file specified.")
        if verb == "/Query":
            return Ran(0, self.tasks[name])
        if verb == "/Run":
            self.running.add(name)
        elif verb == "/End":
            self.running.discard(name)
        elif verb == "/Delete":
            self.running.discard(name)
            del self.tasks[name]
        return DONE
