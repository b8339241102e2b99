"""What an import says of a file that it does not take."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.models.recognise import recognise

REFUSALS = (Reason.CHECKPOINT_REFUSED, Reason.CHECKPOINT_UNKNOWN)


def refusal(path: Path, config: Path | None = None, named: Path | None = None) -> str:
    """The message about `named`, the file with the fault: by default, `path`."""
    with pytest.raises(StemliftError) as caught:
        recognise(path, config)
    assert caught.value.reason in REFUSALS
    assert str(named or path) in caught.value.message
    assert caught.value.remedy
    return caught.value.message
