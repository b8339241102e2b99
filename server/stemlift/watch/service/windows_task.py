"""The XML of a Windows scheduled task.

Source: Task Scheduler Schema, https://learn.microsoft.com/windows/win32/taskschd/
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from xml.etree import ElementTree

from stemlift.watch.service.program import Program

SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
SOURCE = "Stemlift"
# Raised when the task below changes, so that one of an older make is written anew.
EDITION = "1"


@dataclass(frozen=True, slots=True)
class Task:
    """What tells one task from another; the scheduler gives the rest back in its own words."""

    source: str
    edition: str
    command: str
    arguments: str


def task_name(program: Program) -> str:
    return f"Stemlift\\{program.name}"


def task_of(program: Program) -> Task:
    return Task(SOURCE, EDITION, program.argv[0], _arguments(program))


def task_text(program: Program, user: str) -> bytes:
    """The task: starts when `user` ("DOMAIN\\name") logs on, comes back when it fails.

    UTF-16 with its mark, which schtasks wants.
    """
    task = task_of(program)
    root = ElementTree.Element("Task", {"version": "1.2", "xmlns": SPACE})
    _add(
        root,
        "RegistrationInfo",
        ("Source", task.source),
        ("Version", task.edition),
        ("Description", "Separates songs into stems."),
    )
    triggers = ElementTree.SubElement(root, "Triggers")
    trigger = _add(triggers, "LogonTrigger", ("Enabled", "true"))
    # The scheduler takes no exit code for a failure. So it starts the task every five
    # minutes, and does nothing while it runs.
    _add(trigger, "Repetition", ("Interval", "PT5M"))
    ElementTree.SubElement(trigger, "UserId").text = user
    principals = ElementTree.SubElement(root, "Principals")
    principal = _add(
        principals,
        "Principal",
        ("UserId", user),
        ("LogonType", "InteractiveToken"),
        ("RunLevel", "LeastPrivilege"),
    )
    principal.set("id", "Author")
    settings = _add(
        root,
        "Settings",
        ("MultipleInstancesPolicy", "IgnoreNew"),
        ("DisallowStartIfOnBatteries", "false"),
        ("StopIfGoingOnBatteries", "false"),
        ("StartWhenAvailable", "true"),
        ("ExecutionTimeLimit", "PT0S"),
        # 7, the default, slows disk and CPU down, and REAPER's jobs run here, too.
        ("Priority", "5"),
    )
    _add(settings, "RestartOnFailure", ("Interval", "PT1M"), ("Count", "999"))
    actions = ElementTree.SubElement(root, "Actions", {"Context": "Author"})
    _add(actions, "Exec", ("Command", task.command), ("Arguments", task.arguments))
    return bytes(ElementTree.tostring(root, encoding="utf-16", xml_declaration=True))


def read_task(text: str) -> Task | None:
    """A task as schtasks tells it; None where it is no task."""
    # The declaration names an encoding that a text no longer has.
    start = text.find("<Task")
    try:
        root = ElementTree.fromstring(text[max(start, 0) :])  # noqa: S314 - from the system
    except ElementTree.ParseError:
        return None

    def said(*path: str) -> str:
        return root.findtext("/".join(f"{{{SPACE}}}{name}" for name in path)) or ""

    return Task(
        said("RegistrationInfo", "Source"),
        said("RegistrationInfo", "Version"),
        said("Actions", "Exec", "Command"),
        said("Actions", "Exec", "Arguments"),
    )


def _arguments(program: Program) -> str:
    arguments = list(program.argv[1:])
    if program.home is not None:
        # A task has no environment of its own. Only plain letters, and no "%", which the
        # scheduler would read as the beginning of a variable.
        home = ascii(str(program.home))
        code = (
            f"import os, runpy; os.environ['STEMLIFT_HOME'] = {home}; "
            "runpy.run_module('stemlift', run_name='__main__')"
        )
        arguments = ["-P", "-c", code, "serve"]
    return subprocess.list2cmdline(arguments)


def _add(parent: ElementTree.Element, name: str, *children: tuple[str, str]) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name)
    for child, text in children:
        ElementTree.SubElement(element, child).text = text
    return element
