"""Several readers of one stream."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stemlift.separation.share import share_channels


def test_every_reader_gets_its_channels_from_one_reading() -> None:
    whole = np.arange(40, dtype=np.float32).reshape(10, 4)
    read: list[int] = []

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, 10, 3):
            read.append(start)
            yield whole[start : start + 3]

    pair, alone, again = share_channels(blocks(), [(0, 2), (3,), (0, 2)])
    assert read == []
    first = [next(pair), next(pair)]
    assert read == [0, 3]
    found = [np.concatenate(list(stream)) for stream in (alone, again)]
    assert np.array_equal(found[0], whole[:, [3]])
    assert np.array_equal(found[1], whole[:, [0, 2]])
    assert np.array_equal(np.concatenate([*first, *pair]), whole[:, [0, 2]])
    assert read == [0, 3, 6, 9]
