"""gfx: a window that records what is drawn, and that a test can click in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reaper_sim.contract import ApiError

if TYPE_CHECKING:
    from reaper_sim.script import Script

VARIABLES: dict[str, float] = dict.fromkeys(
    (
        *("r", "g", "b", "a2", "x", "y", "w", "h", "mode", "clear", "dest", "mouse_x", "mouse_y"),
        *("mouse_wheel", "mouse_hwheel", "mouse_cap", "ext_retina"),
    ),
    0.0,
) | {"a": 1.0, "texth": 8.0, "dest": -1.0}


@dataclass(frozen=True)
class Drawn:
    """kind: "text", "rect", "line", "circle" …; colour as red, green, blue, alpha (0 to 1)."""

    kind: str
    x: float
    y: float
    w: float
    h: float
    colour: tuple[float, float, float, float]
    text: str = ""
    filled: bool = True

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.w / 2, self.y + self.h / 2

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x < self.x + self.w and self.y <= y < self.y + self.h


@dataclass
class Window:
    """The one window of a script."""

    script: Script
    open: bool = False
    title: str = ""
    dock: int = 0
    position: tuple[float, float] = (0.0, 0.0)
    keys: list[int] = field(default_factory=list)
    drawing: list[Drawn] = field(default_factory=list)
    frame: list[Drawn] = field(default_factory=list)
    closing: bool = False
    font_size: float = 8.0
    fonts: dict[int, tuple[str, float]] = field(default_factory=dict)
    cursor: float | None = None

    # What tests do.

    @property
    def texts(self) -> list[str]:
        return [d.text for d in (self.drawing or self.frame) if d.kind == "text" and d.text]

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def find(self, text: str) -> Drawn:
        """The last drawn text that is `text`, else that holds it."""
        drawn = [d for d in (self.drawing or self.frame) if d.kind == "text"]
        found = [d for d in drawn if d.text == text] or [d for d in drawn if text in d.text]
        if not found:
            raise AssertionError(f"{text!r} is not in the window; there is: {self.texts}")
        return found[-1]

    def click(self, where: str | tuple[float, float], button: int = 1) -> None:
        """Move, press and let go, each for one round of defer."""
        self.move(where)
        self._set("mouse_cap", button)
        self.script.sim.step()
        self._set("mouse_cap", 0)
        self.script.sim.step()

    def move(self, where: str | tuple[float, float]) -> None:
        x, y = self.find(where).centre if isinstance(where, str) else where
        self._set("mouse_x", x)
        self._set("mouse_y", y)
        self.script.sim.step()

    def wheel(self, amount: int) -> None:
        self._set("mouse_wheel", self._get("mouse_wheel") + amount)
        self.script.sim.step()

    def key(self, *codes: int | str) -> None:
        """Keys as gfx.getchar gives them; a string types its letters. Escape is 27, Enter 13."""
        for code in codes:
            self.keys += [ord(c) for c in code] if isinstance(code, str) else [code]
        self.script.sim.step(max(1, len(self.keys)))

    def close(self) -> None:
        """The user closes the window; the script learns it from gfx.getchar."""
        self.closing = True
        self.script.sim.step()

    def resize(self, width: float, height: float) -> None:
        self._set("w", width)
        self._set("h", height)
        self.script.sim.step()

    # What scripts call; each name is checked by the list before.

    def _get(self, name: str) -> float:
        return float(self.script.gfx_table[name])

    def _set(self, name: str, value: float) -> None:
        self.script.gfx_table[name] = value

    def _colour(self) -> tuple[float, float, float, float]:
        r, g, b, a = (self._get(n) for n in "rgba")
        return r, g, b, a

    def _draw(
        self, kind: str, x: float, y: float, w: float, h: float, text: str = "", filled: bool = True
    ) -> None:
        if self._get("dest") == -1:
            self.drawing.append(Drawn(kind, x, y, w, h, self._colour(), text, filled))

    def end_frame(self) -> None:
        if self.drawing:
            self.frame, self.drawing = self.drawing, []

    def call(self, name: str, args: list[Any]) -> object:
        method = getattr(self, "do_" + name.removeprefix("gfx."), None)
        if method is None:
            raise NotImplementedError(f"the simulator has no {name}")
        return method(*args)

    def do_init(self, name, width=None, height=None, dock=None, x=None, y=None):  # type: ignore[no-untyped-def]
        if self.open and not name and width is not None:
            self._set("w", width), self._set("h", height or 0)
            return 1
        self.open, self.closing, self.title = True, False, name
        self.dock = int(dock or 0)
        self.position = (x or 0.0, y or 0.0)
        self._set("w", width or 300)
        self._set("h", height or 200)
        return 1

    def do_quit(self) -> int:
        self.open = False
        return 0

    def do_update(self) -> int:
        self.end_frame()
        return 0

    def do_getchar(self, character=None, _unicode=None):  # type: ignore[no-untyped-def]
        if character == 65536:
            return (1 | 2 | 4) if self.open and not self.closing else 0
        if character:
            return 1 if int(character) in self.keys else 0
        if not self.open or self.closing:
            self.open = False
            return -1
        return self.keys.pop(0) if self.keys else 0

    def do_dock(self, value, x=None, y=None, w=None, h=None):  # type: ignore[no-untyped-def]
        if value >= 0:
            self.dock = int(value)
        if x is None:
            return self.dock
        return self.dock, *self.position, self._get("w"), self._get("h")

    def do_set(self, r, g=None, b=None, a=None, mode=None, dest=None):  # type: ignore[no-untyped-def]
        self._set("r", r), self._set("g", r if g is None else g)
        self._set("b", r if b is None else b), self._set("a", 1 if a is None else a)
        if mode is not None:
            self._set("mode", mode)
        if dest is not None:
            self._set("dest", dest)

    def do_setfont(self, index, face=None, size=None, _flags=None):  # type: ignore[no-untyped-def]
        if face is not None:
            self.fonts[int(index)] = (face, size or 10)
        self.font_size = self.fonts.get(int(index), ("", 8))[1]
        self._set("texth", self.font_size)
        return 1

    def do_getfont(self):  # type: ignore[no-untyped-def]
        return 1, "sim"

    def _measure(self, text: str) -> tuple[float, float]:
        lines = text.split("\n")
        return max(len(line) for line in lines) * round(self.font_size * 0.5), (
            self.font_size * len(lines)
        )

    def do_measurestr(self, text: str):  # type: ignore[no-untyped-def]
        return self._measure(text)

    def do_measurechar(self, _char):  # type: ignore[no-untyped-def]
        return self._measure("x")

    def do_drawstr(self, text, flags=None, right=None, bottom=None):  # type: ignore[no-untyped-def]
        x, y = self._get("x"), self._get("y")
        w, h = self._measure(text)
        flags = int(flags or 0)
        if right is not None:
            x += (max(0.0, right - x - w) / (2 if flags & 1 else 1)) if flags & 3 else 0
        if bottom is not None:
            y += (max(0.0, bottom - y - h) / (2 if flags & 4 else 1)) if flags & 12 else 0
        shown = w if right is None or flags & 256 else max(0.0, min(w, right - x))
        self._draw("text", x, y, shown, h, text)
        self._set("x", x + w)
        return 0

    def do_drawchar(self, char):  # type: ignore[no-untyped-def]
        return self.do_drawstr(chr(int(char)))

    def do_drawnumber(self, number, digits):  # type: ignore[no-untyped-def]
        return self.do_drawstr(f"{number:.{int(digits)}f}")

    def do_printf(self, text, *values):  # type: ignore[no-untyped-def]
        return self.do_drawstr(text % values if values else text)

    def do_rect(self, x, y, w, h, filled=None):  # type: ignore[no-untyped-def]
        self._draw("rect", x, y, w, h, filled=filled is None or filled != 0)
        return 0

    def do_roundrect(self, x, y, w, h, _radius, _aa=None):  # type: ignore[no-untyped-def]
        self._draw("rect", x, y, w, h, filled=False)

    def do_gradrect(self, x, y, w, h, *_):  # type: ignore[no-untyped-def]
        self._draw("rect", x, y, w, h)
        return 0

    def do_muladdrect(self, x, y, w, h, *_):  # type: ignore[no-untyped-def]
        return 0

    def do_rectto(self, x, y):  # type: ignore[no-untyped-def]
        at = self._get("x"), self._get("y")
        self._draw("rect", *at, x - at[0], y - at[1])
        return 0

    def do_line(self, x, y, x2, y2, _aa=None):  # type: ignore[no-untyped-def]
        self._draw("line", min(x, x2), min(y, y2), abs(x2 - x), abs(y2 - y))
        return 0

    def do_lineto(self, x, y, _aa=None):  # type: ignore[no-untyped-def]
        self.do_line(self._get("x"), self._get("y"), x, y)
        self._set("x", x), self._set("y", y)
        return 0

    def do_circle(self, x, y, r, fill=None, _aa=None):  # type: ignore[no-untyped-def]
        self._draw("circle", x - r, y - r, 2 * r, 2 * r, filled=bool(fill))

    def do_arc(self, x, y, r, *_):  # type: ignore[no-untyped-def]
        self._draw("arc", x - r, y - r, 2 * r, 2 * r, filled=False)

    def do_triangle(self, x1, y1, x2, y2, x3, y3, *_):  # type: ignore[no-untyped-def]
        left, top = min(x1, x2, x3), min(y1, y2, y3)
        self._draw("triangle", left, top, max(x1, x2, x3) - left, max(y1, y2, y3) - top)
        return 0

    def do_clienttoscreen(self, x, y):  # type: ignore[no-untyped-def]
        return x + self.position[0], y + self.position[1]

    def do_screentoclient(self, x, y):  # type: ignore[no-untyped-def]
        return x - self.position[0], y - self.position[1]

    def do_setcursor(self, resource=None, _name=None):  # type: ignore[no-untyped-def]
        self.cursor = resource
        return 0

    def do_setimgdim(self, *_):  # type: ignore[no-untyped-def]
        return 0

    def do_loadimg(self, image, _filename):  # type: ignore[no-untyped-def]
        return image

    def do_getdropfile(self, _index):  # type: ignore[no-untyped-def]
        return 0, None

    def do_blit(self, *_):  # type: ignore[no-untyped-def]
        return 0

    def do_showmenu(self, menu: str) -> int:
        return self.script.sim.choose_from_menu(menu)

    def check(self) -> None:
        if self.open:
            raise ApiError(f"the window {self.title!r} is still open")
