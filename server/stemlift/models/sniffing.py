"""What kind of model a file belongs to, by its content: never by its name, nothing of it run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from safetensors import safe_open

from stemlift.models.formats.content import is_safetensors, require_file, starts_as_pickle
from stemlift.models.formats.demucs_legacy import HARMLESS, holds_demucs
from stemlift.models.formats.inert_pickle import TensorClaim
from stemlift.models.formats.native import FORMAT
from stemlift.models.formats.nesting import require_shallow
from stemlift.models.formats.tensors import InvalidCheckpointError
from stemlift.models.formats.torch_file import open_torch_file

_LONGEST_JSON = 16 * 1024 * 1024
_LONGEST_YAML = 1024 * 1024
"""Bytes."""

_WRAPPERS = ("state", "state_dict", "model_state_dict")
_PREFIX = re.compile(r"^(?:module\.|model\.)+")
"""What wrappers in training put in front of all names."""

_LOOKS = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89HDF", "an HDF5 file, as TensorFlow and Keras write them"),
    (b"GGUF", "a GGUF file"),
    (b"RIFF", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"%PDF", "a PDF"),
    (b"<", "a web page"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself"),
)

_SECTIONS = {"model", "audio", "training", "featurizer", "feature_dim", "num_repeat", "n_hop"}
"""Some that the configurations of the networks have: `band_split_yaml`, `roformer`."""


class Kind(StrEnum):
    """What a file is, in words."""

    NATIVE = "Stemlift checkpoint (.safetensors)"
    DEMUCS = "Demucs checkpoint (.safetensors)"
    DEMUCS_LEGACY = "Demucs checkpoint (.th)"
    DEMUCS_BAG = "Demucs bag (.yaml with its checkpoints)"
    OPEN_UNMIX = "Open-Unmix weights"
    OPEN_UNMIX_JSON = "Open-Unmix settings"
    ROFORMER = "Band-split transformer (RoFormer) checkpoint"
    BAND_SPLIT_RNN = "Band-Split RNN checkpoint"
    CONFIGURATION = "Configuration of a network"
    OTHER = ""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """looks: what it looks like, as in "it looks like …"; told of where the kind is OTHER.

    text: it is YAML or JSON, or was meant to be.
    """

    kind: Kind
    looks: str = ""
    text: bool = False


def sniff(path: Path) -> Sniffed:
    """Look into a file.

    Raises:
        InvalidCheckpointError: it is damaged, or asks to run something.
        SafetensorError: it is a damaged safetensors file.
        OSError: it cannot be read, or is no file that holds something.
    """
    require_file(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512)
    if size == 0:
        return Sniffed(Kind.OTHER, "an empty file")
    if head[257:262] == b"ustar":
        return Sniffed(Kind.OTHER, "a tar archive")
    if is_safetensors(path):
        return _sniff_safetensors(path)
    if starts_as_pickle(head):
        return _sniff_torch(path)
    for start, looks in _LOOKS:
        if head.lstrip().startswith(start):
            return Sniffed(Kind.OTHER, looks)
    return _sniff_text(path, size)


def _sniff_safetensors(path: Path) -> Sniffed:
    with safe_open(str(path), framework="pt") as file:
        metadata = file.metadata() or {}
        names = list(file.keys())
    if metadata.get("format") == FORMAT:
        return Sniffed(Kind.NATIVE)
    if "klass" in metadata:
        return Sniffed(Kind.DEMUCS)
    kind = kind_of_tensors(names)
    return Sniffed(kind, f"a safetensors file {_told(names)}")


def _sniff_torch(path: Path) -> Sniffed:
    file = open_torch_file(path)
    if holds_demucs(file.content):
        return Sniffed(Kind.DEMUCS_LEGACY)
    names = _tensors_in(file.content)
    kind = kind_of_tensors(names)
    if kind is Kind.OTHER:
        for stranger in file.strangers:
            if not HARMLESS.match(stranger):
                raise InvalidCheckpointError(
                    f"it asks to run “{stranger}”, which no model needs; nothing of it was run"
                )
    return Sniffed(kind, f"a PyTorch file {_told(names)}")


def _told(names: list[str]) -> str:
    if not names:
        return "without tensors"
    first = ", ".join(f"“{name[:60]}”" for name in sorted(names)[:3])
    return f"of {len(names)} tensors ({first}, …)"


def _tensors_in(content: Any) -> list[str]:
    """Names in the state dict, wherever the usual trainings put it."""
    # Not for as long as one is found: a dictionary may hold itself.
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        return []
    return [
        name
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, TensorClaim)
    ]


def kind_of_tensors(names: Iterable[str]) -> Kind:
    """The network whose state dict has tensors of these names."""
    bare = {_PREFIX.sub("", name, count=1) for name in names}

    def has(pattern: str) -> bool:
        return any(re.match(pattern, name) for name in bare)

    # Not all of them, so that the reader can name one that is missing.
    if len({"input_mean", "output_mean", "fc1.weight", "fc3.weight"} & bare) > 2:
        return Kind.OPEN_UNMIX
    if has(r"band_split\.to_features\.") and has(r"mask_estimators\."):
        return Kind.ROFORMER
    pair = has(r"bandsplit\.") and has(r"maskest\.")
    channel = has(r"BN\.\d+\.") and has(r"separator\.\d+\.") and has(r"(maskers\.\d+\.)?mask\.")
    return Kind.BAND_SPLIT_RNN if pair or channel else Kind.OTHER


def _sniff_text(path: Path, size: int) -> Sniffed:
    if size > _LONGEST_JSON:
        return Sniffed(Kind.OTHER, "nothing that Stemlift knows")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return Sniffed(Kind.OTHER, "nothing that Stemlift knows")
    if text.lstrip().startswith("{"):
        return _sniff_json(text)
    if size > _LONGEST_YAML:
        return Sniffed(Kind.OTHER, "text, and too long for a configuration", text=True)
    return _sniff_yaml(text)


def _sniff_json(text: str) -> Sniffed:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return Sniffed(Kind.OTHER, "damaged JSON", text=True)
    if isinstance(values, dict) and ("nhop" in values or "args" in values):
        return Sniffed(Kind.OPEN_UNMIX_JSON, text=True)
    return Sniffed(Kind.OTHER, "JSON of something else", text=True)


def _sniff_yaml(text: str) -> Sniffed:
    """By the names of its sections: nothing is built, whatever its tags ask for."""
    try:
        require_shallow(text.encode())
    except ValueError as error:
        raise InvalidCheckpointError(f"it is {error}") from error
    try:
        keys = _top_keys(text)
    except (yaml.YAMLError, RecursionError):
        return Sniffed(Kind.OTHER, "text that is no YAML", text=True)
    if "models" in keys:
        return Sniffed(Kind.DEMUCS_BAG, text=True)
    if keys & _SECTIONS:
        return Sniffed(Kind.CONFIGURATION, text=True)
    return Sniffed(Kind.OTHER, "YAML of something else" if keys else "plain text", text=True)


def _top_keys(text: str) -> set[str]:
    keys: set[str] = set()
    depth = 0
    expects_key = True
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        closes = isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent)
        opens = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
        depth -= closes
        if depth == 0 and opens and not isinstance(event, yaml.MappingStartEvent):
            return set()
        # Between the brackets of the outermost table, keys and values take turns.
        if depth == 1 and (closes or isinstance(event, yaml.ScalarEvent | yaml.AliasEvent)):
            if expects_key and isinstance(event, yaml.ScalarEvent):
                keys.add(event.value)
            expects_key = not expects_key
        depth += opens
    return keys
