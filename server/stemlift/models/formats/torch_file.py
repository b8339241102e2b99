"""Files that `torch.save` wrote, today's zip layout and the older one, read as data.

Nothing in them is run (see `inert_pickle`), and no more is read than is there: the numbers
of a tensor come from their place in the file when they are asked for.
"""

from __future__ import annotations

import errno
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from stemlift.models.formats.content import require_file
from stemlift.models.formats.inert_pickle import (
    LARGEST_PICKLE,
    Pickled,
    StorageClaim,
    TensorClaim,
    read_pickle,
)
from stemlift.models.formats.tensors import InvalidCheckpointError, Stored

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MOST_ENTRIES = 2**16
_LOCAL_HEADER = 30
_CLAIMS = 4
"""Tensors may share their numbers, as tied weights do, so that they add up to more than the file;
how many times more is still honest."""

_DTYPES = {
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Float": torch.float32,
    "Double": torch.float64,
    "Bool": torch.bool,
    "Byte": torch.uint8,
    "Char": torch.int8,
    "Short": torch.int16,
    "Int": torch.int32,
    "Long": torch.int64,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
}

_LARGEST_ITEM = 16
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Extent:
    """Where numbers lie in the file, in bytes; checksum: CRC-32 where the file has one."""

    start: int
    size: int
    checksum: int | None = None

    def holds(self, checksum: int) -> bool:
        """Whether `checksum`, of what was read, is as it should be."""
        return self.checksum is None or self.checksum == checksum


@dataclass(frozen=True, slots=True)
class TorchFile:
    """content: the saved value, tensors as `TensorClaim`; strangers: see `Pickled`."""

    path: Path
    content: Any
    strangers: tuple[str, ...]
    extents: Mapping[str, Extent] = field(repr=False)

    def require_unchanged(self) -> None:
        """Compare all numbers with their checksums; those of the older layout have none.

        Raises:
            InvalidCheckpointError: some have changed, or are more than the file holds.
        """
        keys = dict.fromkeys(claim.storage.key for claim in claims_in(self.content))
        extents = {key: self.extents[key] for key in keys if key in self.extents}
        # Parts that lie one over the other would be read many times over.
        if sum(extent.size for extent in extents.values()) > self.path.stat().st_size:
            raise InvalidCheckpointError("its tensors claim more than the file holds")
        with self.path.open("rb") as file:
            for key, extent in extents.items():
                if not extent.holds(_checksum(file, extent)):
                    raise InvalidCheckpointError(
                        f"it is damaged: the numbers “data/{key}” have changed"
                    )

    def stored(self, claims: Mapping[str, TensorClaim]) -> dict[str, Stored]:
        """Tensors that are read when they are needed.

        Raises:
            InvalidCheckpointError: one has no place in the file, or they claim more than it
                holds.
        """
        self.require_honest(claims.values())
        return {name: self._stored(name, claim) for name, claim in claims.items()}

    def require_honest(self, claims: Iterable[TensorClaim]) -> None:
        """Raises InvalidCheckpointError when tensors claim more than the file holds."""
        limit = _CLAIMS * self.path.stat().st_size
        total = 0
        for claim in claims:
            if any(size < 0 for size in (claim.offset, *claim.shape, *claim.strides)):
                raise InvalidCheckpointError("the shape of a tensor is negative")
            total += prod(claim.shape) * _itemsize(claim.storage)
            if total > limit:
                raise InvalidCheckpointError("its tensors claim more than the file holds")

    def _stored(self, name: str, claim: TensorClaim) -> Stored:
        dtype = _dtype(claim.storage)
        extent = self.extents.get(claim.storage.key)
        if extent is None:
            raise InvalidCheckpointError(f"the numbers of the tensor “{name}” are not in it")
        last = claim.offset + sum(
            (size - 1) * stride for size, stride in zip(claim.shape, claim.strides, strict=True)
        )
        if prod(claim.shape) > 0 and last >= claim.storage.count:
            raise InvalidCheckpointError(f"the tensor “{name}” reaches past its numbers")
        return Stored(claim.shape, dtype.is_floating_point, lambda: self._read(name, claim, extent))

    def _read(self, name: str, claim: TensorClaim, extent: Extent) -> Tensor:
        if extent.size == 0:
            return torch.zeros(claim.shape, dtype=_dtype(claim.storage))
        with self.path.open("rb") as file:
            file.seek(extent.start)
            data = bytearray(file.read(extent.size))
        if len(data) != extent.size:
            raise InvalidCheckpointError(f"it is damaged: it ends within the tensor “{name}”")
        if not extent.holds(zlib.crc32(data)):
            raise InvalidCheckpointError(f"it is damaged: the tensor “{name}” has changed")
        whole = torch.frombuffer(data, dtype=_dtype(claim.storage))
        return torch.as_strided(whole, claim.shape, claim.strides, claim.offset)


def _itemsize(storage: StorageClaim) -> int:
    dtype = _DTYPES.get(_kind(storage))
    return _LARGEST_ITEM if dtype is None else dtype.itemsize


def _kind(storage: StorageClaim) -> str:
    return storage.kind.rpartition(".")[2].removesuffix("Storage")


def _dtype(storage: StorageClaim) -> torch.dtype:
    name = _kind(storage)
    if name not in _DTYPES:
        raise InvalidCheckpointError(f"its numbers are of the type “{storage.kind}”")
    return _DTYPES[name]


def _checksum(file: BinaryIO, extent: Extent) -> int:
    file.seek(extent.start)
    checksum = 0
    for done in range(0, extent.size, _PIECE):
        piece = file.read(min(_PIECE, extent.size - done))
        if not piece:
            break
        checksum = zlib.crc32(piece, checksum)
    return checksum


def claims_in(value: Any) -> Iterator[TensorClaim]:
    """Each tensor in nested containers, once."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, TensorClaim):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)


def open_torch_file(path: Path) -> TorchFile:
    """Read what `torch.save` wrote, the numbers of its tensors excepted.

    Raises:
        InvalidCheckpointError: it is damaged, of another kind, or compressed (which
            `torch.save` never does, and which could unfold without end).
        OSError: there is no such file, or it cannot be read.
    """
    require_file(path)
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == b"PK\x03\x04":
            pickled, extents = _read_zip(file)
        elif start[:1] == b"\x80":
            pickled, extents = _read_older(file, path.stat().st_size)
        else:
            raise InvalidCheckpointError("it is damaged or no file that PyTorch saved")
    for key, storage in pickled.storages.items():
        size = extents[key].size if key in extents else 0
        if _kind(storage) in _DTYPES and size != storage.count * _itemsize(storage):
            raise InvalidCheckpointError("it is damaged: numbers of a tensor are not in it")
    return TorchFile(path, pickled.content, pickled.strangers, extents)


def _read_zip(file: BinaryIO) -> tuple[Pickled, dict[str, Extent]]:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ENTRIES:
                raise InvalidCheckpointError("it holds far too many parts")
            for entry in entries:
                if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                    raise InvalidCheckpointError(
                        "it is compressed or encrypted, as PyTorch saves no file"
                    )
            pickles = [entry for entry in entries if _within(entry) == "data.pkl"]
            if len(pickles) != 1:
                raise InvalidCheckpointError("it is a zip archive that PyTorch did not save")
            if pickles[0].file_size > LARGEST_PICKLE:
                raise InvalidCheckpointError("its pickle is far too long")
            for entry in entries:
                if _within(entry) in ("byteorder", "data.pkl"):
                    extent = _extent(file, entry)
                    if not extent.holds(_checksum(file, extent)):
                        raise InvalidCheckpointError(
                            f"it is damaged: its part “{_within(entry)}” has changed"
                        )
                if _within(entry) == "byteorder":
                    file.seek(extent.start)
                    if file.read(min(16, extent.size)) != b"little":
                        raise InvalidCheckpointError("its numbers are stored big-endian")
            # Not through the archive, which takes a checksum that was not computed for wrong.
            pickle = _extent(file, pickles[0])
            file.seek(pickle.start)
            pickled = read_pickle(_Start(file, pickle.size))
        extents = {
            _within(entry).removeprefix("data/"): _extent(file, entry)
            for entry in entries
            if _within(entry).startswith("data/")
        }
    # What zipfile raises for a damaged archive, EOFError and NotImplementedError included.
    except (
        *(zipfile.BadZipFile, EOFError, NotImplementedError, ValueError),
        # A position that no system can go to.
        OverflowError,
    ) as error:
        raise InvalidCheckpointError(f"it is damaged or no zip archive ({error})") from error
    except OSError as error:
        # A position that no file has, which only a damaged archive asks for.
        if error.errno != errno.EINVAL:
            raise
        raise InvalidCheckpointError("it is damaged: its parts are not where it says") from error
    return pickled, extents


def _within(entry: zipfile.ZipInfo) -> str:
    """The name without the one folder that holds everything."""
    return entry.filename.partition("/")[2]


def _extent(file: BinaryIO, entry: zipfile.ZipInfo) -> Extent:
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise InvalidCheckpointError("it is damaged: a part of it is not where it should be")
    name, extra = struct.unpack("<HH", header[26:30])
    start = entry.header_offset + _LOCAL_HEADER + name + extra
    # PyTorch can be told to compute none (`set_crc32_options`), and writes 0 then.
    return Extent(start, entry.file_size, entry.CRC or None)


def _read_older(file: BinaryIO, size: int) -> tuple[Pickled, dict[str, Extent]]:
    """Five pickles (two constants, the system, the value, keys), then count and numbers each.

    Any other pickle gives its content and no extents.
    """
    stream = _Start(file)
    first = read_pickle(stream)
    if first.content != _MAGIC_NUMBER or type(first.content) is not int:
        return first, {}
    if read_pickle(stream).content != _PROTOCOL:
        raise InvalidCheckpointError("it is of a version of PyTorch's format that is not known")
    match read_pickle(stream).content:
        case {"little_endian": True}:
            pass
        case _:
            raise InvalidCheckpointError("its numbers are stored big-endian")
    pickled = read_pickle(stream)
    keys = read_pickle(stream).content
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise InvalidCheckpointError("its list of tensors is damaged")
    sizes = {key: _dtype(storage).itemsize for key, storage in pickled.storages.items()}
    extents: dict[str, Extent] = {}
    position = stream.tell()
    for key in keys:
        file.seek(position)
        count = file.read(8)
        if len(count) < 8:
            raise InvalidCheckpointError("it is damaged: it is cut short")
        if key not in sizes:
            raise InvalidCheckpointError("it is damaged: its list of tensors is wrong")
        extents[key] = Extent(position + 8, struct.unpack("<Q", count)[0] * sizes[key])
        position = extents[key].start + extents[key].size
        if position > size:
            raise InvalidCheckpointError("it is damaged: it is cut short, or its sizes are wrong")
    return pickled, extents


class _Start:
    """What follows in a file: whatever a pickle claims, no more is read than it may have."""

    def __init__(self, file: Any, size: int = LARGEST_PICKLE) -> None:
        self._file = file
        self._size = size
        self._position = 0

    def read(self, count: int, /) -> bytes:
        return self._took(self._file.read(min(count, self._size - self._position)))

    def readline(self) -> bytes:
        return self._took(self._file.readline(min(4096, self._size - self._position)))

    def tell(self) -> int:
        return self._position

    def _took(self, data: bytes) -> bytes:
        self._position += len(data)
        return data
