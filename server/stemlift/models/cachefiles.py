"""Where fetched weights lie: the layout of the hub's own cache, with plain files.

    models--OWNER--NAME/refs/main                 the commit that is in use
    models--OWNER--NAME/snapshots/COMMIT/FILE     whole files only
    models--OWNER--NAME/partial/ETAG              what an unfinished transfer has so far

A folder copied from `~/.cache/huggingface/hub` therefore works as it is, which is how
weights reach a machine without a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stemlift.models.bag import read_bag


@dataclass(frozen=True, slots=True)
class BagFiles:
    """Files on disk: the bag's YAML and one checkpoint per member, in the bag's order."""

    bag: Path
    members: tuple[Path, ...]


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

    @property
    def partial(self) -> Path:
        return self.root / "partial"

    def snapshot(self, commit: str) -> Path:
        return self.root / "snapshots" / commit

    def find(self, bag: str) -> BagFiles | None:
        """The files of the bag called `bag`, or None unless every one of them is here.

        Raises:
            StemliftError: CHECKPOINT_INVALID, the bag is here and is not one.
        """
        try:
            commit = self.reference.read_text(encoding="ascii").strip()
            path = self.snapshot(commit) / bag
            members = tuple(path.with_name(name) for name in read_bag(path).files)
        except (OSError, UnicodeDecodeError):
            return None
        return BagFiles(path, members) if all(member.is_file() for member in members) else None
