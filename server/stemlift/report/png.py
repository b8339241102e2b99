"""Pictures of few colours as PNG (ISO/IEC 15948): an index a pixel, and a palette."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INDEXED = 3


def png(indices: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """A picture.

    Args:
        indices: (rows, columns), the first row on top.
        palette: (colours, 3), red, green and blue.
    """
    rows, columns = indices.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, _INDEXED, 0, 0, 0)
    # Before each row its filter: none.
    lines = np.concatenate((np.zeros((rows, 1), np.uint8), indices), axis=1)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)
