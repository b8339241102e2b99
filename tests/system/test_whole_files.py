"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stemlift.system.whole import write_whole


@pytest.mark.parametrize("name", ["a" * 250 + ".html", "é" * 120, "x"])
def test_any_name_that_a_file_can_have(tmp_path: Path, name: str) -> None:
    for data in (b"first", b"second"):
        write_whole(tmp_path / name, data)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_bytes() == data


def test_interrupted_it_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page"
    write_whole(path, b"old")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
