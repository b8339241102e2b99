"""The stem file that a recipe asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from signals import song, write

from stemlift.audio.stem_mp4 import read_stem_box, track_blocks
from stemlift.errors import Reason, StemliftError
from stemlift.watch.extra import CannotHoldError
from stemlift.watch.extra_stem_mp4 import write_stem_file
from stemlift.watch.manifest import Manifest, SourceFacts, StemFacts

RATE, FRAMES = 44100, 30_000


def calm() -> None:
    """Nobody wants it to end early."""


def facts(folder: Path, names: tuple[str, ...], title: str = "Song", channels: int = 2) -> Manifest:
    """A result folder of stems that add up to a song outside of it."""
    parts = {name: song(FRAMES, channels, RATE, seed) / 4 for seed, name in enumerate(names)}
    source = write(folder.parent / "song.wav", sum(parts.values()), RATE, "FLOAT")  # type: ignore[arg-type]
    stems = []
    for name, part in parts.items():
        file = write(folder / f"{title[:20]} - {name}.wav", part, RATE, "FLOAT")
        stems.append(
            StemFacts(name=name, file=file.name, bytes=0, sha256="", peak_dbfs=0, rms_dbfs=0)
        )
    return Manifest(
        stemlift="1",
        id="x",
        song=title,
        source=SourceFacts(
            path=str(source),
            sha256="",
            frames=FRAMES,
            sample_rate=RATE,
            channels=channels,
            time_reference=None,
        ),
        model="m",
        recipe={},
        stems=tuple(stems),
        null_dbfs=None,
        encoding="FLOAT",
        device="cpu",
        job="j",
        created="",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "result"
    made.mkdir()
    return made


def test_it_holds_the_song_and_its_stems(folder: Path) -> None:
    manifest = facts(folder, ("vocals", "drums", "bass", "other"), "Grün 100%")
    assert write_stem_file(folder, manifest, calm) == ("Grün 100%.stem.mp4",)
    path = folder / "Grün 100%.stem.mp4"
    box = read_stem_box(path)
    assert box is not None
    assert [stem.name for stem in box.stems] == ["Drums", "Bass", "Other", "Vocals"]
    tracks = [np.concatenate(list(track_blocks(path, track))) for track in range(5)]
    assert [len(track) for track in tracks] == [FRAMES] * 5
    rest = np.sqrt(np.mean((tracks[0] - sum(tracks[1:])) ** 2))
    assert rest < 0.4 * np.sqrt(np.mean(tracks[0] ** 2))
    before = path.read_bytes()
    write_stem_file(folder, manifest, calm)
    assert path.read_bytes() == before
    assert len(list(folder.iterdir())) == 5


def test_long_names_are_cut(folder: Path) -> None:
    (name,) = write_stem_file(folder, facts(folder, ("vocals", "other"), "é" * 200), calm)
    assert len(name.encode()) <= 255
    assert (folder / name).exists()


def test_what_it_cannot_hold_is_a_warning(folder: Path) -> None:
    with pytest.raises(CannotHoldError, match=r"No stem file was written: .* guitar"):
        write_stem_file(folder, facts(folder, ("guitar", "piano")), calm)
    with pytest.raises(CannotHoldError, match="6 channels"):
        write_stem_file(folder, facts(folder, ("vocals", "other"), channels=6), calm)


def test_a_song_that_is_gone_is_an_error(folder: Path) -> None:
    manifest = facts(folder, ("vocals", "other"))
    Path(manifest.source.path).unlink()
    with pytest.raises(StemliftError) as caught:
        write_stem_file(folder, manifest, calm)
    assert caught.value.reason == Reason.FILE_NOT_FOUND


def test_whoever_stops_it_need_not_wait_for_its_end(folder: Path) -> None:
    manifest = facts(folder, ("vocals", "drums", "bass", "other"))
    there = set(folder.iterdir())

    class StoppedError(Exception):
        pass

    def stop() -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        write_stem_file(folder, manifest, stop)
    assert set(folder.iterdir()) == there
