"""Folders of jobs that go: forgotten by the user, or of long ago."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_server import FakeServer
from real_server import wait_for
from reaper_jobs import Helper, item, midi_item, request, status_of, wait_for_phase

from stemlift.errors import Exit
from stemlift.paths import paths_under
from stemlift.reaper.folder import JobFolder
from stemlift.reaper.forgetting import KEPT_SECONDS, forget, remove_old
from stemlift.reaper.messages import Phase
from stemlift.reaper.run import run
from stemlift.rpc.gen import job_pb2


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Helper]:
    helper = Helper(tmp_path / "home")
    yield helper
    helper.end()


def ended(helper: Helper, name: str, phase: str, **more: object) -> Path:
    name = name.rjust(16, "0")
    folder = helper.make(name, request(helper.home, midi_item(1)))
    told = {"id": name, "title": "", "pid": 1, "phase": phase, "updated": 1000.0, **more}
    (folder / "status.json").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize("phase", [None, "failed", "done"])
def test_a_job_that_failed_or_never_began_is_forgotten(helper: Helper, phase: str | None) -> None:
    name = "00000000000000f1"
    if phase is None:
        folder = helper.make(name, request(helper.home, midi_item(1)))
    else:
        folder = ended(helper, name, phase)
    code, out, _ = helper.run("forget", folder)
    assert code == Exit.DONE
    assert json.loads(out) == {"folder": str(folder), "gone": True}
    assert not folder.exists()


def test_only_a_job_is_forgotten_and_only_our_files_go(helper: Helper, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "status.json").write_bytes(b"mine")
    code, _, err = helper.run("forget", tmp_path / "music")
    assert code == Exit.BAD_INPUT
    assert "FILE_NOT_FOUND" in err
    assert (tmp_path / "music" / "status.json").read_bytes() == b"mine"
    folder = ended(helper, "00000000000000f2", "failed")
    (folder / "vocals.wav").write_bytes(b"")
    assert helper.run("forget", folder)[0] == Exit.DONE
    assert [each.name for each in folder.iterdir()] == ["vocals.wav"]


def test_what_only_looks_like_a_job_is_left_alone(helper: Helper, tmp_path: Path) -> None:
    """A job by hand, in a folder where somebody keeps other things."""
    long_ago = {"phase": "cancelled", "updated": 1000.0, "id": "x", "title": "", "pid": 1}
    for name in ("backup", "forgotten"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "job.json").write_text("{}")
        (tmp_path / name / "status.json").write_text(json.dumps(long_ago))
    (tmp_path / "forgotten" / "forgotten").touch()
    for name in ("answer-sheet.odt", "answer-0123456789abcdef"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000.0, 1000.0))
    by_hand = tmp_path / "by hand"
    ended(helper, "f8", "failed").rename(by_hand)
    assert helper.run("run", by_hand)[0] == Exit.DONE
    left = {each.name for each in tmp_path.iterdir()} - {helper.home.name}
    assert left == {"backup", "forgotten", "answer-sheet.odt", "by hand"}
    for folder in (tmp_path / "backup", by_hand):
        before = sorted(folder.iterdir())
        assert helper.run("forget", folder)[0] == Exit.BAD_INPUT
        assert sorted(folder.iterdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_to_a_job_is_no_job(helper: Helper) -> None:
    folder = ended(helper, "f9", "failed")
    link = helper.home / "0000000000000abc"
    link.symlink_to(folder)
    before = sorted(folder.iterdir())
    assert helper.run("forget", link)[0] == Exit.BAD_INPUT
    assert sorted(folder.iterdir()) == before


def test_a_job_that_runs_is_cancelled_and_goes(helper: Helper, tmp_path: Path) -> None:
    server = FakeServer(paths_under(helper.home)).start()
    folder = helper.make("00000000000000f3", request(tmp_path, item(1, tmp_path / "slow.wav")))
    working = helper.start("run", folder)
    wait_for(lambda: len(server.service.jobs) == 1, "a job")
    wait_for_phase(folder, Phase.RUNNING)
    code, out, _ = helper.run("forget", folder)
    assert (code, json.loads(out)["gone"]) == (Exit.DONE, False)
    assert working.wait(30) == Exit.CANCELLED
    assert [job.state for job in server.service.jobs.values()] == [job_pb2.JOB_STATE_CANCELLED]
    assert not folder.exists()
    server.stop()


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_what_a_dead_helper_left_to_the_server_is_cancelled(helper: Helper, tmp_path: Path) -> None:
    server = FakeServer(paths_under(helper.home)).start()
    folder = helper.make("00000000000000f5", request(tmp_path, item(1, tmp_path / "slow.wav")))
    working = helper.start("run", folder)
    wait_for_phase(folder, Phase.RUNNING)
    wait_for(lambda: bool(status_of(folder).server_jobs), "the job's id")
    working.kill()
    working.wait(30)
    assert forget(JobFolder(folder), paths_under(helper.home))
    assert [job.state for job in server.service.jobs.values()] == [job_pb2.JOB_STATE_CANCELLED]
    assert not folder.exists()
    server.stop()


def test_no_server_is_started_to_forget(helper: Helper) -> None:
    folder = ended(helper, "00000000000000f6", "running", server_jobs=["1"])
    assert forget(JobFolder(folder), paths_under(helper.home))
    assert not folder.exists()
    assert not (helper.home / "state" / "server.json").exists()


def test_the_mark_alone_is_enough(helper: Helper) -> None:
    """For scripts whose program is not there any more."""
    folder = ended(helper, "00000000000000f7", "failed")
    assert remove_old(helper.jobs) == []
    (folder / "forgotten").touch()
    assert remove_old(helper.jobs) == [folder]


def test_folders_of_long_ago_go_and_others_stay(helper: Helper) -> None:
    def make(name: str, phase: str, *, imported: bool = False, extra: str = "") -> Path:
        folder = ended(helper, name, phase)
        for file in ("imported",) * imported + (extra,) * bool(extra):
            (folder / file).write_bytes(b"")
        return folder

    gone = [make("a", "done", imported=True), make("b", "cancelled"), make("c", "nothing")]
    kept = [
        make("d", "done"),
        make("e", "failed"),
        make("f", "running", imported=True),
        make("9", "done", imported=True, extra="vocals.wav"),
    ]
    assert remove_old(helper.jobs, now=1000.0 + KEPT_SECONDS - 1) == []
    assert sorted(remove_old(helper.jobs, now=1000.0 + KEPT_SECONDS + 1)) == gone
    assert all(folder.exists() for folder in kept)
    assert (kept[-1] / "vocals.wav").exists()
    with JobFolder(kept[0]).held() as ours:
        assert ours


def test_a_folder_that_a_helper_holds_keeps_its_lock(helper: Helper) -> None:
    """Without it a third helper could work beside the second."""
    folder = ended(helper, "a", "cancelled")
    with JobFolder(folder).held() as ours:
        assert ours
        assert remove_old(helper.jobs, now=1000.0 + KEPT_SECONDS + 1) == []
        with JobFolder(folder).held() as others:
            assert not others
    assert remove_old(helper.jobs, now=1000.0 + KEPT_SECONDS + 1) == [folder]


def test_a_job_of_long_ago_can_be_tried_again(helper: Helper) -> None:
    folder = ended(helper, "a", "cancelled")
    assert run(JobFolder(folder), paths_under(helper.home)) == Exit.DONE
    assert json.loads((folder / "status.json").read_bytes())["phase"] == "nothing"
