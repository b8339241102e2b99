"""What is known of the service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The service of this Stemlift, as the system has it.

    place: path of its definition, on Windows the name of the task.
    installed: a definition of ours is there.
    current: it is the one that an installation would write now, and in force.
    foreign: a definition of that name is there which somebody else wrote.
    """

    place: str
    installed: bool
    current: bool
    running: bool
    foreign: bool
