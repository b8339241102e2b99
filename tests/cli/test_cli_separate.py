"""`stemlift separate` as a process of its own against a service on a real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_server import FakeServer

from stemlift.cli.main import main
from stemlift.paths import Paths
from stemlift.rpc.gen import job_pb2

KEYS = [
    "job",
    "model",
    "stems",
    "sample_rate",
    "frames",
    "start_frame",
    "null_dbfs",
    "elapsed_s",
]


def stemlift(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stemlift", *argv],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        env={**os.environ, **env},
        check=False,
    )


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_is_one_object_a_song_in_order(server: FakeServer, tmp_path: Path) -> None:
    songs = [str(tmp_path / name) for name in ("a.wav", "missing.wav", "full.wav", "-b.wav")]
    done = stemlift("separate", "--json", "--stems", "vocals, other", "--", *songs)
    first, missing, full, last = lines(done.stdout)
    assert list(first)[:8] == KEYS
    assert first["stems"] == {
        "vocals": str(tmp_path / "a stems" / "a - vocals.wav"),
        "other": str(tmp_path / "a stems" / "a - other.wav"),
    }
    assert (first["sample_rate"], first["frames"], first["start_frame"]) == (44100, 441000, 100)
    assert (first["null_dbfs"], first["elapsed_s"], first["model"]) == (-300.0, 1.5, "spectral")
    assert missing == {
        "source": songs[1],
        "error": {
            "reason": "FILE_NOT_FOUND",
            "message": f"There is no file {songs[1]}.",
            "remedy": "Check the path.",
        },
    }
    assert full["error"]["reason"] == "DISK_FULL"
    assert list(full) == ["source", "job", "error"]
    assert next(iter(last["stems"].values())).endswith("-b - vocals.wav")
    # 4 for the full disk is worse than 2 for the missing file.
    assert done.returncode == 4
    assert done.stderr == ""


def test_a_person_sees_stems_levels_and_null(server: FakeServer, tmp_path: Path) -> None:
    done = stemlift("separate", str(tmp_path / "[b]ü\x1b[31m.wav"))
    assert done.returncode == 0
    stem = tmp_path / "[b]ü?[31m stems" / "[b]ü?[31m - vocals.wav"
    row = next(line for line in done.stdout.splitlines() if "vocals" in line)
    assert str(stem) in row
    assert "-3.5 dBFS" in row
    assert "-18.2 dBFS" in row
    assert "silent" in done.stdout
    assert "exact" in done.stdout
    assert "PCM_24" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "htdemucs would do better" in done.stderr
    assert "separating on cpu, 50%, 12 s left" in done.stderr
    assert "note: A warning." in done.stderr


def test_options_arrive(server: FakeServer, tmp_path: Path) -> None:
    done = stemlift(
        *("separate", str(tmp_path / "a.wav"), "--json", "--model", "htdemucs"),
        *("--start", "1.5", "--duration", "2", "--remainder", "separate", "--mask", "binary"),
        *("--precision", "bf16", "--batch", "3", "--format", "flac", "--overwrite"),
        *("--out", str(tmp_path / "out")),
    )
    assert done.returncode == 0
    spec = server.service.requests[-1].spec
    assert (spec.input.start_seconds, spec.input.duration_seconds) == (1.5, 2.0)
    assert spec.model == "htdemucs"
    assert spec.output_folder == str(tmp_path / "out")
    assert spec.remainder == job_pb2.REMAINDER_POLICY_SEPARATE
    assert spec.mask == job_pb2.MASK_KIND_BINARY
    assert spec.precision == job_pb2.PRECISION_BF16
    assert spec.format == job_pb2.OUTPUT_FORMAT_FLAC
    assert (spec.batch, spec.overwrite) == (3, True)


@pytest.mark.parametrize(
    ("option", "value", "accepted"),
    [
        ("--remainder", "all", "other, separate or off"),
        ("--mask", "hard", "binary, ratio or complex"),
        ("--precision", "fp64", "auto, fp32 or bf16"),
        ("--format", "mp3", "wav or flac"),
        ("--batch", "-1", "at least 0"),
        ("--start", "-1", "at least 0"),
        ("--duration", "nan", "above 0"),
        ("--stems", "", "stem names"),
    ],
)
def test_a_wrong_value_is_a_json_line_and_starts_no_server(
    paths: Paths, capsys, option: str, value: str, accepted: str
) -> None:
    assert main(["separate", "--json", "a.wav", option, value]) == 2
    (line,) = lines(capsys.readouterr().out)
    assert line["source"] == "a.wav"
    assert line["error"]["reason"] == "ARGUMENT_INVALID"
    assert accepted in line["error"]["remedy"]
    assert not paths.state.exists()


@pytest.mark.parametrize(
    "argv", [["separate"], ["separate", "a.wav", "--wrong"], ["separate", "a.wav", "--batch", "x"]]
)
def test_wrong_usage_is_a_json_line_where_json_is_asked_for(
    paths: Paths, capsys, argv: list[str]
) -> None:
    assert main([*argv, "--json"]) == 2
    (line,) = lines(capsys.readouterr().out)
    assert list(line) == ["error"]
    assert line["error"]["reason"] == "ARGUMENT_INVALID"
    assert "stemlift separate --help" in line["error"]["remedy"]
    assert main(argv) == 2
    spoken = capsys.readouterr()
    assert spoken.out == ""
    assert "(ARGUMENT_INVALID)" in spoken.err


def test_a_name_that_is_no_text_is_refused(server: FakeServer, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    done = stemlift("separate", "--json", str(tmp_path / name))
    assert done.returncode == 2
    assert lines(done.stdout)[0]["error"]["reason"] == "PATH_UNSUPPORTED"
    spoken = stemlift("separate", str(tmp_path / name))
    assert spoken.returncode == 2
    assert "(PATH_UNSUPPORTED)" in spoken.stderr


def test_a_terminal_without_unicode_shows_something(server: FakeServer, tmp_path: Path) -> None:
    done = stemlift("separate", str(tmp_path / "ü.wav"), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "? - vocals.wav" in done.stdout
    failed = stemlift("separate", str(tmp_path / "missing ü.wav"), PYTHONIOENCODING="ascii")
    assert "-> Check the path." in failed.stderr


@pytest.mark.parametrize("song", ["dies.wav", "leaves.wav"])
def test_a_lost_server_names_the_job_and_exits_3(
    server: FakeServer, tmp_path: Path, song: str
) -> None:
    done = stemlift("separate", "--json", str(tmp_path / song))
    assert done.returncode == 3
    (line,) = lines(done.stdout)
    assert line["error"]["reason"] == "SERVER_LOST"
    assert line["job"] in server.service.jobs


def test_a_lost_server_says_that_the_job_goes_on(server: FakeServer, tmp_path: Path) -> None:
    done = stemlift("separate", str(tmp_path / "dies.wav"))
    assert done.returncode == 3
    assert f"stemlift jobs watch {next(iter(server.service.jobs))}" in done.stderr


def test_a_wrong_token_exits_3(server: FakeServer, paths: Paths) -> None:
    paths.token.write_text("x" * 43)
    done = stemlift("separate", "--json", "a.wav", "b.wav")
    assert done.returncode == 3
    assert [line["error"]["reason"] for line in lines(done.stdout)] == ["TOKEN_REJECTED"] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_cancels_all_jobs_and_exits_130(
    server: FakeServer, tmp_path: Path, number: int
) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "stemlift", "separate", "--json"]
        + [str(tmp_path / name) for name in ("a.wav", "slow1.wav", "slow2.wav")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    # The first song's line: from then on the command waits for the slow ones.
    first = json.loads(command.stdout.readline())
    command.send_signal(number)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert first["model"] == "spectral"
    assert [line["error"]["reason"] for line in lines(out)] == ["CANCELLED"] * 2
    assert [line["source"] for line in lines(out)] == [
        str(tmp_path / "slow1.wav"),
        str(tmp_path / "slow2.wav"),
    ]
    states = [job.state for job in server.service.jobs.values()]
    assert states == [
        job_pb2.JOB_STATE_SUCCEEDED,
        job_pb2.JOB_STATE_CANCELLED,
        job_pb2.JOB_STATE_CANCELLED,
    ]
    assert "Cancelling 2 jobs" in err
    assert "Traceback" not in err


def test_a_fault_of_ours_is_said_plainly(server: FakeServer, paths: Paths) -> None:
    broken = (
        "import stemlift.cli.songs as s, sys\n"
        "s.run = lambda *a: 1 / 0\n"
        "from stemlift.cli.main import main\n"
        "sys.exit(main(['separate', 'a.wav']))"
    )
    for debug in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", broken],
            capture_output=True,
            text=True,
            env={**os.environ, "STEMLIFT_DEBUG": debug},
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert "ZeroDivisionError" in done.stderr
        assert str(paths.log) in done.stderr
        assert "(INTERNAL)" in done.stderr
        assert ("Traceback" in done.stderr) == (debug == "1")
