"""Zip archives whose parts lie where no file reaches."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from stemlift.models.formats.tensors import InvalidCheckpointError
from stemlift.models.formats.torch_file import open_torch_file

NAME = b"a/data.pkl"
BODY = b"\x80\x02N."


def archive_with_part_at(path: Path, position: int) -> Path:
    """A zip64 archive (APPNOTE 6.3.10 of PKWARE) of one part, said to be at `position`."""
    sizes = (len(BODY), len(BODY), len(NAME))
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, *(0,) * 5, *sizes, 0) + NAME + BODY
    extra = struct.pack("<HHQ", 1, 8, position)
    central = struct.pack(
        *("<4s4B4H3L5H2L", b"PK\x01\x02", 45, 0, 45, *(0,) * 6, *sizes, len(extra)),
        *(0, 0, 0, 0, 0xFFFFFFFF),
    )
    central += NAME + extra
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)
    return path


@pytest.mark.parametrize("position", [10**6, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_part_that_is_nowhere_is_damage(tmp_path: Path, position: int) -> None:
    path = archive_with_part_at(tmp_path / "far.pt", position)

    with pytest.raises(InvalidCheckpointError, match="damaged"):
        open_torch_file(path)
