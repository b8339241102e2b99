"""Every failure reads the same by the command line and by gRPC, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_server import Home, wait_for
from signals import song, write

from stemlift import Client, StemliftError
from stemlift.errors import Exit


def text_as_wav(folder: Path) -> Path:
    path = folder / "notes.wav"
    path.write_text("These are not the samples you are looking for.\n" * 50)
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.wav"
    path.touch()
    return path


def no_frames(folder: Path) -> Path:
    return write(folder / "none.wav", np.zeros((0, 2)), 44100, "PCM_16")


def truncated(folder: Path) -> Path:
    path = write(folder / "cut.wav", song(20_000, 2, 44100), 44100, "PCM_16")
    path.write_bytes(path.read_bytes()[:-30_001])
    return path


def not_finite(folder: Path) -> Path:
    samples = song(20_000, 2, 44100)
    samples[12_000, 1] = np.nan
    return write(folder / "nan.wav", samples, 44100, "FLOAT")


def infinite(folder: Path) -> Path:
    samples = song(20_000, 2, 44100)
    samples[7, 0] = np.inf
    return write(folder / "inf.wav", samples, 44100, "FLOAT")


def absurd(folder: Path) -> Path:
    samples = song(20_000, 2, 44100)
    samples[500, 1] = 1e30
    return write(folder / "huge.wav", samples, 44100, "FLOAT")


def missing(folder: Path) -> Path:
    return folder / "missing.wav"


def folder_named_wav(folder: Path) -> Path:
    path = folder / "folder.wav"
    path.mkdir()
    return path


def low_rate(folder: Path) -> Path:
    return write(folder / "low.wav", song(8_000, 1, 4000), 4000, "PCM_16")


BAD_FILES = [
    (missing, "FILE_NOT_FOUND"),
    (folder_named_wav, "FILE_UNREADABLE"),
    (text_as_wav, "NOT_AUDIO"),
    (empty, "FILE_EMPTY"),
    (no_frames, "FILE_EMPTY"),
    (truncated, "FILE_TRUNCATED"),
    (low_rate, "RATE_UNSUPPORTED"),
    (not_finite, "SAMPLES_NOT_FINITE"),
    (infinite, "SAMPLES_NOT_FINITE"),
    (absurd, "SAMPLES_NOT_FINITE"),
]


@pytest.mark.parametrize(("make", "reason"), BAD_FILES)
def test_bad_files(shared_home: Home, client: Client, tmp_path: Path, make, reason: str) -> None:
    source = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    ran = shared_home.run("separate", str(source), "--model", "spectral", "--json")
    assert ran.returncode == Exit.BAD_INPUT, ran.stderr
    (line,) = ran.stdout.splitlines()
    error = json.loads(line)["error"]
    assert error["reason"] == reason
    assert error["remedy"]
    assert source.name in error["message"]
    with pytest.raises(StemliftError) as caught:
        client.separate(source, model="spectral").result(60)
    assert caught.value.reason == reason
    assert (caught.value.message, caught.value.remedy) == (error["message"], error["remedy"])
    assert sorted(tmp_path.rglob("*")) == before


BAD_ARGUMENTS = [
    (["--model", "nonesuch"], {"model": "nonesuch"}, "MODEL_UNKNOWN"),
    (["--stems", "kazoo"], {"stems": ["kazoo"]}, "STEM_UNKNOWN"),
    (["--start", "99"], {"start": 99.0}, "RANGE_OUTSIDE"),
    (
        ["--model", "htdemucs", "--mask", "ratio"],
        {"model": "htdemucs", "mask": "ratio"},
        "MASK_UNSUPPORTED",
    ),
    (["--remainder", "somewhere"], {"remainder": "somewhere"}, "ARGUMENT_INVALID"),
    (["--mask", "square"], {"mask": "square"}, "ARGUMENT_INVALID"),
    (["--precision", "int8"], {"precision": "int8"}, "ARGUMENT_INVALID"),
    (["--format", "mp3"], {"format": "mp3"}, "ARGUMENT_INVALID"),
    (["--batch", "-1"], {"batch": -1}, "ARGUMENT_INVALID"),
    (["--start", "-1"], {"start": -1.0}, "ARGUMENT_INVALID"),
    (
        ["--stems", "remainder", "--remainder", "off"],
        {"stems": ["remainder"], "remainder": "off"},
        "ARGUMENT_INVALID",
    ),
]


@pytest.mark.parametrize(("arguments", "options", "reason"), BAD_ARGUMENTS)
def test_bad_arguments(
    shared_home: Home, client: Client, tmp_path: Path, arguments, options, reason: str
) -> None:
    source = write(tmp_path / "s.wav", song(20_000, 2, 44100), 44100, "PCM_16")
    ran = shared_home.run("separate", str(source), "--json", *arguments)
    assert ran.returncode == Exit.BAD_INPUT, ran.stderr
    (line,) = ran.stdout.splitlines()
    error = json.loads(line)["error"]
    assert error["reason"] == reason
    assert error["remedy"]
    with pytest.raises(StemliftError) as caught:
        client.separate(source, **options)
    assert caught.value.reason == reason
    assert sorted(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("where", ["under a file", "in a place that takes nothing"])
def test_unwritable_output(shared_home: Home, client: Client, tmp_path: Path, where: str) -> None:
    source = write(tmp_path / "s.wav", song(20_000, 2, 44100), 44100, "PCM_16")
    if where == "under a file":
        out = source / "stems"
    elif sys.platform == "linux":
        out = Path("/proc/self/stems")
    else:
        pytest.skip("only Linux has a folder that refuses even the superuser")
    ran = shared_home.run("separate", str(source), "--out", str(out), "--json")
    assert ran.returncode == Exit.BAD_INPUT, ran.stdout
    assert json.loads(ran.stdout)["error"]["reason"] == "OUTPUT_UNWRITABLE"
    with pytest.raises(StemliftError) as caught:
        client.separate(source, out=out).result(60)
    assert caught.value.reason == "OUTPUT_UNWRITABLE"


@pytest.mark.parametrize(
    ("channels", "subtype", "suffix"),
    [(2, "FLOAT", "wav"), (2, "VORBIS", "ogg"), (2, "PCM_32", "wav")],
)
def test_flac_refuses_what_it_cannot_hold(
    client: Client, tmp_path: Path, channels: int, subtype: str, suffix: str
) -> None:
    source = write(tmp_path / f"s.{suffix}", song(9_000, channels, 44100), 44100, subtype)
    with pytest.raises(StemliftError) as caught:
        client.separate(source, format="flac")
    assert caught.value.reason == "FORMAT_CANNOT_HOLD"


def test_flac_holds_what_it_can(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(30_000, 2, 44100), 44100, "PCM_16")
    result = client.separate(source, model="spectral", format="flac").result(60)
    assert result.null_dbfs == -300
    parts = [soundfile.read(path, dtype="int32")[0] for path in result.stems.values()]
    assert {soundfile.info(path).subtype for path in result.stems.values()} == {"PCM_24"}
    assert np.array_equal(sum(parts), soundfile.read(source, dtype="int32")[0])


def test_a_disk_that_is_full(home: Home, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="needs limits on the size of files")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux can limit another process")
    source = write(tmp_path / "s.wav", song(44100 * 20, 2, 44100), 44100, "PCM_16")
    process = home.serve()
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    ran = home.run("separate", str(source), "--model", "spectral", "--json")
    assert ran.returncode == Exit.JOB_FAILED
    assert json.loads(ran.stdout)["error"]["reason"] == "DISK_FULL"
    with home.client() as client, pytest.raises(StemliftError) as caught:
        client.separate(source, model="spectral").result(60)
    assert caught.value.reason == "DISK_FULL"
    assert sorted(tmp_path.iterdir()) == sorted([source, home.folder])


def test_a_wrong_token(home: Home, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    home.serve()
    right = home.paths.token.read_text()
    address = home.client().address
    with (
        pytest.raises(StemliftError) as caught,
        Client(paths=home.paths, address=address, token="x" * 43) as client,
    ):
        client.server_info()
    assert caught.value.reason == "TOKEN_REJECTED"
    home.paths.token.write_text("y" * 43)
    ran = home.run("separate", str(source), "--json")
    assert ran.returncode == Exit.SERVER
    assert json.loads(ran.stdout)["error"]["reason"] == "TOKEN_REJECTED"
    home.paths.token.write_text(right)
    assert home.run("jobs", "list").returncode == 0


def test_no_call_goes_without_the_token(shared_home: Home, client: Client) -> None:
    """Every method of every service, health too, turns away a call without it."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from stemlift.rpc.gen import separation_pb2, separation_pb2_grpc

    with grpc.insecure_channel(client.address) as channel:
        stub = separation_pb2_grpc.SeparationServiceStub(channel)
        calls = {
            method.name: lambda method=method: getattr(stub, method.name)(
                getattr(separation_pb2, method.input_type.name)()
            )
            for method in separation_pb2.DESCRIPTOR.services_by_name["SeparationService"].methods
        }
        calls["Check"] = lambda: health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest()
        )
        assert len(calls) == 14
        streams = ("WatchJob", "PullModel", "ImportModel", "VerifyModel")
        for name, call in calls.items():
            with pytest.raises(grpc.RpcError) as caught:
                list(call()) if name in streams else call()
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED, name


def test_health_with_the_token(shared_home: Home, client: Client) -> None:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    token = shared_home.paths.token.read_text()
    with grpc.insecure_channel(client.address) as channel:
        reply = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service="stemlift.v1.SeparationService"),
            metadata=(("authorization", f"Bearer {token}"),),
        )
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize(
    ("listen", "reason"),
    [
        ("0.0.0.0:4711", "LISTEN_REFUSED"),
        ("192.168.1.4:4711", "LISTEN_REFUSED"),
        ("[::]:4711", "LISTEN_REFUSED"),
        ("unix:/tmp/stemlift-open.sock", "LISTEN_REFUSED"),
        ("example.org:80", "ARGUMENT_INVALID"),
        ("nonsense", "ARGUMENT_INVALID"),
    ],
)
def test_listening_where_others_could_reach_is_refused(
    home: Home, listen: str, reason: str
) -> None:
    ran = home.run("serve", "--listen", listen)
    assert ran.returncode == Exit.BAD_INPUT
    assert reason in ran.stderr


def test_listening_on_a_port_when_asked(home: Home, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    home.serve("--listen", "127.0.0.1:0")
    with home.client() as client:
        assert client.address.startswith("127.0.0.1:")
    environment = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    ran = home.run("separate", str(source), "--json", env=environment)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    ("device", "reason"),
    [("cuda:99", "DEVICE_UNAVAILABLE"), ("abacus", "ARGUMENT_INVALID")],
)
def test_devices_that_are_not_there(home: Home, device: str, reason: str) -> None:
    ran = home.run("serve", "--device", device)
    assert ran.returncode == Exit.BAD_INPUT
    assert reason in ran.stderr


def test_settings_that_make_no_sense(home: Home, tmp_path: Path) -> None:
    home.folder.mkdir()
    (home.folder / "settings.toml").write_text('idle_exit = "soon"\n')
    ran = home.run("models", "list", "--json")
    assert ran.returncode == Exit.BAD_INPUT
    assert json.loads(ran.stdout)["error"]["reason"] == "SETTINGS_INVALID"
    assert "idle_exit" in json.loads(ran.stdout)["error"]["message"]


@pytest.mark.parametrize(
    "name",
    [
        "Füße & Ñandú — 楽曲.wav",
        "two  spaces ' and \" quotes.wav",
        "100% $HOME `x` {song}.wav",
        "-dash.wav",
        "x" * 230 + ".wav",
        "no_extension",
        "🎧.wav",
        "Cafe\u0301.wav",
    ],
)
def test_odd_names(shared_home: Home, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    made = write(tmp_path / "s.wav", song(4_000, 2, 44100), 44100, "PCM_16")
    source = folder / name
    made.rename(source)
    ran = shared_home.run("separate", "--model", "spectral", "--json", "--", name, cwd=folder)
    assert ran.returncode == 0, ran.stdout
    stems = json.loads(ran.stdout)["stems"]
    for path in map(Path, stems.values()):
        assert path.is_file()
        assert path.parent.parent == folder
        assert len(path.name.encode()) <= 255


def test_a_name_that_is_no_text(shared_home: Home, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems keep file names as text")
    made = write(tmp_path / "s.wav", song(4_000, 2, 44100), 44100, "PCM_16")
    source = os.fsencode(tmp_path) + b"/bad\xff.wav"
    made.rename(os.fsdecode(source))
    ran = shared_home.run("separate", os.fsdecode(source), "--json")
    assert ran.returncode == Exit.BAD_INPUT
    assert json.loads(ran.stdout)["error"]["reason"] == "PATH_UNSUPPORTED"


def test_a_working_folder_that_is_gone(shared_home: Home, tmp_path: Path) -> None:
    import subprocess

    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m stemlift separate s.wav --json"
    ran = subprocess.run(
        ["/bin/sh", "-c", script],
        env=shared_home.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == Exit.BAD_INPUT, ran.stderr
    assert json.loads(ran.stdout)["error"]["reason"] == "PATH_UNSUPPORTED"


def test_closed_streams_end_nothing(shared_home: Home, tmp_path: Path) -> None:
    import subprocess

    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    script = f"exec {sys.executable} -m stemlift separate {source} --model spectral >&- 2>&-"
    ran = subprocess.run(["/bin/sh", "-c", script], env=shared_home.environment, check=False)
    assert ran.returncode == 0
    assert len(list((tmp_path / "s stems").iterdir())) == 4


def test_an_empty_folder_name_is_not_the_current_folder(
    shared_home: Home, client: Client, tmp_path: Path
) -> None:
    source = write(tmp_path / "s.wav", song(9_000, 2, 44100), 44100, "PCM_16")
    ran = shared_home.run("separate", str(source), "--out", "", "--json", cwd=tmp_path)
    assert ran.returncode == Exit.BAD_INPUT
    assert json.loads(ran.stdout)["error"]["reason"] == "ARGUMENT_INVALID"


def test_an_address_elsewhere_is_not_told_the_token(home: Home) -> None:
    for address in ("192.0.2.1:4711", "example.org:443", ""):
        with pytest.raises(StemliftError) as caught:
            Client(paths=home.paths, address=address, token="x" * 43)
        assert caught.value.reason == "ARGUMENT_INVALID"


def test_the_server_dies_under_a_waiting_client(home: Home, tmp_path: Path) -> None:
    """The client names the job and exits 3; the next command starts the server again."""
    import subprocess

    source = write(tmp_path / "s.wav", song(44100 * 60, 2, 44100), 44100, "PCM_16")
    process = home.spawn(
        "separate", str(source), "--model", "spectral", "--json", stdout=subprocess.PIPE
    )
    wait_for(home.server_pid, "the client to start a server")

    def running() -> bool:
        with home.client() as client:
            return any(job.latest.fraction > 0.05 for job in client.jobs())

    wait_for(running, "the job to run")
    home.kill()
    assert process.wait(60) == Exit.SERVER
    assert process.stdout
    line = json.loads(process.stdout.read())
    assert line["error"]["reason"] == "SERVER_LOST"
    job_id = line["job"]
    shown = home.run("jobs", "watch", job_id, "--json")
    assert shown.returncode == 0, shown.stderr
    last = json.loads(shown.stdout.splitlines()[-1])
    assert last["state"] == "succeeded"
    assert len(list((tmp_path / "s stems").iterdir())) == 4
