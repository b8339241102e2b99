"""What the watched folders know of their songs: SQLite, so that nothing is lost in a crash.

One ledger for each state folder, whatever the number of inboxes. Every method is one
transaction; they can be called from several threads and processes.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, func, or_, select, text, update
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from stemlift.errors import Reason, StemliftError
from stemlift.watch.entry import BUSY, Entry, FileState, InboxFacts, Known
from stemlift.watch.scan import Seen
from stemlift.watch.tables import SCHEMA_VERSION, Base, FactRow, FileRow, InboxRow

_DAMAGE = ("malformed", "not a database", "no such column", "no such table")

FileId = tuple[int, int]

_TO_DO = (FileState.WAITING, *BUSY)


class Ledger:
    """The files of all inboxes. Their results are in `results.Results`, in the same file."""

    def __init__(self, database: Path) -> None:
        """Open or make the database; its folder exists.

        Raises:
            StemliftError: STATE_UNUSABLE, as every method does.
        """
        self._path = database
        self._engine = create_engine(
            URL.create("sqlite", database=str(database)), connect_args={"timeout": 30}
        )
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        self._renewing = threading.Lock()
        self._file: FileId | None = None
        self._opened = 0
        self.id = secrets.token_hex(4)
        with self.session():
            pass

    @property
    def opened(self) -> int:
        """How often a file was opened for it: more than once where it was removed while used.

        Its number tells files apart only while both are there: a new one may get the old number.
        """
        return self._opened

    def _renew(self) -> None:
        """Begin a new ledger, or go on with another, where the file is no longer the one used.

        SQLite would go on with a file that has no name any more, and all would be lost.
        """
        with self._renewing:
            if self._file is not None and _identity(self._path) == self._file:
                return
            self._engine.dispose()
            with self._sessions.begin() as session:
                self._prepare(session)
            self._file = _identity(self._path)
            self._opened += 1

    def _prepare(self, session: Session) -> None:
        version = session.execute(text("PRAGMA user_version")).scalar_one()
        if version > SCHEMA_VERSION:
            raise StemliftError(
                Reason.STATE_UNUSABLE,
                f"The ledger {self._path} was written by a newer Stemlift.",
                "Update Stemlift, or point STEMLIFT_HOME at another folder.",
            )
        Base.metadata.create_all(session.connection())
        session.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
        row = session.get(FactRow, "id") or FactRow(name="id", value=self.id)
        session.add(row)
        self.id = row.value

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction, which nobody else writes beside."""
        try:
            self._renew()
            with self._sessions.begin() as session:
                yield session
        except DBAPIError as error:
            damaged = any(word in str(error.orig) for word in _DAMAGE)
            raise StemliftError(
                Reason.STATE_UNUSABLE,
                f"The ledger {self._path} cannot be used: {error.orig}.",
                "It is damaged. Move it away; the songs are then taken anew."
                if damaged
                else "Check that its drive has room and can be written.",
            ) from error

    # What the scan tells.

    def known(self, inbox: str) -> dict[str, Known]:
        """The files that were there at the last scan, or are being worked on."""
        query = select(
            FileRow.path,
            FileRow.state,
            FileRow.size,
            FileRow.mtime_ns,
            FileRow.ctime_ns,
            FileRow.report,
        ).where(FileRow.inbox == inbox, FileRow.absent.is_(False))
        with self.session() as session:
            return {
                path: Known(FileState(state), (size, mtime, ctime), report)
                for path, state, size, mtime, ctime, report in session.execute(query)
            }

    def arrive(self, inbox: str, files: Iterable[Seen], now: float) -> None:
        """Files are complete: they wait for their turn. Those being worked on stay as they are."""
        # Each is looked up before any is written: no look has to see what was just put in.
        with self.session() as session, session.no_autoflush:
            for seen in files:
                row = _file(session, inbox, seen.relative)
                if row is not None and FileState(row.state) in BUSY:
                    continue
                if row is None:
                    row = FileRow(inbox=inbox, path=seen.relative, touched=True)
                    session.add(row)
                    _stamp(row, seen)
                elif row.state != FileState.WAITING.value:
                    row.touched = bool(
                        row.absent
                        or row.state != FileState.DONE.value
                        or (row.size, row.mtime_ns) != (seen.size, seen.mtime_ns)
                    )
                _stamp(row, seen)
                row.absent = False
                _wait(row, now)

    def withdraw(self, entry: Entry) -> None:
        """A file changed while it was worked on: it has to arrive anew."""
        with self.session() as session:
            session.get_one(FileRow, entry.id).state = FileState.ARRIVING.value

    def unsettle(self, inbox: str, paths: Iterable[str]) -> None:
        """Files changed while they waited: nothing is done with them until they arrive anew."""
        with self.session() as session:
            for path in paths:
                row = _file(session, inbox, path)
                if row is not None and row.state == FileState.WAITING.value:
                    row.state = FileState.ARRIVING.value

    def fail_arriving(
        self, inbox: str, seen: Seen, error: StemliftError, now: float
    ) -> Entry | None:
        """A file came to rest and is no sound. None where it is being worked on."""
        with self.session() as session:
            row = _file(session, inbox, seen.relative)
            if row is not None and FileState(row.state) in BUSY:
                return None
            if row is None:
                row = FileRow(inbox=inbox, path=seen.relative)
                session.add(row)
            _stamp(row, seen)
            row.absent = False
            _wait(row, now)
            row.state = FileState.FAILED.value
            row.reason, row.message, row.remedy = error.reason.value, error.message, error.remedy
            session.flush()
            return _entry(row)

    def vanish(self, inbox: str, paths: Collection[str]) -> None:
        """Files are gone. Forgotten is what has no result; what is being worked on stays."""
        with self.session() as session:
            for path in paths:
                row = _file(session, inbox, path)
                if row is not None and FileState(row.state) not in BUSY:
                    _forget(session, row)

    # What the work tells.

    def take_next(self, inbox: str, now: float) -> Entry | None:
        """Take up what is to be done next: first what was begun, then what came first.

        From here on it is busy: no scan changes or forgets it under the hands of the worker.

        Only what is due counts; a time that lies further ahead than it was put shows that
        the clock was set back.
        """
        due = or_(FileRow.next_try <= now, FileRow.next_try > now + FileRow.delay)
        query = (
            select(FileRow)
            .where(FileRow.inbox == inbox, FileRow.state.in_([s.value for s in _TO_DO]), due)
            .order_by(FileRow.state == FileState.WAITING.value, FileRow.since, FileRow.id)
            .limit(1)
        )
        with self.session() as session:
            row = session.scalar(query)
            if row is None:
                return None
            if row.state == FileState.WAITING.value:
                row.state = FileState.WORKING.value
            return _entry(row)

    def next_due(self, inbox: str) -> float | None:
        """The earliest time, UNIX, at which something is to be done; None: nothing waits."""
        query = select(func.min(FileRow.next_try)).where(
            FileRow.inbox == inbox, FileRow.state.in_([s.value for s in _TO_DO])
        )
        with self.session() as session:
            return session.scalar(query)

    def change(self, entry: Entry, **changes: Any) -> Entry:
        """Change fields of an entry by name."""
        with self.session() as session:
            row = session.get_one(FileRow, entry.id)
            for name, value in changes.items():
                setattr(row, name, value.value if isinstance(value, FileState) else value)
            return _entry(row)

    def get(self, entry: Entry) -> Entry:
        with self.session() as session:
            return _entry(session.get_one(FileRow, entry.id))

    def find(self, inbox: str, path: str) -> Entry | None:
        with self.session() as session:
            row = _file(session, inbox, path)
            return _entry(row) if row else None

    def entries(self, inbox: str, *states: FileState) -> list[Entry]:
        """The files in these states, the longest there first."""
        query = (
            select(FileRow)
            .where(FileRow.inbox == inbox, FileRow.state.in_([s.value for s in states]))
            .order_by(FileRow.since, FileRow.id)
        )
        with self.session() as session:
            return [_entry(row) for row in session.scalars(query)]

    def reports(self, outbox: str, but: Entry) -> list[str]:
        """The folders in _failed that belong to other songs of any inbox with this outbox."""
        query = (
            select(FileRow.report)
            .join(InboxRow, InboxRow.inbox == FileRow.inbox)
            .where(InboxRow.outbox == outbox, FileRow.report.is_not(None), FileRow.id != but.id)
        )
        with self.session() as session:
            return [report for report in session.scalars(query) if report]

    def counts(self, inbox: str) -> dict[FileState, int]:
        query = (
            select(FileRow.state, func.count())
            .where(FileRow.inbox == inbox)
            .group_by(FileRow.state)
        )
        with self.session() as session:
            return {FileState(state): count for state, count in session.execute(query)}

    def leave(self, entry: Entry) -> None:
        """A file went away while it was worked on: as `vanish`, whatever its state."""
        with self.session() as session:
            _forget(session, session.get_one(FileRow, entry.id))

    def keys(self) -> set[str]:
        """The ids of all results that are being made."""
        query = select(FileRow.key).where(
            FileRow.key.is_not(None), FileRow.state.in_([s.value for s in _TO_DO])
        )
        with self.session() as session:
            return {key for key in session.scalars(query) if key}

    def retry(self, inbox: str, paths: Collection[str] | None, now: float) -> int:
        """Try again what failed or waits for its next try; all of it where `paths` is None.

        Returns:
            How many files that concerns.
        """
        count = 0
        states = [state.value for state in (FileState.FAILED, *_TO_DO)]
        query = select(FileRow).where(FileRow.inbox == inbox, FileRow.state.in_(states))
        with self.session() as session:
            for row in session.scalars(query):
                if paths is not None and row.path not in paths:
                    continue
                if row.state == FileState.FAILED.value:
                    if row.reason == Reason.RECIPE_INVALID.value:
                        # The recipe itself, which is looked at again with each song.
                        continue
                    row.touched = True
                    _wait(row, now)
                elif not row.reason:
                    continue
                row.next_try = row.delay = 0.0
                count += 1
        return count

    # What is known of an inbox as a whole.

    def inbox(self, inbox: str) -> InboxFacts | None:
        with self.session() as session:
            row = session.get(InboxRow, inbox)
            return _facts(row) if row else None

    def inboxes(self) -> list[InboxFacts]:
        with self.session() as session:
            return [_facts(row) for row in session.scalars(select(InboxRow))]

    def describe(self, inbox: str, outbox: str, **changes: Any) -> InboxFacts:
        """Note fields of `InboxFacts` by name. Another outbox starts without a device."""
        with self.session() as session:
            row = session.get(InboxRow, inbox)
            if row is None:
                row = InboxRow(inbox=inbox, outbox=outbox)
                session.add(row)
            elif row.outbox != outbox:
                row.outbox, row.outbox_device = outbox, ""
            for name, value in changes.items():
                setattr(row, name, list(value) if name == "notices" else value)
            session.flush()
            return _facts(row)

    def try_all_now(self, inbox: str) -> None:
        """A watcher starts: what waits for its next try need not wait for it."""
        with self.session() as session:
            session.execute(
                update(FileRow).where(FileRow.inbox == inbox).values(next_try=0.0, delay=0.0)
            )


def _configure(connection: Any, _record: Any) -> None:
    # SQLAlchemy's own recipe for SQLite: the driver begins no transactions, `_begin` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # Two that read first and write then would otherwise fail instead of waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _identity(path: Path) -> FileId | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _file(session: Session, inbox: str, path: str) -> FileRow | None:
    return session.scalar(select(FileRow).where(FileRow.inbox == inbox, FileRow.path == path))


def _stamp(row: FileRow, seen: Seen) -> None:
    row.size, row.mtime_ns, row.ctime_ns = seen.state


def _wait(row: FileRow, now: float) -> None:
    """To be worked on, as if for the first time."""
    row.state = FileState.WAITING.value
    row.since = now
    row.nonce = secrets.token_hex(8)
    row.attempts = 0
    row.next_try = row.delay = 0.0
    # The job stays known: it may have to be cancelled.
    row.content = row.recipe = row.plan = row.key = row.moved_to = None
    row.reason, row.message, row.remedy = None, "", ""


def _forget(session: Session, row: FileRow) -> None:
    if row.result_key is None:
        session.delete(row)
        return
    row.state, row.absent, row.report = FileState.DONE.value, True, None
    row.content = row.recipe = row.plan = row.key = row.job_id = None
    row.reason, row.message, row.remedy = None, "", ""


def _entry(row: FileRow) -> Entry:
    values = {field.name: getattr(row, field.name) for field in fields(Entry)}
    return Entry(**values | {"state": FileState(row.state)})


def _facts(row: InboxRow) -> InboxFacts:
    values = {field.name: getattr(row, field.name) for field in fields(InboxFacts)}
    return InboxFacts(**values | {"notices": tuple(row.notices)})
