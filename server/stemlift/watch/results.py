"""The result folders of an outbox: their names, whose they are, and whether they are whole.

A song has one folder. Its name is the song's, with " (2)" only where another song, or
anything that is not ours, has that name. A song that changed gets its new stems under the
same name; the former ones make way for them, but only where nobody changed or added anything
in their folder. Otherwise all of it stays and the new stems get a folder beside it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from stemlift.watch.entry import BUSY, Entry
from stemlift.watch.ledger import Ledger
from stemlift.watch.manifest import BLOCK, MANIFEST, Manifest, hash_file, read_manifest
from stemlift.watch.names import folder_key, folder_names
from stemlift.watch.tables import FileRow, ResultRow

# What systems and DAWs leave beside sound files that they show or play.
_LEFT_BY_OTHERS = (".reapeaks", ".asd", ".pkf", ".sfk", ".wfm", ".ovw", ".pk")
_LEFT_BY_SYSTEMS = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})


@dataclass(frozen=True, slots=True)
class Result:
    """A published result, as the ledger has it."""

    key: str
    folder: Path
    content: str
    recipe: str
    manifest: Manifest

    def intact(self) -> bool:
        """Whether every file of it is still there, by name and size."""
        try:
            return all(
                (self.folder / file).stat().st_size == size
                for file, (size, _) in self.manifest.contents().items()
            )
        except OSError:
            return False


class Results:
    """The results of one outbox."""

    def __init__(self, outbox: Path, ledger: Ledger) -> None:
        self._outbox = outbox
        self._ledger = ledger

    def of(self, key: str | None) -> Result | None:
        """The published result with this key."""
        if key is None:
            return None
        with self._ledger.session() as session:
            row = session.get(ResultRow, key)
            return _result(row) if row else None

    def alike(self, content: str, recipe: str) -> Result | None:
        """A whole result of the same content by the same recipe, in whatever outbox."""
        query = select(ResultRow).where(
            ResultRow.content == content,
            ResultRow.recipe == recipe,
            ResultRow.manifest.is_not(None),
        )
        with self._ledger.session() as session:
            found = [result for row in session.scalars(query) if (result := _result(row))]
        return next((result for result in found if result.intact()), None)

    def reserve(self, entry: Entry, key: str, song: str) -> str:
        """A name for the result `key`; asked again for the same key, another one only where
        the former was taken meanwhile.

        Raises:
            OSError: the outbox cannot be listed.
        """
        assert entry.content is not None
        assert entry.recipe is not None
        own = self.of(entry.result_key)
        on_disk = {folder_key(path.name) for path in self._outbox.iterdir()}
        # Looked at outside of the transaction: it reads all its files.
        vacant = (
            own is not None
            and own.folder.parent == self._outbox
            and untouched(own.folder, own.manifest)
        )
        with self._ledger.session() as session:
            mine = session.get(ResultRow, key)
            if mine is not None:
                if folder_key(mine.folder) not in on_disk:
                    return mine.folder
                session.delete(mine)
                session.flush()
            for name in folder_names(song):
                former = own is not None and folder_key(name) == folder_key(own.folder.name)
                if folder_key(name) in on_disk and not (former and vacant):
                    continue
                if self._take(session, name, entry.result_key, on_disk):
                    row = ResultRow(
                        key=key,
                        outbox=str(self._outbox),
                        folder=name,
                        folder_key=folder_key(name),
                        content=entry.content,
                        recipe=entry.recipe,
                    )
                    session.add(row)
                    return name
        raise AssertionError("names have no end")

    def _take(self, session: Session, name: str, own_key: str | None, on_disk: set[str]) -> bool:
        """Whether nobody else holds `name`.

        A result that was moved away holds it no longer, nor does one that is not made any more.
        """
        for holder in self._holders(session, name):
            made = select(FileRow.id).where(
                FileRow.key == holder.key, FileRow.state.in_([state.value for state in BUSY])
            )
            # One that another inbox published just now is not in the list yet.
            moved = (
                holder.manifest is not None
                and holder.folder_key not in on_disk
                and not os.path.lexists(self._outbox / holder.folder)
            )
            given_up = holder.manifest is None and session.scalar(made.limit(1)) is None
            if moved or given_up:
                session.delete(holder)
            elif holder.key != own_key:
                return False
        session.flush()
        return True

    def _holders(self, session: Session, name: str) -> list[ResultRow]:
        query = select(ResultRow).where(
            ResultRow.outbox == str(self._outbox), ResultRow.folder_key == folder_key(name)
        )
        return list(session.scalars(query))

    def published(self, key: str, manifest: Manifest) -> None:
        """The result has its name, and what had it before is no more."""
        with self._ledger.session() as session:
            row = session.get_one(ResultRow, key)
            for holder in self._holders(session, row.folder):
                if holder.key != key:
                    session.delete(holder)
            row.manifest = manifest.model_dump(mode="json")


def untouched(folder: Path, manifest: Manifest) -> bool:
    """Whether a folder holds nothing but files of the result, each as it was written.

    Some may be missing. What systems and DAWs leave beside sounds does not count.
    """
    contents = manifest.contents()
    for place, _, files in os.walk(folder):
        for file in files:
            path = Path(place, file)
            name = path.relative_to(folder).as_posix()
            if name in contents:
                if path.is_symlink() or not _same(path, contents[name]):
                    return False
            elif name == MANIFEST:
                found = read_manifest(folder)
                if found is None or found.id != manifest.id:
                    return False
            elif not _harmless(file):
                return False
    return True


def copy_stems(
    result: Result, folder: Path, names: dict[str, str], beat: Callable[[], None]
) -> bool:
    """Copy the stems of a result into `folder` under other names; False where one cannot be
    read, or is no longer what was written.

    Copied, not linked: whoever edits one of them must not change the other.

    Raises:
        OSError: writing fails.
    """
    for stem in result.manifest.stems:
        found = _copy(result.folder / stem.file, folder / names[stem.name], beat)
        if found != stem.sha256:
            return False
    return True


def _copy(path: Path, target: Path, beat: Callable[[], None]) -> str | None:
    """SHA-256 of what was copied; None where `path` cannot be read: its outbox may be away."""
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        try:
            source = path.open("rb")
        except OSError:
            return None
        with source:
            while True:
                try:
                    block = source.read(BLOCK)
                except OSError:
                    return None
                if not block:
                    break
                digest.update(block)
                copy.write(block)
                beat()
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()


def _same(path: Path, facts: tuple[int, str]) -> bool:
    size, digest = facts
    try:
        return path.stat().st_size == size and hash_file(path) == digest
    except OSError:
        return False


def _harmless(name: str) -> bool:
    plain = name.casefold()
    return plain in _LEFT_BY_SYSTEMS or plain.endswith(_LEFT_BY_OTHERS)


def _result(row: ResultRow) -> Result | None:
    if row.manifest is None:
        return None
    manifest = Manifest.model_validate(row.manifest)
    return Result(row.key, Path(row.outbox) / row.folder, row.content, row.recipe, manifest)
