"""What script and helper tell each other: the job file, the status file, the cancel file.

All lie in one folder of the state folder, `reaper/<job>/`: `job.json` by the script,
`status.json` by the helper (replaced as a whole), `cancel` by the script (its being there).
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from stemlift.reaper.facts import VERSION, Facts, Request
from stemlift.reaper.plan import ImportPlan, Skipped

JOB_FILE = "job.json"
STATUS_FILE = "status.json"
CANCEL_FILE = "cancel"


class Phase(StrEnum):
    """PLANNING: the helper has begun. WAITING: another job is before it. DONE: `plan` is there."""

    PLANNING = "planning"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    NOTHING = "nothing"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self not in (Phase.PLANNING, Phase.WAITING, Phase.RUNNING)


class JobFile(Facts):
    """project_id: how the script finds the project again; nothing else reads it.

    reuse: id of an earlier job whose ranges and stems serve this one's items, too, on the tracks
        that its stems lie on; "" for none.
    manifest: path of a stems.json whose stems the items get; "" to separate them.
    """

    version: int = VERSION
    id: str
    project_id: str
    title: str
    created: float
    reuse: str = Field(default="", pattern=r"^([0-9A-Fa-f]{16})?$")
    manifest: str = ""
    request: Request


class Trouble(Facts):
    """An error as every way in shows it."""

    reason: str
    message: str
    remedy: str


class Status(Facts):
    """updated: Unix time; a helper that lives writes at least every two seconds.

    fraction: of all jobs together, 0 to 1; seconds_left: None while it cannot be told.
    device, model: "" until they are known.
    server_jobs: ids of the server's jobs, so that a new helper goes on with them.
    offers: GUIDs of items that nobody selected and that could have the same stems.
    """

    version: int = VERSION
    id: str
    title: str
    pid: int
    phase: Phase
    updated: float
    stage: str = ""
    fraction: float = 0.0
    seconds_left: float | None = None
    device: str = ""
    model: str = ""
    jobs_done: int = 0
    jobs_total: int = 0
    server_jobs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    offers: tuple[str, ...] = ()
    error: Trouble | None = None
    plan: ImportPlan | None = None
