"""The user's settings: one TOML file, checked, every field with a default."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from stemlift.errors import Reason, StemliftError

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _tuple(value: Any) -> Any:
    # TOML has lists only.
    return tuple(value) if isinstance(value, list) else value


class WatchFolder(BaseModel):
    """A [[watch]] table: an inbox that is watched, and where its stems go. Times in seconds.

    inbox, out: absolute paths; "~" is the user's own folder.
    model, stems: of songs that no folder and no stemlift.toml says more about.
    stable: a file that did not change for this long is complete.
    give_up: one that did not change for this long and is no sound is reported.
    interval: the inbox is listed this often, whatever the system says of changes.
    polling: true: no observer, only the interval; "auto": an observer where it works.
    allow_delete: whether a recipe may delete originals.
    notify: a message on the desktop when all songs are done.
    """

    model_config = _STRICT

    inbox: str
    out: str
    model: str = Field(default="auto", min_length=1)
    stems: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    stable: float = Field(default=3.0, ge=0)
    give_up: float = Field(default=30.0, gt=0)
    interval: float = Field(default=10.0, gt=0)
    polling: Literal["auto"] | bool = "auto"
    allow_delete: bool = False
    notify: bool = False

    @field_validator("inbox", "out")
    @classmethod
    def _is_whole_path(cls, value: str) -> str:
        try:
            path = Path(value).expanduser()
        except RuntimeError as error:
            raise ValueError("there is no such user") from error
        if not path.is_absolute() or "\0" in value:
            raise ValueError("give the whole path, from the root of the drive")
        return str(path)

    @property
    def inbox_path(self) -> Path:
        return Path(self.inbox)

    @property
    def out_path(self) -> Path:
        return Path(self.out)


class Settings(BaseModel):
    """settings.toml. Times are in seconds.

    idle_exit: a server that a client started leaves after this long without work;
        0 keeps it.
    model_idle: a model that no job used for this long is unloaded.
    model_memory: gigabytes that the weights of all warm models may take together; the
        longest unused leave. 0: as much as the machine has.
    device: "auto", "cpu", "cuda:N" or "mps".
    precision: "auto", "fp32" or "bf16", of jobs that leave it open.
    batch: segments at a time, of jobs that leave it open; 0: the server chooses.
    hub: address of the model hub, e.g. a mirror.
    offline: never use the network.
    watch: inboxes that `stemlift serve` watches.
    """

    model_config = _STRICT

    idle_exit: float = Field(default=900.0, ge=0)
    model_idle: float = Field(default=600.0, gt=0)
    model_memory: float = Field(default=0.0, ge=0)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,3})?)$")
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    batch: int = Field(default=0, ge=0, le=64)
    listen: str = ""
    hub: str = Field(default="", pattern=r"^(https?://\S+)?$")
    offline: bool = False
    watch: Annotated[tuple[WatchFolder, ...], BeforeValidator(_tuple)] = ()


def load_settings(path: Path) -> Settings:
    """Read `path`; a missing file means the defaults.

    Raises:
        StemliftError: SETTINGS_INVALID, naming the first wrong line or field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(path, str(error)) from error
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _invalid(path, str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise _invalid(path, f"there is no setting named {field!r}") from error
        raise _invalid(path, f"{field}: {first['msg']}") from error


def _invalid(path: Path, what: str) -> StemliftError:
    return StemliftError(
        Reason.SETTINGS_INVALID,
        f"The settings file {path} cannot be used: {what}.",
        "Mend that line, or remove the file to go back to the defaults.",
    )
