"""Write index.xml, the list that ReaPack reads, from the headers of the scripts.

With --check, only compare. All scripts are one package, since they share the files in lib/.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

HERE = Path(__file__).resolve().parent
INDEX = HERE / "index.xml"
MAIN = "Stemlift_Separate to tracks.lua"

ADDRESS = "https://stemlift.invalid/v{version}/reaper_scripts/"
"""Where the files of a version are fetched from. The project has no public address yet: put it
here once it has one, and make the index again."""

_TAG = re.compile(r"-- @(\w+)(?: (.*))?")
_MORE = re.compile(r"--  +(.*)")


class HeaderError(Exception):
    """A script's header is not as ReaPack needs it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The tags at the top of a script, lines of one tag joined by line ends."""

    script: str
    tags: dict[str, str]

    def __getitem__(self, tag: str) -> str:
        value = self.tags.get(tag, "").strip()
        if not value:
            raise HeaderError(f"{self.script} has no @{tag}.")
        return value


def read_header(path: Path) -> Header:
    """The tags of a script: comments from its first line on."""
    tags: dict[str, str] = {}
    tag = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := _TAG.fullmatch(line):
            tag = found[1]
            if tag in tags:
                raise HeaderError(f"{path.name} has @{tag} twice.")
            tags[tag] = found[2] or ""
        elif tag and (found := _MORE.fullmatch(line)):
            tags[tag] = f"{tags[tag]}\n{found[1]}".strip()
        else:
            break
    return Header(path.name, tags)


def index(folder: Path, version: str) -> str:
    """The text of index.xml.

    Raises:
        HeaderError: a header lacks something, or is of another version than the program.
    """
    headers = [read_header(path) for path in sorted(folder.glob("Stemlift_*.lua"))]
    for header in headers:
        if header["version"] != version:
            raise HeaderError(f"{header.script} is of version {header['version']}, not {version}.")
        if not header["description"].startswith("Stemlift: "):
            raise HeaderError(f"{header.script}: its @description must begin with “Stemlift: ”.")
    whole = next((header for header in headers if header.script == MAIN), None)
    if whole is None:
        raise HeaderError(f"There is no {MAIN}.")
    modules = sorted(path.relative_to(folder).as_posix() for path in folder.glob("lib/*.lua"))
    sources = [_source(header.script, version, ' main="main"') for header in headers]
    sources += [_source(name, version, "") for name in modules]
    package = f'name={quoteattr(MAIN)} type="script" desc={quoteattr(whole["description"])}'
    edition = f"name={quoteattr(version)} author={quoteattr(whole['author'])}"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<index version="1" name="Stemlift">',
        '  <category name="Items">',
        f"    <reapack {package}>",
        "      <metadata>",
        f"        <description><![CDATA[{_rich_text(whole['about'])}]]></description>",
        "      </metadata>",
        f"      <version {edition}>",
        *sources,
        "      </version>",
        "    </reapack>",
        "  </category>",
        "</index>",
    ]
    return "\n".join(lines) + "\n"


def _source(name: str, version: str, main: str) -> str:
    address = escape(ADDRESS.format(version=version) + quote(name))
    file = "" if name == MAIN else f" file={quoteattr(name)}"
    return f"        <source{main}{file}>{address}</source>"


def _rich_text(text: str) -> str:
    """Plain text as RTF, in which ReaPack wants descriptions."""
    signs = []
    for sign in text:
        if sign in "\\{}":
            signs.append("\\" + sign)
        elif sign == "\n":
            signs.append("\\line ")
        elif ord(sign) < 128:
            signs.append(sign)
        else:
            units = sign.encode("utf-16-le")
            for low, high in zip(units[::2], units[1::2], strict=True):
                unit = low | high << 8
                signs.append(f"\\u{unit - 65536 if unit > 32767 else unit}?")
    return "{\\rtf1\\ansi " + "".join(signs) + "\\par}"


def version_of_program() -> str:
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def main() -> int:
    try:
        text = index(HERE, version_of_program())
    except HeaderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if "--check" not in sys.argv[1:]:
        INDEX.write_text(text, encoding="utf-8", newline="\n")
        return 0
    if INDEX.is_file() and INDEX.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{INDEX} is behind the scripts: run `make generate`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
