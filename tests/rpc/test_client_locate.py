"""Finding and starting the server: stale files, races, failures."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fake_server import FakeServer

from stemlift.errors import Reason, StemliftError
from stemlift.paths import HOME_VARIABLE, Paths, find_paths, paths_under
from stemlift.rpc import locate
from stemlift.rpc.endpoint import Endpoint, read_endpoint, remove_endpoint, write_endpoint
from stemlift.rpc.locate import find_or_start, find_server, server_command
from stemlift.rpc.tokens import ensure_token, same_token
from stemlift.system.process import is_alive

FAKE = Path(__file__).parents[1] / "support" / "fake_server.py"


def use_command(monkeypatch: pytest.MonkeyPatch, *argv: str) -> None:
    monkeypatch.setattr(locate, "server_command", lambda _: [sys.executable, *argv])


def end(pid: int) -> None:
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    # The starter's reaper takes it, so that it is gone and not a zombie.
    process.wait(20)


def test_the_process_list_shows_what_it_is() -> None:
    words = "-m stemlift serve --json --no-watch --idle-exit 900"
    assert " ".join(server_command(900.0)).endswith(words)


def test_a_running_server_is_found(server: FakeServer, paths: Paths) -> None:
    found = find_server(paths)
    assert found is not None
    assert found.pid == os.getpid()
    assert find_or_start(paths, lambda _: pytest.fail("nothing to start")) == found


def test_none_is_found_in_an_empty_folder(paths: Paths) -> None:
    assert find_server(paths) is None


def test_a_refused_socket_and_a_dead_process_are_no_server(paths: Paths, tmp_path: Path) -> None:
    ensure_token(paths)
    old = tmp_path / "old.sock"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(old))
    write_endpoint(paths.endpoint, Endpoint.here(f"unix:{old}"))
    assert find_server(paths) is None
    # A port that somebody else has taken since is not asked, and sees no token.
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        mine = Endpoint.here(f"127.0.0.1:{port}")
        # The process is gone; its number is another's now.
        for stale in (replace(mine, pid=2**22 + 1), replace(mine, birth=mine.birth - 10)):
            write_endpoint(paths.endpoint, stale)
            assert find_server(paths) is None
        # Written by a version that did not keep the birth.
        paths.endpoint.write_text(json.dumps({"address": mine.address, "pid": mine.pid}))
        assert find_server(paths) is None
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_silent_server_is_reported_and_left_alone(paths: Paths) -> None:
    ensure_token(paths)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        write_endpoint(paths.endpoint, Endpoint.here(f"127.0.0.1:{port}"))
        with pytest.raises(StemliftError) as caught:
            find_server(paths, patience=0.3)
    assert caught.value.reason is Reason.SERVER_LOST
    assert str(os.getpid()) in caught.value.message


def test_a_started_server_answers_and_leaves_no_zombie(paths: Paths, monkeypatch) -> None:
    use_command(monkeypatch, str(FAKE))
    said: list[str] = []
    found = find_or_start(paths, said.append)
    assert found.pid != os.getpid()
    assert Path(psutil.Process(found.pid).cwd()) == paths.state
    assert os.getsid(found.pid) != os.getsid(0)
    assert len(said) == 1
    end(found.pid)
    assert not psutil.pid_exists(found.pid)
    # The files it left are stale now; the next start copes with them.
    assert read_endpoint(paths.endpoint) == found
    again = find_or_start(paths)
    assert again.pid != found.pid
    end(again.pid)


def test_a_relative_home_is_that_of_the_starter(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, "home")
    use_command(monkeypatch, str(FAKE))
    found = find_or_start(find_paths())
    assert psutil.Process(found.pid).environ()[HOME_VARIABLE] == str(tmp_path / "home")
    end(found.pid)


def test_a_server_starts_for_the_paths_given(paths: Paths, tmp_path: Path, monkeypatch) -> None:
    use_command(monkeypatch, str(FAKE))
    other = paths_under(tmp_path / "other")
    found = find_or_start(other)
    assert read_endpoint(other.endpoint) == found
    assert not paths.state.exists()
    end(found.pid)


def test_no_server_starts_for_paths_that_no_home_has(paths: Paths, tmp_path: Path) -> None:
    state = tmp_path / "elsewhere"
    with pytest.raises(StemliftError) as caught:
        find_or_start(replace(paths, state=state))
    assert caught.value.reason is Reason.SERVER_START_FAILED
    assert str(state) in caught.value.message
    assert not state.exists()


def test_starters_at_once_share_one_server(paths: Paths, monkeypatch) -> None:
    use_command(monkeypatch, str(FAKE))
    before = psutil.Process().children()
    found: list[Endpoint] = []
    starters = [
        threading.Thread(target=lambda: found.append(find_or_start(paths))) for _ in range(3)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert len(found) == 3
    assert len({endpoint.pid for endpoint in found}) == 1
    # The losers first: one that is slow to look would take the place of a killed winner.
    for child in psutil.Process().children():
        if child.pid != found[0].pid and child not in before:
            assert child.wait(20) in (3, None)
    end(found[0].pid)


def test_a_server_that_ends_at_once_says_why(paths: Paths, monkeypatch) -> None:
    use_command(monkeypatch, "-c", "import sys; print('no luck today'); sys.exit(5)")
    with pytest.raises(StemliftError) as caught:
        find_or_start(paths)
    assert caught.value.reason is Reason.SERVER_START_FAILED
    assert "no luck today" in caught.value.message
    assert "exit code 5" in caught.value.message


def test_a_server_that_hangs_is_not_killed(paths: Paths, monkeypatch) -> None:
    use_command(
        monkeypatch,
        "-c",
        "import sys; print('here', flush=True); sys.stdin = open(0); import signal; signal.pause()",
    )
    monkeypatch.setattr(locate, "START_SECONDS", 0.6)
    with pytest.raises(StemliftError) as caught:
        find_or_start(paths)
    assert caught.value.reason is Reason.SERVER_START_FAILED
    pid = int(caught.value.message.split("process ")[1].split(")")[0])
    assert is_alive(pid)
    end(pid)


def test_a_broken_settings_file_stops_the_start(paths: Paths) -> None:
    paths.settings.mkdir(parents=True)
    paths.settings_file.write_text("idle_exit = 'soon'")
    with pytest.raises(StemliftError) as caught:
        find_or_start(paths)
    assert caught.value.reason is Reason.SETTINGS_INVALID


def test_outputs_of_starts_long_ago_are_cleared(paths: Paths, monkeypatch) -> None:
    use_command(monkeypatch, "-c", "raise SystemExit(5)")
    paths.logs.mkdir(parents=True)
    old, new = paths.logs / "start-old.log", paths.logs / "start-new.log"
    for path, age in ((old, 8), (new, 6)):
        path.touch()
        then = time.time() - age * 86400
        os.utime(path, (then, then))
    # As one that another starter took between the listing and the look at it.
    (paths.logs / "start-gone.log").symlink_to(paths.logs / "gone")
    for _ in range(8):
        with pytest.raises(StemliftError, match="exit code 5"):
            find_or_start(paths)
    assert not old.exists()
    assert new.exists()
    assert len(list(paths.logs.glob("start-????????.log"))) == 8


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"address": 1}', "\x00", '{"address":'])
def test_a_broken_endpoint_file_is_none(paths: Paths, text: str) -> None:
    ensure_token(paths)
    paths.endpoint.write_text(text)
    assert find_server(paths) is None


def test_only_the_own_endpoint_is_removed(paths: Paths) -> None:
    paths.state.mkdir(parents=True)
    mine, other = Endpoint("unix:/a", 1, "1", 0.0), Endpoint("unix:/b", 2, "1", 0.0)
    write_endpoint(paths.endpoint, other)
    remove_endpoint(paths.endpoint, mine)
    assert read_endpoint(paths.endpoint) == other
    remove_endpoint(paths.endpoint, other)
    assert not paths.endpoint.exists()


def test_tokens_are_private_long_and_stay(paths: Paths) -> None:
    token = ensure_token(paths)
    assert len(token) >= 43
    assert ensure_token(paths) == token
    assert paths.token.stat().st_mode & 0o777 == 0o600
    assert paths.state.stat().st_mode & 0o777 == 0o700
    assert same_token(token, token)
    assert not same_token("ü", token)
