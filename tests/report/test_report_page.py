"""The whole way: a folder of stems in, a page out, by the command line."""

from __future__ import annotations

import base64
import errno
import io
import json
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from measured_sounds import RATE, gate, noise
from signals import write

from stemlift.cli.main import main

VOICE = gate(noise(6, seed=1), 2.0, 1.2)
DRUMS = gate(noise(6, seed=2), 3.0, 1.5)
NAME = "a <b> & 'c'"


def stems_folder(
    folder: Path, vocals: np.ndarray = VOICE, drums: np.ndarray = DRUMS, name: str = NAME
) -> tuple[Path, Path]:
    """As `stemlift separate` leaves it: the song, and "<song> stems" beside it."""
    stems = folder / f"{name} stems"
    stems.mkdir(parents=True)
    grid = [np.round(each * 2**23) / 2**23 for each in (vocals, drums)]
    for stem, sound in zip(("vocals", "drums"), grid, strict=True):
        write(stems / f"{name} - {stem}.wav", sound, RATE, "PCM_24")
    return stems, write(folder / f"{name}.wav", grid[0] + grid[1], RATE, "PCM_24")


class Elements(HTMLParser):
    """Tags with their attributes, and whether what was opened is closed."""

    VOID = frozenset({"meta", "img", "br", "rect", "line", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def elements(page: Path) -> Elements:
    parser = Elements()
    parser.feed(page.read_text(encoding="utf-8"))
    assert not parser.open
    return parser


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stems, _ = stems_folder(tmp_path_factory.mktemp("song"))
    assert main(["report", str(stems), "--listen", "1"]) == 0
    return stems / "report.html"


def test_the_page_asks_for_nothing_from_anywhere(made: Path) -> None:
    page = elements(made)
    for _, attributes in page.found:
        for name in ("src", "href"):
            value = attributes.get(name) or ""
            assert "//" not in value.split(",", 1)[0]
            assert name == "href" or not value or value.startswith("data:")
    (policy,) = [each for each in page.all("meta") if "http-equiv" in each]
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_each_sound_is_there_to_see_and_to_hear(made: Path) -> None:
    page = elements(made)
    assert len(page.all("audio")) == len(page.all("img")) == len(page.all("svg")) == 3
    for audio in page.all("audio"):
        assert audio["aria-label"]
        kind, _, data = (audio["src"] or "").partition(",")
        assert kind == "data:audio/mpeg;base64"
        sound, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
        assert len(sound) / rate == pytest.approx(1.0, abs=0.1)
        assert np.abs(sound).max() > 0.05
    for image in page.all("img"):
        assert (image["src"] or "").startswith("data:image/png;base64,iVBOR")
        assert image["alt"]


def test_a_name_is_text_and_no_markup(made: Path) -> None:
    text = made.read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "a &lt;b&gt; &amp; &#x27;c&#x27;" in text


def test_links_lead_to_the_files_beside_it(made: Path) -> None:
    links = [each["href"] for each in elements(made).all("a")]
    assert len(links) == 2
    assert all("%3Cb%3E" in (link or "") for link in links)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    value = json.loads(line)
    assert isinstance(value, dict)
    return value


def test_json_has_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stems, song = stems_folder(tmp_path, drums=DRUMS + 0.1 * VOICE)
    out = tmp_path / "page.html"
    assert main(["report", str(stems), "-o", str(out), "--listen", "0", "--json"]) == 0
    found = told(capsys)
    assert found["report"] == str(out)
    assert found["mix"] == str(song)
    assert found["null"]["peak_db"] == -300.0
    assert found["stems"]["drums"]["bleed"]["vocals"]["level_db"] == pytest.approx(-20, abs=0.5)
    assert found["verdict"] in ("fair", "poor")
    text = out.read_text(encoding="utf-8")
    assert "<audio" not in text
    assert "rather than gating" in text
    # Channels of nothing in common: a zero has no sign.
    assert "−0.00" not in text


def test_a_second_report_replaces_the_first_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stems, song = stems_folder(tmp_path)
    command = ["report", str(stems), "--listen", "0", "--json"]
    assert main(command) == 0
    assert main(command) == 0
    capsys.readouterr()
    notes = tmp_path / "notes.html"
    notes.write_text("mine", encoding="utf-8")
    assert main([*command, "-o", str(notes)]) == 2
    assert told(capsys)["error"]["reason"] == "OUTPUT_EXISTS"
    assert notes.read_text(encoding="utf-8") == "mine"
    assert main([*command, "-o", str(notes), "--overwrite"]) == 0
    capsys.readouterr()
    for place, reason in (
        (song, "OUTPUT_EXISTS"),
        (tmp_path, "OUTPUT_UNWRITABLE"),
        (tmp_path / "no" / "page.html", "OUTPUT_UNWRITABLE"),
    ):
        assert main([*command, "-o", str(place), "--mix", str(song), "--overwrite"]) == 2
        assert told(capsys)["error"]["reason"] == reason
    assert {each.name for each in stems.iterdir()} == {
        f"{NAME} - vocals.wav",
        f"{NAME} - drums.wav",
        "report.html",
    }


def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stems, song = stems_folder(tmp_path, name="song")
    empty = tmp_path / "empty"
    empty.mkdir()
    short = write(tmp_path / "short.wav", VOICE[:100], RATE, "PCM_24")
    faster = write(tmp_path / "faster.wav", VOICE, 2 * RATE, "PCM_24")
    text = tmp_path / "text.wav"
    text.write_text("no sound", encoding="utf-8")
    for arguments, reason in (
        ([str(tmp_path / "nowhere")], "FILE_NOT_FOUND"),
        ([str(empty)], "FILE_NOT_FOUND"),
        ([str(stems), "--mix", str(tmp_path / "nowhere.wav")], "FILE_NOT_FOUND"),
        ([str(stems), "--mix", str(text)], "NOT_AUDIO"),
        ([str(stems), "--mix", str(short)], "ARGUMENT_INVALID"),
        ([str(stems), "--mix", str(faster)], "ARGUMENT_INVALID"),
        ([str(stems), "--listen", "-1"], "ARGUMENT_INVALID"),
        ([str(stems), "--listen", "nan"], "ARGUMENT_INVALID"),
    ):
        assert main(["report", *arguments, "--json"]) == 2
        assert told(capsys)["error"]["reason"] == reason
    assert not (stems / "report.html").exists()
    assert song.exists()


def test_a_person_reads_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stems, song = stems_folder(tmp_path, drums=DRUMS + 0.2 * VOICE, name="song")
    song.unlink()
    assert main(["report", str(stems), "--listen", "0", "-q"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"It holds (some|a lot) of the stem vocals\.", said)
    assert "The song itself was not found." in said
    assert re.search(r"^Report: .*report\.html$", said, flags=re.MULTILINE)


def test_only_a_file_is_replaced_by_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stems, _ = stems_folder(tmp_path, name="song")
    places = [tmp_path / f"{'z' * 300}.html"]
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        (tmp_path / "to_stem.html").symlink_to(stems / "song - vocals.wav")
        places += [tmp_path / name for name in ("pipe", "loop", "loop/page.html")]
    for place in places:
        for more in ([], ["--overwrite"]):
            assert main(["report", str(stems), "-o", str(place), "--json", *more]) == 2
            assert told(capsys)["error"]["reason"] == "OUTPUT_UNWRITABLE"
    if os.name == "posix":
        link = str(tmp_path / "to_stem.html")
        assert main(["report", str(stems), "-o", link, "--json", "--overwrite"]) == 2
        assert told(capsys)["error"]["reason"] == "OUTPUT_EXISTS"
        assert (tmp_path / "pipe").is_fifo()


def test_a_full_disk_is_called_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stems, _ = stems_folder(tmp_path, name="song")

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("stemlift.report.making.write_whole", full)
    assert main(["report", str(stems), "--listen", "0", "--json"]) == 4
    assert told(capsys)["error"]["reason"] == "DISK_FULL"


def test_names_that_no_page_can_hold_are_spelt_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have no such names")
    name = os.fsdecode(b"caf\xe9 \x1b[31m")
    stems = tmp_path / "stems"
    stems.mkdir()
    for stem, sound in (("vocals", VOICE), ("drums", DRUMS)):
        with (stems / f"{name} - {stem}.wav").open("w+b") as file:
            soundfile.write(file, sound, RATE, subtype="PCM_24", format="WAV")
    assert main(["report", str(stems), "--listen", "0", "--json"]) == 0
    assert told(capsys)["song"] == name
    page = stems / "report.html"
    text = page.read_text(encoding="utf-8")
    assert "<h1>caf\\udce9 ?[31m</h1>" in text
    assert [link["href"] for link in elements(page).all("a")] == [
        f"caf%E9%20%1B%5B31m%20-%20{stem}.wav" for stem in ("vocals", "drums")
    ]


def test_a_folder_is_known_from_within_and_paths_are_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stems, song = stems_folder(tmp_path, name="song")
    monkeypatch.chdir(stems)
    assert main(["report", ".", "--listen", "0", "--json"]) == 0
    found = told(capsys)
    assert Path(found["mix"]).samefile(song)
    monkeypatch.chdir(tmp_path)
    assert main(["report", stems.name, "--listen", "0", "--json"]) == 0
    found = told(capsys)
    files = [found["mix"], found["report"], *(each["file"] for each in found["stems"].values())]
    assert all(Path(each).is_absolute() and Path(each).is_file() for each in files)


def test_stems_that_are_not_all_of_the_song_are_not_blamed_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stems, song = stems_folder(tmp_path, name="song")
    whole = ["report", str(stems), "--listen", "0", "--json"]
    (stems / "song - drums.wav").rename(tmp_path / "drums.wav")
    assert main([*whole, "--mix", str(song)]) == 0
    found = told(capsys)
    assert found["null"]["peak_db"] > -60
    assert {each["metric"] for each in found["verdicts"]}.isdisjoint({"null", "level balance"})
    assert "not all of the song" in found["notes"][-1]
    # Two of them are taken as all of them, unless an instrumental holds the rest.
    write(stems / "song - bass.wav", 0.1 * DRUMS, RATE, "PCM_24")
    assert main([*whole, "--mix", str(song)]) == 0
    (null,) = [each for each in told(capsys)["verdicts"] if each["metric"] == "null"]
    assert null["level"] == "poor"
    (tmp_path / "drums.wav").rename(stems / "song - Instrumental.wav")
    assert main([*whole, "--mix", str(song)]) == 0
    found = told(capsys)
    assert list(found["stems"]) == ["vocals", "bass"]
    assert "null" not in {each["metric"] for each in found["verdicts"]}
