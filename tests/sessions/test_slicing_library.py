"""Sample libraries as they lie on the disk: names, folders, bytes, loop points and manifest."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mashup_songs import Recipe, make_song

from stemlift.errors import Reason, StemliftError
from stemlift.sessions import samples as samples_module
from stemlift.sessions.analysis.result import Analysis, KeyEstimate, TempoEstimate
from stemlift.sessions.samples import Library, new_samples
from stemlift.sessions.slicing import FADE
from stemlift.sessions.song import Song, Stem
from stemlift.sessions.timeline import Media

RECIPE = Recipe(120.0, 0.5, 9, 10.0)


@pytest.fixture
def song(tmp_path: Path) -> Song:
    return make_song(tmp_path / "stems", "My song", RECIPE)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an analysis finds; that it does, its own tests show."""
    hear(monkeypatch, 1.0)


def hear(monkeypatch: pytest.MonkeyPatch, key_sure: float) -> None:
    beats = RECIPE.beats
    key = KeyEstimate(9, confidence=key_sure)
    known = Analysis(10.0, TempoEstimate(120.0, 1.0), key, beats, beats[::4], 4, 1.0)
    monkeypatch.setattr(samples_module, "analysed", lambda _song, _beat: known)


def chunks(path: Path) -> dict[str, bytes]:
    data = path.read_bytes()
    found, at = {}, 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found[name.decode()] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def files_in(library: Library) -> list[str]:
    return sorted(p.relative_to(library.path).as_posix() for p in library.path.rglob("*.wav"))


def test_loops_are_named_by_song_stem_bars_tempo_and_key(tmp_path: Path, song: Song) -> None:
    library = new_samples(song, tmp_path / "out", bars=(1, 2))
    assert library.path == tmp_path / "out" / "My song"
    found = files_in(library)
    assert "Drums/Loops/My song - Drums - bar 001 - 120 bpm.wav" in found
    assert "Other/Loops/My song - Other - bars 003-004 - 120 bpm - A major.wav" in found
    assert len(found) == 2 * (4 + 2)
    manifest = json.loads((library.path / "samples.json").read_text())
    assert sorted(one["file"] for one in manifest["samples"]) == found
    assert (manifest["song"], manifest["bpm"], manifest["key"]) == ("My song", 120.0, "A major")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["My song"]


def test_of_stems_that_exist_only_those_named_are_cut(tmp_path: Path, song: Song) -> None:
    library = new_samples(song, tmp_path / "out", bars=(2,), stems=["drums"])
    assert {sample.stem for sample in library.samples} == {"drums"}
    with pytest.raises(StemliftError) as caught:
        new_samples(song, tmp_path / "other", stems=["drums", "kazoo"])
    assert caught.value.reason is Reason.STEM_UNKNOWN
    assert not (tmp_path / "other").exists()


def test_a_key_that_is_a_guess_names_no_sample(
    tmp_path: Path, song: Song, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(monkeypatch, 0.05)
    library = new_samples(song, tmp_path / "out", bars=[2])
    assert "Other/Loops/My song - Other - bars 003-004 - 120 bpm.wav" in files_in(library)
    assert library.key is None
    assert all(sample.key is None for sample in library.samples)
    told = "The key of My song, A major, is only 5% sure: the samples do not bear it."
    assert told in library.notes


def test_a_loop_is_the_stem_itself_between_its_fades(tmp_path: Path, song: Song) -> None:
    library = new_samples(song, tmp_path / "out", bars=[2])
    source = {stem.name: soundfile.read(stem.media.file, dtype="int32")[0] for stem in song.stems}
    fade = round(FADE * 44100)
    for one in library.samples:
        path = library.path / one.file
        info = soundfile.info(path)
        assert (info.subtype, info.samplerate, info.frames) == ("PCM_24", 44100, 4 * 44100)
        assert one.start_frame == round((0.5 + 2 * (one.bar - 1)) * 44100)
        cut = source[one.stem][one.start_frame : one.start_frame + one.frames]
        read = soundfile.read(path, dtype="int32")[0]
        assert np.array_equal(read[fade:-fade], cut[fade:-fade])
        assert not read[0].any()
        assert not read[-1].any()


def test_samplers_are_told_of_tempo_loop_and_root(tmp_path: Path, song: Song) -> None:
    library = new_samples(song, tmp_path / "out", bars=[1])
    for one in library.samples:
        found = chunks(library.path / one.file)
        loop = struct.unpack("<15I", found["smpl"])
        assert loop[7] == 1
        assert loop[11:13] == (0, one.frames - 1)
        flags, root, _, _, beats, denominator, numerator, bpm = struct.unpack(
            "<IHHfIHHf", found["acid"]
        )
        assert flags == (0x06 if one.stem == "other" else 0x04)
        assert root == (69 if one.stem == "other" else 60)
        assert (beats, denominator, numerator) == (4, 4, 4)
        assert bpm == pytest.approx(120)
        with soundfile.SoundFile(library.path / one.file) as file:
            # As libsndfile reads it.
            assert re.search(r"Tempo\s*:\s*120", file.extra_info)
            assert re.search(r"Beats\s*:\s*4", file.extra_info)


def test_one_shots_hold_a_stroke_each(tmp_path: Path, song: Song) -> None:
    library = new_samples(song, tmp_path / "out", by="onsets")
    drums = [one for one in library.samples if one.stem == "drums"]
    assert len(drums) == len(RECIPE.beats)
    for one, beat in zip(drums, RECIPE.beats, strict=True):
        # 4 ms before the attack, to within two.
        assert one.start_frame / 44100 == pytest.approx(beat - 0.004, abs=0.002)
        number = round((beat - 0.5) * 2)
        assert (one.bar, one.beat) == (number // 4 + 1, number % 4 + 1)
        assert (one.kind, one.bars, one.key) == ("one-shot", None, None)
        assert f"/One-shots/My song - Drums - {one.bar:03d}.{one.beat} " in one.file
        found = chunks(library.path / one.file)
        assert struct.unpack("<9I", found["smpl"])[7] == 0
        assert struct.unpack_from("<I", found["acid"])[0] == 0x01


def test_silence_is_left_out(tmp_path: Path, song: Song) -> None:
    quiet = tmp_path / "quiet.wav"
    samples = np.zeros((10 * 44100, 2))
    samples[round(4.5 * 44100) : round(6.5 * 44100)] = 0.1
    samples += 0.001
    soundfile.write(quiet, samples, 44100, subtype="FLOAT")
    stem = Stem("vocals", Media(quiet, 44100, 2, len(samples)))
    library = new_samples(replace(song, stems=(stem,)), tmp_path / "out", bars=[1])
    assert [one.bar for one in library.samples] == [3]
    assert library.skipped == 3
    assert soundfile.info(library.path / library.samples[0].file).subtype == "FLOAT"


def test_a_library_that_is_there_is_left_alone(tmp_path: Path, song: Song) -> None:
    library = new_samples(song, tmp_path / "out", bars=[4])
    before = {path: path.read_bytes() for path in library.path.rglob("*.*")}
    with pytest.raises(StemliftError) as caught:
        new_samples(song, tmp_path / "out", bars=[1])
    assert caught.value.reason is Reason.OUTPUT_EXISTS
    assert {path: path.read_bytes() for path in library.path.rglob("*.*")} == before


def test_what_fails_leaves_nothing(tmp_path: Path, song: Song) -> None:
    song.stems[1].media.file.unlink()
    with pytest.raises(StemliftError):
        new_samples(song, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_stopping_in_the_middle_leaves_nothing(tmp_path: Path, song: Song) -> None:
    calls = 0

    def beat() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        new_samples(song, tmp_path / "out", beat=beat)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [({"by": "beats"}, "bars, onsets or both"), ({"bars": [0]}, "1,2,4"), ({"bars": []}, "1,2,4")],
)
def test_what_is_asked_for_is_checked_first(
    tmp_path: Path, song: Song, options: dict[str, object], told: str
) -> None:
    with pytest.raises(StemliftError) as caught:
        new_samples(song, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert caught.value.reason is Reason.ARGUMENT_INVALID
    assert told in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_names_are_safe_everywhere(tmp_path: Path, song: Song) -> None:
    odd = replace(
        song, name='It\'s "odd"/`x`: ü', stems=(replace(song.stems[0], name="lead_vocals"),)
    )
    library = new_samples(odd, tmp_path / "out", bars=[4])
    (only,) = files_in(library)
    assert only == (
        "Lead vocals/Loops/It_s _odd__x_ ü - Lead vocals - bars 001-004 - 120 bpm - A major.wav"
    ) or not re.search(r"[\"'`:\\]", only)
