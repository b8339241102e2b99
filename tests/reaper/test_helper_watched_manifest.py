"""What the watched folder writes is what the import reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from stemlift.reaper.manifest import read_manifest
from stemlift.watch.manifest import MANIFEST, Manifest, SourceFacts, StemFacts


def test_the_watched_folders_list_is_understood(tmp_path: Path) -> None:
    names = ("vocals", "other")
    for name in names:
        soundfile.write(tmp_path / f"song {name}.wav", np.zeros((800, 2)), 8000)
    facts = [
        StemFacts(
            name=name,
            file=f"song {name}.wav",
            bytes=1,
            sha256="0",
            peak_dbfs=-300.0,
            rms_dbfs=-300.0,
        )
        for name in names
    ]
    written = Manifest(
        stemlift="0.1.0",
        id="1",
        song="song",
        source=SourceFacts(
            path="/inbox/song.wav",
            sha256="0",
            frames=800,
            sample_rate=8000,
            channels=2,
            time_reference=None,
        ),
        model="spectral",
        recipe={},
        stems=tuple(facts),
        null_dbfs=None,
        encoding="PCM_24",
        device="cpu",
        job="1",
        created="2026-01-01T00:00:00+00:00",
    )
    path = tmp_path / MANIFEST
    path.write_text(written.model_dump_json(), encoding="utf-8")
    found = read_manifest(path)
    assert list(found.stems) == [*names]
    assert (found.source, found.frames, found.sample_rate) == ("/inbox/song.wav", 800, 8000)
