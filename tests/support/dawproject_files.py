"""DAWproject files looked at from outside: against the published schema, and byte by byte."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from lxml import etree

_SCHEMAS = Path(__file__).parent.parent / "sessions" / "schemas"


def schema_errors(xml: bytes, schema: str = "Project") -> list[str]:
    """What the published schema has against it."""
    rules = etree.XMLSchema(etree.parse(_SCHEMAS / f"{schema}.xsd"))
    rules.validate(etree.fromstring(xml))
    return [str(error) for error in rules.error_log]


def project_xml(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read("project.xml")


def local_headers(path: Path) -> dict[str, tuple[int, int, int, int]]:
    """Of each entry what its local header says: flags, CRC-32, packed size, size."""
    data = path.read_bytes()
    headers = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            fields = struct.unpack_from("<4sHHHHHIIIHH", data, entry.header_offset)
            headers[entry.filename] = (fields[2], fields[6], fields[7], fields[8])
    return headers


def archive_of(path: Path, entries: dict[str, bytes], pack: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", pack) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path
