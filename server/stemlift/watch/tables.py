"""The tables of the ledger."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Index,
    LargeBinary,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Kept in SQLite's user_version; a newer one is refused rather than damaged.
SCHEMA_VERSION = 1


class PathText(TypeDecorator[str]):
    """A path byte for byte: names on Linux need not be UTF-8, which SQLite's text is."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.decode("utf-8", "surrogatepass")


class Base(DeclarativeBase):
    pass


class FactRow(Base):
    """What the ledger knows of itself."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class InboxRow(Base):
    """An inbox, as its watcher last described it; see `entry.InboxFacts`."""

    __tablename__ = "inboxes"

    inbox: Mapped[str] = mapped_column(PathText, primary_key=True)
    outbox: Mapped[str] = mapped_column(PathText)
    device: Mapped[str] = mapped_column(default="")
    outbox_device: Mapped[str] = mapped_column(default="")
    pid: Mapped[int] = mapped_column(default=0)
    birth: Mapped[float] = mapped_column(default=0.0)
    arriving: Mapped[int] = mapped_column(default=0)
    notices: Mapped[list[str]] = mapped_column(JSON, default=list)


class FileRow(Base):
    """A file of an inbox; see `entry.Entry`."""

    __tablename__ = "files"
    __table_args__ = (
        UniqueConstraint("inbox", "path"),
        Index("files_by_state", "inbox", "state", "next_try"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    inbox: Mapped[str] = mapped_column(PathText)
    path: Mapped[str] = mapped_column(PathText)
    state: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    ctime_ns: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[float]
    nonce: Mapped[str]
    absent: Mapped[bool] = mapped_column(default=False)
    touched: Mapped[bool] = mapped_column(default=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try: Mapped[float] = mapped_column(default=0.0)
    delay: Mapped[float] = mapped_column(default=0.0)
    content: Mapped[str | None]
    recipe: Mapped[str | None]
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    key: Mapped[str | None]
    folder: Mapped[str | None]
    job_id: Mapped[str | None]
    moved_to: Mapped[str | None] = mapped_column(PathText)
    done_content: Mapped[str | None]
    result_key: Mapped[str | None]
    reason: Mapped[str | None]
    message: Mapped[str] = mapped_column(default="")
    remedy: Mapped[str] = mapped_column(default="")
    report: Mapped[str | None]


class ResultRow(Base):
    """A result folder; see `results.Result`. Its name belongs to it from reservation on."""

    __tablename__ = "results"
    __table_args__ = (
        Index("results_by_name", "outbox", "folder_key"),
        Index("results_by_content", "content", "recipe"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    outbox: Mapped[str] = mapped_column(PathText)
    folder: Mapped[str]
    folder_key: Mapped[str]
    content: Mapped[str]
    recipe: Mapped[str]
    manifest: Mapped[dict[str, Any] | None] = mapped_column(JSON)
