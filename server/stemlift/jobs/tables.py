"""The tables of the job store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Kept in SQLite's user_version; a newer one is refused rather than damaged.
SCHEMA_VERSION = 1


class Base(DeclarativeBase):
    pass


class JobRow(Base):
    """A job; `sequence` is the order of arrival."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_waiting", "state", "background", "sequence"),)

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    request_id: Mapped[str | None] = mapped_column(unique=True)
    asked: Mapped[dict[str, Any]] = mapped_column(JSON)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str]
    background: Mapped[bool]
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    elapsed_seconds: Mapped[float] = mapped_column(default=0.0)
    device: Mapped[str] = mapped_column(default="")
    device_reason: Mapped[str] = mapped_column(default="")
    batch: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[list[str]] = mapped_column(JSON, default=list)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    crashes: Mapped[int] = mapped_column(default=0)
    publishing: Mapped[bool] = mapped_column(default=False)
    cancelling: Mapped[bool] = mapped_column(default=False)
    made_folders: Mapped[list[str]] = mapped_column(JSON, default=list)


class ReservationRow(Base):
    """A final name that belongs to a job until that job has ended."""

    __tablename__ = "reservations"

    path: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
