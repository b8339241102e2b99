"""A model named for the first time is fetched from the hub, and never again."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_hub import FakeHub
from real_server import Home, home_in
from signals import song, write
from tiny_demucs import tiny_htdemucs, write_bag

from stemlift import StemliftError
from stemlift.rpc.results import Stage

REPOSITORY = "adefossez/HTDemucs"


@pytest.fixture
def hub(tmp_path: Path):
    files = write_bag(tmp_path / "made", "htdemucs", [tiny_htdemucs(1)])
    with FakeHub() as running:
        for file in files:
            running.put(REPOSITORY, file.name, file.read_bytes())
        running.weights = files[1].name
        yield running


@pytest.fixture
def home(tmp_path: Path, hub: FakeHub):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "settings.toml").write_text(f'hub = "{hub.endpoint}"\n')
    with home_in(folder) as home:
        home.serve()
        yield home


def test_fetched_once_then_offline(home: Home, hub: FakeHub, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(40_000, 2, 44100), 44100, "PCM_16")
    with home.client() as client:
        assert client.separate(source, out=tmp_path / "auto").result(60).model == "compact"
        assert hub.requests == []
        assert "htdemucs" in client.models().advice
        hub.stall[hub.weights] = 10_000
        job = client.separate(source, model="htdemucs", out=tmp_path / "a")
        stages = set()
        for update in job:
            stages.add(update.stage)
            if update.stage is Stage.DOWNLOADING and update.fraction > 0:
                hub.release()
        assert job.result().null_dbfs == -300
        assert Stage.DOWNLOADING in stages
        asked = len(hub.requests)
        client.separate(source, model="htdemucs", out=tmp_path / "b").result(60)
        assert client.separate(source, out=tmp_path / "c").result(60).model == "htdemucs"
        assert client.server_info().model_loads == 2
    assert len(hub.requests) == asked
    assert not any(request.authorization for request in hub.requests)
    home.end()
    home.serve()
    with home.client() as client:
        client.separate(source, model="htdemucs", out=tmp_path / "d").result(60)
    assert len(hub.requests) == asked


def test_a_broken_download_is_a_plain_error(home: Home, hub: FakeHub, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    hub.status[hub.weights] = 404
    with home.client() as client:
        job = client.separate(source, model="htdemucs")
        with pytest.raises(StemliftError) as caught:
            job.result(60)
        assert caught.value.reason == "DOWNLOAD_FAILED"
        assert caught.value.exit_code == 4
        assert not (tmp_path / "s stems").exists()
        hub.status.clear()
        assert client.separate(source, model="htdemucs").result(60).frames == 9_000


def test_a_download_can_be_cancelled(home: Home, hub: FakeHub, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    hub.stall[hub.weights] = 10_000
    with home.client() as client:
        job = client.separate(source, model="htdemucs")
        for update in job:
            if update.stage is Stage.DOWNLOADING and update.fraction > 0:
                job.cancel()
        with pytest.raises(StemliftError) as caught:
            job.result()
        assert caught.value.reason == "CANCELLED"
    hub.release()
