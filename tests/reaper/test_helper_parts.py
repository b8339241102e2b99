"""The helper's parts: progress, options for the server, faults, files that others read."""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from reaper_jobs import Helper, item, midi_item, request, status_of

from stemlift.errors import Exit
from stemlift.paths import paths_under
from stemlift.reaper import run as running
from stemlift.reaper.bundle import shortener
from stemlift.reaper.folder import JobFolder
from stemlift.reaper.messages import Phase
from stemlift.reaper.plan import PlannedJob
from stemlift.reaper.run import _options, request_id
from stemlift.reaper.status import StatusFile
from stemlift.reaper.tally import Tally, in_words, weigh
from stemlift.rpc.requests import build_request
from stemlift.rpc.results import JobState, JobUpdate, Stage
from stemlift.system.whole import write_whole

UPDATE = JobUpdate(
    id="1",
    state=JobState.RUNNING,
    stage=Stage.SEPARATING,
    fraction=0.5,
    seconds_left=10.0,
    device="cpu",
    device_reason="",
    warnings=(),
    error=None,
    result=None,
    source=Path("/s.wav"),
    model="spectral",
    stems=(),
    output_folder=Path("/out"),
    created=None,
    started=None,
    ended=None,
    revision=1,
)

PLANNED = PlannedJob(
    key="k",
    input="/in.wav",
    start_frame=0,
    frames=300,
    model="auto",
    stems=(),
    remainder="other",
    output_folder="/out",
    name_template="in {stem}",
)


def test_jobs_count_by_their_frames() -> None:
    tally = Tally({"a": 300.0, "b": 100.0})
    assert tally.fraction == 0.0
    tally.note("a", UPDATE)
    assert tally.fraction == 150 / 400
    # 10 s for 150 frames here, and as fast for the 100 after them.
    assert tally.seconds_left("a", UPDATE) == pytest.approx(10 * 250 / 150)
    tally.note("a", replace(UPDATE, state=JobState.SUCCEEDED, fraction=1.0))
    assert tally.fraction == 300 / 400
    last = replace(UPDATE, seconds_left=3.0)
    tally.note("b", last)
    assert tally.seconds_left("b", last) == 3.0


def test_a_download_is_no_progress_of_the_separation() -> None:
    tally = Tally({"a": 1.0})
    fetching = replace(UPDATE, stage=Stage.DOWNLOADING, fraction=0.42)
    tally.note("a", fetching)
    assert tally.fraction == 0.0
    assert tally.seconds_left("a", fetching) is None
    assert in_words(fetching) == "Downloading the model, 42%"
    assert in_words(replace(UPDATE, state=JobState.QUEUED)) == "Waiting for its turn"
    assert tally.seconds_left("a", replace(UPDATE, seconds_left=None)) is None


def test_a_job_to_the_end_weighs_what_its_source_holds() -> None:
    asked = request(Path("/m"), item(1, Path("/in.wav"), seconds=2.0))
    whole = PLANNED.model_copy(update={"key": "w", "frames": 0, "start_frame": 44100})
    unknown = PLANNED.model_copy(update={"key": "u", "frames": 0, "input": "/other.wav"})
    assert weigh([PLANNED, whole, unknown], asked) == {"k": 300.0, "w": 44100.0, "u": 1.0}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("all", None), ("swap", "swap"), ("downmix", "downmix"), ("mono", 2), ("pair", (2, 3))],
)
def test_every_channel_mode_of_a_plan_can_be_asked_for(mode: str, expected: object) -> None:
    changes = {"channel_mode": mode, "channel_first": 2, "channel_second": 3}
    options = _options(PLANNED.model_copy(update=changes), 0)
    assert options["channels"] == expected
    spec = build_request("/in.wav", **options).spec
    assert spec.input.HasField("channels") == (expected is not None)


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert _options(PLANNED, 0)["name_template"] == "in {stem}"
    assert _options(PLANNED, 1)["name_template"] == "in {stem} 2"


def test_requests_are_the_same_for_the_same_and_differ_for_others() -> None:
    ids = [("a", "k", 0, 0), ("b", "k", 0, 0), ("a", "l", 0, 0), ("a", "k", 1, 0), ("a", "k", 0, 1)]
    assert len({request_id(*each) for each in ids}) == len(ids)
    assert request_id(*ids[0]) == request_id(*ids[0])
    assert len(request_id(*ids[0])) <= 128


def test_a_fault_of_ours_is_in_the_status_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought")

    folder = Helper(tmp_path).make("00000000000000c1", request(tmp_path, midi_item(1)))
    monkeypatch.setattr(running, "make_plan", fail)
    with caplog.at_level(logging.ERROR):
        assert running.run(JobFolder(folder), paths_under(tmp_path)) == Exit.FAULT
    status = status_of(folder)
    assert status.phase is Phase.FAILED
    assert status.error is not None
    assert status.error.reason == "INTERNAL"
    assert "by nought" in status.error.message
    assert "ZeroDivisionError" in caplog.text


def test_a_helper_waits_for_the_one_that_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its last word a helper still holds the folder a moment; trying again waits for it."""
    folder = JobFolder(Helper(tmp_path).make("00000000000000c2", request(tmp_path, midi_item(1))))
    paths = paths_under(tmp_path)
    assert running.run(folder, paths) == Exit.DONE
    folder.status_file.unlink()
    begins = threading.Event()

    def leaving(_: JobFolder) -> float:
        begins.set()
        return 30.0

    monkeypatch.setattr(JobFolder, "leaving", leaving)
    with folder.held() as ours:
        assert ours
        again = threading.Thread(target=running.run, args=(folder, paths))
        again.start()
        assert begins.wait(30)
        assert not folder.status_file.exists()
    again.join(30)
    assert status_of(folder.path).phase is Phase.NOTHING


def test_a_helper_that_works_is_not_waited_for(tmp_path: Path) -> None:
    folder = JobFolder(Helper(tmp_path).make("00000000000000c3", request(tmp_path, midi_item(1))))
    assert folder.leaving() > 0
    with StatusFile(folder, "00000000000000c3", "") as status:
        assert folder.leaving() == 0
        status.end(Phase.FAILED)
    assert folder.leaving() > 0


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_file_is_replaced_with_its_mode_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path, b"")
    assert [each.name for each in tmp_path.iterdir()] == ["f"]
    assert not list(tmp_path.parent.glob(".*.tmp"))


def test_the_users_folder_is_shortened_however_it_is_written(tmp_path: Path) -> None:
    shorten = shortener(Path("/home/Jörg"), ["s3cret"])
    text = '/home/Jörg/a {"p": "/home/J\\u00f6rg/b"} s3cret'
    assert shorten(text) == '~/a {"p": "~/b"} (token)'
    assert shortener(Path("/"), [])("/a/b") == "/a/b"
