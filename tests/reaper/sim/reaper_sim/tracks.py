"""Tracks: their chunk's lines, items, and how tests build them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reaper_sim.chunks import Block, Lines, MalformedChunkError, join, key_of, parse, quoted
from reaper_sim.ids import Handle, new_guid
from reaper_sim.items import ITEM_VALUES, TAKE_ENVELOPES, Item, envelope_block
from reaper_sim.sources import file_block, section_block

if TYPE_CHECKING:
    from reaper_sim.project import Project

NO_COLOUR = 16576
TRACK_DEFAULTS = {
    "NAME": '""',
    "PEAKCOL": str(NO_COLOUR),
    "BEAT": "-1",
    "AUTOMODE": "0",
    "VOLPAN": "1 0 -1 -1 1",
    "MUTESOLO": "0 0 0",
    "IPHASE": "0",
    "PLAYOFFS": "0 1",
    "ISBUS": "0 0",
    "BUSCOMP": "0 0 0 0 0",
    "SHOWINMIX": "1 0.6667 0.5 1 0.5 0 0 0",
    "SEL": "0",
    "REC": "0 0 1 0 0 0 0 0",
    "VU": "2",
    "TRACKHEIGHT": "0 0 0 0 0 0",
    "INQ": "0 0 0 0.5 100 0 0 100",
    "NCHAN": "2",
    "FX": "1",
    "MAINSEND": "1 0",
}
TRACK_VALUES: dict[str, tuple[str, int, float]] = {
    "B_MUTE": ("MUTESOLO", 0, 0),
    "I_SOLO": ("MUTESOLO", 1, 0),
    "B_SOLO_DEFEAT": ("MUTESOLO", 2, 0),
    "B_PHASE": ("IPHASE", 0, 0),
    "I_FXEN": ("FX", 0, 1),
    "I_NCHAN": ("NCHAN", 0, 2),
    "I_SELECTED": ("SEL", 0, 0),
    "D_VOL": ("VOLPAN", 0, 1),
    "D_PAN": ("VOLPAN", 1, 0),
    "D_PANLAW": ("VOLPAN", 2, -1),
    "D_WIDTH": ("VOLPAN", 4, 1),
    "I_PANMODE": ("PANMODE", 0, -1),
    "D_DUALPANL": ("DUALPAN", 0, -1),
    "D_DUALPANR": ("DUALPAN", 1, 1),
    "I_CUSTOMCOLOR": ("PEAKCOL", 0, NO_COLOUR),
    "B_MAINSEND": ("MAINSEND", 0, 1),
    "C_MAINSEND_OFFS": ("MAINSEND", 1, 0),
    "I_RECARM": ("REC", 0, 0),
    "I_RECINPUT": ("REC", 1, 0),
    "I_RECMON": ("REC", 2, 0),
    "I_RECMODE": ("REC", 3, 0),
    "I_AUTOMODE": ("AUTOMODE", 0, 0),
    "C_BEATATTACHMODE": ("BEAT", 0, -1),
    "I_FREEMODE": ("FREEMODE", 0, 0),
    "B_FREEMODE": ("FREEMODE", 0, 0),
    "I_FOLDERCOMPACT": ("BUSCOMP", 0, 0),
    "B_SHOWINMIXER": ("SHOWINMIX", 0, 1),
    "B_SHOWINTCP": ("SHOWINMIX", 3, 1),
    "I_HEIGHTOVERRIDE": ("TRACKHEIGHT", 0, 0),
    "I_PERFFLAGS": ("PERF", 0, 0),
    "D_PLAY_OFFSET": ("PLAYOFFS", 0, 0),
    "I_PLAY_OFFSET_FLAG": ("PLAYOFFS", 1, 1),
}
FX_KINDS = ("JS", "VST", "AU", "AUi", "DX", "CLAP", "LV2", "VIDEO_EFFECT", "CONTAINER")


class Track(Handle):
    ctype = "MediaTrack*"

    def __init__(self, project: Project, name: str = "") -> None:
        super().__init__()
        self.project = project
        self.items: list[Item] = []
        self.lines = Lines()
        self._fill()
        self.name = name

    @property
    def index(self) -> int:
        return self.project.tracks.index(self)

    @property
    def guid(self) -> str:
        return self.lines.string("TRACKID", 0)

    @property
    def name(self) -> str:
        return self.lines.string("NAME", 0)

    @name.setter
    def name(self, value: str) -> None:
        self.lines.set_line("NAME " + quoted(value))

    @property
    def depth(self) -> int:
        """I_FOLDERDEPTH."""
        return int(self.lines.value("ISBUS", 1))

    @depth.setter
    def depth(self, value: int) -> None:
        state = 1 if value > 0 else 2 if value < 0 else 0
        self.lines.set_line(f"ISBUS {state} {value}")

    @property
    def parent(self) -> Track | None:
        return self.project.parents().get(self)

    @property
    def lane_count(self) -> int:
        heights = [
            item.lines.value("YPOS", 1, 1.0) for item in self.items if item.lines.has("YPOS")
        ]
        return max([1, *(round(1 / h) for h in heights if h > 0)])

    def playing_lanes(self) -> int:
        """A bit field; all where none is picked."""
        return int(self.lines.value("LANESOLO", 0, -1)) if self.lines.has("LANESOLO") else -1

    def lane_plays(self, lane: int) -> float:
        """C_LANEPLAYS; 0 on a track without lanes, so that a script asks I_FREEMODE first."""
        if self.get("I_FREEMODE") != 2 or not self.playing_lanes() >> lane & 1:
            return 0.0
        playing = self.playing_lanes() & ((1 << self.lane_count) - 1)
        return 1.0 if playing == 1 << lane else 2.0

    def set_lane_plays(self, lane: int, plays: int) -> None:
        bits = self.playing_lanes() & ((1 << max(self.lane_count, lane + 1)) - 1)
        bits = 1 << lane if plays == 1 else bits | 1 << lane if plays else bits & ~(1 << lane)
        self.lines.set_line(f"LANESOLO {bits} 0 0 0 0 0 0 0", after=("FREEMODE",))

    def effects(self) -> list[Block]:
        return [fx for chain in self.lines.blocks("FXCHAIN") for fx in chain.blocks(*FX_KINDS)]

    def get(self, name: str) -> float:
        if name.startswith("C_LANEPLAYS:"):
            return self.lane_plays(int(name.split(":")[1]))
        special = {
            "IP_TRACKNUMBER": lambda: -1 if self is self.project.master else self.index + 1,
            "I_FOLDERDEPTH": lambda: self.depth,
            "I_NUMFIXEDLANES": lambda: self.lane_count,
        }
        if name in special:
            return float(special[name]())
        key, position, default = TRACK_VALUES[name]
        return self.lines.value(key, position, default)

    def set(self, name: str, value: float) -> None:
        if name == "I_FOLDERDEPTH":
            self.depth = int(value)
        elif name.startswith("C_LANEPLAYS:"):
            self.set_lane_plays(int(name.split(":")[1]), int(value))
        else:
            key, position, _ = TRACK_VALUES[name]
            self.lines.set_value(key, position, value, TRACK_DEFAULTS.get(key, "0"))

    def _fill(self) -> None:
        for key, default in TRACK_DEFAULTS.items():
            if not self.lines.has(key):
                before = list(TRACK_DEFAULTS)[: list(TRACK_DEFAULTS).index(key)]
                self.lines.set_line(f"{key} {default}", after=tuple(before))
        if not self.lines.has("TRACKID"):
            self.lines.set_line(f"TRACKID {new_guid()}", after=("FX",))

    def block(self, with_items: bool = True) -> Block:
        children: list[str | Block] = list(self.lines.children)
        children += self.project.receive_lines(self)
        if with_items:
            children += [item.block() for item in self.items]
        return Block("TRACK" + (f" {self.guid}" if self.guid else ""), children)

    def chunk(self, with_items: bool = True) -> str:
        return self.block(with_items).text()

    def load(self, chunk: str | Block, with_items: bool = True) -> None:
        block = chunk if isinstance(chunk, Block) else parse(chunk)
        if block.key != "TRACK":
            raise MalformedChunkError(f"no track but {block.key}")
        receives = [c for c in block.children if isinstance(c, str) and key_of(c) == "AUXRECV"]
        skip = ("AUXRECV", "ITEM")
        self.lines = Lines(c for c in block.children if key_of(c) not in skip)
        self._fill()
        self.project.set_receives(self, receives)
        if with_items:
            for old in self.items:
                old.alive = False
            self.items = []
            for child in block.blocks("ITEM"):
                item = Item(self)
                self.items.append(item)
                item.load(child)

    # What tests build with.

    def add_item(
        self,
        path: Path | str | None,
        position: float = 0.0,
        length: float | None = None,
        *,
        soffs: float = 0.0,
        rate: float = 1.0,
        pitch: float = 0.0,
        preserve_pitch: bool = True,
        pitch_mode: int = -1,
        loop: bool = False,
        section: tuple[float, float] | None = None,
        reverse: bool = False,
        channel_mode: int = 0,
        volume: float = 1.0,
        take_volume: float = 1.0,
        take_pan: float = 0.0,
        fade_in: tuple[float, int, float] = (0.0, 0, 0.0),
        fade_out: tuple[float, int, float] = (0.0, 0, 0.0),
        envelopes: dict[str, Sequence[tuple[float, float]]] | None = None,
        stretch_markers: Sequence[tuple[float, float]] = (),
        mute: bool = False,
        lane: int | None = None,
        selected: bool = False,
        name: str | None = None,
        kind: str = "",
        take_fx: Sequence[str] = (),
        values: dict[str, float] | None = None,
    ) -> Item:
        """An item with one take; no path makes an empty one, `kind` alone a source without a file.

        fade_in, fade_out: length, shape, curvature. section: start and length. envelopes: points
        by "Volume", "Pan", "Mute", "Pitch". take_fx: see `effect`. values: any other attribute
        of the item. Without a length it is as long as its source at this rate.
        """
        item = Item(self)
        self.items.append(item)
        item.set("D_POSITION", position)
        item.set("B_LOOPSRC", int(loop))
        for which, fade in (("IN", fade_in), ("OUT", fade_out)):
            item.set(f"D_FADE{which}LEN", fade[0])
            item.set(f"C_FADE{which}SHAPE", fade[1])
            item.set(f"D_FADE{which}DIR", fade[2])
        item.volume = volume
        item.set("B_MUTE", int(mute))
        item.set("B_UISEL", int(selected))
        if path is not None or kind:
            take = item.add_take()
            take.name = name if name is not None else Path(path or "").name
            values_of_take = {
                "D_STARTOFFS": soffs,
                "D_PLAYRATE": rate,
                "B_PPITCH": int(preserve_pitch),
                "D_PITCH": pitch,
                "I_PITCHMODE": pitch_mode,
                "I_CHANMODE": channel_mode,
                "D_VOL": take_volume,
                "D_PAN": take_pan,
            }
            for key, value in values_of_take.items():
                take.set(key, value)
            block = file_block(path, kind) if path is not None else Block(f"SOURCE {kind}")
            if section is not None or reverse:
                start, size = section or (0.0, 0.0)
                block = section_block(block, start, size, reverse, section is None)
            take.set_stretch_markers([(pos, src, 0.0) for pos, src in stretch_markers])
            take.set_source(block)
            if take_fx:
                take.lines.children.append(effects_block("TAKEFX", take_fx))
            for which, points in (envelopes or {}).items():
                take.set_envelope(TAKE_ENVELOPES[which], list(points))
            if length is None and take.source is not None:
                length = take.source.length / rate - soffs / rate
        item.set("D_LENGTH", length if length is not None else 1.0)
        if lane is not None:
            item.set("I_FIXEDLANE", lane)
        for key, value in (values or {}).items():
            (item.set if key in ITEM_VALUES else item.active.set)(key, value)  # type: ignore[union-attr]
        return item

    def add_effects(self, *names: str) -> None:
        """Track effects by name: "tanh" is non-linear, "lowpass" and "gain" are linear."""
        self.lines.remove("FXCHAIN")
        self.lines.children.append(effects_block("FXCHAIN", names))

    def set_envelope(self, key: str, points: Sequence[tuple[float, float]]) -> None:
        """A track envelope by its chunk name, as VOLENV2 or PANENV2."""
        self.lines.remove(key)
        self.lines.children.append(envelope_block(key, list(points)))

    def use_lanes(self, count: int, playing: Sequence[int]) -> None:
        """Fixed lanes, of which `playing` are heard."""
        self.lines.set_line("FREEMODE 2", after=("SHOWINMIX",))
        bits = sum(1 << lane for lane in playing)
        self.lines.set_line(f"LANESOLO {bits} 0 0 0 0 0 0 0", after=("FREEMODE",))
        for item in self.items:
            lane = item.get("I_FIXEDLANE")
            item.lines.set_line(join("YPOS", (lane / count, 1 / count, 2)))


def effects_block(key: str, names: Sequence[str]) -> Block:
    children: list[str | Block] = ["SHOW 0", "LASTSEL 0", "DOCKED 0"]
    for name in names:
        children += [
            "BYPASS 0 0 0",
            Block(f'JS sim/{name} ""', ["- - - -"]),
            f"FXID {new_guid()}",
            "WAK 0 0",
        ]
    return Block(key, children)
