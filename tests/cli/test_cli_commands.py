"""The other commands: what they import, print and exit with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_server import FakeServer

from stemlift import Client
from stemlift.cli.doctor import check_disk, check_home
from stemlift.cli.main import main
from stemlift.cli.reporting import duration, size
from stemlift.cli.summary import level, null
from stemlift.paths import Paths, paths_under
from stemlift.system import nvidia
from stemlift.system.nvidia import Card

HELP = [
    [],
    ["--help"],
    ["separate", "--help"],
    ["serve", "--help"],
    ["doctor", "--help"],
    *(
        ["models", name, "--help"]
        for name in ("list", "info", "pull", "import", "verify", "remove")
    ),
    *(["jobs", name, "--help"] for name in ("list", "show", "watch", "cancel", "delete")),
]
# Not pydantic: typer looks for it itself.
HEAVY = ["torch", "grpc", "numpy", "google.protobuf", "rich.console", "sqlalchemy"]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from stemlift.cli.main import main\n"
        f"codes = [main(argv) for argv in {HELP!r}]\n"
        f"print(codes, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == f"{[0] * len(HELP)} []"
    assert done.stdout.count("Usage: ") == len(HELP)


def test_commands_never_import_torch(server: FakeServer) -> None:
    code = (
        "import sys\n"
        "from stemlift.cli.main import main\n"
        "codes = [main(a) for a in (['separate', 'a.wav'], ['models', 'list'], ['doctor'])]\n"
        "print(codes, [n for n in ('torch', 'sqlalchemy') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[0, 0, 0] []"


@pytest.fixture
def made(server: FakeServer) -> list[str]:
    """Ids of a done, a failed and a running job."""
    with Client() as client:
        jobs = [client.separate(name) for name in ("a.wav", "full.wav", "slow.wav")]
        for job in jobs[:2]:
            list(job)
        return [job.id for job in jobs]


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_jobs_are_listed_newest_first(made, capsys) -> None:
    assert main(["jobs", "list", "--json"]) == 0
    found = objects(capsys)
    assert [job["job"] for job in found] == made[::-1]
    assert [job["state"] for job in found] == ["queued", "failed", "succeeded"]
    assert found[2]["result"]["null_dbfs"] == -300.0
    assert found[1]["error"]["reason"] == "DISK_FULL"
    assert main(["jobs", "list"]) == 0
    table = capsys.readouterr().out
    assert all(job in table for job in made)
    assert str(Path.cwd() / "a.wav") in table


def test_a_job_is_shown_by_the_start_of_its_id(made, capsys) -> None:
    assert main(["jobs", "show", made[0][:2], "--json"]) == 0
    (job,) = objects(capsys)
    assert (job["job"], job["out"]) == (made[0], str(Path.cwd() / "a stems"))
    assert main(["jobs", "show", made[1]]) == 0
    shown = capsys.readouterr()
    assert "failed" in shown.out
    assert "(DISK_FULL)" in shown.err
    assert main(["jobs", "show", "a", "--json"]) == 2
    (line,) = objects(capsys)
    assert line["error"]["reason"] == "ARGUMENT_INVALID"
    assert made[0] in line["error"]["remedy"]
    assert main(["jobs", "show", "zz", "--json"]) == 2
    assert objects(capsys)[0]["error"]["reason"] == "JOB_NOT_FOUND"


def test_watching_ends_with_the_jobs_own_exit_code(made, capsys) -> None:
    assert main(["jobs", "watch", made[0], "--json"]) == 0
    assert objects(capsys)[-1]["state"] == "succeeded"
    assert main(["jobs", "watch", made[1]]) == 4


def test_cancel_then_delete(made, capsys) -> None:
    assert main(["jobs", "delete", made[2], "--json"]) == 2
    assert objects(capsys)[0]["error"]["reason"] == "JOB_ACTIVE"
    assert main(["jobs", "cancel", made[2], "--json"]) == 0
    assert objects(capsys)[0]["state"] == "cancelled"
    assert main(["jobs", "watch", made[2], "--json"]) == 130
    capsys.readouterr()
    assert main(["jobs", "delete", made[2], "--json"]) == 0
    assert objects(capsys) == [{"job": made[2], "deleted": True}]
    assert main(["jobs", "show", made[2]]) == 2


def test_leaving_a_watch_keeps_the_job(made, server: FakeServer) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "stemlift", "jobs", "watch", made[2], "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    assert json.loads(command.stdout.readline())["job"] == made[2]
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert "goes on" in err
    assert server.service.jobs[made[2]].state in (1, 2)


def test_doctor_is_content(server: FakeServer, capsys, monkeypatch) -> None:
    monkeypatch.setattr(nvidia, "find_card", lambda: None)
    assert main(["doctor", "--json"]) == 0
    (found,) = objects(capsys)
    names = [check["name"] for check in found["checks"]]
    assert names == [
        *("settings", "server", "torch", "device", "models", "formats", "disk", "disk")
    ]
    assert all(check["ok"] for check in found["checks"] if check["name"] != "disk")
    assert found["server"]["pid"] == os.getpid()
    assert main(["doctor"]) == 0
    assert "PyTorch 2.13.0+cpu, without CUDA" in capsys.readouterr().out


def test_doctor_mends_a_torch_without_cuda(server: FakeServer, capsys, monkeypatch) -> None:
    monkeypatch.setattr(nvidia, "find_card", lambda: Card("RTX 4070", 580, 8.9))
    assert main(["doctor"]) == 0
    assert (
        f'{sys.executable} -m pip install --force-reinstall "torch==2.13.0"'
        " --index-url https://download.pytorch.org/whl/cu130\n"
    ) in capsys.readouterr().out
    server.service.torch_cuda = "13.0"
    assert main(["doctor"]) == 0
    assert "pip install" not in capsys.readouterr().out


def test_doctor_warns_of_a_home_that_windows_leaves_open() -> None:
    inside, outside = Path("/users/me/stems"), Path("/data/stems")

    def found(home: Path, platform: str) -> list[bool]:
        checks = check_home(paths_under(home), platform, Path("/users/me"))
        return [check.ok for check in checks]

    assert found(outside, "win32") == [False]
    assert found(inside, "win32") == found(outside, "linux") == []


def test_doctor_copes_with_a_missing_drive(monkeypatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: False)
    checks = list(check_disk(paths_under(Path("/gone/drive"))))
    assert [check.name for check in checks] == ["disk", "disk"]


def test_doctor_without_a_server_or_settings(paths: Paths, capsys) -> None:
    paths.settings.mkdir(parents=True)
    paths.settings_file.write_text("nonsense = 1")
    assert main(["doctor", "--json"]) == 2
    (found,) = objects(capsys)
    assert [check["ok"] for check in found["checks"][:2]] == [False, False]
    assert found["server"] is None
    paths.settings_file.unlink()
    paths.logs.parent.mkdir(exist_ok=True)
    paths.logs.write_text("in the way")
    assert main(["doctor", "--json"]) == 3
    (found,) = objects(capsys)
    assert "SERVER_START_FAILED" in found["checks"][1]["detail"]


@pytest.mark.parametrize(
    "argv", [["--device", "gpu"], ["--device", "cuda:x"], ["--idle-exit", "-1"]]
)
def test_serve_refuses_wrong_values(paths: Paths, argv: list[str], capsys) -> None:
    assert main(["serve", *argv]) == 2
    assert "Accepted: " in capsys.readouterr().err


def test_words_for_figures() -> None:
    assert [duration(s) for s in (0.4, 42, 185, 7620)] == [
        "0 s",
        "42 s",
        "3 min 05 s",
        "2 h 07 min",
    ]
    assert [size(n) for n in (12, 84_000_000, 3e12)] == ["12 B", "84.0 MB", "3.0 TB"]
    assert [null(v) for v in (None, -300.0, -133.21)] == [
        "not claimed, since they are not the whole mix",
        "exact",
        "-133.2 dB",
    ]
    assert [level(v) for v in (-300.0, -3.25)] == ["silent", "-3.2 dBFS"]
