"""From Python arguments to the messages of the API. Shared by both clients."""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict, TypeVar

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.gen import job_pb2, separation_pb2

PathLike = str | os.PathLike[str]

# "swap", "downmix", the number of one channel, or a pair of numbers, from 0.
Channels = Literal["swap", "downmix"] | int | tuple[int, int]

_V = TypeVar("_V")

# As the server has it: more segments at once gain nothing.
LARGEST_BATCH = 64

REMAINDERS = {
    "other": job_pb2.REMAINDER_POLICY_OTHER,
    "separate": job_pb2.REMAINDER_POLICY_SEPARATE,
    "off": job_pb2.REMAINDER_POLICY_OFF,
}
MASKS = {
    "binary": job_pb2.MASK_KIND_BINARY,
    "ratio": job_pb2.MASK_KIND_RATIO,
    "complex": job_pb2.MASK_KIND_COMPLEX,
}
PRECISIONS = {
    "auto": job_pb2.PRECISION_UNSPECIFIED,
    "fp32": job_pb2.PRECISION_FP32,
    "bf16": job_pb2.PRECISION_BF16,
}
FORMATS = {"wav": job_pb2.OUTPUT_FORMAT_WAV, "flac": job_pb2.OUTPUT_FORMAT_FLAC}
PRIORITIES = {
    "interactive": job_pb2.PRIORITY_INTERACTIVE,
    "background": job_pb2.PRIORITY_BACKGROUND,
}


class SeparateOptions(TypedDict, total=False):
    """The optional arguments of `Client.separate` and `AsyncClient.separate`.

    model: a name from `models()`, or "auto" (the default).
    stems: names such as "vocals", "instrumental" (mix - vocals) or "remainder";
        None: every stem of the model.
    out: folder for the stems; None: "<song> stems" beside the song.
    start, duration: the range in seconds, rounded to the nearest frame.
    start_frame, frames: the range in frames at the file's own rate, instead.
    channels: "swap", "downmix", one channel or a pair, counted from 0; None: all.
    remainder: where the part goes that the model gave to no stem: "other" (into the
        stem "other"), "separate" (a stem of its own) or "off" (nowhere).
    mask: "binary", "ratio" or "complex" for spectrogram models; None: the model's own.
    precision: "auto", "fp32" or "bf16".
    batch: segments per forward pass; 0 lets the server choose.
    format: "wav" or "flac".
    overwrite: replace output files that exist.
    priority: "interactive", or "background" for work that nobody waits for.
    name_template: file name of a stem without its extension; "{song}" and "{stem}"
        are filled in. Default "{song} - {stem}".
    request_id: makes the call repeatable: the same id and arguments give the same
        job. A fresh one by default.
    """

    model: str
    stems: Sequence[str] | None
    out: PathLike | None
    start: float | None
    duration: float | None
    start_frame: int | None
    frames: int | None
    channels: Channels | None
    remainder: str
    mask: str | None
    precision: str
    batch: int
    format: str
    overwrite: bool
    priority: str
    name_template: str
    request_id: str | None


def build_request(
    path: PathLike,
    *,
    request_id: str | None = None,
    model: str = "auto",
    stems: Sequence[str] | None = None,
    out: PathLike | None = None,
    start: float | None = None,
    duration: float | None = None,
    start_frame: int | None = None,
    frames: int | None = None,
    channels: Channels | None = None,
    remainder: str = "other",
    mask: str | None = None,
    precision: str = "auto",
    batch: int = 0,
    format: str = "wav",  # noqa: A002 - the word of the API
    overwrite: bool = False,
    priority: str = "interactive",
    name_template: str = "",
) -> separation_pb2.CreateJobRequest:
    """The message for `SeparateOptions`, checked as far as a client can.

    Raises:
        StemliftError: ARGUMENT_INVALID naming the option and what it accepts,
            PATH_UNSUPPORTED for a path that is no text.
    """
    spec = job_pb2.JobSpec(
        input=job_pb2.Input(path=absolute(path)),
        model=text("model", model),
        stems=[text("stems", name) for name in _stem_names(stems)],
        output_folder="" if out is None else _folder(out),
        format=_choose("format", format, FORMATS),
        remainder=_choose("remainder", remainder, REMAINDERS),
        precision=_choose("precision", precision, PRECISIONS),
        batch=_whole("batch", batch, 0, LARGEST_BATCH),
        priority=_choose("priority", priority, PRIORITIES),
        overwrite=bool(overwrite),
        name_template=text("name_template", name_template),
    )
    if mask is not None:
        spec.mask = _choose("mask", mask, MASKS)
    _set_range(spec.input, start, duration, start_frame, frames)
    if channels is not None:
        spec.input.channels.CopyFrom(_channel_map(channels))
    return separation_pb2.CreateJobRequest(
        spec=spec,
        request_id=text("request_id", uuid.uuid4().hex if request_id is None else request_id),
    )


def absolute(path: PathLike) -> str:
    """The path as the server needs it: absolute, and text.

    Raises:
        StemliftError: PATH_UNSUPPORTED when it is not valid Unicode or has a zero in it.
    """
    if not os.fspath(path):
        raise invalid("path", "empty", "the path of a file or folder")
    try:
        text = str(Path(path).absolute())
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.PATH_UNSUPPORTED,
            f"The path {path} leads nowhere: the folder you are in no longer exists.",
            "Change to a folder that exists, or give whole paths.",
        ) from error
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = text.encode("utf-8", "replace").decode("utf-8")
        raise _bad_path(shown, "is not valid UTF-8") from error
    if "\0" in text:
        raise _bad_path(text.replace("\0", "?"), "has a zero character in it")
    return text


def _folder(out: PathLike) -> str:
    if not os.fspath(out):
        raise invalid("out", "empty", "the path of a folder")
    return absolute(out)


def _bad_path(shown: str, what: str) -> StemliftError:
    return StemliftError(
        Reason.PATH_UNSUPPORTED,
        f"The path {shown} {what}.",
        "Rename the file or folder, then try again.",
    )


def _stem_names(stems: Sequence[str] | None) -> list[str]:
    # A single name in place of a list would read as a list of letters.
    names = [stems] if isinstance(stems, str) else list(stems or ())
    if not all(names) or (stems is not None and not names):
        raise invalid("stems", "an empty name", "one or more stem names, e.g. vocals,drums")
    return names


def text(option: str, value: object) -> str:
    """`value`, if it is text that a message can hold; else raises ARGUMENT_INVALID."""
    if not isinstance(value, str):
        raise invalid(option, repr(value), "text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        shown = value.encode("utf-8", "replace").decode("utf-8")
        raise invalid(option, repr(shown), "text in UTF-8") from error
    return value


def _choose(option: str, value: object, accepted: Mapping[str, _V]) -> _V:
    if not isinstance(value, str) or value not in accepted:
        raise invalid(option, repr(value), _listed(accepted))
    return accepted[value]


def _listed(words: Iterable[str]) -> str:
    """Words as a person lists them: "a, b or c"."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _whole(option: str, value: object, least: int, most: int = 2**63 - 1) -> int:
    # Programs in Python are not all type-checked: a wrong type is an argument like any other.
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        top = f" and at most {most}" if most < 2**31 - 1 else ""
        raise invalid(option, repr(value), f"a whole number of at least {least}{top}")
    return int(value)


def _seconds(option: str, value: object, *, zero: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(option, repr(value), "seconds, e.g. 12.5")
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        least = "of at least 0" if zero else "above 0"
        raise invalid(option, repr(value), f"seconds {least}, e.g. 12.5")
    return float(value)


def _set_range(
    source: job_pb2.Input,
    start: float | None,
    duration: float | None,
    start_frame: int | None,
    frames: int | None,
) -> None:
    if start is not None and start_frame is not None:
        raise invalid("start", "seconds and frames at once", "either start or start_frame")
    if duration is not None and frames is not None:
        raise invalid("duration", "seconds and frames at once", "either duration or frames")
    if start is not None:
        source.start_seconds = _seconds("start", start, zero=True)
    if duration is not None:
        source.duration_seconds = _seconds("duration", duration, zero=False)
    if start_frame is not None:
        source.start_frame = _whole("start_frame", start_frame, 0)
    if frames is not None:
        source.frames = _whole("frames", frames, 1)


def _channel_map(channels: Channels) -> job_pb2.ChannelMap:
    if channels == "swap":
        return job_pb2.ChannelMap(mode=job_pb2.CHANNEL_MODE_SWAP)
    if channels == "downmix":
        return job_pb2.ChannelMap(mode=job_pb2.CHANNEL_MODE_DOWNMIX)
    if isinstance(channels, int):
        first = _whole("channels", channels, 0, 2**31 - 1)
        return job_pb2.ChannelMap(mode=job_pb2.CHANNEL_MODE_MONO, first=first)
    if isinstance(channels, tuple | list) and len(channels) == 2:
        first, second = (_whole("channels", number, 0, 2**31 - 1) for number in channels)
        return job_pb2.ChannelMap(mode=job_pb2.CHANNEL_MODE_PAIR, first=first, second=second)
    raise invalid(
        "channels", repr(channels), "swap, downmix, one channel or a pair, counted from 0"
    )


def invalid(option: str, value: str, accepted: str) -> StemliftError:
    """ARGUMENT_INVALID, with what the option accepts as the remedy."""
    return StemliftError(
        Reason.ARGUMENT_INVALID, f"{option} cannot be {value}.", f"Accepted: {accepted}."
    )
