"""`stemlift models` against a service on a real socket."""

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
from stemlift.cli.model_words import ask
from stemlift.errors import Reason, StemliftError


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def error_of(capsys: pytest.CaptureFixture[str]) -> dict:
    (line,) = objects(capsys)
    return line["error"]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch):
    """Somebody sits at a terminal and gives this answer; the questions are kept."""
    asked: list[str] = []

    def sit(yes: bool) -> list[str]:
        def confirm(question: str, **_: object) -> bool:
            asked.append(question)
            return yes

        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        monkeypatch.setattr("typer.confirm", confirm)
        return asked

    return sit


def test_models_are_listed(server: FakeServer, capsys) -> None:
    assert main(["models", "list", "--json"]) == 0
    found = {model["name"]: model for model in objects(capsys)}
    assert (found["spectral"]["installed"], found["spectral"]["auto_choice"]) == (True, True)
    assert found["spectral"]["commercial_use"] == "allowed"
    assert found["htdemucs"]["download_bytes"] == 84_000_000
    assert found["htdemucs"]["sdr"]["vocals"] == 8.0
    assert found["blend"]["sources"]["drums"] == {"htdemucs": 1.0}
    assert found["slow"]["files"][0]["sha256"] == "ab" * 32
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr()
    assert "spectral (auto)" in shown.out
    line = next(line for line in shown.out.splitlines() if line.startswith("htdemucs"))
    assert line.split() == [
        *("htdemucs", "no", "84.0", "MB", "drums", "bass", "other", "vocals"),
        *("8.0", "medium", "?", *found["htdemucs"]["licence"].split()),
    ]
    assert "vocals 10.9" in shown.out
    assert "would do better" in shown.err


def test_the_list_fits_a_narrow_terminal(server: FakeServer) -> None:
    pty = pytest.importorskip("pty", exc_type=ImportError)
    long = "mel_band_roformer_of_33_letters_x"
    server.service.models.models["slow"].name = long
    main_side, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "stemlift", "models", "list"],
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"},
        check=True,
    )
    os.close(terminal)
    text = os.read(main_side, 65536).decode()
    os.close(main_side)
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(len(line) for line in lines) <= 80, text
    for words in ("spectral (auto)", "htdemucs", "84.0 MB", long, "10.9", "medium", "instrumental"):
        assert any(words in line for line in lines), text
    assert b"would do better" in done.stderr


def test_a_person_at_a_terminal_is_asked_and_sees_a_bar(server: FakeServer) -> None:
    pty = pytest.importorskip("pty", exc_type=ImportError)
    person, terminal = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "stemlift", "models", "pull", "htdemucs"],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env=os.environ | {"COLUMNS": "80", "TERM": "xterm"},
    )
    os.close(terminal)
    os.write(person, b"y\n")
    said = b""
    while b"htdemucs is here" not in said:
        said += os.read(person, 65536)
    assert command.wait(60) == 0
    os.close(person)
    assert said.count(b"Fetch htdemucs, 84.0 MB? [y/N]") == 1
    assert b"fetching htdemucs" in said
    assert server.service.models.models["htdemucs"].installed


def test_info_tells_all(server: FakeServer, capsys) -> None:
    assert main(["models", "info", "slow", "--json"]) == 0
    (model,) = objects(capsys)
    assert model["commercial_use"] == "forbidden"
    for name in ("slow", "htdemucs", "blend"):
        assert main(["models", "info", name]) == 0
    shown = capsys.readouterr().out
    assert "licence  CC BY-NC 4.0\n" in shown
    assert "commercial use is not allowed" in shown
    assert "SHA-256 " + "ab" * 32 in shown
    assert "343980 frames, 7.80 s" in shown
    assert "vocals: 25% htdemucs + 75% slow" in shown
    assert "drums 8.50 dB" in shown
    assert main(["models", "info", "nobody", "--json"]) == 2
    assert error_of(capsys)["reason"] == "MODEL_UNKNOWN"


def test_a_pull_asks_once_with_the_licence(server: FakeServer, capsys, answer) -> None:
    asked = answer(False)
    assert main(["models", "pull", "htdemucs"]) == 130
    assert asked == ["Fetch htdemucs, 84.0 MB?"]
    shown = capsys.readouterr().err
    assert "Licence of the weights: Not stated by its author. Commercial use: not stated." in shown
    assert not server.service.models.models["htdemucs"].installed
    answer(True)
    assert main(["models", "pull", "htdemucs"]) == 0
    assert "htdemucs is here, 84.0 MB." in capsys.readouterr().err
    # What is here, or needs nothing, is no question.
    assert main(["models", "pull", "htdemucs"]) == 0
    assert main(["models", "pull", "spectral"]) == 0
    shown = capsys.readouterr().err
    assert "htdemucs is here already." in shown
    assert "has no weights" in shown
    assert len(asked) == 2


def test_an_ensembles_pull_shows_every_licence(server: FakeServer, capsys, answer) -> None:
    answer(False)
    assert main(["models", "pull", "blend"]) == 130
    shown = capsys.readouterr().err
    assert "htdemucs, 84.0 MB. Licence of the weights: Not stated by its author." in shown
    assert "slow, size unknown. Licence of the weights: CC BY-NC 4.0. Commercial use: not" in shown


@pytest.mark.parametrize(
    "argv",
    [["pull", "htdemucs"], ["remove", "mine"], ["import", "a.ckpt", "--name", "new"]],
)
def test_where_nobody_can_answer_yes_is_needed(server: FakeServer, capsys, argv) -> None:
    assert main(["models", *argv]) == 2
    assert "--yes" in capsys.readouterr().err
    assert main(["models", *argv, "--json"]) == 2
    error = error_of(capsys)
    assert error["reason"] == "ARGUMENT_INVALID"
    assert "--yes" in error["remedy"]
    assert main(["models", *argv, "--yes", "--json"]) == 0
    assert len(objects(capsys)) == 1


def test_progress_without_a_terminal(server: FakeServer, capsys) -> None:
    assert main(["models", "pull", "htdemucs", "--yes"]) == 0
    shown = capsys.readouterr().err.splitlines()
    assert "fetching htdemucs: 21.0 MB of 84.0 MB, 30 s left" in shown
    assert main(["models", "pull", "htdemucs", "--yes", "--json"]) == 0
    (model,) = objects(capsys)
    assert (model["installed"], model["installed_bytes"]) == (True, 84_000_000)


def test_ctrl_c_says_that_the_next_pull_goes_on(server: FakeServer) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "stemlift", "models", "pull", "slow", "--yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stderr is not None
    for line in command.stderr:
        if "42.0 MB" in line:
            break
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert "`stemlift models pull slow` goes on with it" in err
    server.stop()
    assert server.service.models.left == ["slow"]


def test_a_failed_pull_has_its_errors_code(server: FakeServer, capsys) -> None:
    assert main(["models", "pull", "broken", "--yes", "--json"]) == 4
    assert error_of(capsys)["reason"] == "CHECKPOINT_INVALID"


def test_an_import_says_what_it_found_and_asks(server: FakeServer, capsys, answer) -> None:
    asked = answer(True)
    argv = ["models", "import", "a.ckpt", "--config", "a.yaml", "--name", "new", "--title", "T"]
    assert main([*argv, "--licence", "CC0", "--no-commercial-use"]) == 0
    assert asked == ["Import it as new?"]
    shown = capsys.readouterr()
    assert shown.out.count("BS-RoFormer checkpoint with its YAML") == 1
    assert "1,234,567 learnt" in shown.out
    assert "352800 frames, 8.00 s" in shown.out
    assert "note: The key x is unknown." in shown.err
    assert "stemlift separate --model new SONG" in shown.err
    first, second = server.service.models.imports
    assert (first.inspect_only, second.inspect_only) == (True, False)
    assert second.config_path == str(Path.cwd() / "a.yaml")
    assert (second.licence, second.commercial_use) == ("CC0", 2)
    assert main(["models", "import", "a.ckpt", "--name", "other", "--yes", "--json"]) == 0
    (done,) = objects(capsys)
    assert done["recognised"]["parameters"] == 1_234_567
    assert done["model"]["name"] == "other"
    # With --yes there is no need to look at the file twice.
    assert len(server.service.models.imports) == 3


def test_a_refused_file_is_bad_input(server: FakeServer, capsys) -> None:
    for more in (["--yes"], []):
        assert main(["models", "import", "evil.ckpt", "--name", "x", *more]) == 2
        assert "holds code" in capsys.readouterr().err
    assert main(["models", "import", "evil.ckpt", "--name", "x", "--yes", "--json"]) == 2
    assert error_of(capsys)["reason"] == "CHECKPOINT_REFUSED"


def test_verify_fails_for_damage(server: FakeServer, capsys) -> None:
    assert main(["models", "verify", "mine"]) == 0
    assert "ok  mine  /models/mine.safetensors" in capsys.readouterr().out
    assert main(["models", "verify", "spectral"]) == 0
    assert "has no weights" in capsys.readouterr().err
    server.service.models.models["broken"].installed = True
    assert main(["models", "verify"]) == 4
    shown = capsys.readouterr()
    assert "damaged  broken" in shown.out
    assert "Its content has changed." in shown.out
    assert "stemlift models pull broken" in shown.err
    assert main(["models", "verify", "--json"]) == 4
    (found,) = objects(capsys)
    assert (found["ok"], found["error"]["reason"]) == (False, "CHECKPOINT_INVALID")
    assert {file["model"]: file["state"] for file in found["files"]} == {
        "broken": "damaged",
        "mine": "ok",
    }


def test_remove_asks_and_tells_what_is_free(server: FakeServer, capsys, answer) -> None:
    asked = answer(True)
    assert main(["models", "remove", "mine"]) == 0
    assert asked == ["Remove mine, 5 kB? It was imported, so it cannot be fetched again."]
    assert "mine is removed; 5 kB are free again." in capsys.readouterr().err
    # Refused without a question.
    assert main(["models", "remove", "spectral"]) == 2
    assert main(["models", "remove", "mine"]) == 2
    assert len(asked) == 1


def test_what_ships_with_stemlift_is_told_to(server: FakeServer, capsys, answer) -> None:
    asked = answer(True)
    small = server.service.models.models["mine"]
    small.built_in = True
    small.files.add(name="mine.safetensors", size_bytes=8_600_000)
    assert main(["models", "pull", "mine"]) == 0
    assert "mine is here already: its weights ship with Stemlift." in capsys.readouterr().err
    assert main(["models", "info", "mine"]) == 0
    assert "8.6 MB, built in" in capsys.readouterr().out
    assert main(["models", "info", "mine", "--json"]) == 0
    assert objects(capsys)[0]["built_in"] is True
    # The server refuses it; a person is not asked first.
    assert main(["models", "remove", "mine"]) == 2
    assert asked == []
    damaged = server.service.models.models["broken"]
    damaged.installed = damaged.built_in = True
    assert main(["models", "verify"]) == 4
    assert "Install Stemlift again: broken is part" in capsys.readouterr().err


def test_a_no_does_nothing(answer) -> None:
    answer(False)
    with pytest.raises(StemliftError) as caught:
        ask("Really?", yes=False, json=False)
    assert caught.value.reason is Reason.CANCELLED
    ask("Really?", yes=True, json=True)


def test_separate_tells_once_what_it_fetches(server: FakeServer, capsys) -> None:
    assert main(["separate", "--model", "htdemucs", "a.wav", "b.wav"]) == 0
    shown = capsys.readouterr().err
    assert shown.count("htdemucs is fetched once, 84.0 MB.") == 1
    assert "Commercial use: not stated." in shown
    assert main(["separate", "--model", "htdemucs", "--quiet", "a.wav"]) == 0
    assert main(["separate", "--model", "mine", "a.wav"]) == 0
    assert "fetched" not in capsys.readouterr().err
