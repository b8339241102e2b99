"""The helper against a real server: real stems, a server that is killed, odd paths."""

from __future__ import annotations

import json
import os
import re
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from real_server import Home, home_in, wait_for
from reaper_jobs import (
    Helper,
    item,
    kill_server,
    request,
    status_of,
    stems_of,
    wait_for_phase,
)
from signals import song, write

from stemlift.errors import Exit
from stemlift.reaper.messages import Phase

ODD = "-dash ü… 'single' $HOME; & (1)" + ("" if os.name == "nt" else ' "double"')


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home of ü")) as home:
        yield home


@pytest.fixture
def helper(home: Home) -> Iterator[Helper]:
    helper = Helper(home.folder)
    yield helper
    helper.end()


def make_song(path: Path, seconds: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, song(round(seconds * 44100), 2, 44100), 44100, "PCM_16")


def test_odd_paths_and_the_same_range_twice(helper: Helper, tmp_path: Path) -> None:
    source = make_song(tmp_path / ODD / f"{ODD}.wav", 4.0)
    asked = request(
        tmp_path / ODD,
        item(1, source, offset=1.0, length=0.5, seconds=4.0),
        model="spectral",
        handles=0.25,
    )
    made = []
    for name in ("00000000000000b1", "00000000000000b2"):
        folder = helper.make(name, asked)
        assert helper.run("run", folder)[0] == Exit.DONE
        status = status_of(folder)
        assert (status.phase, status.error) == (Phase.DONE, None)
        made.append(stems_of(status))
    # What is there already is left alone.
    assert len({*made[0], *made[1]}) == 8
    for stem in (*made[0], *made[1]):
        assert stem.is_relative_to(tmp_path / ODD / "Stemlift")
        # Half a second and the handles, of a song of four.
        assert soundfile.info(stem).frames == 44100


def test_an_old_helper_and_its_stems_are_found_again(helper: Helper, home: Home, tmp_path) -> None:
    source = make_song(tmp_path / "song.wav", 3.0)
    folder = helper.make("00000000000000b3", request(tmp_path, item(1, source), model="spectral"))
    assert helper.run("run", folder)[0] == Exit.DONE
    first = status_of(folder)
    assert helper.run("run", folder)[0] == Exit.DONE
    assert status_of(folder).server_jobs == first.server_jobs
    assert stems_of(status_of(folder)) == stems_of(first)
    # A stem that is gone is made again.
    for stem in stems_of(first):
        stem.unlink()
    assert helper.run("run", folder)[0] == Exit.DONE
    assert status_of(folder).server_jobs != first.server_jobs
    assert all(stem.exists() for stem in stems_of(status_of(folder)))


def test_other_items_get_the_stems_that_are_there(
    helper: Helper, home: Home, tmp_path: Path
) -> None:
    source = make_song(tmp_path / "song.wav", 3.0)
    here, same = item(1, source), item(2, source, offset=0.25, length=0.5)
    far, broken = item(3, source, offset=2.5, length=0.5), item(4, source)
    others = [
        each.model_copy(update={"selected": False, **more})
        for each, more in ((same, {}), (far, {}), (broken, {"chunk": "no chunk"}))
    ]
    asked = request(tmp_path, here, *others, model="spectral", handles=0.1)
    folder = helper.make("00000000000000e1", asked)
    assert helper.run("run", folder)[0] == Exit.DONE
    first = status_of(folder)
    # What plays another range, or cannot be read, is not offered.
    assert first.offers == (same.guid,)
    again = helper.make("00000000000000e2", request(tmp_path, same, model="spectral"))
    job = json.loads((again / "job.json").read_bytes()) | {"reuse": folder.name}
    (again / "job.json").write_text(json.dumps(job), encoding="utf-8")
    assert helper.run("run", again)[0] == Exit.DONE
    second = status_of(again)
    assert second.server_jobs == first.server_jobs
    assert stems_of(second) == stems_of(first)
    assert second.plan is not None
    assert [each.item for each in second.plan.expects] == [same.guid]
    assert second.offers == ()


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_helper_and_server_are_killed_half_way(helper: Helper, home: Home, tmp_path: Path) -> None:
    long, short = make_song(tmp_path / "long.wav", 60.0), make_song(tmp_path / "short.wav", 2.0)
    asked = request(
        tmp_path,
        item(1, long, length=59.0, seconds=60.0),
        item(2, short, seconds=2.0),
        model="spectral",
    )
    folder = helper.make("00000000000000b4", asked)
    first = helper.start("run", folder)
    wait_for_phase(folder, Phase.RUNNING)
    first.send_signal(signal.SIGKILL)
    first.wait(30)
    again = helper.start("run", folder)
    wait_for(lambda: status_of(folder).pid == again.pid, "the new helper")
    wait_for_phase(folder, Phase.RUNNING)
    kill_server(home.folder)
    assert again.wait(120) == Exit.DONE
    status = status_of(folder)
    assert (status.phase, status.jobs_done, len(status.server_jobs)) == (Phase.DONE, 2, 2)
    assert all(stem.exists() for stem in stems_of(status))
    with home.client() as client:
        ours = [job for job in client.jobs() if job.latest.source.parent == tmp_path]
    # One for each range, whoever died.
    assert len(ours) == 2


def test_what_the_program_tells(helper: Helper, home: Home, tmp_path: Path) -> None:
    code, out, _ = helper.run("models")
    assert code == Exit.DONE
    (spectral,) = [model for model in json.loads(out) if model["name"] == "spectral"]
    assert spectral["installed"]
    assert spectral["commercial_use"] == "allowed"
    assert {"licence", "speed", "auto", "stems"} <= set(spectral)
    told = tmp_path / ODD
    assert helper.run("models", "--output", told) == (0, "", "")
    assert json.loads(told.read_text("utf-8")) == json.loads(out)
    checks = json.loads(helper.run("doctor", "--json")[1])["checks"]
    assert {"server", "device", "models"} <= {check["name"] for check in checks if check["ok"]}
    code, out, _ = helper.run("check")
    assert json.loads(out)["schema"] == 1


def test_a_plan_is_told_and_nothing_is_done(helper: Helper, tmp_path: Path) -> None:
    asked = request(tmp_path / "media", item(1, tmp_path / "none.wav"))
    (tmp_path / "in.json").write_text(asked.model_dump_json(), encoding="utf-8")
    code, out, _ = helper.run("plan", tmp_path / "in.json")
    assert code == Exit.DONE
    assert len(json.loads(out)["jobs"]) == 1
    assert helper.run("plan", tmp_path / "in.json", "-o", tmp_path / "out.json")[0] == Exit.DONE
    assert (tmp_path / "out.json").read_text("utf-8") == out
    assert helper.run("plan", tmp_path / "no.json", "-o", tmp_path / "e.json")[0] == Exit.BAD_INPUT
    error = json.loads((tmp_path / "e.json").read_text("utf-8"))["error"]
    assert error["reason"] == "FILE_NOT_FOUND"
    assert not (tmp_path / "media").exists()
    assert list(tmp_path.glob(".*")) == []


def test_a_support_bundle_tells_no_secret(helper: Helper, home: Home, tmp_path: Path) -> None:
    helper.run("models")
    token = home.paths.token.read_text("utf-8").strip()
    (home.paths.logs / "server.log.1").write_text(f"{Path.home()}/x said {token}", "utf-8")
    folder = helper.make("00000000000000b5", request(Path.home() / "media"))
    helper.run("run", folder)
    (folder / "vocals.wav").write_bytes(b"RIFF")
    code, out, _ = helper.run("bundle", tmp_path / "b.zip")
    assert code == Exit.DONE
    assert json.loads(out)["bundle"] == str(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {"doctor.txt", "doctor.json", "versions.txt", "logs/server.log"} <= set(texts)
    assert "jobs/00000000000000b5/status.json" in texts
    assert not any(name.endswith(("wav", "token", "job.json")) for name in texts)
    assert re.fullmatch(r"\(name [0-9a-f]{8}\)", texts["logs/server.log.1"])
    for text in texts.values():
        assert token not in text
        assert str(Path.home()) + "/" not in text
