"""What a support bundle holds of songs and projects: their structure, and no names."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from reaper_jobs import Helper, item, request

from stemlift.paths import Paths, paths_under
from stemlift.reaper.bundle import write_bundle
from stemlift.reaper.messages import Phase, Status, Trouble
from stemlift.reaper.plan import Skipped
from stemlift.reaper.planning import make_plan
from stemlift.reaper.redact import Redactor

SONG = "Secret Hit – it's (final) mix.wav"
PRIVATE = ("secret", "hit", "final", "grand", "diva", "whisper", "studio", "client")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return paths_under(tmp_path / "home")


def bundled(paths: Paths, folder: Path) -> dict[str, str]:
    target = write_bundle(folder / "b.zip", paths, {"doctor.txt": "fine\n"})
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_no_name_is_left_and_the_structure_is(paths: Paths, tmp_path: Path) -> None:
    song = tmp_path / "Client Studio" / SONG
    one = item(1, song)
    notes = "<NOTES\n|the diva whispers\n>\n<TAKEFX\n<VST secret\nc2VjcmV0\n>\n>\nTKM 0 secret 0\n"
    chunk = one.chunk.replace("<SOURCE", notes + "<SOURCE").replace(f'"{SONG}"', '"Grand Diva"')
    asked = request(tmp_path / "Client Studio", one.model_copy(update={"chunk": chunk}))
    asked = asked.model_copy(
        update={"tracks": (asked.tracks[0].model_copy(update={"name": "Whisper"}),)}
    )
    folder = Helper(paths.state.parent).make("00000000000000d1", asked)
    plan = make_plan(asked)
    status = Status(
        id="00000000000000d1",
        title=SONG,
        pid=1,
        phase=Phase.DONE,
        updated=1.0,
        stage="Separating",
        model="spectral",
        warnings=("Grand Diva has take effects. The effects of Whisper do not act.",),
        skipped=(Skipped(item=one.guid, reason="midi", sentence="Grand Diva was left alone: x."),),
        error=Trouble(reason="DISK_FULL", message=f"No room for {song}.", remedy="Free some."),
        plan=plan.preview,
    )
    (folder / "status.json").write_text(status.model_dump_json(), encoding="utf-8")
    (folder / "helper.log").write_text(f"12:00 INFO {song} and {SONG} went\n", encoding="utf-8")
    paths.logs.mkdir(parents=True)
    line = f"12:00 INFO s: job 1 queued: {song} by spectral\n12:01 WARNING {SONG} is odd\n"
    frame = 'File "/home/diva/x/site-packages/stemlift/rpc/server.py", line 7, in serve\n'
    (paths.logs / "server.log").write_text(line + "  " + frame, encoding="utf-8")
    paths.models_file.parent.mkdir(parents=True, exist_ok=True)
    paths.models_file.write_text('path = "/studio/client net.ckpt"\nhub = "https://h.co/x"\n')
    texts = bundled(paths, tmp_path)
    mine = {name: text for name, text in texts.items() if name != "versions.txt"}
    assert len(mine) == 5
    for name, text in mine.items():
        assert not [word for word in PRIVATE if word in text.lower()], name
    said = json.loads(texts["jobs/00000000000000d1/status.json"])
    for kept in ("id", "phase", "stage", "model", "updated"):
        assert said[kept] == json.loads(status.model_dump_json())[kept]
    assert said["error"]["reason"] == "DISK_FULL"
    assert [each["do"] for each in said["plan"]["operations"]] == [
        each.do for each in plan.preview.operations
    ]
    assert "has take effects. The effects of (name" in said["warnings"][0]
    fingerprint = said["plan"]["expects"][0]["fingerprint"]
    for line in ("POSITION 10", "<SOURCE WAVE", "PLAYRATE 1 1 0 -1 0 0.0025", f"IGUID {one.guid}"):
        assert line in fingerprint.splitlines()
    assert "FILE (name " in fingerprint
    # One code for one name.
    assert said["title"] in texts["jobs/00000000000000d1/helper.log"]
    log = texts["logs/server.log"].splitlines()
    assert log[0].startswith("12:00 INFO s: job 1 queued: (name ")
    assert log[0].endswith(") by spectral")
    assert log[2] == '  File "stemlift/rpc/server.py", line 7, in serve'
    assert 'hub = "https://h.co/x"' in texts[paths.models_file.name]
    # And another one in the next bundle.
    again = json.loads(bundled(paths, tmp_path)["jobs/00000000000000d1/status.json"])
    assert again["title"] != said["title"]


@pytest.mark.parametrize(
    "path",
    ['/a b/c\'s "d": e.wav', "~/x y", r"C:\Users\me\song.wav", r"\\nas\share\x", "D:/m/x.wav"],
)
def test_a_path_is_taken_out_whole(path: str) -> None:
    redactor = Redactor((), b"")
    assert redactor.text(f"It cannot read {path}") == f"It cannot read {redactor.code(path)}"


@pytest.mark.parametrize("text", ["and/or 1/2", "https://a.b/c", "folder / name", "5 % (a/b)"])
def test_what_is_no_path_stays(text: str) -> None:
    assert Redactor(("x",), b"").text(text) == text


def test_what_cannot_be_understood_is_left_out() -> None:
    assert Redactor((), b"").status('{"title": "secr') == "(no JSON)"
    assert "secret" not in Redactor((), b"").chunk("secret\n<ITEM\n<?x secret\nsecret\n>\n>\n")
