"""A page about a song and its stems: how they measure, look and sound."""

from __future__ import annotations

from stemlift.report.folder import Subject, subject_of, subject_of_stems
from stemlift.report.making import Report, write_report

__all__ = ["Report", "Subject", "subject_of", "subject_of_stems", "write_report"]
