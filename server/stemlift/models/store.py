"""The models folder: what is here, fetching what is not, checking and removing it. No torch.

A transfer runs in a process of its own (`models.download`), so that a stalled
connection can be cancelled at once and the hub's library stays out of the server.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.models.checking import FileCheck, check
from stemlift.models.child import Report, run_child
from stemlift.models.place import ModelPlace, WeightFiles
from stemlift.models.removal import remove
from stemlift.models.spec import ModelSpec
from stemlift.settings import Settings

__all__ = ["DEFAULT_ENDPOINT", "FileCheck", "ModelStore", "WeightFiles"]

DEFAULT_ENDPOINT = "https://huggingface.co"

_TRUE = {"1", "ON", "TRUE", "YES"}


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The weights of this user, one model at a time; an ensemble is for the caller to take apart.

    folder: where they lie (`Paths.models`).
    endpoint: address of the hub, or of a mirror of it, for files of hub repositories.
    offline: never use the network.
    """

    folder: Path
    endpoint: str = DEFAULT_ENDPOINT
    offline: bool = False

    @classmethod
    def from_settings(cls, folder: Path, settings: Settings) -> ModelStore:
        """The settings come first, then HF_ENDPOINT and HF_HUB_OFFLINE, then the defaults."""
        endpoint = settings.hub or os.environ.get("HF_ENDPOINT", "") or DEFAULT_ENDPOINT
        offline = settings.offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE
        return cls(folder, endpoint.rstrip("/"), offline)

    def installed(self, spec: ModelSpec) -> bool:
        """Whether `spec` can be loaded without the network; reads one or two small files."""
        return not spec.has_weights or self._found(spec) is not None

    def installed_bytes(self, spec: ModelSpec) -> int:
        """Size of the files of `spec` in bytes, those included that another model uses, too.

        0 unless all are here.
        """
        found = self._found(spec) if spec.has_weights else None
        if found is None:
            return 0
        paths = {*found.paths, *((found.bag,) if found.bag else ())}
        return sum(path.stat().st_size for path in paths)

    def fetch(
        self, spec: ModelSpec, progress: Report, cancelled: Callable[[], bool]
    ) -> WeightFiles:
        """The files of `spec`, downloaded where they are not here yet.

        Uses no network when they are. An unfinished transfer goes on where it stopped,
        where the server allows that.

        Args:
            progress: called with bytes done and bytes in all.
            cancelled: polled a few times a second.

        Raises:
            StemliftError: DOWNLOAD_FAILED, DISK_FULL, WRITE_FAILED, CANCELLED;
                FILE_UNREADABLE, the models folder may not be read; CHECKPOINT_INVALID
                when the bag is damaged; MODEL_NOT_INSTALLED for an imported or a
                built-in model whose files are gone.
            ValueError: `spec` has no weights.
        """
        place = self._place(spec)
        found = _look(place)
        if found is not None:
            return found
        if place.folder is not None:
            raise _gone(place, place.folder, spec.built_in)
        self._require_network(place)
        run_child(
            "stemlift.models.download",
            place.request(self.endpoint),
            progress,
            cancelled,
            _environment(self.endpoint),
            what=f"download of {spec.name}",
        )
        found = _look(place)
        if found is None:
            raise StemliftError(
                Reason.INTERNAL,
                f"The download of {spec.name} ended without its files in {self.folder}.",
                "Try again; if it happens twice, report it with the server's log.",
            )
        return found

    def verify(
        self, spec: ModelSpec, progress: Report, cancelled: Callable[[], bool]
    ) -> tuple[FileCheck, ...]:
        """Compare every file of `spec` with the checksum it should have; changes nothing.

        Args:
            progress: called with bytes read and bytes in all.
            cancelled: polled while reading.

        Raises:
            StemliftError: CANCELLED; FILE_UNREADABLE.
            ValueError: `spec` has no weights.
        """
        return check(self._place(spec), progress, cancelled)

    def remove(self, spec: ModelSpec, others: Iterable[ModelSpec] = ()) -> int:
        """Delete the files of `spec`, and what unfinished transfers left of them.

        Killed half-way, it leaves a model that is not installed and can be removed again.

        Args:
            others: models whose files must stay, where they are installed; `spec` itself
                among them is passed over. A model that shares all its files with one of
                them therefore stays installed.

        Returns:
            Bytes that are free now.

        Raises:
            StemliftError: MODEL_BUSY, its files are being fetched; WRITE_FAILED.
            ValueError: `spec` has no weights, or they are part of Stemlift.
        """
        if spec.built_in:
            raise ValueError(f"{spec.name} is built in")
        kept = [
            ModelPlace.of(self.folder, other)
            for other in others
            if other.name != spec.name and other.has_weights and self.installed(other)
        ]
        return remove(self._place(spec), kept)

    def _place(self, spec: ModelSpec) -> ModelPlace:
        if not spec.has_weights:
            raise ValueError(f"{spec.name} has no weights")
        return ModelPlace.of(self.folder, spec)

    def _found(self, spec: ModelSpec) -> WeightFiles | None:
        try:
            return self._place(spec).find()
        except (StemliftError, OSError):
            # A bag that is none, or a folder that may not be read: not installed, and
            # `fetch` tells why.
            return None

    def _require_network(self, place: ModelPlace) -> None:
        if self.offline:
            folder = "files" if place.repository is None else f"folder of {place.repository}"
            raise StemliftError(
                Reason.DOWNLOAD_FAILED,
                f"The weights of {place.name} are not on this machine, and Stemlift is offline.",
                f"Go online for one download, or copy the {folder} "
                f"from another machine into {self.folder}.",
            )
        by_hub = place.bag is not None or any(file.address is None for file in place.files)
        if by_hub and not self.endpoint.startswith(("https://", "http://")):
            raise StemliftError(
                Reason.DOWNLOAD_FAILED,
                f"The model hub's address “{self.endpoint}” is not a web address.",
                "Set `hub` in settings.toml, or HF_ENDPOINT, to one that begins with https://.",
            )


def _look(place: ModelPlace) -> WeightFiles | None:
    try:
        return place.find()
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"The files of {place.name} cannot be read: {error}.",
            f"Make the folder {place.folder or place.models} readable.",
        ) from error


def _gone(place: ModelPlace, folder: Path, built_in: bool) -> StemliftError:
    missing = next(one.path.name for one in place.held() if not one.here)
    if built_in:
        return StemliftError(
            Reason.MODEL_NOT_INSTALLED,
            f"{place.name} is built in, and its file {missing} is not whole in {folder}.",
            "Install Stemlift again; until then, name another model, such as spectral.",
        )
    return StemliftError(
        Reason.MODEL_NOT_INSTALLED,
        f"{place.name} was imported, and its file {missing} is not whole in {folder}.",
        "Import it again with `stemlift models import`.",
    )


def _environment(endpoint: str) -> dict[str, str]:
    """For the hub's library, which reads its options once, when it is imported."""
    left_out = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_ENABLE_HF_TRANSFER"}
    kept = {key: value for key, value in os.environ.items() if key not in left_out}
    return kept | {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
