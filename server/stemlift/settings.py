"""The user's settings: one TOML file, checked, every field with a default."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stemlift.errors import Reason, StemliftError


class Settings(BaseModel):
    """settings.toml. Times are in seconds.

    idle_exit: a server that a client started leaves after this long without work;
        0 keeps it.
    model_idle: a model that no job used for this long is unloaded.
    model_memory: gigabytes that the weights of all warm models may take together; the
        longest unused leave. 0: as much as the machine has.
    device: "auto", "cpu", "cuda:N" or "mps".
    hub: address of the model hub, e.g. a mirror.
    offline: never use the network.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    idle_exit: float = Field(default=900.0, ge=0)
    model_idle: float = Field(default=600.0, gt=0)
    model_memory: float = Field(default=0.0, ge=0)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,3})?)$")
    listen: str = ""
    hub: str = Field(default="", pattern=r"^(https?://\S+)?$")
    offline: bool = False


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
