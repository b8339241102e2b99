"""Sessions that a recipe asks for beside the stems."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from bounces import write_bounce
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import read_integers, song, write
from watch_house import RATE, Counter, DiedError, House, assert_whole

from stemlift.audio.probe import probe
from stemlift.reaper.looks import colour
from stemlift.sessions.dawproject import read_dawproject
from stemlift.sessions.rpp import read_rpp
from stemlift.sessions.timeline import Session
from stemlift.watch.extras import EXTRAS
from stemlift.watch.manifest import Manifest, SourceFacts, StemFacts
from stemlift.watch.names import file_name, song_name
from stemlift.watch.recipe import Recipe

FRAMES = 6007
STEMS = ("drums", "bass", "other", "vocals")
BOTH = Recipe(model="spectral", also=("rpp", "dawproject"))


def assert_plays(session: Session, name: str, mix: np.ndarray) -> None:
    """Each stem whole on a track of its own, from the start; together they are the mix."""
    assert session.name == name
    assert session.sample_rate == RATE
    assert [track.name for track in session.tracks] == ["Drums", "Bass", "Other", "Vocals"]
    assert [track.colour for track in session.tracks] == [colour(stem) for stem in STEMS]
    assert not any(track.mute or track.solo or track.effects for track in session.tracks)
    assert [(track.gain_db, track.pan) for track in session.tracks] == [(0, 0)] * 4
    total = np.zeros_like(mix)
    for track, stem in zip(session.tracks, STEMS, strict=True):
        (clip,) = track.clips
        assert (clip.position, clip.source_start) == (0, 0)
        assert clip.length == Fraction(FRAMES, RATE)
        assert clip.name == f"{name} - {stem.capitalize()}"
        assert clip.plain
        total += read_integers(clip.file)
    assert np.array_equal(total, mix)


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_moved_result_opens_with_all_its_stems(house: House, kind: str) -> None:
    house.recipe = BOTH.model_copy(update={"format": kind})
    name = "Lied 'für' 100% `x` #1 — 歌"
    source = house.drop(f"{name}.wav", frames=FRAMES)
    mix = read_integers(source)
    house.process()
    facts = assert_whole(house.outbox / name, source)
    wanted = {"rpp": f"{name}.rpp", "dawproject": f"{name}.dawproject"}
    assert {each["kind"]: each["file"] for each in facts["extras"]} == wanted
    assert facts["warnings"] == []
    moved = house.folder / "elsewhere"
    (house.outbox / name).rename(moved)
    source.unlink()

    project = read_rpp(moved / f"{name}.rpp").session
    assert_plays(replace(project, name=name), name, mix)
    assert all(media.file.parent == moved for media in project.media)

    alone = house.folder / "alone.dawproject"
    (moved / f"{name}.dawproject").rename(alone)
    assert_plays(read_dawproject(alone).unpacked(house.folder / "unpacked"), name, mix)


def test_sessions_of_a_copied_result_name_its_own_stems(house: House) -> None:
    house.recipe = BOTH
    first = house.drop("first.wav", frames=FRAMES)
    house.process()
    (house.inbox / "second.wav").write_bytes(first.read_bytes())
    house.process()
    assert_whole(house.outbox / "second", first)
    project = read_rpp(house.outbox / "second" / "second.rpp").session
    assert_plays(replace(project, name="second"), "second", read_integers(first))
    assert {media.file.parent.name for media in project.media} == {"second"}


def test_a_song_with_a_stamp_is_at_the_start_and_its_stems_keep_it(house: House) -> None:
    house.recipe = BOTH
    stamp = 7 * 3600 * RATE + 12_345
    write_bounce(house.inbox / "a.wav", song(FRAMES, 2, RATE), RATE, stamp)
    house.process()
    project = read_rpp(house.outbox / "a" / "a.rpp").session
    assert [clip.position for clip in project.clips] == [0] * 4
    for media in project.media:
        bext = probe(media.file).bext
        assert bext is not None
        assert bext.time_reference == stamp


def test_no_scratch_of_a_dead_watcher_is_shown(house: House) -> None:
    house.recipe = BOTH
    source = house.drop("a.wav", frames=FRAMES)
    steps = Counter(7)
    with house.open(steps) as running, pytest.raises(DiedError):
        running.all()
    assert steps.steps[-1] == "stems"
    (staging,) = (path for path in house.outbox.glob(".stemlift-watch-*") if path.is_dir())
    for scratch in (".a.dawproject.k3j2h1g0.tmp", ".stemlift-0123456789abcdef.part"):
        (staging / scratch).write_bytes(b"half")
    (staging / "a.rpp").write_text("half")
    house.process()
    assert_whole(house.outbox / "a", source)
    assert len(read_rpp(house.outbox / "a" / "a.rpp").session.tracks) == 4


def result(folder: Path, name: str, channels: int) -> Manifest:
    stems = []
    for seed, stem in enumerate(STEMS):
        file = file_name("{song} - {stem}", song_name(name), stem, "wav")
        write(folder / file, song(100, channels, RATE, seed), RATE, "PCM_24")
        stems.append(StemFacts(name=stem, file=file, bytes=0, sha256="", peak_dbfs=0, rms_dbfs=0))
    source = SourceFacts(
        path=str(folder / "gone.wav"),
        sha256="",
        frames=100,
        sample_rate=RATE,
        channels=channels,
        time_reference=None,
    )
    return Manifest(
        stemlift="1",
        id="x",
        song=song_name(name),
        source=source,
        model="m",
        recipe={},
        stems=tuple(stems),
        null_dbfs=None,
        encoding="PCM_24",
        device="cpu",
        job="j",
        created="",
    )


@settings(max_examples=40)
@given(
    st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=300),
    st.sampled_from([1, 2, 6]),
)
def test_every_song_s_name_can_be_written(
    tmp_path_factory: pytest.TempPathFactory, name: str, channels: int
) -> None:
    folder = tmp_path_factory.mktemp("result")
    manifest = result(folder, name, channels)
    there = {folder / stem.file for stem in manifest.stems}
    (rpp,) = EXTRAS["rpp"](folder, manifest, lambda: None)
    (daw,) = EXTRAS["dawproject"](folder, manifest, lambda: None)
    assert {media.file for media in read_rpp(folder / rpp).session.media} == there
    assert len(read_dawproject(folder / daw).unpacked(folder / "out").media) == 4
    assert set(folder.iterdir()) == there | {folder / rpp, folder / daw, folder / "out"}


def test_flac_copies_of_the_longest_names(tmp_path: Path) -> None:
    manifest = result(tmp_path, f"{'x' * 300}.wav", 2)
    longest = file_name("{song} - {stem}", manifest.song, "instrumental", "wav")
    (tmp_path / manifest.stems[0].file).rename(tmp_path / longest)
    stem = manifest.stems[0].model_copy(update={"file": longest})
    manifest = manifest.model_copy(update={"stems": (stem,)})
    (copy,) = EXTRAS["flac"](tmp_path, manifest, lambda: None)
    assert np.array_equal(read_integers(tmp_path / copy), read_integers(tmp_path / longest))
    assert len(copy.encode()) > 245
