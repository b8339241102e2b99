"""What the server refuses before it serves, and how it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.server import parse_listen


@pytest.mark.parametrize("name", ["x" * 100, "a?b", "100%", "a#b"])
def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path, name: str) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(StemliftError) as caught:
        parse_listen(f"unix:{tmp_path / name}")
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert caught.value.remedy
    assert parse_listen(f"unix:{tmp_path / 's'}") == f"unix:{tmp_path / 's'}"
