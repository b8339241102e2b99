"""`stemlift-reaper run`: from a job file to stems, and a plan of what to do with them.

A helper may die at any moment. Nothing is lost: the server goes on with its jobs, and a new
helper on the same folder finds them again, since the id of each request follows from the
folder's id, the job's key and how often it was tried.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stemlift import __version__
from stemlift.errors import Exit, Reason, StemliftError
from stemlift.paths import Paths
from stemlift.reaper.folder import JobFolder
from stemlift.reaper.forgetting import remove_old
from stemlift.reaper.messages import JobFile, Phase
from stemlift.reaper.plan import Plan, PlannedJob
from stemlift.reaper.planning import finish_plan, make_plan
from stemlift.reaper.status import StatusFile, trouble

if TYPE_CHECKING:
    from stemlift.reaper.tally import Tally
    from stemlift.rpc.client import Client, RemoteJob
    from stemlift.rpc.requests import Channels, SeparateOptions
    from stemlift.rpc.results import SeparationResult

LOSSES = 5
"""So often a server may go away under one job before the helper gives up."""

ATTEMPTS = 100
"""So often one range may be tried, and so many names may be taken, before the helper gives up."""

logger = logging.getLogger(__name__)


class CancelAsked(Exception):  # noqa: N818 - no error
    """The script asks to cancel."""


def run(folder: JobFolder, paths: Paths, heartbeat: Callable[[], None] = lambda: None) -> int:
    """Do what the job file says, to the end; returns the exit code.

    Whatever happens is in the status file, errors too. A second helper on a folder leaves.

    Args:
        paths: of the Stemlift whose server shall do it.
        heartbeat: called often; what it raises ends the helper and leaves the jobs running.
    """
    if not folder.path.is_dir():
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no folder {folder.path}.",
            "Give the folder of a job that the scripts in REAPER made.",
        )
    with folder.held(folder.leaving()) as ours:
        if not ours:
            logger.info("another helper works on %s", folder.path)
            return Exit.DONE
        code = _run(folder, paths, heartbeat)
    # Afterwards, since a script waits for a sign of life; and our own, if it was forgotten.
    for gone in remove_old(folder.path.parent):
        logger.info("removed the old job %s", gone)
    return code


def _run(folder: JobFolder, paths: Paths, heartbeat: Callable[[], None]) -> int:
    before = folder.read_status()
    try:
        job = folder.read_job()
    except StemliftError as error:
        title = before.title if before else ""
        with StatusFile(folder, before.id if before else folder.path.name, title) as status:
            status.end(Phase.FAILED, error=trouble(error))
        return error.exit_code
    with StatusFile(folder, job.id, job.title) as status:
        helper = Helper(folder, job, paths, status, heartbeat)
        try:
            helper.work()
        except CancelAsked:
            helper.cancel(before.server_jobs if before else ())
            folder.forget_cancel()
            status.end(Phase.CANCELLED)
            return Exit.CANCELLED
        except StemliftError as error:
            if error.exit_code != Exit.SERVER:
                # What has not run yet shall not: nobody waits for it.
                helper.cancel()
            # Cancelled by somebody else: by the command line, for instance.
            cancelled = error.reason is Reason.CANCELLED
            status.end(Phase.CANCELLED if cancelled else Phase.FAILED, error=trouble(error))
            return error.exit_code
        except Exception as error:
            # The last stop: nobody sees a helper's output, so the script has to say it.
            logger.exception("a fault of ours")
            helper.cancel()
            status.end(Phase.FAILED, error=trouble(_fault(folder, error)))
            return Exit.FAULT
    return Exit.DONE


class Helper:
    """One run over one folder."""

    def __init__(
        self,
        folder: JobFolder,
        job: JobFile,
        paths: Paths,
        status: StatusFile,
        heartbeat: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._job = job
        self._paths = paths
        self._status = status
        self._heartbeat = heartbeat
        self._ids: list[str] = []
        self._done: set[str] = set()
        self._over = False

    def work(self) -> None:
        """Plan, separate, and end with the import plan.

        Raises:
            StemliftError: whatever went wrong.
            CancelAsked: the script asks to cancel.
        """
        self._beat()
        logger.info("REAPER %s, Stemlift %s", self._job.request.reaper or "(?)", __version__)
        if self._job.manifest:
            self._place_stems(Path(self._job.manifest))
            return
        plan = self._plan()
        self._status.update(
            warnings=plan.notices,
            skipped=plan.skipped,
            offers=plan.offers,
            jobs_total=len(plan.jobs),
        )
        if not plan.jobs:
            self._status.end(Phase.NOTHING)
            return
        results = self._separate(plan)
        said = self._status.current.warnings
        found = (text for result in results.values() for text in result.warnings)
        self._status.end(
            Phase.DONE,
            fraction=1.0,
            warnings=tuple(dict.fromkeys((*said, *found))),
            plan=finish_plan(self._job.request, plan, results, join=bool(self._job.reuse)),
        )

    def _place_stems(self, manifest: Path) -> None:
        """Of stems that are there already: nothing is separated, and no server asked."""
        from stemlift.reaper.manifest import place, read_manifest

        placed = place(self._job.request, read_manifest(manifest))
        self._status.update(warnings=placed.notices, skipped=placed.skipped)
        if placed.plan is None:
            self._status.end(Phase.NOTHING)
        else:
            self._status.end(Phase.DONE, fraction=1.0, plan=placed.plan)

    def cancel(self, known: tuple[str, ...] = ()) -> None:
        """Stop the server's jobs, those that an earlier helper made too.

        A server that cannot be reached has nothing running.
        """
        ids = list(dict.fromkeys((*self._ids, *known)))
        if not ids:
            return
        from stemlift.rpc.client import Client

        self._over = True
        self._status.update(stage="Cancelling")
        try:
            with Client(self._paths, heartbeat=self._beat) as client:
                for each in ids:
                    self._stop(client, each)
        except StemliftError as error:
            logger.warning("cancelling: %s", error)

    def _stop(self, client: Client, id: str) -> None:  # noqa: A002
        try:
            job = client.job(id)
            if not job.cancel().state.ended:
                # So that trying again does not find a job that is about to end.
                for _ in job:
                    pass
        except StemliftError as error:
            # Deleted from the server's list, or the server left: nothing runs any more.
            logger.info("job %s: %s", id, error)

    def _plan(self) -> Plan:
        """The plan that was made before, so that names and ids in it stay; else a new one."""
        plan = self._folder.read_plan()
        if plan is None:
            plan = make_plan(self._job.request, earlier=self._earlier(), join=bool(self._job.reuse))
            self._keep(plan)
        return plan

    def _earlier(self) -> tuple[PlannedJob, ...]:
        """Those whose stems shall serve again. Where they are gone all is separated anew."""
        if not self._job.reuse:
            return ()
        plan = JobFolder(self._folder.path.with_name(self._job.reuse)).read_plan()
        return plan.jobs if plan is not None else ()

    def _keep(self, plan: Plan) -> None:
        try:
            self._folder.keep_plan(plan)
        except OSError as error:
            raise StemliftError(
                Reason.WRITE_FAILED,
                f"The plan cannot be kept in {self._folder.path}: {error}.",
                "Free some space or make the folder writable, then try again.",
            ) from error

    def _with_model(self, client: Client, plan: Plan) -> Plan:
        """The plan, with another model where auto's choice does not give the stems asked for."""
        from stemlift.reaper.automatic import AUTO, choose, with_model

        stems = next((job.stems for job in plan.jobs if job.model == AUTO), ())
        if not stems:
            return plan
        choice = choose(client.models().models, stems)
        if choice.model == AUTO:
            return plan
        plan = with_model(plan, choice)
        # So that a new helper asks for the same, whatever is installed meanwhile.
        self._keep(plan)
        self._status.update(warnings=plan.notices)
        return plan

    def _separate(self, plan: Plan) -> dict[str, SeparationResult]:
        """The results by the keys of the jobs; a server that goes away is started again."""
        from stemlift.reaper.tally import Tally, weigh
        from stemlift.rpc.client import Client

        tally = Tally(weigh(plan.jobs, self._job.request))
        losses = 0
        self._status.update(stage="Looking for the server")
        while True:
            try:
                with Client(self._paths, on_wait=self._say, heartbeat=self._beat) as client:
                    plan = self._with_model(client, plan)
                    jobs = [(planned, self._claim(client, planned)) for planned in plan.jobs]
                    return {
                        planned.key: self._follow(planned.key, job, tally) for planned, job in jobs
                    }
            except StemliftError as error:
                losses += 1
                if error.reason is not Reason.SERVER_LOST or losses > LOSSES:
                    raise
                logger.warning("lost the server, time %d: %s", losses, error)
                self._say("The server went away; starting it again…")

    def _claim(self, client: Client, planned: PlannedJob) -> RemoteJob:
        """The server's job for `planned`: that of an earlier helper where there is one.

        One that failed or was cancelled before this helper came is tried anew; a name that is
        taken gets a number.
        """
        tried = taken = 0
        while tried < ATTEMPTS and taken < ATTEMPTS:
            self._beat()
            options = _options(planned, taken)
            options["request_id"] = request_id(
                self._job.reuse or self._job.id, planned.key, tried, taken
            )
            try:
                job = client.separate(planned.input, **options)
            except StemliftError as error:
                if error.reason is Reason.REQUEST_CONFLICT:
                    tried += 1
                elif error.reason is Reason.OUTPUT_EXISTS:
                    taken += 1
                else:
                    raise
                continue
            if job.id in self._ids or _usable(job):
                if job.id not in self._ids:
                    self._ids.append(job.id)
                self._status.update(server_jobs=tuple(self._ids))
                return job
            tried += 1
        raise StemliftError(
            Reason.OUTPUT_EXISTS if taken else Reason.REQUEST_CONFLICT,
            f"{planned.output_folder} holds stems of {Path(planned.input).name} under"
            f" {ATTEMPTS} names.",
            "Remove some of them, or choose another media folder.",
        )

    def _follow(self, key: str, job: RemoteJob, tally: Tally) -> SeparationResult:
        from stemlift.reaper.tally import in_words
        from stemlift.rpc.results import JobState

        update = job.latest
        updates = iter(()) if update.state.ended else iter(job)
        while True:
            tally.note(key, update)
            if update.state.ended:
                break
            waiting = update.state is JobState.QUEUED
            self._status.update(
                phase=Phase.WAITING if waiting else Phase.RUNNING,
                stage=in_words(update),
                fraction=tally.fraction,
                seconds_left=tally.seconds_left(key, update),
                device=update.device or self._status.current.device,
                model=update.model,
            )
            self._beat()
            update = next(updates)
        # Raises why it failed.
        result = job.result()
        self._done.add(key)
        self._status.update(
            jobs_done=len(self._done),
            fraction=tally.fraction,
            device=result.device or self._status.current.device,
            model=result.model,
        )
        return result

    def _say(self, text: str) -> None:
        self._status.update(stage=text.rstrip("…."), seconds_left=None)

    def _beat(self) -> None:
        self._heartbeat()
        if not self._over and self._folder.cancel_asked:
            raise CancelAsked


def request_id(folder_id: str, key: str, tried: int, taken: int) -> str:
    """The same for the same range, so that a new helper finds the job of the one before."""
    said = "\0".join((folder_id, key, str(tried), str(taken)))
    return "reaper-" + hashlib.sha256(said.encode()).hexdigest()[:40]


def _options(planned: PlannedJob, taken: int) -> SeparateOptions:
    template = planned.name_template
    return {
        "model": planned.model,
        "stems": planned.stems or None,
        "out": planned.output_folder,
        "start_frame": planned.start_frame,
        "frames": planned.frames or None,
        "channels": _channels(planned),
        "remainder": planned.remainder,
        "mask": planned.mask,
        "name_template": f"{template} {taken + 1}" if taken else template,
    }


def _channels(planned: PlannedJob) -> Channels | None:
    match planned.channel_mode:
        case "all":
            return None
        case "mono":
            return planned.channel_first
        case "pair":
            return planned.channel_first, planned.channel_second
        case "swap":
            return "swap"
        case "downmix":
            return "downmix"


def _usable(job: RemoteJob) -> bool:
    """Whether a job that was found is one to wait for, or whose stems are there."""
    found = job.latest
    if found.result is not None:
        return all(path.exists() for path in found.result.stems.values())
    return not found.state.ended


def _fault(folder: JobFolder, error: Exception) -> StemliftError:
    return StemliftError(
        Reason.INTERNAL,
        f"Stemlift failed in a way it should not: {type(error).__name__}: {error}.",
        f"Please report it with a support bundle, and keep {folder.log_file}.",
    )
