"""What users do with models: list, fetch, import, check and remove them. No torch.

The files are the store's, the entries the library's; what may be done when is decided here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from stemlift.errors import Reason, StemliftError
from stemlift.jobs.model_records import (
    CheckedFile,
    ImportRequest,
    ModelListing,
    Recognition,
)
from stemlift.jobs.progress import Estimate, ModelProgress, Sum
from stemlift.models.auto import AutoChoice, choose_auto
from stemlift.models.catalogue import Catalogue
from stemlift.models.child import run_child
from stemlift.models.entry import NAME, REST
from stemlift.models.library import IMPORTED
from stemlift.models.spec import ModelSpec, Network, Origin

Report = Callable[[ModelProgress], None]
Cancelled = Callable[[], bool]

IMPORTER = "stemlift.models.importing"

_POLL = 0.2


class FoundFile(Protocol):
    """What the store found out about one file; see `store.FileCheck`."""

    @property
    def path(self) -> Path: ...
    @property
    def state(self) -> str: ...


class Store(Protocol):
    """What is asked of `store.ModelStore`."""

    @property
    def folder(self) -> Path: ...
    def installed(self, spec: ModelSpec) -> bool: ...
    def installed_bytes(self, spec: ModelSpec) -> int: ...
    def fetch(
        self, spec: ModelSpec, progress: Callable[[int, int], None], cancelled: Cancelled
    ) -> object: ...
    def verify(
        self, spec: ModelSpec, progress: Callable[[int, int], None], cancelled: Cancelled
    ) -> Sequence[FoundFile]: ...
    def remove(self, spec: ModelSpec, others: Sequence[ModelSpec]) -> int: ...


class Shelf(Protocol):
    """What is asked of `library.Library`."""

    def catalogue(self) -> Catalogue: ...


class Loaded(Protocol):
    """What is asked of `cache.ModelCache`."""

    def loaded_names(self) -> tuple[str, ...]: ...
    def forget(self, name: str) -> tuple[str, ...]: ...


class RunChild(Protocol):
    """`child.run_child`."""

    def __call__(
        self,
        module: str,
        request: Mapping[str, Any],
        progress: Callable[[int, int], None],
        cancelled: Cancelled,
        *,
        what: str,
    ) -> dict[str, Any]: ...


class ModelDesk:
    """All methods are safe from any thread.

    Two calls that would write the files of one model wait for each other; `remove` does not
    wait and is refused.
    """

    def __init__(
        self, library: Shelf, store: Store, cache: Loaded, child: RunChild = run_child
    ) -> None:
        self._library = library
        self._store = store
        self._cache = cache
        self._child = child
        self._changed = threading.Condition()
        self._held: set[str] = set()

    def installed(self, spec: ModelSpec, catalogue: Catalogue | None = None) -> bool:
        """Whether it can run without the network; an ensemble when all its parts can."""
        if spec.network is not Network.ENSEMBLE:
            return self._store.installed(spec)
        try:
            parts = (catalogue or self._library.catalogue()).parts(spec)
        except StemliftError:
            # A part is unknown or does not fit; what is wrong is told where it is used.
            return False
        return all(self._store.installed(part) for part in parts)

    def listings(self) -> tuple[list[ModelListing], AutoChoice]:
        """Every model, and what `auto` takes.

        Raises:
            StemliftError: SETTINGS_INVALID when models.toml or an import cannot be read.
        """
        catalogue = self._library.catalogue()
        here = {spec.name: self.installed(spec, catalogue) for spec in catalogue.models}
        auto = choose_auto(catalogue, lambda spec: here[spec.name])
        loaded = set(self._cache.loaded_names())
        listings = [
            self._listing(spec, catalogue, here[spec.name], loaded, auto)
            for spec in catalogue.models
        ]
        return listings, auto

    def get(self, name: str) -> ModelListing:
        """One model.

        Raises:
            StemliftError: MODEL_UNKNOWN; SETTINGS_INVALID as `listings`.
        """
        catalogue = self._library.catalogue()
        spec = catalogue.get(name)
        auto = choose_auto(catalogue, lambda each: self.installed(each, catalogue))
        here = self.installed(spec, catalogue)
        return self._listing(spec, catalogue, here, set(self._cache.loaded_names()), auto)

    def pull(self, name: str, report: Report, cancelled: Cancelled) -> ModelListing:
        """Fetch the weights of a model, or of all parts of an ensemble.

        Raises:
            StemliftError: MODEL_UNKNOWN, SETTINGS_INVALID; as `store.ModelStore.fetch`:
                DOWNLOAD_FAILED, DISK_FULL, WRITE_FAILED, CHECKPOINT_INVALID, CANCELLED.
        """
        catalogue = self._library.catalogue()
        parts = [part for part in catalogue.parts(catalogue.get(name)) if part.has_weights]
        missing = [part for part in parts if not self._store.installed(part)]
        total = Sum([part.download_bytes for part in missing], Estimate(report))
        for index, part in enumerate(missing):
            with self._holding(part.name, cancelled):
                self._store.fetch(part, total.of(index), cancelled)
        return self.get(name)

    def verify(self, name: str, report: Report, cancelled: Cancelled) -> list[CheckedFile]:
        """Compare files with their checksums: of one model, or with "" of all that are here.

        Raises:
            StemliftError: MODEL_UNKNOWN; ARGUMENT_INVALID when nothing of the model is
                here; CANCELLED; FILE_UNREADABLE.
        """
        catalogue = self._library.catalogue()
        asked = [catalogue.get(name)] if name else catalogue.models
        parts = {
            part.name: part
            for spec in asked
            # Without a name an ensemble adds nothing: its parts are models themselves.
            if name or spec.network is not Network.ENSEMBLE
            for part in catalogue.parts(spec)
            if part.has_weights and (self._store.installed_bytes(part) or name)
        }
        total = Sum(
            [self._store.installed_bytes(part) for part in parts.values()], Estimate(report)
        )
        found: dict[Path, CheckedFile] = {}
        for index, part in enumerate(parts.values()):
            if not self._store.installed_bytes(part):
                raise StemliftError(
                    Reason.ARGUMENT_INVALID,
                    f"The weights of {part.name} are not on this machine.",
                    f"Fetch them with `stemlift models pull {part.name}`.",
                )
            with self._holding(part.name, cancelled):
                for file in self._store.verify(part, total.of(index), cancelled):
                    found.setdefault(file.path, _checked(part, file))
        return list(found.values())

    def import_model(
        self, asked: ImportRequest, report: Report, cancelled: Cancelled
    ) -> tuple[Recognition, ModelListing | None]:
        """Make a model of a checkpoint, or only say what it is.

        Returns:
            What was recognised, and the model; None with `inspect_only`.

        Raises:
            StemliftError: ARGUMENT_INVALID for the name or a path that is not absolute;
                OUTPUT_EXISTS when a model was imported under the name before; as
                `models.importing`: FILE_NOT_FOUND, CHECKPOINT_INVALID, DISK_FULL, …
        """
        self._check_import(asked)
        request = {
            "path": str(asked.path),
            "config": str(asked.config) if asked.config else None,
            "name": asked.name,
            "title": asked.title,
            "licence": asked.licence,
            "commercial_use": asked.commercial_use,
            "folder": str(self._store.folder / IMPORTED),
            "inspect_only": asked.inspect_only,
        }
        estimate = Estimate(report)
        with self._holding("" if asked.inspect_only else asked.name, cancelled):
            # Once more: somebody may have imported it while we waited.
            self._check_import(asked)
            said = self._child(IMPORTER, request, estimate, cancelled, what="import")
            recognised = _recognition(said)
            if asked.inspect_only:
                return recognised, None
            # A model of this name may be in memory, whose place the new one takes.
            self._cache.forget(asked.name)
            return recognised, self.get(asked.name)

    def remove(self, name: str) -> int:
        """Delete the files of a model; returns the bytes that are free again.

        Raises:
            StemliftError: MODEL_UNKNOWN; ARGUMENT_INVALID where it has no files of its own
                or none are here; JOB_ACTIVE while it is used, fetched or checked;
                WRITE_FAILED.
        """
        catalogue = self._library.catalogue()
        spec = catalogue.get(name)
        if spec.network is Network.ENSEMBLE:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{name} is an ensemble, which has no files of its own.",
                f"Remove its parts: {', '.join(spec.part_names)}.",
            )
        if not spec.has_weights:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{name} has no weights, so there is nothing to remove.",
                "It is part of Stemlift and takes no space of its own.",
            )
        if spec.origin is not Origin.IMPORTED and not self._store.installed_bytes(spec):
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"The weights of {name} are not on this machine.",
                "There is nothing to remove; `stemlift models list` shows what is here.",
            )
        with self._taking(name):
            self._cache.forget(name)
            if name in self._cache.loaded_names():
                raise _in_use(name, "a job is using it")
            others = [other for other in catalogue.models if other.name != name]
            return self._store.remove(spec, others)

    def _listing(
        self,
        spec: ModelSpec,
        catalogue: Catalogue,
        here: bool,
        loaded: set[str],
        auto: AutoChoice,
    ) -> ModelListing:
        parts = [spec]
        if spec.network is Network.ENSEMBLE:
            parts = [each for each in catalogue.models if each.name in spec.part_names]
        return ModelListing(
            spec=spec,
            installed=here,
            loaded=here and all(part.name in loaded for part in parts),
            auto_choice=spec.name == auto.spec.name,
            installed_bytes=sum(
                self._store.installed_bytes(part) for part in parts if part.has_weights
            ),
        )

    def _check_import(self, asked: ImportRequest) -> None:
        for path in (asked.path, asked.config):
            if path is not None and not path.is_absolute():
                raise StemliftError(
                    Reason.ARGUMENT_INVALID,
                    f"The path {path} is not absolute.",
                    "The server stands in another folder: give the whole path.",
                )
        if not asked.name and asked.inspect_only:
            return
        if not re.fullmatch(NAME, asked.name) or asked.name in ("auto", REST):
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"A model cannot be called “{asked.name}”.",
                "Use at most 64 lower-case letters, digits, “_”, “.” and “-”, "
                f"a letter or digit first; “auto” and “{REST}” mean something else.",
            )
        if asked.inspect_only:
            return
        for spec in self._library.catalogue().models:
            if spec.name == asked.name and spec.origin is Origin.IMPORTED:
                raise StemliftError(
                    Reason.OUTPUT_EXISTS,
                    f"A model called {asked.name} was imported before.",
                    f"Choose another name, or `stemlift models remove {asked.name}` first.",
                )

    @contextmanager
    def _holding(self, name: str, cancelled: Cancelled) -> Iterator[None]:
        """Wait until nobody else writes or reads the files of `name`; "" is nobody's."""
        with self._changed:
            while name and name in self._held:
                if cancelled():
                    raise StemliftError(
                        Reason.CANCELLED, f"Waiting for the files of {name} was cancelled."
                    )
                self._changed.wait(_POLL)
            self._held.add(name)
        try:
            yield
        finally:
            self._let_go(name)

    @contextmanager
    def _taking(self, name: str) -> Iterator[None]:
        """As `_holding`, refused instead of waiting."""
        with self._changed:
            if name in self._held:
                raise _in_use(name, "it is being fetched or checked")
            self._held.add(name)
        try:
            yield
        finally:
            self._let_go(name)

    def _let_go(self, name: str) -> None:
        with self._changed:
            self._held.discard(name)
            self._changed.notify_all()


def _in_use(name: str, why: str) -> StemliftError:
    return StemliftError(
        Reason.JOB_ACTIVE,
        f"The model {name} cannot be removed: {why}.",
        "Wait for that to end, or cancel it.",
    )


def _recognition(said: Mapping[str, Any]) -> Recognition:
    return Recognition(
        format=said["format"],
        network=said["network"],
        stems=tuple(said["stems"]),
        sample_rate=said["sample_rate"],
        segment=said.get("segment") or 0,
        parameters=said["parameters"],
        size=said["size"],
        warnings=tuple(said.get("warnings", ())),
    )


def _checked(spec: ModelSpec, file: FoundFile) -> CheckedFile:
    state = str(file.state)
    return CheckedFile(spec.name, file.path, state, getattr(file, "problem", "") or "")
