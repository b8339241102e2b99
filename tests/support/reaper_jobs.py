"""Job folders as the scripts in REAPER write them, and the helper as REAPER starts it."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from real_server import wait_for

from stemlift.reaper.facts import Choices, Item, Project, Request, Source, Track
from stemlift.reaper.install.scripts import find_program
from stemlift.reaper.messages import JobFile, Phase, Status
from stemlift.rpc.endpoint import read_endpoint

TRACK = "{11111111-1111-1111-1111-111111111111}"


def quoted(path: str) -> str:
    """As REAPER writes a path: in the first kind of quotes that is not in it."""
    for sign in "\"'`":
        if sign not in path:
            return f"{sign}{path}{sign}"
    return "`" + path.replace("`", "'") + "`"


def item(
    number: int, path: Path, *, offset: float = 0.0, length: float = 1.0, seconds: float = 3.0
) -> Item:
    """An item of the project's one track that plays a part of a stereo file at 44.1 kHz."""
    guid = f"{{{number:08X}-2222-2222-2222-222222222222}}"
    chunk = "\n".join(
        (
            "<ITEM",
            f"POSITION {number * 10}",
            "SNAPOFFS 0",
            f"LENGTH {length}",
            "LOOP 0",
            "ALLTAKES 0",
            "FADEIN 1 0 0 1 0 0 0",
            "FADEOUT 1 0 0 1 0 0 0",
            "MUTE 0 0",
            "SEL 1",
            f"IGUID {guid}",
            f"IID {number}",
            f"NAME {quoted(path.name)}",
            "VOLPAN 1 0 1 -1",
            f"SOFFS {offset}",
            "PLAYRATE 1 1 0 -1 0 0.0025",
            "CHANMODE 0",
            f"GUID {{{number:08X}-3333-3333-3333-333333333333}}",
            "<SOURCE WAVE",
            f"FILE {quoted(str(path))}",
            ">",
            ">",
        )
    )
    source = Source(path=str(path), kind="WAVE", length=seconds, sample_rate=44100, channels=2)
    return Item(guid=guid, track=TRACK, chunk=chunk, source=source)


def midi_item(number: int) -> Item:
    whole = item(number, Path("/none.mid"))
    chunk = whole.chunk.replace('<SOURCE WAVE\nFILE "/none.mid"', "<SOURCE MIDI\nHASDATA 1 960")
    return whole.model_copy(update={"chunk": chunk, "source": Source(kind="MIDI")})


def request(media: Path, *items: Item, **choices: Any) -> Request:
    return Request(
        project=Project(media_folder=str(media)),
        tracks=(Track(guid=TRACK, index=0, name="Mix"),),
        items=items,
        choices=Choices(**choices),
    )


@dataclass
class Helper:
    """The helper on job folders of one STEMLIFT_HOME."""

    home: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def jobs(self) -> Path:
        return self.home / "state" / "reaper"

    def make(self, name: str, asked: Request) -> Path:
        folder = self.jobs / name
        folder.mkdir(parents=True)
        job = JobFile(id=name, project_id="p", title="A title", created=0.0, request=asked)
        (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
        return folder

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """With an environment as bare as that in which REAPER starts it on macOS."""
        bare = ("PATH", "HOME", "TMPDIR", "TEMP", "SYSTEMROOT", "USERPROFILE")
        environment = {name: os.environ[name] for name in bare if name in os.environ}
        environment |= {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("COV_", "COVERAGE_", "OMP_"))
        }
        process = subprocess.Popen(
            [find_program(), *arguments, "--home", self.home],
            env=environment | {"STEMLIFT_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        """To its end: exit code, stdout, stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return process.returncode, out.decode(), err.decode()

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def status_of(folder: Path) -> Status:
    return Status.model_validate_json((folder / "status.json").read_bytes())


def wait_for_phase(folder: Path, *phases: Phase) -> Status:
    def there() -> Status | None:
        if not (folder / "status.json").exists():
            return None
        status = status_of(folder)
        return status if status.phase in phases else None

    found: Status = wait_for(there, f"one of {phases}")
    return found


def kill_server(home: Path) -> None:
    endpoint = read_endpoint(home / "state" / "server.json")
    assert endpoint is not None
    os.kill(endpoint.pid, signal.SIGKILL)


def stems_of(status: Status) -> list[Path]:
    """The files in the chunks of the items that the plan inserts."""
    assert status.plan is not None
    found = []
    for operation in status.plan.operations:
        if operation.do == "insert_item":
            line = next(
                line.strip()
                for line in operation.chunk.splitlines()
                if line.strip().startswith("FILE ")
            )
            found.append(Path(line[5:].strip()[1:-1] if line[5] in "\"'`" else line[5:].strip()))
    return found
