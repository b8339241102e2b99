"""`stemlift models` against a real server and a hub on this machine."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from fake_hub import FakeHub
from real_server import Home, home_in, wait_for
from signals import song, write
from tiny_demucs import tiny_htdemucs, write_bag

from stemlift import StemliftError

REPOSITORY = "adefossez/HTDemucs"


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_bag(tmp_path_factory.mktemp("made"), "htdemucs", [tiny_htdemucs(1)])


@pytest.fixture(scope="module")
def hub(bag: list[Path]):
    with hub_with(bag) as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, hub: FakeHub):
    with home_with(tmp_path_factory.mktemp("home"), hub) as home:
        home.serve()
        yield home


@pytest.fixture
def home(served: Home, hub: FakeHub):
    """The one server, without models, though it may have had some."""
    hub.requests.clear()
    yield served
    with served.client() as client:
        for model in client.models().models:
            if model.installed and model.network != "spectral" and not model.built_in:
                client.remove_model(model.name)


@contextmanager
def hub_with(bag: list[Path]):
    with FakeHub() as running:
        for file in bag:
            running.put(REPOSITORY, file.name, file.read_bytes())
        yield running


@contextmanager
def home_with(folder: Path, hub: FakeHub, more: str = ""):
    (folder / "settings.toml").write_text(f'hub = "{hub.endpoint}"\n{more}')
    with home_in(folder) as home:
        yield home


def said(done) -> dict:
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    return line


def test_pull_check_use_and_remove(home: Home, hub: FakeHub, tmp_path: Path) -> None:
    with home.client() as client:
        assert not client.model("htdemucs").installed
        told = []
        pulled = client.pull("htdemucs", told.append)
        assert pulled.installed
        assert pulled.installed_bytes > 10_000
        asked = len(hub.requests)
        assert client.pull("htdemucs") == pulled
        assert len(hub.requests) == asked
        # Beside what ships, and is always there.
        checked = [file for file in client.verify_model() if file.model == "htdemucs"]
        assert [str(file.state) for file in checked] == ["ok", "ok"]
        source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
        assert client.separate(source, model="htdemucs").result(60).null_dbfs == -300
        assert client.model("htdemucs").loaded
        weights = max(client.verify_model("htdemucs"), key=lambda file: file.path.stat().st_size)
        content = bytearray(weights.path.read_bytes())
        content[-1] ^= 1
        weights.path.chmod(0o644)
        weights.path.write_bytes(content)
        done = home.run("models", "verify", "--json")
        assert done.returncode == 4
        assert said(done)["error"]["reason"] == "CHECKPOINT_INVALID"
        fetched = [one for one in said(done)["files"] if one["model"] == "htdemucs"]
        assert {Path(one["path"]).name: one["state"] for one in fetched} == {
            "htdemucs.yaml": "ok",
            weights.path.name: "damaged",
        }
        assert client.remove_model("htdemucs") >= pulled.installed_bytes
        assert not client.model("htdemucs").loaded
        assert client.server_info().loaded_models == ()
        assert not weights.path.exists()
        done = home.run("models", "remove", "htdemucs", "--yes", "--json")
        assert (done.returncode, said(done)["error"]["reason"]) == (2, "MODEL_NOT_INSTALLED")


def test_an_interrupted_pull_goes_on_where_it_stopped(
    home: Home, hub: FakeHub, bag: list[Path]
) -> None:
    weights = bag[1].name
    hub.stall[weights] = 20_000
    command = home.spawn("models", "pull", "htdemucs", "--yes")
    wait_for(lambda: hub.gets(weights), "the transfer")
    with home.client() as client:
        # Other calls are answered meanwhile.
        assert not client.model("htdemucs").installed
        partial = wait_for(
            lambda: [
                path
                for path in home.paths.models.rglob("*")
                if ".partial" in path.parts and path.is_file() and path.stat().st_size >= 20_000
            ],
            "the first bytes",
        )
        assert partial
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=60)
        assert command.returncode == 130
        assert b"`stemlift models pull htdemucs` goes on with it" in err
        wait_for(lambda: not psutil.Process(home.server_pid()).children(), "the transfer to end")
        hub.release()
        assert not client.model("htdemucs").installed
        done = home.run("models", "pull", "htdemucs", "--yes", "--json")
        assert (done.returncode, said(done)["installed"]) == (0, True)
        assert [get.start for get in hub.gets(weights)] == [0, 20_000]
        assert {str(file.state) for file in client.verify_model("htdemucs")} == {"ok"}


def test_strangers_can_do_none_of_it(home: Home, hub: FakeHub, bag: list[Path]) -> None:
    with home.client(token="x" * 43) as stranger:
        for attempt in (
            lambda: stranger.model("htdemucs"),
            lambda: stranger.pull("htdemucs"),
            lambda: stranger.import_model(bag[1], "mine"),
            lambda: stranger.verify_model(),
            lambda: stranger.remove_model("htdemucs"),
        ):
            with pytest.raises(StemliftError) as caught:
                attempt()
            assert caught.value.reason == "TOKEN_REJECTED"
    assert hub.requests == []


def test_a_wrong_checksum_leaves_nothing(home: Home, hub: FakeHub, bag: list[Path]) -> None:
    hub.corrupt.add(bag[1].name)
    done = home.run("models", "pull", "htdemucs", "--yes", "--json")
    assert done.returncode == 4
    assert said(done)["error"]["reason"] in ("DOWNLOAD_FAILED", "CHECKPOINT_INVALID")
    assert not list(home.paths.models.rglob("*.safetensors"))
    hub.corrupt.clear()
    assert home.run("models", "pull", "htdemucs", "--yes").returncode == 0


def test_offline_asks_nobody(tmp_path: Path, bag: list[Path]) -> None:
    with hub_with(bag) as hub, home_with(tmp_path, hub, "offline = true\n") as home:
        home.serve()
        done = home.run("models", "pull", "htdemucs", "--yes", "--json")
        assert (done.returncode, said(done)["error"]["reason"]) == (4, "DOWNLOAD_FAILED")
        assert "offline" in said(done)["error"]["message"]
        assert hub.requests == []


def test_a_file_of_ones_own(home: Home, bag: list[Path], tmp_path: Path) -> None:
    done = home.run("models", "import", str(bag[1]), "--name", "mine", "--licence", "CC0", "--yes")
    assert done.returncode == 0, done.stderr
    assert "stemlift separate --model mine SONG" in done.stderr
    with home.client() as client:
        mine = client.model("mine")
        assert (mine.origin, mine.network, mine.licence) == ("imported", "demucs", "CC0")
        source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
        assert client.separate(source, model="mine").result(60).null_dbfs == -300
        again = home.run("models", "import", str(bag[1]), "--name", "mine", "--yes", "--json")
        assert (again.returncode, said(again)["error"]["reason"]) == (2, "MODEL_EXISTS")
        wrong = home.run("models", "import", str(source), "--name", "no", "--yes", "--json")
        assert (wrong.returncode, said(wrong)["error"]["reason"]) == (2, "CHECKPOINT_UNKNOWN")
        assert {str(file.state) for file in client.verify_model("mine")} == {"ok"}
        # Its entry goes, too.
        assert client.remove_model("mine") > mine.installed_bytes
        assert "mine" not in {model.name for model in client.models().models}


def test_a_pull_keeps_an_idle_server(tmp_path: Path, bag: list[Path]) -> None:
    with hub_with(bag) as hub, home_with(tmp_path, hub) as home:
        hub.stall[bag[1].name] = 20_000
        # Long enough for the command to come before the server leaves, on a busy machine too.
        server = home.serve("--idle-exit", "4")
        command = home.spawn("models", "pull", "htdemucs", "--yes")
        wait_for(lambda: hub.gets(bag[1].name), "the transfer")
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(4.5)
        hub.release()
        assert command.wait(60) == 0
        assert server.wait(60) == 0
