"""How much of a song the model without weights sees at once, as models.toml may say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stemlift.models.catalogue import load_catalogue
from stemlift.models.loader import load_model
from stemlift.models.store import ModelStore


@pytest.mark.parametrize(
    ("segment", "overlap", "found"),
    [
        (None, None, (786432, 589824)),
        (32768, None, (32768, 24576)),
        (33000, 0.5, (32768, 16384)),
        (1, 0.95, (16384, 1024)),
    ],
)
def test_segments_are_whole_hops(
    tmp_path: Path, segment: int | None, overlap: float | None, found: tuple[int, int]
) -> None:
    spec = replace(load_catalogue().get("spectral"), segment=segment, overlap=overlap)
    loaded = load_model(spec, ModelStore(tmp_path), lambda _done, _all: None, lambda: False)
    (member,) = loaded.members
    assert (member.segment, member.stride) == found
