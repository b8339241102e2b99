"""What the format of the stems can hold, and the last step of writing them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemlift.audio.wav_writer import Encoding
from stemlift.errors import Reason, StemliftError
from stemlift.separation.mix import BLOCK
from stemlift.separation.options import OutputFormat
from stemlift.separation.outputs import FileLayout, StemTemporary, check_format, write_final


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


@pytest.mark.parametrize("kind", OutputFormat)
def test_a_file_in_the_making_can_be_stopped_at_every_block(
    tmp_path: Path, kind: OutputFormat
) -> None:
    shape = layout(2, None, kind)
    temporary = StemTemporary(tmp_path / "s.raw", shape)
    for _ in range(3):
        temporary.write(np.ones((BLOCK, 2), np.int64))
    temporary.close()
    seen: list[int] = []
    write_final(temporary, tmp_path / "whole", shape, Encoding.PCM_24, seen.append)
    assert seen == [BLOCK] * 3

    def stop(frames: int) -> None:
        raise StemliftError(Reason.CANCELLED, "Stopped.")

    with pytest.raises(StemliftError, match="Stopped"):
        write_final(temporary, tmp_path / "part", shape, Encoding.PCM_24, stop)
