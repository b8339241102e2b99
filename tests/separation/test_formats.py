"""What the format of the stems can hold."""

from __future__ import annotations

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.separation.options import OutputFormat
from stemlift.separation.outputs import FileLayout, check_format


def layout(channels: int, mask: int | None, kind: OutputFormat) -> FileLayout:
    return FileLayout(48_000, channels, mask, 24, None, kind)


@pytest.mark.parametrize(
    ("channels", "mask"),
    [(2, None), (6, None), (1, 0x4), (2, 0x3), (4, 0x33), (6, 0x3F), (7, 0x70F), (8, 0x63F)],
)
def test_flac_takes_the_speakers_it_knows(channels: int, mask: int | None) -> None:
    check_format(layout(channels, mask, OutputFormat.FLAC))


@pytest.mark.parametrize(
    ("channels", "mask"), [(2, 0x30), (4, 0x107), (4, 0x603), (6, 0x60F), (8, 0xFF)]
)
def test_flac_refuses_speakers_it_would_move(channels: int, mask: int) -> None:
    with pytest.raises(StemliftError) as caught:
        check_format(layout(channels, mask, OutputFormat.FLAC))
    assert caught.value.reason is Reason.FORMAT_CANNOT_HOLD
    check_format(layout(channels, mask, OutputFormat.WAV))
