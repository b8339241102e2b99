"""The finished files of a job on their way to their final names."""

from __future__ import annotations

from stemlift.jobs.job import Job, JobResult, JobSpec
from stemlift.separation.outputs import explained, work_folder
from stemlift.separation.publishing import Move, publish, take_back


def moves_of(job_id: str, spec: JobSpec, result: JobResult) -> list[Move]:
    """From the job's hidden folder to the names in its result."""
    assert spec.output_folder is not None
    work = work_folder(spec.output_folder, job_id)
    return [Move(work / f"{stem.stem}.{spec.format.value}", stem.path) for stem in result.stems]


def publish_job(job_id: str, spec: JobSpec, result: JobResult) -> None:
    """Give the job's files their names.

    Raises:
        StemliftError: OUTPUT_EXISTS, OUTPUT_UNWRITABLE, WRITE_FAILED.
    """
    assert spec.output_folder is not None
    with explained(spec.output_folder):
        publish(moves_of(job_id, spec, result), overwrite=spec.overwrite)


def can_go_on(job: Job) -> bool:
    """Whether a job whose server died among the renames has all its files still."""
    if not job.publishing or job.result is None:
        return False
    return not any(move.lost for move in moves_of(job.id, job.spec, job.result))


def withdraw(job: Job) -> None:
    """Remove the files that a job had published before it was stopped."""
    if job.publishing and job.result is not None:
        take_back(moves_of(job.id, job.spec, job.result))
