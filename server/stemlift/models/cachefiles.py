"""Where weights of a hub lie: the layout of the hub's own cache, with plain files.

    models--OWNER--NAME/refs/main                 the commit that was fetched last
    models--OWNER--NAME/snapshots/COMMIT/FILE     whole files only

A folder copied from `~/.cache/huggingface/hub` therefore works as it is, which is how
weights reach a machine without a network. There, files are links to `blobs/SHA-256`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RepositoryFolder:
    """One hub repository inside the models folder.

    repository: "owner/name".
    """

    models: Path
    repository: str

    @property
    def root(self) -> Path:
        return self.models / f"models--{self.repository.replace('/', '--')}"

    @property
    def reference(self) -> Path:
        return self.root / "refs" / "main"

    def snapshot(self, commit: str) -> Path:
        return self.root / "snapshots" / commit

    def current(self) -> Path:
        """The snapshot that `refs/main` names; where it names none, one that is not there."""
        try:
            commit = self.reference.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            commit = ""
        return self.snapshot(commit if re.fullmatch(r"[\w.-]+", commit) else "main")

    def snapshots(self) -> Iterator[Path]:
        """Every snapshot that may be here, that of `refs/main` first."""
        first = self.current()
        yield first
        for path in sorted((self.root / "snapshots").glob("*")):
            if path != first and path.is_dir():
                yield path

    def write_reference(self, commit: str) -> None:
        self.reference.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.reference.with_name("main.new")
        fresh.write_text(commit, encoding="ascii")
        fresh.replace(self.reference)

    def blob(self, path: Path) -> Path | None:
        """The file in `blobs` that `path` is a link to; None for a plain file."""
        if not path.is_symlink():
            return None
        target = path.resolve()
        return target if target.parent == (self.root / "blobs").resolve() else None

    def remove(self, path: Path) -> int:
        """Delete a file of a snapshot, and its blob where no other link leads there.

        Returns:
            Bytes that are free now.
        """
        blob = self.blob(path)
        freed = path.lstat().st_size if blob is None else 0
        path.unlink()
        if blob is not None and blob.is_file() and not self._is_linked(blob):
            freed = blob.stat().st_size
            blob.unlink()
        return freed

    def _is_linked(self, blob: Path) -> bool:
        links = (self.root / "snapshots").rglob("*")
        return any(link.is_symlink() and link.resolve() == blob for link in links)

    def prune(self) -> None:
        """Delete empty snapshots; and, where no file is left in any, what described them."""
        for path in sorted((self.root / "snapshots").rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
        if any((self.root / "snapshots").glob("*")):
            return
        for name in ("refs/main", "refs/main.new"):
            (self.root / name).unlink(missing_ok=True)
        for name in ("refs", "blobs", "snapshots", "."):
            folder = self.root / name
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
