"""Items and takes: their state chunk's lines, with REAPER's names for the fields."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reaper_sim.chunks import (
    Block,
    Lines,
    MalformedChunkError,
    fields,
    join,
    key_of,
    number,
    parse,
    quoted,
)
from reaper_sim.ids import Handle, new_guid
from reaper_sim.sources import Source

if TYPE_CHECKING:
    from reaper_sim.tracks import Track

FADE = "1 0.01 0 1 0 0 0"
ITEM_DEFAULTS = {
    "POSITION": "0",
    "SNAPOFFS": "0",
    "LENGTH": "0",
    "LOOP": "1",
    "ALLTAKES": "0",
    "FADEIN": FADE,
    "FADEOUT": FADE,
    "MUTE": "0 0",
    "SEL": "0",
}
TAKE_DEFAULTS = {
    "NAME": '""',
    "TAKEVOLPAN": "0 1 -1",
    "SOFFS": "0",
    "PLAYRATE": "1 1 0 -1 0 0.0025",
    "CHANMODE": "0",
}
OF_ITEM = {
    *ITEM_DEFAULTS,
    *("COLOR", "BEAT", "YPOS", "FADEFLAG", "GROUP", "IGUID", "IID", "LOCK", "NOTES", "RESOURCEFN"),
    *("IMGRESOURCEFLAGS", "NOTESWND", "COMP", "CONFIG", "EXT"),
}
OF_TAKE = {*TAKE_DEFAULTS, "GUID", "SOURCE", "SM", "TKM", "TAKEFX", "TAKECOLOR", "RECPASS"}
TAKE_ENVELOPES = {"Volume": "VOLENV", "Pan": "PANENV", "Mute": "MUTEENV", "Pitch": "PITCHENV"}

# name -> (key, field, default)
ITEM_VALUES: dict[str, tuple[str, int, float]] = {
    "D_POSITION": ("POSITION", 0, 0),
    "D_LENGTH": ("LENGTH", 0, 0),
    "D_SNAPOFFSET": ("SNAPOFFS", 0, 0),
    "B_LOOPSRC": ("LOOP", 0, 0),
    "B_ALLTAKESPLAY": ("ALLTAKES", 0, 0),
    "B_UISEL": ("SEL", 0, 0),
    "C_BEATATTACHMODE": ("BEAT", 0, -1),
    "I_CUSTOMCOLOR": ("COLOR", 0, 0),
    "B_MUTE": ("MUTE", 0, 0),
    "B_MUTE_ACTUAL": ("MUTE", 0, 0),
    "C_MUTE_SOLO": ("MUTE", 1, 0),
    "I_GROUPID": ("GROUP", 0, 0),
    "C_LOCK": ("LOCK", 0, 0),
    "D_FADEINLEN": ("FADEIN", 1, 0),
    "D_FADEOUTLEN": ("FADEOUT", 1, 0),
    "D_FADEINLEN_AUTO": ("FADEIN", 2, -1),
    "D_FADEOUTLEN_AUTO": ("FADEOUT", 2, -1),
    "C_FADEINSHAPE": ("FADEIN", 3, 0),
    "C_FADEOUTSHAPE": ("FADEOUT", 3, 0),
    "D_FADEINDIR": ("FADEIN", 5, 0),
    "D_FADEOUTDIR": ("FADEOUT", 5, 0),
    "F_FREEMODE_Y": ("YPOS", 0, 0),
    "F_FREEMODE_H": ("YPOS", 1, 1),
}
TAKE_VALUES: dict[str, tuple[str, int, float]] = {
    "D_STARTOFFS": ("SOFFS", 0, 0),
    "D_PAN": ("TAKEVOLPAN", 0, 0),
    "D_VOL": ("TAKEVOLPAN", 1, 1),
    "D_PANLAW": ("TAKEVOLPAN", 2, -1),
    "D_PLAYRATE": ("PLAYRATE", 0, 1),
    "B_PPITCH": ("PLAYRATE", 1, 1),
    "D_PITCH": ("PLAYRATE", 2, 0),
    "I_PITCHMODE": ("PLAYRATE", 3, -1),
    "I_STRETCHFLAGS": ("PLAYRATE", 4, 0),
    "F_STRETCHFADESIZE": ("PLAYRATE", 5, 0.0025),
    "I_CHANMODE": ("CHANMODE", 0, 0),
    "I_CUSTOMCOLOR": ("TAKECOLOR", 0, 0),
}


class Take(Handle):
    ctype = "MediaItem_Take*"

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item
        self.lines = Lines()
        self._source: Source | None = None

    def fill(self) -> None:
        for key, default in TAKE_DEFAULTS.items():
            if not self.lines.has(key):
                before = list(TAKE_DEFAULTS)[: list(TAKE_DEFAULTS).index(key)]
                self.lines.set_line(f"{key} {default}", after=tuple(before))
        if not self.lines.has("GUID"):
            self.lines.set_line(f"GUID {new_guid()}", after=tuple(TAKE_DEFAULTS))

    @property
    def guid(self) -> str:
        return self.lines.string("GUID", 0)

    @property
    def name(self) -> str:
        return self.lines.string("NAME", 0)

    @name.setter
    def name(self, value: str) -> None:
        self.lines.set_line("NAME " + quoted(value))

    @property
    def source(self) -> Source | None:
        blocks = self.lines.blocks("SOURCE")
        if not blocks:
            return None
        folder = self.item.folder
        if self._source is None or self._source.block is not blocks[0]:
            self._source = Source(blocks[0], folder)
        return self._source

    def set_source(self, block: Block) -> None:
        self.lines.remove("SOURCE")
        self.lines.children.append(block)

    def get(self, name: str) -> float:
        if name == "IP_TAKENUMBER":
            return float(self.item.takes.index(self))
        key, position, default = TAKE_VALUES[name]
        return self.lines.value(key, position, default)

    def set(self, name: str, value: float) -> None:
        key, position, _ = TAKE_VALUES[name]
        self.lines.set_value(key, position, value, TAKE_DEFAULTS.get(key, "0"))

    def stretch_markers(self) -> list[tuple[float, float, float]]:
        """Position in the take, position in the source, slope."""
        found: list[tuple[float, float, float]] = []
        for child in self.lines.children:
            if isinstance(child, str) and key_of(child) == "SM":
                for part in child[2:].split("+"):
                    values = [float(v) for v in part.split()]
                    if values:
                        pos, src, *rest = [*values, values[0]] if len(values) == 1 else values
                        found.append((pos, src, rest[0] if rest else 0.0))
        return sorted(found)

    def set_stretch_markers(self, markers: list[tuple[float, float, float]]) -> None:
        self.lines.remove("SM")
        if markers:
            parts = [" ".join(number(v) for v in (m if m[2] else m[:2])) for m in sorted(markers)]
            self.lines.set_line("SM " + " + ".join(parts), after=("GUID", "TAKECOLOR"))

    def envelope(self, key: str) -> Block | None:
        blocks = self.lines.blocks(key)
        return blocks[0] if blocks else None

    def set_envelope(self, key: str, points: list[tuple[float, float]], shape: int = 0) -> None:
        self.lines.remove(key)
        self.lines.children.append(envelope_block(key, points, shape))


def envelope_block(key: str, points: list[tuple[float, float]], shape: int = 0) -> Block:
    head = [f"EGUID {new_guid()}", "ACT 1 -1", "VIS 1 1 1", "LANEHEIGHT 0 0", "ARM 0"]
    return Block(
        key,
        [*head, "DEFSHAPE 0 -1 -1", *(join("PT", (time, value, shape)) for time, value in points)],
    )


class Item(Handle):
    ctype = "MediaItem*"

    def __init__(self, track: Track, chunk: str | None = None) -> None:
        super().__init__()
        self.track = track
        self.lines = Lines()
        self.takes: list[Take | None] = []
        self.current = 0
        self.volume = 1.0
        if chunk is None:
            self._fill()
        else:
            self.load(chunk)

    @property
    def folder(self) -> Path | None:
        return self.track.project.folder

    @property
    def guid(self) -> str:
        return self.lines.string("IGUID", 0)

    @property
    def active(self) -> Take | None:
        return self.takes[self.current] if self.current < len(self.takes) else None

    def add_take(self) -> Take:
        take = Take(self)
        take.fill()
        self.takes.append(take)
        return take

    def _fill(self) -> None:
        for key, default in ITEM_DEFAULTS.items():
            if not self.lines.has(key):
                before = list(ITEM_DEFAULTS)[: list(ITEM_DEFAULTS).index(key)]
                self.lines.set_line(f"{key} {default}", after=tuple(before))
        if not self.lines.has("IGUID"):
            self.lines.set_line(f"IGUID {new_guid()}")

    def load(self, chunk: str | Block) -> None:
        """Become what a chunk says; what it leaves out gets REAPER's default."""
        block = chunk if isinstance(chunk, Block) else parse(chunk)
        if block.key != "ITEM":
            raise MalformedChunkError(f"no item but {block.key}")
        lines, takes, current, volume = Lines(), [], 0, 1.0
        take: Take | None = None
        for child in block.children:
            key = key_of(child)
            if key == "TAKE" and isinstance(child, str):
                marks = fields(child)[1:]
                if not takes:
                    takes.append(None)
                take = None if "NULL" in marks else Take(self)
                takes.append(take)
                if "SEL" in marks:
                    current = len(takes) - 1
                continue
            if key == "VOLPAN" and isinstance(child, str):
                volume = float(fields(child)[1])
                if len(fields(child)) > 2 and not lines.has("VOLPAN"):
                    lines.children.append(child)
                continue
            of_take = key in OF_TAKE or (take is not None and key not in OF_ITEM)
            if of_take and take is None:
                if takes:
                    continue
                take = Take(self)
                takes.append(take)
            (take.lines if of_take and take is not None else lines).children.append(child)
        first = takes[0] if takes else None
        pan = lines.string("VOLPAN", 1, "0"), lines.string("VOLPAN", 2, "1")
        law = lines.string("VOLPAN", 3, "-1")
        lines.remove("VOLPAN")
        if first is not None and not first.lines.has("TAKEVOLPAN"):
            first.lines.set_line(f"TAKEVOLPAN {pan[0]} {pan[1]} {law}", after=("NAME",))
        for old in self.takes:
            if old is not None:
                old.alive = False
        self.lines, self.takes, self.current, self.volume = lines, takes, current, volume
        self._fill()
        for take in self.takes:
            if take is not None:
                take.fill()

    def block(self) -> Block:
        children: list[str | Block] = list(self.lines.children)
        if not self.takes or self.takes[0] is None:
            children.append(join("VOLPAN", (self.volume, 0, 1, -1)))
        for index, take in enumerate(self.takes):
            if index:
                marks = (" NULL" if take is None else "") + (
                    " SEL" if index == self.current else ""
                )
                children.append("TAKE" + marks)
            if take is None:
                continue
            for child in take.lines.children:
                if index == 0 and key_of(child) == "TAKEVOLPAN":
                    pan, vol, law = (take.lines.string("TAKEVOLPAN", n) for n in range(3))
                    children.append(f"VOLPAN {number(self.volume)} {pan} {vol} {law}")
                else:
                    children.append(child)
        return Block("ITEM", children)

    def chunk(self) -> str:
        return self.block().text()

    def get(self, name: str) -> float:
        if name == "D_VOL":
            return self.volume
        if name == "I_CURTAKE":
            return float(self.current)
        if name == "IP_ITEMNUMBER":
            return float(self.track.items.index(self))
        if name == "I_FIXEDLANE":
            height = self.lines.value("YPOS", 1, 1.0) or 1.0
            return float(round(self.lines.value("YPOS", 0) / height))
        if name == "C_LANEPLAYS":
            return self.track.lane_plays(int(self.get("I_FIXEDLANE")))
        key, position, default = ITEM_VALUES[name]
        return self.lines.value(key, position, default)

    def set(self, name: str, value: float) -> None:
        if name == "D_VOL":
            self.volume = value
        elif name == "I_CURTAKE":
            if 0 <= int(value) < len(self.takes):
                self.current = int(value)
        elif name == "I_FIXEDLANE":
            height = 1.0 / max(1, self.track.lane_count, int(value) + 1)
            self.lines.set_line(join("YPOS", (value * height, height, 2)))
        else:
            key, position, _ = ITEM_VALUES[name]
            self.lines.set_value(key, position, value, ITEM_DEFAULTS.get(key, "0"))
            if name in ("C_FADEINSHAPE", "C_FADEOUTSHAPE"):
                self.lines.set_value(key, 0, value, FADE)
