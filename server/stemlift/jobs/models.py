"""What users do with models: list, fetch, import, check and remove them. No torch.

The files are the store's, the entries the library's; what may be done when is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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
from stemlift.models.checking import FileCheck
from stemlift.models.child import run_child
from stemlift.models.entry import NAME, REST
from stemlift.models.importing import LONGEST_LICENCE, LONGEST_TITLE
from stemlift.models.library import IMPORTED, Library
from stemlift.models.spec import ModelSpec, Network, Origin
from stemlift.models.store import ModelStore

if TYPE_CHECKING:
    from stemlift.models.cache import ModelCache

Report = Callable[[ModelProgress], None]
Cancelled = Callable[[], bool]

IMPORTER = "stemlift.models.importing"


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

    Two transfers of the same files wait for each other, by the store's locks.
    """

    def __init__(
        self, library: Library, store: ModelStore, cache: ModelCache, child: RunChild = run_child
    ) -> None:
        self._library = library
        self._store = store
        self._cache = cache
        self._child = child

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
            self._store.fetch(part, total.of(index), cancelled)
        return self.get(name)

    def verify(self, name: str, report: Report, cancelled: Cancelled) -> list[CheckedFile]:
        """Compare files with their checksums: of one model, or with "" of all that are here.

        Raises:
            StemliftError: MODEL_UNKNOWN; MODEL_NOT_INSTALLED when nothing of the model is
                here; CANCELLED; FILE_UNREADABLE.
        """
        catalogue = self._library.catalogue()
        # Without a name an ensemble adds nothing: its parts are models themselves.
        asked = catalogue.parts(catalogue.get(name)) if name else catalogue.models
        specs = [spec for spec in asked if spec.has_weights]
        total = Sum([self._store.installed_bytes(spec) for spec in specs], Estimate(report))
        found: dict[Path, CheckedFile] = {}
        for index, spec in enumerate(specs):
            checks = self._store.verify(spec, total.of(index), cancelled)
            if self._is_here(spec, checks):
                for check in checks:
                    found.setdefault(check.path, _checked(spec, check))
            elif name:
                raise _not_installed(spec)
        return list(found.values())

    def import_model(
        self, asked: ImportRequest, report: Report, cancelled: Cancelled
    ) -> tuple[Recognition, ModelListing | None]:
        """Make a model of a checkpoint, or only say what it is.

        Returns:
            What was recognised, and the model; None with `inspect_only`.

        Raises:
            StemliftError: ARGUMENT_INVALID for the name, a path that is not absolute, or a
                title or licence that is too long; MODEL_EXISTS when a model was imported
                under the name before; as `models.importing`: FILE_NOT_FOUND,
                CHECKPOINT_UNKNOWN, CHECKPOINT_REFUSED, DISK_FULL, WRITE_FAILED, CANCELLED.
        """
        known = self._check_import(asked)
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
        said = self._child(IMPORTER, request, Estimate(report), cancelled, what="import")
        recognised = _recognition(said, known)
        if asked.inspect_only:
            return recognised, None
        # A model of this name may be in memory, whose place the new one takes.
        self._cache.forget(asked.name)
        return recognised, self.get(asked.name)

    def remove(self, name: str) -> int:
        """Delete the files of a model; returns the bytes that are free again.

        Raises:
            StemliftError: MODEL_UNKNOWN; ARGUMENT_INVALID where it has no files of its own;
                MODEL_NOT_INSTALLED where none are here; MODEL_BUSY while a job uses it or its
                files are being fetched; WRITE_FAILED.
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
        if spec.built_in:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"{name} is built in: its weights are part of Stemlift and cannot be removed.",
                "They go when Stemlift is uninstalled; name another model to work without it.",
            )
        with self._cache.withheld(name) as free:
            if not free:
                raise StemliftError(
                    Reason.MODEL_BUSY,
                    f"The model {name} cannot be removed: a job is using it.",
                    "Wait for the job to end, or cancel it.",
                )
            here = self._store.installed(spec)
            freed = self._store.remove(spec, catalogue.models)
        if not freed and not here and spec.origin is not Origin.IMPORTED:
            raise _not_installed(spec)
        return freed

    def _is_here(self, spec: ModelSpec, checks: Sequence[FileCheck]) -> bool:
        """Whether there is something to check; what an unfinished transfer left is not."""
        states = {check.state for check in checks}
        return self._store.installed(spec) or spec.folder is not None or "damaged" in states

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

    def _check_import(self, asked: ImportRequest) -> tuple[str, ...]:
        """What a person should know of the name; the importer checks it again as it writes."""
        for path in (asked.path, asked.config):
            if path is not None and not path.is_absolute():
                raise StemliftError(
                    Reason.ARGUMENT_INVALID,
                    f"The path {path} is not absolute.",
                    "The server stands in another folder: give the whole path.",
                )
        lengths = (
            ("title", asked.title, LONGEST_TITLE),
            ("licence", asked.licence, LONGEST_LICENCE),
        )
        for what, text, longest in lengths:
            if len(text) > longest:
                raise StemliftError(
                    Reason.ARGUMENT_INVALID,
                    f"The {what} has {len(text)} characters.",
                    f"Say it in at most {longest}.",
                )
        if not asked.name and asked.inspect_only:
            return ()
        if not re.fullmatch(NAME, asked.name) or asked.name in ("auto", REST):
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"A model cannot be called “{asked.name}”.",
                "Use at most 64 lower-case letters, digits, “_”, “.” and “-”, "
                f"a letter or digit first; “auto” and “{REST}” mean something else.",
            )
        for spec in self._library.catalogue().models:
            if spec.name == asked.name and spec.origin is Origin.IMPORTED:
                raise StemliftError(
                    Reason.MODEL_EXISTS,
                    f"A model called {asked.name} was imported before.",
                    f"Choose another name, or `stemlift models remove {asked.name}` first.",
                )
            if spec.name == asked.name:
                return (f"It takes the place of the {spec.name} that Stemlift knows already.",)
        return ()


def _not_installed(spec: ModelSpec) -> StemliftError:
    return StemliftError(
        Reason.MODEL_NOT_INSTALLED,
        f"The weights of {spec.name} are not on this machine, or not all of them.",
        f"`stemlift models pull {spec.name}` fetches them.",
    )


def _recognition(said: Mapping[str, Any], known: tuple[str, ...]) -> Recognition:
    return Recognition(
        format=said["format"],
        network=said["network"],
        stems=tuple(said["stems"]),
        sample_rate=said["sample_rate"],
        segment=said["segment"] or 0,
        parameters=said["parameters"],
        size=said["size"],
        warnings=(*said["warnings"], *known),
    )


def _checked(spec: ModelSpec, check: FileCheck) -> CheckedFile:
    problem = ""
    if check.state == "missing":
        problem = "It is not there."
    elif check.state == "damaged":
        problem = "It is not whole, or not what it should be."
        if check.expected and check.found and not check.found.startswith(check.expected):
            problem = (
                f"Its SHA-256 is {check.found[:16]}…, and should be {check.expected[:16]}…, "
                "so its content has changed."
            )
    return CheckedFile(spec.name, check.path, check.state, problem)
