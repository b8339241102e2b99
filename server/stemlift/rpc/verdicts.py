"""What the end of a watch means. Shared by both clients."""

from __future__ import annotations

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.results import JobState, JobUpdate, SeparationResult


def outcome(update: JobUpdate) -> SeparationResult:
    """What an ended job wrote.

    Raises:
        StemliftError: why it failed or was cancelled.
    """
    if update.result is not None:
        return update.result
    if update.error is not None:
        raise update.error
    if update.state is JobState.CANCELLED:
        raise StemliftError(
            Reason.CANCELLED, f"Job {update.id} was cancelled.", "", job_id=update.id
        )
    raise StemliftError(
        Reason.INTERNAL,
        f"Job {update.id} ended as {update.state} without saying why.",
        "See the server's log; `stemlift doctor` says where it lies.",
        job_id=update.id,
    )


def lost_under(job_id: str) -> StemliftError:
    """The server left before the job ended."""
    return StemliftError(
        Reason.SERVER_LOST,
        f"The server left while job {job_id} was not done.",
        "The next command starts it again, and the job goes on.",
        job_id=job_id,
    )


def still_running(job_id: str, timeout: float) -> TimeoutError:
    """The job did not end in the time that its caller gave it."""
    return TimeoutError(f"Job {job_id} has not ended after {timeout:g} seconds; it goes on.")
