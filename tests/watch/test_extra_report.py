from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from signals import song, write

from stemlift.errors import StemliftError
from stemlift.watch.extras import EXTRAS
from stemlift.watch.manifest import Manifest, SourceFacts, StemFacts

RATE, FRAMES = 22050, 22050


def result(folder: Path, channels: str | None = None) -> Manifest:
    """A folder of two stems, and the song outside of it."""
    mix = song(FRAMES, 2, RATE)
    first = np.round(0.3 * mix * 2**23) / 2**23
    stems = folder / "result"
    stems.mkdir()
    write(folder / "song.wav", mix, RATE, "PCM_24")
    facts = []
    for name, sound in (("vocals", first), ("instrumental", mix - first)):
        path = write(stems / f"song - {name}.wav", sound, RATE, "PCM_24")
        size = path.stat().st_size
        facts.append(
            StemFacts(name=name, file=path.name, bytes=size, sha256="", peak_dbfs=-6, rms_dbfs=-20)
        )
    return Manifest(
        stemlift="1",
        id="1",
        song="song",
        source=SourceFacts(
            path=str(folder / "song.wav"),
            sha256="",
            frames=FRAMES,
            sample_rate=RATE,
            channels=2,
            time_reference=None,
        ),
        model="spectral",
        recipe={"channels": channels},
        stems=tuple(facts),
        null_dbfs=-300.0,
        encoding="PCM_24",
        device="cpu",
        job="1",
        created="2026-01-01T00:00:00Z",
    )


def test_a_page_lies_beside_the_stems_and_is_the_same_again(tmp_path: Path) -> None:
    manifest = result(tmp_path)
    beats: list[None] = []
    folder = tmp_path / "result"
    assert EXTRAS["report"](folder, manifest, lambda: beats.append(None)) == ("report.html",)
    page = (folder / "report.html").read_bytes()
    assert b"separated by spectral" in page
    assert b"measured against song.wav" in page
    assert len(beats) > 3
    EXTRAS["report"](folder, manifest, lambda: None)
    assert (folder / "report.html").read_bytes() == page
    assert len(list(folder.iterdir())) == 3


def test_stems_of_other_channels_are_measured_by_themselves(tmp_path: Path) -> None:
    manifest = result(tmp_path, channels="swap")
    EXTRAS["report"](tmp_path / "result", manifest, lambda: None)
    assert b"measured against" not in (tmp_path / "result" / "report.html").read_bytes()


def test_what_fails_leaves_no_page(tmp_path: Path) -> None:
    manifest = result(tmp_path)
    (tmp_path / "song.wav").unlink()
    with pytest.raises(StemliftError):
        EXTRAS["report"](tmp_path / "result", manifest, lambda: None)
    assert not (tmp_path / "result" / "report.html").exists()
