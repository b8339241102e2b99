"""A PyTorch file carries a checksum of each part: what was changed by accident is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pickles import write_legacy
from tiny_band_split_rnn import write_pair
from tiny_demucs import tiny_htdemucs
from tiny_open_unmix import write_open_unmix
from tiny_roformer import write_roformer

from stemlift.errors import Reason, StemliftError
from stemlift.models.formats.tensors import InvalidCheckpointError, load_pickled
from stemlift.models.recognise import recognise


def flipped(path: Path, member: str, at: int = -2) -> None:
    """One bit of what stands under `member` in the archive."""
    with zipfile.ZipFile(path) as archive:
        name = next(each for each in archive.namelist() if each.endswith("/" + member))
        content = archive.read(name)
        start = archive.getinfo(name).header_offset
    data = bytearray(path.read_bytes())
    found = data.index(content, start)
    data[found + at % len(content)] ^= 4
    path.write_bytes(data)


def roformer(folder: Path) -> Path:
    return write_roformer(folder)[0]


def band_split_rnn(folder: Path) -> Path:
    weights, config = write_pair(folder)
    config.rename(weights.with_suffix(".yaml"))
    return weights


def open_unmix(folder: Path) -> Path:
    return next(path for path in write_open_unmix(folder) if path.suffix == ".pth")


def demucs(folder: Path) -> Path:
    return write_legacy(folder, tiny_htdemucs()).rename(folder / "mine.th")


FORMATS = [roformer, band_split_rnn, open_unmix, demucs]


@pytest.mark.parametrize("member", ["data/0", "data/3", "data.pkl"])
@pytest.mark.parametrize("make", FORMATS)
def test_a_changed_bit_is_told_of(
    make: Callable[[Path], Path], member: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    recognise(path)
    flipped(path, member)
    with pytest.raises(StemliftError, match="changed") as caught:
        recognise(path)
    assert caught.value.reason is Reason.CHECKPOINT_REFUSED
    assert str(path) in caught.value.message


def test_the_last_byte_of_a_large_part(tmp_path: Path) -> None:
    path = tmp_path / "large.ckpt"
    torch.save({"a": torch.zeros(3), "b": torch.zeros(700_000)}, path)
    assert load_pickled(path)["b"].shape == (700_000,)
    flipped(path, "data/1", at=-1)
    with pytest.raises(InvalidCheckpointError, match="“data/1” have changed"):
        load_pickled(path)


def test_without_checksums_there_is_nothing_to_compare(tmp_path: Path) -> None:
    """`set_crc32_options(False)` makes PyTorch write zeros in their place."""
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        path = roformer(tmp_path)
    finally:
        torch.serialization.set_crc32_options(before)
    with zipfile.ZipFile(path) as archive:
        assert {entry.CRC for entry in archive.infolist()} == {0}
    assert recognise(path).stems == ("vocals", "other")
