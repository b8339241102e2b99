"""One song, from a complete file in the inbox to a result folder in the outbox.

    hash → record → separate, or copy → extras → stems.json → hash again → reserve the name
         → rename → record → what becomes of the original → done

The process may die between any two steps: each can be repeated, and finds what was done.
The server gives the same job for the same request id, and the ids follow from what the
ledger holds. Everything is made in hidden folders of the outbox; one rename shows it.

When is a song separated? When its content and recipe are new. Without a result it is
separated anew only if it was touched: written, or dropped again, also under another name.
So stems that are dragged out of the outbox do not come back by themselves while the song
just lies in the inbox, and a changed recipe is no reason to do old songs again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from stemlift.audio.problems import display_name
from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import flush_folder
from stemlift.watch.adopting import adopt
from stemlift.watch.drafts import Draft, copied, finished, separated
from stemlift.watch.entry import Entry, FileState
from stemlift.watch.extra import Extra
from stemlift.watch.extras import EXTRAS
from stemlift.watch.failures import remove_report
from stemlift.watch.ignored import DONE_FOLDER
from stemlift.watch.ledger import Ledger
from stemlift.watch.manifest import Manifest, read_manifest
from stemlift.watch.names import folder_names, song_name
from stemlift.watch.outbox import Outbox, remove_tree
from stemlift.watch.recipe import Recipe
from stemlift.watch.results import Results, copy_stems, untouched
from stemlift.watch.source import ChangedError, GoneError, Source

if TYPE_CHECKING:
    from stemlift.watch.connection import Connection

# So often an original may refuse to be moved or deleted.
_MOVES = 5
# A name that is taken between a look and a rename is looked for again.
_NAMES = 10


class Work:
    """Works on the songs of one inbox, one at a time; for one thread.

    recipe_of: raises RECIPE_INVALID.
    beat: called often; what it raises ends the work where it is, to go on later.
    step: called with the name of each step that is done; for tests.
    """

    def __init__(
        self,
        outbox: Outbox,
        ledger: Ledger,
        connection: Connection,
        recipe_of: Callable[[str], Recipe],
        *,
        beat: Callable[[], None] = lambda: None,
        step: Callable[[str], None] = lambda _name: None,
        extras: Mapping[str, Extra] = EXTRAS,
    ) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._results = Results(outbox.path, ledger)
        self._connection = connection
        self._recipe_of = recipe_of
        self._beat = beat
        self._step = step
        self._extras = extras

    def carry_on(self, entry: Entry) -> Entry:
        """Bring a song to DONE, from wherever it was left.

        Raises:
            GoneError, ChangedError: nothing of it is left in the outbox.
            StemliftError: why it could not be done.
        """
        self._outbox.open()
        if entry.state in (FileState.WAITING, FileState.WORKING):
            source = Source(entry, self._beat)
            try:
                entry = self._take_or_say(entry, source)
            except (GoneError, ChangedError):
                self.discard(entry)
                raise
        if entry.state is FileState.PUBLISHING:
            entry = self._publish(entry)
        return self._finish(entry)

    def discard(self, entry: Entry) -> None:
        """Cancel the job of a song and remove what was made of it; whatever fails, fails."""
        entry = self._ledger.get(entry)
        if entry.job_id:
            self._cancel(entry.job_id)
        if entry.key:
            for folder in (self._outbox.staging(entry.key), self._outbox.raw(entry.key)):
                remove_tree(folder)

    def _take_or_say(self, entry: Entry, source: Source) -> Entry:
        """As `_take`. A song that went or changed is no failure, whoever noticed it first."""
        try:
            return self._take(entry, source)
        except StemliftError:
            source.check()
            raise

    def _take(self, entry: Entry, source: Source) -> Entry:
        """To PUBLISHING; to FINISHING where its result is there already."""
        recipe = self._recipe_of(entry.path)
        content = entry.content or source.hash()
        source.check()
        self._step("hashed")
        plan: dict[str, Any] = recipe.model_dump(mode="json")
        if self._has_result(entry, content, recipe):
            return self._ledger.change(entry, state=FileState.FINISHING, content=content, plan=plan)
        if own := adopt(self._ledger, self._outbox.path, source.path, content, recipe):
            known = {"content": content, "result_key": own.key, "folder": own.folder.name}
            return self._ledger.change(entry, state=FileState.FINISHING, plan=plan, **known)
        key = self._key(entry, content, recipe)
        if entry.key != key:
            self.discard(entry)
            entry = self._ledger.change(entry, job_id=None)
        entry = self._ledger.change(
            entry,
            state=FileState.WORKING,
            content=content,
            recipe=recipe.digest(),
            plan=plan,
            key=key,
        )
        self._step("recorded")
        manifest = read_manifest(self._outbox.staging(key))
        if manifest is None or manifest.id != key:
            manifest = self._make(entry, source, recipe, key)
        if source.hash() != content:
            raise ChangedError
        self._step("verified")
        with self._outbox.explained():
            name = self._results.reserve(entry, key, manifest.song)
        self._step("reserved")
        return self._ledger.change(entry, state=FileState.PUBLISHING, folder=name)

    def _has_result(self, entry: Entry, content: str, recipe: Recipe) -> bool:
        if content == entry.done_content and not entry.touched:
            return True
        own = self._results.of(entry.result_key)
        return (
            own is not None
            and (own.content, own.recipe) == (content, recipe.digest())
            and own.folder.parent == self._outbox.path
            and own.intact()
        )

    def _key(self, entry: Entry, content: str, recipe: Recipe) -> str:
        facts = (self._ledger.id, entry.inbox, entry.path, content, recipe.digest(), entry.nonce)
        text = "\0".join(facts).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:32]

    def _make(self, entry: Entry, source: Source, recipe: Recipe, key: str) -> Manifest:
        """A complete result in the hidden folder, with its manifest."""
        staging = self._outbox.staging(key)
        assert entry.content is not None
        draft = Draft(
            key=key,
            song=song_name(source.path.name),
            path=str(source.path),
            content=entry.content,
            recipe=recipe,
            created=datetime.now(UTC),
        )
        with self._outbox.explained():
            staging.mkdir(exist_ok=True)
        manifest = self._copy(draft, staging, source) or self._separate(
            entry, draft, staging, source
        )
        self._step("stems")
        with self._outbox.explained():
            manifest = finished(manifest, staging, recipe, self._extras, source.beat)
        self._step("manifest")
        return manifest

    def _copy(self, draft: Draft, staging: Path, source: Source) -> Manifest | None:
        """The stems of another song of the same content and recipe, under this song's name."""
        twin = self._results.alike(draft.content, draft.recipe.digest())
        if twin is None:
            return None
        manifest = copied(draft, twin.manifest)
        names = {stem.name: stem.file for stem in manifest.stems}
        with self._outbox.explained():
            if copy_stems(twin, staging, names, source.beat):
                return manifest
            # Damaged since: nothing of it may get into the new result.
            remove_tree(staging)
            staging.mkdir(exist_ok=True)
        return None

    def _separate(self, entry: Entry, draft: Draft, staging: Path, source: Source) -> Manifest:
        from stemlift.rpc.requests import build_request

        raw = self._outbox.raw(draft.key)
        with self._outbox.explained():
            raw.mkdir(exist_ok=True)
        options = draft.recipe.options()
        options |= {
            "out": raw,
            "name_template": "{stem}",
            "overwrite": True,
            "priority": "background",
            "request_id": draft.key,
        }
        request = build_request(source.path, **options)
        self._step("ready")
        with self._connection.use(source.beat) as client:
            job = client.submit(request)
            self._step("submitted")
            self._ledger.change(entry, job_id=job.id)
            self._step("running")
            result = job.result()
        self._step("separated")
        with self._outbox.explained():
            manifest = separated(draft, result, raw, staging, source.beat)
            if manifest is None:
                # Lost only where the outbox itself is there; else the job is of use still.
                self._outbox.open()
                raise StemliftError(
                    Reason.WRITE_FAILED,
                    f"The stems of job {result.job} are no longer in the outbox.",
                    "They are separated again.",
                    job_id=result.job,
                )
        # The server may be tidying up in there; what is left then goes with the next sweep.
        remove_tree(raw)
        return manifest

    def _cancel(self, job_id: str) -> None:
        try:
            with self._connection.use(self._beat) as client:
                job = client.job(job_id)
                if not job.cancel().state.ended:
                    job.result(timeout=30.0)
        except (StemliftError, TimeoutError):
            # Cancelled, as it should be, or out of reach: then its folder is swept later.
            return

    def _publish(self, entry: Entry) -> Entry:
        """To FINISHING: the result has its name."""
        assert entry.key is not None
        assert entry.folder is not None
        with self._outbox.explained():
            manifest = self._show(entry)
        if manifest is None:
            # Lost only where the outbox itself is there.
            self._outbox.open()
            self._put_back(entry)
            self._ledger.change(
                entry, state=FileState.WAITING, nonce=secrets.token_hex(8), key=None
            )
            raise StemliftError(
                Reason.WRITE_FAILED,
                f"The finished stems of {display_name(Path(entry.path))} were removed from"
                " the outbox before they got their name.",
                "They are separated again.",
            )
        flush_folder(self._outbox.path)
        self._step("renamed")
        self._results.published(entry.key, manifest)
        self._step("published")
        key = entry.key
        entry = self._ledger.change(entry, state=FileState.FINISHING, result_key=key)
        self._step("noted")
        remove_tree(self._outbox.aside(key))
        return entry

    def _show(self, entry: Entry) -> Manifest | None:
        """Rename the hidden folder; the manifest, or None where the folder is lost."""
        assert entry.key is not None
        staging = self._outbox.staging(entry.key)
        for _ in range(_NAMES):
            assert entry.folder is not None
            final = self._outbox.path / entry.folder
            shown = read_manifest(final)
            if shown is not None and shown.id == entry.key:
                return shown
            manifest = read_manifest(staging)
            if manifest is None or manifest.id != entry.key:
                return None
            if os.path.lexists(final) and not self._make_way(entry, final):
                name = self._results.reserve(entry, entry.key, manifest.song)
                entry = self._ledger.change(entry, folder=name)
                continue
            self._step("free")
            try:
                staging.rename(final)
            except OSError:
                if staging.exists() and not os.path.lexists(final):
                    raise
        return None

    def _make_way(self, entry: Entry, final: Path) -> bool:
        """Put this song's former result aside, where nobody changed anything in it."""
        assert entry.key is not None
        own = self._results.of(entry.result_key)
        if own is None or own.folder != final or not untouched(final, own.manifest):
            return False
        final.rename(self._outbox.aside(entry.key))
        self._step("aside")
        return True

    def _put_back(self, entry: Entry) -> None:
        """The former result keeps its name where there is no new one."""
        assert entry.key is not None
        assert entry.folder is not None
        aside, final = self._outbox.aside(entry.key), self._outbox.path / entry.folder
        with self._outbox.explained():
            if aside.exists() and not os.path.lexists(final):
                aside.rename(final)

    def _finish(self, entry: Entry) -> Entry:
        """To DONE: what the recipe says happens to the original."""
        assert entry.plan is not None
        absent, trouble = False, None
        try:
            entry = self._settle_original(entry, str(entry.plan["original"]))
            absent = entry.plan is not None and entry.plan["original"] != "leave"
        except GoneError:
            absent = True
        except ChangedError:
            # Somebody saved it just now. The scan finds it.
            pass
        except OSError as error:
            trouble = StemliftError(
                Reason.WRITE_FAILED,
                f"The stems of {display_name(Path(entry.path))} are there, but the song could"
                f" not be taken away: {error.strerror or error}.",
                "Close it in other programs, or allow this user to write in the inbox.",
            )
            if entry.attempts + 1 < _MOVES:
                raise trouble from error
        self._step("original")
        if entry.report:
            remove_report(self._outbox.path, entry.report)
        return self._ledger.change(
            entry,
            state=FileState.DONE,
            since=time.time(),
            absent=absent,
            touched=False,
            done_content=entry.content,
            content=None,
            key=None,
            job_id=None,
            report=None,
            attempts=0,
            reason=trouble.reason.value if trouble else None,
            message=trouble.message if trouble else "",
            remedy=trouble.remedy if trouble else "",
        )

    def _settle_original(self, entry: Entry, policy: str) -> Entry:
        source = Source(entry, self._beat)
        if policy == "delete":
            source.check()
            source.path.unlink(missing_ok=True)
        elif policy == "done":
            for relative in _done_places(entry):
                if entry.moved_to != relative:
                    source.check()
                    entry = self._ledger.change(entry, moved_to=relative)
                    self._step("moving")
                try:
                    source.check()
                    source.move(Path(entry.inbox, *relative.split("/")))
                except FileExistsError:
                    continue
                break
        return entry


def _done_places(entry: Entry) -> Iterator[str]:
    """Where the original may go, below the inbox: where it was going, then free names."""
    if entry.moved_to:
        yield entry.moved_to
    path = PurePosixPath(entry.path)
    for name in folder_names(path.stem):
        yield f"{DONE_FOLDER}/{path.with_name(f'{name}{path.suffix}')}"
