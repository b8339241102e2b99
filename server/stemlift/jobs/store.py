"""The job store: SQLite in WAL mode, so that no job is lost when the server dies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, delete, event, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.job import Job, JobError, JobResult, JobSpec, JobState, Priority
from stemlift.jobs.tables import SCHEMA_VERSION, Base, JobRow, ReservationRow

# A job under which the server died this often is given up.
MOST_CRASHES = 3

# SQLite's words for a file that is no store, or no longer one.
_DAMAGE = ("malformed", "not a database", "no such column", "no such table")


class JobStore:
    """Jobs and the final names they own. Safe to use from several threads."""

    def __init__(self, database: Path) -> None:
        """Open or make the database.

        Raises:
            StemliftError: STATE_UNUSABLE.
        """
        self._path = database
        self._engine = create_engine(
            URL.create("sqlite", database=str(database)), connect_args={"timeout": 30}
        )
        event.listen(self._engine, "connect", _configure)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        with self._explained():
            with self._engine.begin() as connection:
                version = connection.execute(text("PRAGMA user_version")).scalar_one()
                if version > SCHEMA_VERSION:
                    raise StemliftError(
                        Reason.STATE_UNUSABLE,
                        f"The job store {database} was written by a newer Stemlift.",
                        "Update Stemlift, or point STEMLIFT_HOME at another folder.",
                    )
                connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
            Base.metadata.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def add(
        self,
        job_id: str,
        request_id: str | None,
        asked: JobSpec,
        spec: JobSpec,
        finals: Iterable[Path],
        made_folders: Iterable[Path],
        warnings: Iterable[str],
    ) -> Job:
        """Queue a job and reserve its final names.

        Raises:
            StemliftError: OUTPUT_EXISTS where an unfinished job owns one of the names.
        """
        finals = list(finals)
        with self._session() as session:
            _keep_sources_apart(session, spec.input, finals)
            for final in finals:
                owner = session.get(ReservationRow, _key(final))
                if owner is not None:
                    raise StemliftError(
                        Reason.OUTPUT_EXISTS,
                        f"Job {owner.job_id} is about to write {final}.",
                        "Wait for that job or cancel it, or choose another folder with --out.",
                    )
            row = JobRow(
                id=job_id,
                request_id=request_id,
                asked=asked.model_dump(mode="json"),
                spec=spec.model_dump(mode="json"),
                state=JobState.QUEUED.value,
                background=spec.priority is Priority.BACKGROUND,
                created=datetime.now(UTC),
                warnings=list(warnings),
                made_folders=[str(folder) for folder in made_folders],
            )
            session.add(row)
            session.flush()
            session.add_all(ReservationRow(path=_key(final), job_id=job_id) for final in finals)
            session.flush()
            return _job(row)

    def by_request(self, request_id: str) -> tuple[Job, JobSpec] | None:
        """The job made with a request id, and what was asked for then."""
        with self._session() as session:
            row = session.scalar(select(JobRow).where(JobRow.request_id == request_id))
            return (_job(row), JobSpec.model_validate(row.asked)) if row else None

    def get(self, job_id: str) -> Job:
        """Raises StemliftError (JOB_NOT_FOUND)."""
        with self._session() as session:
            return _job(_row(session, job_id))

    def page(
        self, *, limit: int, before: int | None, states: tuple[JobState, ...]
    ) -> tuple[list[Job], int | None]:
        """Newest first; the second value is `before` for the next page, None on the last."""
        query = select(JobRow).order_by(JobRow.sequence.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(JobRow.sequence < before)
        if states:
            query = query.where(JobRow.state.in_([state.value for state in states]))
        with self._session() as session:
            rows = list(session.scalars(query))
            more = len(rows) > limit
            return [_job(row) for row in rows[:limit]], rows[limit - 1].sequence if more else None

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state."""
        query = select(JobRow.state, func.count()).group_by(JobRow.state)
        with self._session() as session:
            return {JobState(state): count for state, count in session.execute(query)}

    def start_next(self) -> Job | None:
        """Take the first waiting job, interactive ones before background ones.

        It counts as crashed until it ends or is requeued.
        """
        query = (
            select(JobRow)
            .where(JobRow.state == JobState.QUEUED.value, JobRow.cancelling.is_(False))
            .order_by(JobRow.background, JobRow.sequence)
            .limit(1)
        )
        with self._session() as session:
            row = session.scalar(query)
            if row is None:
                return None
            row.state = JobState.RUNNING.value
            row.crashes += 1
            row.started = row.started or datetime.now(UTC)
            return _job(row)

    def requeue(self, job_id: str) -> Job:
        """Put a running job back: the server is leaving in good order. Others stay as they are."""
        with self._session() as session:
            row = _row(session, job_id)
            if row.state == JobState.RUNNING.value:
                row.state = JobState.QUEUED.value
                row.crashes = max(0, row.crashes - 1)
            return _job(row)

    def ask_to_cancel(self, job_id: str) -> Job:
        """Note that a running job shall stop, so that a restart does not forget it."""
        with self._session() as session:
            row = _row(session, job_id)
            row.cancelling = not JobState(row.state).ended
            return _job(row)

    def recover(self) -> list[Job]:
        """After a restart: requeue what ran when the server died.

        Returns:
            The jobs that shall not run again and have not ended yet: those that were being
            cancelled, and those under which the server died too often.
        """
        unfinished = select(JobRow).where(
            JobRow.state.in_([JobState.RUNNING.value, JobState.QUEUED.value])
        )
        over = []
        with self._session() as session:
            for row in session.scalars(unfinished):
                if row.cancelling or row.crashes >= MOST_CRASHES:
                    over.append(_job(row))
                else:
                    row.state = JobState.QUEUED.value
        return over

    def note_device(self, job_id: str, device: str, reason: str) -> Job:
        with self._session() as session:
            row = _row(session, job_id)
            row.device, row.device_reason = device, reason
            return _job(row)

    def warn(self, job_id: str, message: str) -> Job:
        """Add a warning; the same one is kept once."""
        with self._session() as session:
            row = _row(session, job_id)
            if message not in row.warnings:
                row.warnings = [*row.warnings, message]
            return _job(row)

    def begin_publishing(
        self, job_id: str, result: JobResult, device: str, batch: int, elapsed_seconds: float
    ) -> Job:
        """The stems are complete; what is left to do is to give them their names."""
        with self._session() as session:
            row = _row(session, job_id)
            row.result = result.model_dump(mode="json")
            row.device, row.batch, row.elapsed_seconds = device, batch, elapsed_seconds
            row.publishing = True
            return _job(row)

    def separate_again(self, job_id: str) -> Job:
        """What a job was about to publish is lost."""
        with self._session() as session:
            row = _row(session, job_id)
            row.publishing, row.result = False, None
            return _job(row)

    def succeed(self, job_id: str) -> Job:
        """End a job whose stems have their names."""
        with self._session() as session:
            row = _row(session, job_id)
            _end(session, row, JobState.SUCCEEDED, None)
            return _job(row)

    def fail(self, job_id: str, error: JobError, elapsed_seconds: float = 0.0) -> Job:
        """End a job as FAILED, or as CANCELLED where that is the reason.

        One that has ended stays as it is.
        """
        with self._session() as session:
            row = _row(session, job_id)
            if JobState(row.state).ended:
                return _job(row)
            row.elapsed_seconds = elapsed_seconds
            row.result = None
            cancelled = error.reason is Reason.CANCELLED
            _end(session, row, JobState.CANCELLED if cancelled else JobState.FAILED, error)
            return _job(row)

    def delete(self, job_id: str) -> None:
        """Forget a job.

        Raises:
            StemliftError: JOB_NOT_FOUND, or JOB_ACTIVE where it has not ended.
        """
        with self._session() as session:
            row = _row(session, job_id)
            if not JobState(row.state).ended:
                raise StemliftError(
                    Reason.JOB_ACTIVE,
                    f"Job {job_id} has not ended.",
                    f"Cancel it first: stemlift jobs cancel {job_id}",
                )
            session.delete(row)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self._explained(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            damaged = any(word in str(error.orig) for word in _DAMAGE)
            raise StemliftError(
                Reason.STATE_UNUSABLE,
                f"The job store {self._path} cannot be used: {error.orig}.",
                "It is damaged. Move it away; the list of jobs then starts anew."
                if damaged
                else "Check that its drive has room and can be written.",
            ) from error


def _configure(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _row(session: Session, job_id: str) -> JobRow:
    row = session.scalar(select(JobRow).where(JobRow.id == job_id))
    if row is None:
        raise StemliftError(
            Reason.JOB_NOT_FOUND,
            f"There is no job {job_id!r}.",
            "List the jobs with `stemlift jobs list`.",
        )
    return row


def _keep_sources_apart(session: Session, source: Path, finals: Iterable[Path]) -> None:
    """Refuse a job that would write over the song of a waiting one, or read what one writes.

    Raises:
        StemliftError: OUTPUT_EXISTS.
    """
    writer = session.get(ReservationRow, _key(source))
    if writer is not None:
        raise StemliftError(
            Reason.OUTPUT_EXISTS,
            f"Job {writer.job_id} is about to write {source}.",
            "Wait for that job or cancel it, then start this one.",
        )
    active = select(JobRow).where(JobRow.state.in_([JobState.RUNNING.value, JobState.QUEUED.value]))
    sources = {_key(Path(row.spec["input"])): row.id for row in session.scalars(active)}
    for final in finals:
        reader = sources.get(_key(final))
        if reader is not None:
            raise StemliftError(
                Reason.OUTPUT_EXISTS,
                f"{final} is the song of job {reader}, which has not ended.",
                "Wait for that job or cancel it, or choose another folder with --out.",
            )


def _end(session: Session, row: JobRow, state: JobState, error: JobError | None) -> None:
    row.state = state.value
    row.error = error.model_dump(mode="json") if error else None
    row.ended = datetime.now(UTC)
    row.crashes = 0
    row.publishing = row.cancelling = False
    session.execute(delete(ReservationRow).where(ReservationRow.job_id == row.id))


def _key(path: Path) -> str:
    """One spelling for one file, as far as the name tells."""
    return os.path.normcase(os.path.realpath(path))


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        request_id=row.request_id,
        spec=JobSpec.model_validate(row.spec),
        state=JobState(row.state),
        created=row.created.replace(tzinfo=UTC),
        started=_utc(row.started),
        ended=_utc(row.ended),
        elapsed_seconds=row.elapsed_seconds or 0.0,
        device=row.device or "",
        device_reason=row.device_reason or "",
        batch=row.batch or 0,
        warnings=tuple(row.warnings or ()),
        result=JobResult.model_validate(row.result) if row.result else None,
        error=JobError.model_validate(row.error) if row.error else None,
        crashes=row.crashes or 0,
        publishing=bool(row.publishing),
        cancelling=bool(row.cancelling),
        made_folders=tuple(Path(folder) for folder in row.made_folders or ()),
    )
