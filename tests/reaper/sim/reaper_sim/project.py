"""A project: tracks, sends, folders, where it lies, and its undo stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reaper_sim.chunks import Block, Lines, fields, number, parse
from reaper_sim.ids import Handle
from reaper_sim.items import Item
from reaper_sim.tracks import Track
from reaper_sim.undo import Undo

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass
class Send:
    """mode: 0 after the fader, 1 before the effects, 3 before the fader."""

    source: Track
    target: Track
    volume: float = 1.0
    pan: float = 0.0
    mute: bool = False
    mode: int = 0
    mono: bool = False
    phase: bool = False
    source_channel: int = 0
    target_channel: int = 0
    rest: str = "-1:U 0 -1 ''"


class Project(Handle):
    """path: of the project file; None while it is not saved."""

    ctype = "ReaProject*"

    def __init__(self, path: Path | None, media: Path, rate: int = 44100) -> None:
        super().__init__()
        self.path = path
        self._media = media
        self.media_setting = ""
        self.rate = rate
        self.pan_law = 1.0
        self.tracks: list[Track] = []
        self.sends: list[Send] = []
        self.master = Track(self, "MASTER")
        self.time_selection: tuple[float, float] = (0.0, 0.0)
        self.cursor = 0.0
        self.time_offset = 0.0
        self.ext_state: dict[str, dict[str, str]] = {}
        self.markers: list[tuple[int, bool, float, float, str]] = []
        self.dirty = False
        self.changes = 0
        self.undo = Undo(self)

    @property
    def folder(self) -> Path | None:
        return self.path.parent if self.path else None

    @property
    def media_folder(self) -> Path:
        """Where new media go: the project's setting, its own folder, else the recording path."""
        if self.folder is None:
            return self._media
        return self.folder / self.media_setting

    @property
    def items(self) -> list[Item]:
        return [item for track in self.tracks for item in track.items]

    def touch(self) -> None:
        self.dirty = True
        self.changes += 1

    def add_track(
        self,
        name: str = "",
        *,
        depth: int = 0,
        volume: float = 1.0,
        pan: float = 0.0,
        at: int | None = None,
        effects: tuple[str, ...] = (),
        **values: float,
    ) -> Track:
        """values: any attribute of the track, as D_WIDTH=0.5."""
        track = Track(self, name)
        self.tracks.insert(len(self.tracks) if at is None else at, track)
        track.depth = depth
        for key, value in {"D_VOL": volume, "D_PAN": pan, **values}.items():
            track.set(key, value)
        if effects:
            track.add_effects(*effects)
        return track

    def add_send(self, source: Track, target: Track, **values: float) -> Send:
        send = Send(source, target, **values)  # type: ignore[arg-type]
        self.sends.append(send)
        return send

    def remove_track(self, track: Track) -> None:
        self.tracks.remove(track)
        track.alive = False
        for item in track.items:
            item.alive = False
        self.sends = [s for s in self.sends if track not in (s.source, s.target)]

    def parents(self) -> dict[Track, Track | None]:
        found: dict[Track, Track | None] = {}
        open_folders: list[Track] = []
        for track in self.tracks:
            found[track] = open_folders[-1] if open_folders else None
            if track.depth > 0:
                open_folders.append(track)
            elif track.depth < 0:
                del open_folders[max(0, len(open_folders) + track.depth) :]
        return found

    def depth_of(self, track: Track) -> int:
        parents = self.parents()
        count, at = 0, parents[track]
        while at is not None:
            count, at = count + 1, parents[at]
        return count

    def receive_lines(self, track: Track) -> list[str | Block]:
        found: list[str | Block] = []
        for send in self.sends:
            if send.target is track and send.source in self.tracks:
                flags = [send.mute, send.mono, send.phase]
                values = [self.tracks.index(send.source), send.mode, send.volume, send.pan, *flags]
                values += [send.source_channel, send.target_channel]
                found.append(f"AUXRECV {' '.join(number(v) for v in values)} {send.rest}")
        return found

    def set_receives(self, track: Track, lines: list[str]) -> None:
        self.sends = [send for send in self.sends if send.target is not track]
        for line in lines:
            values = fields(line)[1:]
            index = int(values[0])
            if 0 <= index < len(self.tracks):
                self.sends.append(
                    Send(
                        self.tracks[index],
                        track,
                        float(values[2]),
                        float(values[3]),
                        values[4] == "1",
                        int(values[1]),
                        values[5] == "1",
                        values[6] == "1",
                        int(values[7]),
                        int(values[8]),
                        " ".join(line.split()[10:]),
                    )
                )

    def problems(self) -> list[str]:
        """What no project may have: GUIDs twice, folders closed that were never opened."""
        guids = [track.guid for track in self.tracks]
        guids += [item.guid for item in self.items]
        guids += [take.guid for item in self.items for take in item.takes if take is not None]
        found = [f"{guid} is there twice" for guid in sorted(set(guids)) if guids.count(guid) > 1]
        level = 0
        for track in self.tracks:
            level += track.depth
            if level < 0:
                found.append(f"track {track.name!r} closes folders that are not open")
                level = 0
        if level:
            found.append(f"{level} folders are left open")
        return found

    def render(self, length: float | None = None) -> npt.NDArray[np.float64]:
        """What is heard, (frames, 2)."""
        from reaper_sim.render import render

        return render(self, length)

    def text(self) -> str:
        """The project file."""
        head = [f"SAMPLERATE {self.rate} 0 0", "TEMPO 120 4 4"]
        head += [f'RECORD_PATH "{self.media_setting}" ""']
        tracks = [track.block() for track in self.tracks]
        return Block('REAPER_PROJECT 0.1 "7.16/sim" 1700000000', [*head, *tracks]).text()

    def load(self, text: str) -> None:
        block = parse(text)
        lines = Lines(block.children)
        self.rate = int(lines.value("SAMPLERATE", 0, 44100))
        self.media_setting = lines.string("RECORD_PATH", 0)
        chunks = list(block.blocks("TRACK"))
        self.tracks = [Track(self) for _ in chunks]
        self.sends = []
        for track, chunk in zip(self.tracks, chunks, strict=True):
            track.load(chunk)
