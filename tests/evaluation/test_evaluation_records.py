"""What was measured is found again, and nothing else is taken for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stemlift.evaluation.records import read_record, write_record
from stemlift.evaluation.scoring import StemScore

SCORES = (
    StemScore("bass", {"sdr": 4.25, "si_sdr": None}, {"sdr": (1.0, None)}),
    StemScore("vocals", {"sdr": -1.0, "si_sdr": 3.0}),
)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "scores" / "one.json"
    write_record(path, "key", "one", "spectral", "sdr", SCORES)
    return path


def test_it_is_found_by_its_key_alone(record: Path) -> None:
    assert read_record(record, "key") == SCORES
    assert read_record(record, "another") is None
    assert read_record(record.with_name("none.json"), "key") is None


@pytest.mark.parametrize(
    "values",
    [
        {"sdr": float("nan"), "si_sdr": 1.0},
        {"sdr": float("inf"), "si_sdr": 1.0},
        {"sdr": [1.0], "si_sdr": 1.0},
        {"sdr": True, "si_sdr": 1.0},
        {"sdr": "4.25", "si_sdr": 1.0},
        {"sdr": 4.25},
        "sdr",
    ],
)
def test_figures_that_are_none_are_measured_again(record: Path, values: Any) -> None:
    said = json.loads(record.read_text(encoding="utf-8"))
    said["stems"][0]["values"] = values
    record.write_text(json.dumps(said), encoding="utf-8")
    assert read_record(record, "key") is None


@pytest.mark.parametrize(
    "change",
    [
        {"stems": []},
        {"stems": [{"stem": 3, "values": {"sdr": 1.0, "si_sdr": 1.0}, "frames": {}}]},
        {"stems": "bass"},
        {"metric": "pesq"},
    ],
)
def test_damaged_records_are_measured_again(record: Path, change: dict[str, Any]) -> None:
    said = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps(said | change), encoding="utf-8")
    assert read_record(record, "key") is None


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_record(record: Path, text: bytes) -> None:
    record.write_bytes(text)
    assert read_record(record, "key") is None
