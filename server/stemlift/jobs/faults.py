"""What a user is told of a failure."""

from __future__ import annotations

import logging

from stemlift.errors import Reason, StemliftError

logger = logging.getLogger(__name__)


def explain(failure: Exception, where: str) -> StemliftError:
    """The failure as one of ours; what we did not foresee is a fault of ours, and logged.

    Args:
        where: what failed, for the log, e.g. "job 3f9c2a71".
    """
    if isinstance(failure, StemliftError):
        return failure
    if isinstance(failure, MemoryError):
        return StemliftError(
            Reason.OUT_OF_MEMORY,
            "The machine ran out of memory.",
            "Close other programs, or choose a smaller model.",
        )
    logger.error("%s", where, exc_info=failure)
    return StemliftError(
        Reason.INTERNAL,
        f"Stemlift made a mistake: {type(failure).__name__}: {failure}.",
        "Please report it with the server's log (`stemlift doctor` names it).",
    )
