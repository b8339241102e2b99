"""The way to librosa: loaded when an analysis starts, for it takes a second."""

from __future__ import annotations

from typing import Any

from stemlift.errors import Reason, StemliftError


def require_librosa() -> Any:
    """The module.

    Raises:
        StemliftError: ANALYSIS_UNAVAILABLE where it is missing or broken.
    """
    try:
        import librosa
    except (ImportError, OSError) as error:
        # It stands on compiled packages; one that does not fit the others fails as it loads.
        raise StemliftError(
            Reason.ANALYSIS_UNAVAILABLE,
            f"Songs cannot be analysed, since librosa does not load: {error}.",
            'Install it again with: python -m pip install --upgrade "librosa>=0.11,<2"',
        ) from error
    return librosa
