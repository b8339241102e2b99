"""`stemlift bench` as a person uses it, with a server that separates."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_server import Home, home_in, wait_for

from stemlift.cli.main import main
from stemlift.paths import HOME_VARIABLE
from stemlift.rpc.results import JobState


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_in(tmp_path_factory.mktemp("home")) as home:
        home.serve()
        yield home


@pytest.fixture
def here(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty at first."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.folder))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_model_is_measured_and_nothing_is_left(
    home: Home, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--model", "spectral", "--seconds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    with home.client() as client:
        info = client.server_info()
        assert list(client.jobs()) == []
    assert (told["device"], told["torch"]) == (info.device, info.torch_version)
    model = told["models"]["spectral"]
    first = model["trials"][0]
    assert first["sound_s"] == 8.0
    assert first["loading"]
    assert first["speed"] == pytest.approx(8.0 / first["elapsed_s"], abs=0.01, rel=0.01)
    assert first["computed_in"] == "fp32"
    # Python with torch alone is more than that; the machine has no more than this.
    assert 50e6 < model["memory_bytes"] < 64e9
    assert told["errors"] == {}
    assert list(here.iterdir()) == []


def test_a_person_gets_a_table_and_advice(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", "spectral", "--seconds", "1"]) == 0
    said = capsys.readouterr()
    assert "sound per second" in said.out
    assert "spectral" in said.out
    assert "On cpu." in said.err
    assert "measuring spectral" in said.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "nobody"], "MODEL_UNKNOWN"),
        (["--model", "htdemucs"], "MODEL_NOT_INSTALLED"),
        (["--seconds", "0"], "ARGUMENT_INVALID"),
        (["--seconds", "nan"], "ARGUMENT_INVALID"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    arguments: list[str], reason: str, home: Home, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--json", *arguments]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == reason
    assert list(here.iterdir()) == []


def test_ctrl_c_cancels_the_job_and_leaves_nothing(
    home: Home, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(home.variables, "TMPDIR", str(here))
    process = home.spawn("bench", "--model", "spectral", "--seconds", "600")
    with home.client() as client:
        wait_for(lambda: list(client.jobs([JobState.RUNNING])), "a job")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert list(client.jobs()) == []
    assert list(here.iterdir()) == []
