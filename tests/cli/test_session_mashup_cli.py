"""`stemlift session mashup` and `samples` with a real server, from songs to files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mashup_songs import Recipe, make_song
from session_shell import SPECTRAL, Shell

SLOW = Recipe(116.0, 0.4, 0, 14.0, 22050)
FAST = Recipe(124.0, 0.9, 2, 14.0, 22050)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the mixes "slow song.wav" and "it's fast.wav", and nothing else."""
    folder = tmp_path_factory.mktemp("songs")
    for name, recipe in (("slow song", SLOW), ("it's fast", FAST)):
        for stem in make_song(folder, name, recipe).stems:
            stem.media.file.unlink()
    return folder


def test_a_mashup_of_stems_that_are_separated_once(
    shell: Shell, songs: Path, tmp_path: Path
) -> None:
    slow, fast = songs / "slow song.wav", songs / "it's fast.wav"
    parts = (f"drums:{slow}", f"other:{fast}", f"bass:{slow}")
    made = shell.answer("mashup", *parts, "-o", "my mashup/m.rpp", *SPECTRAL)
    assert made["session"] == str(tmp_path / "my mashup" / "m.rpp")
    first, second = made["songs"]
    assert (first["name"], list(first["stems"])) == ("slow song", ["drums", "bass"])
    assert (second["name"], list(second["stems"])) == ("it's fast", ["other"])
    # One folder for each song, with the stems that were asked for and no more.
    media = tmp_path / "my mashup" / "Media"
    assert sorted(path.name for path in media.rglob("*.wav")) == [
        "it_s fast - other.wav",
        "slow song - bass.wav",
        "slow song - drums.wav",
    ]
    assert made["bpm"] == pytest.approx(116, rel=0.005)
    assert first["stretch"] == [1.0]
    assert second["stretch"] == [pytest.approx(116 / 124, rel=0.01)]
    assert abs(first["semitones"] - second["semitones"]) in (2, 10)
    shown = shell.answer("show", "my mashup/m.rpp")
    (folder,) = shown["tracks"]
    names = [track["name"] for track in folder["children"]]
    assert names == ["slow song - Drums", "slow song - Bass", "it's fast - Other"]
    clips = {track["name"]: track["clips"][0] for track in folder["children"]}
    assert clips["slow song - Drums"]["pitch"] == 0
    assert clips["it's fast - Other"]["pitch"] == second["semitones"]
    # The same again, rendered: nothing is separated again, and every clip plays as it is.
    again = shell.answer(
        "mashup", *parts, "-o", "my mashup/rendered.rpp", "--render", "--key", "D", *SPECTRAL
    )
    assert sum("stems are there already" in note for note in again["notes"]) == 2
    assert again["key"] == "D major / B minor"
    rendered = shell.answer("show", "my mashup/rendered.rpp")
    for track in rendered["tracks"][0]["children"]:
        (clip,) = track["clips"]
        assert (clip["stretch"], clip["pitch"]) == (1.0, 0.0)
        info = soundfile.info(clip["file"])
        assert info.frames == pytest.approx(clip["length"] * info.samplerate, abs=1)
    assert {path.parent.name for path in (media / "Rendered").iterdir()} == {"Rendered"}


def test_a_person_reads_what_was_done(shell: Shell, songs: Path) -> None:
    part = f"mix:{songs / 'slow song.wav'}"
    options = ("--tempo", "120", "--key", "keep", "--render")
    done = shell.run("mashup", part, "-o", "m.rpp", *options)
    assert done.returncode == 0
    assert "m.rpp: 120.00 bpm" in done.stdout
    assert "slow song (mix): 1.03" in done.stdout
    assert "The session runs at 120.00 bpm." in done.stderr
    shares = [line for line in done.stderr.splitlines() if line.startswith("rendering: ")]
    assert shares[-1] == "rendering: 100%"
    assert len(shares) == len(set(shares)) > 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("A.wav",), "which stems"),
        (("C:\\A.wav",), "which stems"),
        (("vocals+:A.wav",), "which stems"),
        (("vocals:A.wav", "--tempo", "fast"), "tempo cannot be 'fast'"),
        (("vocals:A.wav", "--tempo", "3000"), "tempo cannot be '3000'"),
        (("vocals:A.wav", "--key", "H"), "is no key"),
        (("vocals:A.wav", "--template", "none"), "no template"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    shell: Shell, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    error = shell.refused("mashup", *arguments, "-o", "m.rpp")
    assert told in error["message"]
    assert list(tmp_path.iterdir()) == []


def test_a_session_or_a_song_that_is_not_right(shell: Shell, songs: Path, tmp_path: Path) -> None:
    (tmp_path / "m.rpp").write_text("mine")
    slow = songs / "slow song.wav"
    assert shell.refused("mashup", f"mix:{slow}", "-o", "m.rpp")["reason"] == "SESSION_EXISTS"
    assert (tmp_path / "m.rpp").read_text() == "mine"
    missing = shell.refused("mashup", "mix:missing.wav", "-o", "n.rpp")
    assert missing["reason"] == "FILE_NOT_FOUND"
    unknown = shell.refused("mashup", f"banjo:{slow}", "-o", "n.rpp", *SPECTRAL)
    assert unknown["reason"] == "STEM_UNKNOWN"
    assert not (tmp_path / "n.rpp").exists()


def test_rates_that_ardour_cannot_mix_are_told_before_any_work(
    shell: Shell, songs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    soundfile.write(other, np.zeros((4_000, 2)), 48_000)
    parts = (f"drums:{songs / 'slow song.wav'}", f"vocals:{other}")
    error = shell.refused("mashup", *parts, "-o", "m.ardour", *SPECTRAL)
    assert error["reason"] == "RATE_UNSUPPORTED"
    assert list(tmp_path.iterdir()) == [other]


def test_a_sample_library_of_a_song(shell: Shell, songs: Path, tmp_path: Path) -> None:
    slow = songs / "slow song.wav"
    options = ("--by", "both", "--bars", "1,2", "--stems", "drums,other", *SPECTRAL)
    made = shell.answer("samples", slow, "-o", "library", *options)
    folder = tmp_path / "library" / "slow song"
    assert made["library"] == str(folder)
    assert made["bpm"] == pytest.approx(116, rel=0.005)
    files = {one["file"]: one for one in made["samples"]}
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.wav")} == set(files)
    assert {name.split("/")[1] for name in files} == {"Loops", "One-shots"}
    for name, one in files.items():
        samples, rate = soundfile.read(folder / name)
        assert (len(samples), rate) == (one["frames"], 22050)
        assert np.abs(samples).max() > 10 ** (-46 / 20)
        if one["bars"]:
            assert one["frames"] / rate == pytest.approx(one["bars"] * 4 * 60 / 116, rel=0.01)
    assert json.loads((folder / "samples.json").read_text())["samples"] == made["samples"]
    assert shell.refused("samples", slow, "-o", "library", *options)["reason"] == "OUTPUT_EXISTS"
    for bad in (("--by", "beats"), ("--bars", "one"), ("--bars", "0")):
        refused = shell.refused("samples", slow, "-o", "other", *bad)
        assert refused["reason"] == "ARGUMENT_INVALID"
    assert not (tmp_path / "other").exists()
