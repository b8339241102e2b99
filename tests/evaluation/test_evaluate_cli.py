"""`stemlift evaluate` as a person uses it, with a server that separates."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import soundfile
from filelock import FileLock
from multitracks import FOUR, RATE, write_multitrack
from real_server import Home, home_in, wait_for

from stemlift.audio.stem_mp4 import StemCodec, write_stem_mp4
from stemlift.cli.main import main
from stemlift.evaluation.layouts import Multitrack
from stemlift.evaluation.recordings import Recording, load
from stemlift.paths import HOME_VARIABLE
from stemlift.quality.sdr import sdr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home")) as home:
        home.serve()
        yield home


@pytest.fixture
def here(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, with two songs to measure."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.folder))
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("one", "two")):
        write_multitrack(tmp_path / "songs" / name, 1.0, seed)
    return tmp_path


def rows(folder: Path) -> dict[tuple[str, ...], float | None]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        _, *found = csv.reader(file)
    return {tuple(row[:4]): float(row[4]) if row[4] else None for row in found}


def records(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "scores").rglob("*.json")}


def left_over(folder: Path) -> list[Path]:
    return list(folder.glob(".stemlift-work-*"))


MEASURE = ("evaluate", "--reference", "songs", "--model", "spectral")


def test_from_songs_to_a_table(home: Home, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [*MEASURE, "--baseline", "mixture", "--baseline", "oracle", "-o", "out"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "spectral" in said.out
    assert "(mean)" in said.out
    found = rows(here / "out")
    assert len(found) == 2 * 3 * 4 * 2
    # What a person gets by the same model, with all options as they are.
    with home.client() as client:
        result = client.separate(here / "songs" / "two" / "mixture.wav", model="spectral").result()
        assert [job.id for job in client.jobs()] == [result.job]
        client.delete(result.job)
    for stem in FOUR:
        true, guess = (
            soundfile.read(path, always_2d=True)[0]
            for path in (here / "songs" / "two" / f"{stem}.wav", result.stems[stem])
        )
        measured = found["two", "spectral", stem, "sdr"]
        assert measured == pytest.approx(sdr(true, guess), abs=1e-3)
        mixture, oracle = (found["two", name, stem, "sdr"] for name in ("mixture", "oracle"))
        assert mixture is not None
        assert oracle is not None
        assert mixture < oracle
    ElementTree.parse(here / "out" / "boxplot.svg")
    assert left_over(here / "out") == []

    before = records(here / "out")
    assert main([*command, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    told = json.loads(said.out)
    assert list(told["models"]) == ["spectral", "mixture", "oracle"]
    assert all(Path(path).is_file() for path in told["files"].values())
    assert records(here / "out") == before
    assert rows(here / "out") == found
    summary = json.loads((here / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["models"] == told["models"]


@pytest.mark.skipif(sys.platform != "linux", reason="only there names are bytes")
def test_a_song_whose_name_is_no_unicode_is_measured_too(here: Path) -> None:
    (here / "songs" / "two").rename(here / "songs" / os.fsdecode(b"tw\xf6"))
    assert main([*MEASURE, "-o", "out"]) == 0
    found = rows(here / "out")
    assert len({row[0] for row in found}) == 2
    assert all(value is not None for value in found.values())
    assert left_over(here / "out") == []


def test_what_changed_is_measured_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--reference", "songs", "--baseline", "mixture", "-o", "out"]
    assert main([*command, "--songs", "1"]) == 0
    assert {song for song, *_ in rows(here / "out")} == {"one"}
    assert main(command) == 0
    assert "1 of 2 results were there already" in capsys.readouterr().err
    before = records(here / "out")
    soundfile.write(
        here / "songs" / "two" / "bass.wav",
        soundfile.read(here / "songs" / "two" / "drums.wav")[0],
        RATE,
    )
    (damaged,) = [name for name in before if name.startswith("one")]
    place = here / "out" / "scores" / "sdr" / "mixture" / damaged
    place.write_text("{", encoding="utf-8")
    assert main(command) == 0
    after = records(here / "out")
    assert set(after) == set(before)
    assert all(after[name] != before[name] for name in after)
    assert json.loads(place.read_text(encoding="utf-8"))["song"] == "one"


def test_bss_eval(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "--reference", "songs", "--baseline", "mixture", "--songs", "1"]
    assert main([*command, "--metric", "bss"]) == 0
    assert "SIR median" in capsys.readouterr().out
    found = rows(here / "evaluation")
    assert {name for *_, name in found} == {"sdr", "isr", "sir", "sar"}
    # The mix holds nothing that the stems do not: no artefacts, and far too much of the others.
    for stem in FOUR:
        sir, sar = (found["one", "mixture", stem, name] for name in ("sir", "sar"))
        assert sir is not None
        assert sar is not None
        assert sir < 15 < sar


def test_the_bare_model(here: Path) -> None:
    command = [*MEASURE, "--songs", "1", "-o", "out"]
    assert main(command) == 0
    full, before = rows(here / "out"), records(here / "out")
    assert main([*command, "--remainder", "off"]) == 0
    bare = rows(here / "out")
    # It is measured anew; no stem but the one that took the rest may differ.
    assert records(here / "out") != before
    assert json.loads((here / "out" / "summary.json").read_text("utf-8"))["remainder"] == "off"
    for key, value in full.items():
        assert key[2] == "other" or bare[key] == value


def test_a_song_that_cannot_be_read_is_left_out(
    home: Home, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("nan", 2), ("zz", 3)):
        write_multitrack(here / "songs" / name, 1.0, seed)
    bass = here / "songs" / "nan" / "bass.wav"
    sound = soundfile.read(bass)[0]
    sound[100] = float("nan")
    soundfile.write(bass, sound, RATE, subtype="FLOAT")
    # Only its comparison shows that nothing of it can be compared.
    for stem in FOUR:
        (here / "songs" / "two" / f"{stem}.wav").rename(here / "songs" / "two" / f"x{stem}.wav")
    command = [*MEASURE, "--baseline", "mixture", "-o", "out"]
    assert main(command) == 2
    said = capsys.readouterr()
    assert "nan was left out" in said.err
    assert "SAMPLES_NOT_FINITE" in said.err
    assert "two was left out" in said.err
    assert {row[:2] for row in rows(here / "out")} == {
        (song, model) for song in ("one", "zz") for model in ("spectral", "mixture")
    }
    assert "SDR of 2 songs" in (here / "out" / "boxplot.svg").read_text(encoding="utf-8")
    assert left_over(here / "out") == []
    with home.client() as client:
        assert list(client.jobs()) == []
    assert main([*command, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert {song: each["reason"] for song, each in told["errors"].items()} == {
        "nan": "SAMPLES_NOT_FINITE",
        "two": "ARGUMENT_INVALID",
    }
    # It is told as well where nothing else is there.
    assert main(["evaluate", "--reference", "songs/nan", "--model", "spectral", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (list(told["errors"]), told["songs"]) == (["nan"], [])
    assert not (here / "evaluation" / "results.csv").exists()


def test_a_song_that_is_too_long_for_the_memory_is_left_out(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def short_of_memory(song: Multitrack, check: Callable[[], None]) -> Recording:
        if song.name == "one":
            raise MemoryError
        return load(song, check)

    monkeypatch.setattr("stemlift.evaluation.run.load", short_of_memory)
    assert main(["evaluate", "--reference", "songs", "--baseline", "mixture", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["errors"]["one"]["reason"] == "OUT_OF_MEMORY"
    assert told["songs"] == ["two"]


def test_what_a_killed_run_left_goes_however_the_folder_is_reached(home: Home, here: Path) -> None:
    (here / "out" / ".stemlift-work-dead").mkdir(parents=True)
    try:
        (here / "link").symlink_to("out", target_is_directory=True)
    except OSError:
        pytest.skip("links cannot be made here")
    with home.client() as client:
        client.separate(
            here / "songs" / "one" / "mixture.wav",
            model="spectral",
            out=here / "link" / ".stemlift-work-dead" / "0",
            priority="background",
        )
        command = ["evaluate", "--reference", "songs", "--baseline", "mixture", "-o", "out", "-q"]
        assert main(command) == 0
        assert list(client.jobs()) == []
    assert left_over(here / "out") == []


def test_another_precision_is_measured_anew(home: Home, here: Path) -> None:
    command = [*MEASURE, "--songs", "1", "-o", "out"]
    assert main([*command, "--precision", "auto"]) == 0
    before = records(here / "out")
    home.paths.settings_file.write_text('precision = "fp32"\n', encoding="utf-8")
    try:
        assert main(command) == 0
    finally:
        home.paths.settings_file.unlink()
    after = records(here / "out")
    assert after != before
    assert json.loads((here / "out" / "summary.json").read_text("utf-8"))["precision"] == "fp32"
    assert main([*command, "--precision", "fp32"]) == 0
    assert records(here / "out") == after


def test_stem_files(home: Home, here: Path) -> None:
    stems = {name: here / "songs" / "one" / f"{name}.wav" for name in FOUR}
    for name in ("one", "two"):
        sum_ = soundfile.read(here / "songs" / name / "mixture.wav")[0]
        soundfile.write(here / f"{name}.wav", sum_, RATE, subtype="PCM_24")
    (here / "files").mkdir()
    file = here / "files" / "one.stem.mp4"
    write_stem_mp4(file, here / "one.wav", stems, codec=StemCodec.ALAC)
    assert main([*MEASURE, "--songs", "1", "-o", "out"]) == 0
    assert main(["evaluate", "--reference", "files", "--model", "spectral", "-o", "outs"]) == 0
    expected, found = rows(here / "out"), rows(here / "outs")
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=0.05), key


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--reference", "none", "--model", "spectral"), "none"),
        (("--reference", "empty", "--model", "spectral"), "no song"),
        (("--reference", "uneven", "--model", "spectral"), "length"),
        (("--reference", "songs", "--model", "nonesuch"), "nonesuch"),
        (("--reference", "songs"), "Nothing is named"),
        (("--reference", "songs", "--model", "spectral", "--metric", "pesq"), "pesq"),
        (("--reference", "songs", "--baseline", "luck"), "luck"),
        (("--reference", "songs", "--model", "spectral", "--remainder", "separate"), "remainder"),
        (("--reference", "songs", "--model", "spectral", "--precision", "fp16"), "fp16"),
    ],
)
def test_what_is_wrong_is_told(
    here: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "empty").mkdir()
    write_multitrack(here / "uneven" / "a", 0.1)
    write_multitrack(here / "uneven" / "b", 0.1)
    soundfile.write(here / "uneven" / "b" / "bass.wav", [[0.0, 0.1]], RATE)
    assert main(["evaluate", *arguments, "-o", "out"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert not (here / "out").exists()


def test_one_run_to_a_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out").mkdir()
    with FileLock(here / "out" / ".stemlift-lock"):
        assert main([*MEASURE, "-o", "out"]) == 2
    assert "Another evaluation" in capsys.readouterr().err
    # What a run that was killed left goes with the next.
    (here / "out" / ".stemlift-work-dead" / "0").mkdir(parents=True)
    assert main([*MEASURE, "-o", "out", "--songs", "1", "-q"]) == 0
    assert left_over(here / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX")
def test_interrupted_it_goes_on(home: Home, here: Path) -> None:
    for seed in range(4):
        write_multitrack(here / "songs" / f"more {seed}", 3.0, seed)
    running = home.spawn(*MEASURE, "-o", "out", cwd=here, stdout=subprocess.PIPE)
    wait_for(lambda: records(here / "out") or running.poll() is not None, "the first figures")
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    before = records(here / "out")
    assert 1 <= len(before) < 6
    assert not (here / "out" / "results.csv").exists()
    assert left_over(here / "out") == []
    with home.client() as client:
        assert list(client.jobs()) == []
        assert main([*MEASURE, "-o", "out", "-q"]) == 0
    after = records(here / "out")
    assert len(after) == 6
    assert {name: after[name] for name in before} == before
